"""`mixpanel-async query ...`: the reports."""

from collections.abc import Callable, Mapping
from typing import Final

import typer

from mixpanel_async.cli.commands.query import events, jql, profiles, reports, segmentation
from mixpanel_async.cli.runner import add_group

COMMANDS: Final[Mapping[str, Callable[..., int]]] = {
    "segmentation": segmentation.segmentation,
    "segmentation-numeric": segmentation.segmentation_numeric,
    "segmentation-sum": segmentation.segmentation_sum,
    "segmentation-average": segmentation.segmentation_average,
    "event-counts": events.event_counts,
    "todays-top-events": events.todays_top_events,
    "top-events": events.top_events,
    "property-counts": events.property_counts,
    "property-values": events.property_counts,
    "top-properties": events.top_properties,
    "top-property-values": events.top_property_values,
    "insights": reports.insights,
    "funnels": reports.funnels,
    "list-funnels": reports.list_funnels,
    "retention": reports.retention,
    "frequency": reports.frequency,
    "activity": reports.activity,
    "cohorts": reports.cohorts,
    "profiles": profiles.profiles,
    "profiles-page": profiles.profiles_page,
    "jql": jql.jql,
}


def add(app: typer.Typer) -> None:
    """Add the group `query`."""
    add_group(
        app,
        "query",
        "Query reports, profiles, cohorts and activity; run JQL. Limits: 60 queries per hour, 5 concurrent.",
        COMMANDS,
    )
