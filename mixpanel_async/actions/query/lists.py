"""Replies of the Query API: lists of funnels, cohorts, activity, top events and properties."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mixpanel_async.actions._core.column_types import ColumnKind
from mixpanel_async.actions._core.pivot import Layout
from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.json_types import JSONValue


class SavedFunnel(ApiObject, frozen=True):
    """The ID and name of a saved funnel."""

    funnel_id: int
    name: str | None = None


class Cohort(ApiObject, frozen=True):
    """A saved cohort.

    Attributes:
        id: Cohort ID, for `filter_by_cohort`.
        name: Name.
        count: Number of users.
        description: Description.
        created: Creation time, as Mixpanel writes it.
        is_visible: 1 if the cohort is shown in Mixpanel's web app.
        project_id: Project ID.
    """

    id: int
    name: str | None = None
    count: int | None = None
    description: str | None = None
    created: str | None = None
    is_visible: int | bool | None = None
    project_id: int | None = None


class ActivityEvent(msgspec.Struct, frozen=True):
    """One event of a user's activity."""

    event: str
    properties: dict[str, JSONValue] = msgspec.field(default_factory=dict)


class Activity(ApiObject, frozen=True):
    """The events of the requested users, in Mixpanel's order."""

    events: list[ActivityEvent]


class TopEvent(msgspec.Struct, frozen=True):
    """An event with today's count and its change since yesterday (0.5: half more)."""

    event: str
    amount: int | float | None = None
    percent_change: float | None = None


class TopEventRow(NamedTuple):
    """An event with today's count and its change since yesterday."""

    event: str
    amount: int | float | None
    percent_change: float | None


class TopEvents(Table[TopEventRow], frozen=True):
    """Today's most frequent events. A row is `(event, amount, percent_change)`.

    Attributes:
        events: Events.
        type: What was counted.
    """

    events: list[TopEvent]
    type: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """`event`, `amount`, `percent_change`."""
        return TopEventRow._fields

    def rows(self) -> list[TopEventRow]:
        """Return one tuple for each event."""
        return [TopEventRow(one.event, one.amount, one.percent_change) for one in self.events]

    def json_rows(self) -> list[TableRow]:
        """Return the rows as plain tuples, for JSON and CSV."""
        return [tuple(row) for row in self.rows()]

    def _kinds(self) -> Sequence[ColumnKind]:
        return ("text", "integer", "number")

    def _layout(self) -> Layout:
        return Layout("amount", "event")


class PropertyCount(msgspec.Struct, frozen=True):
    """The number of events that have a property."""

    count: int


class PropertyRow(NamedTuple):
    """A property with the number of events that have it."""

    property: str
    count: int  # type: ignore[assignment] # a field of the row hides the method of tuples, which has no use here


class TopProperties(Table[PropertyRow], frozen=True):
    """The number of events that have each property. A row is `(property, count)`.

    Attributes:
        counts: Number of events by property.
    """

    counts: dict[str, int]

    @property
    def columns(self) -> tuple[str, ...]:
        """`property`, `count`."""
        return PropertyRow._fields

    def rows(self) -> list[PropertyRow]:
        """Return one tuple for each property."""
        return [PropertyRow(name, count) for name, count in self.counts.items()]

    def json_rows(self) -> list[TableRow]:
        """Return the rows as plain tuples, for JSON and CSV."""
        return list(self.counts.items())

    def _kinds(self) -> Sequence[ColumnKind]:
        return ("text", "integer")

    def _layout(self) -> Layout:
        return Layout("count", "property")
