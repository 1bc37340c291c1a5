"""`mixpanel-async query ...`: the reports."""

from collections.abc import Callable, Mapping
from typing import Final

import typer

from mixpanel_async.cli import query_events, query_jql, query_profiles, query_reports, query_segmentation
from mixpanel_async.cli.answering import add_group

COMMANDS: Final[Mapping[str, Callable[..., int]]] = {
    "segmentation": query_segmentation.segmentation,
    "segmentation-numeric": query_segmentation.segmentation_numeric,
    "segmentation-sum": query_segmentation.segmentation_sum,
    "segmentation-average": query_segmentation.segmentation_average,
    "event-counts": query_events.event_counts,
    "todays-top-events": query_events.todays_top_events,
    "top-events": query_events.top_events,
    "property-counts": query_events.property_counts,
    "top-properties": query_events.top_properties,
    "top-property-values": query_events.top_property_values,
    "insights": query_reports.insights,
    "funnels": query_reports.funnels,
    "list-funnels": query_reports.list_funnels,
    "retention": query_reports.retention,
    "frequency": query_reports.frequency,
    "activity": query_reports.activity,
    "cohorts": query_reports.cohorts,
    "profiles": query_profiles.profiles,
    "profiles-page": query_profiles.profiles_page,
    "jql": query_jql.jql,
}


def add(app: typer.Typer) -> None:
    """Add the group `query`."""
    add_group(
        app,
        "query",
        "Ask for reports, profiles, cohorts and activity; run JQL. A project has 60 queries an hour, 5 at once.",
        COMMANDS,
    )
