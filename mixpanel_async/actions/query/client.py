"""The Query API."""

from mixpanel_async.actions.query.events import EventReports
from mixpanel_async.actions.query.jql import Jql
from mixpanel_async.actions.query.profiles import ProfileReports
from mixpanel_async.actions.query.properties import PropertyReports
from mixpanel_async.actions.query.reports import Reports
from mixpanel_async.actions.query.retention import RetentionReports
from mixpanel_async.actions.query.segmentation import SegmentationReports


class Query(Reports, RetentionReports, SegmentationReports, EventReports, PropertyReports, ProfileReports, Jql):
    """All reports of the Query API: 60 an hour and 5 at once, JQL and each page of profiles counted.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/query-api
    """
