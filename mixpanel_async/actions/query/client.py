"""The Query API."""

from mixpanel_async.actions.query.events import EventReports
from mixpanel_async.actions.query.jql import Jql
from mixpanel_async.actions.query.profiles import ProfileReports
from mixpanel_async.actions.query.properties import PropertyReports
from mixpanel_async.actions.query.reports import Reports
from mixpanel_async.actions.query.retention import RetentionReports
from mixpanel_async.actions.query.segmentation import SegmentationReports


class Query(Reports, RetentionReports, SegmentationReports, EventReports, PropertyReports, ProfileReports, Jql):
    """The Query API: reports, profiles, cohorts and JQL.

    Mixpanel allows 60 queries an hour and 5 at once; each JQL script and each page of profiles counts as one. Each call
    takes the optional arguments `project_id` and `workspace_id` (default: the client's); see `Scope`.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/query-api

    Example:
        ```python
        result = await mp.query.segmentation("Signed Up", "2026-08-01", "2026-08-31")
        rows = result.rows()
        ```
    """
