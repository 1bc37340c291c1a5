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

    - Events: `event_counts`, `todays_top_events`, `top_events`, `segmentation`, `segmentation_numeric`,
      `segmentation_sum`, `segmentation_average`, `frequency`, `retention`
    - Properties: `property_counts` (also called `property_values`), `top_properties`, `top_property_values`
    - Saved reports: `insights`, `funnels`, `list_funnels`, `cohorts`
    - Profiles: `profiles` (all pages), `profiles_page` (one page), `activity`
    - Scripts: `jql`, `jql_stream`

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
