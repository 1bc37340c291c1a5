"""The Query API."""

from mixpanel_async.actions.jql import Jql
from mixpanel_async.actions.profiles import ProfileReports
from mixpanel_async.actions.query_events import EventReports
from mixpanel_async.actions.query_properties import PropertyReports
from mixpanel_async.actions.query_reports import Reports
from mixpanel_async.actions.query_retention import RetentionReports
from mixpanel_async.actions.query_segmentation import SegmentationReports


class Query(Reports, RetentionReports, SegmentationReports, EventReports, PropertyReports, ProfileReports, Jql):
    """All reports of the Query API: 60 an hour and 5 at once, JQL and each page of profiles counted.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/query-api
    """
