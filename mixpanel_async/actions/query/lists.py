"""What the Query API's lists answer with: funnels, cohorts, activity, top events and properties."""

import msgspec

from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.models import JSONValue


class SavedFunnel(ApiObject, frozen=True):
    """A funnel's id and name."""

    funnel_id: int | None = None
    name: str | None = None


class Cohort(ApiObject, frozen=True):
    """A saved cohort.

    Attributes:
        id: Its id, for `filter_by_cohort`.
        name: Its name.
        count: Users in it.
        description: Its description.
        created: When it was made, as Mixpanel writes it.
        is_visible: 1 if it is shown in Mixpanel's own pages.
        project_id: Its project.
    """

    id: int | None = None
    name: str | None = None
    count: int | None = None
    description: str | None = None
    created: str | None = None
    is_visible: int | bool | None = None
    project_id: int | None = None


class ActivityEvent(msgspec.Struct, frozen=True):
    """One event of a user's activity."""

    event: str = ""
    properties: dict[str, JSONValue] = msgspec.field(default_factory=dict)


class Activity(ApiObject, frozen=True):
    """The events of some users, in Mixpanel's order."""

    events: list[ActivityEvent] = msgspec.field(default_factory=list)


class TopEvent(msgspec.Struct, frozen=True):
    """An event of today with its amount and its change against yesterday (0.5: half more)."""

    event: str = ""
    amount: int | float | None = None
    percent_change: float | None = None


class TopEvents(Table, frozen=True):
    """Today's top events. Its rows are `(event, amount, percent_change)`.

    Attributes:
        events: The events.
        type: What was counted.
    """

    events: list[TopEvent] = msgspec.field(default_factory=list)
    type: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """`event`, `amount`, `percent_change`."""
        return TopEvent.__struct_fields__

    def rows(self) -> list[TableRow]:
        """Return one tuple for each event."""
        return [msgspec.structs.astuple(event) for event in self.events]


class PropertyCount(msgspec.Struct, frozen=True):
    """How many events carry a property."""

    count: int | None = None


class TopProperties(Table, frozen=True):
    """How many events carry a property. Its rows are `(property, count)`.

    Attributes:
        counts: Events by property.
    """

    counts: dict[str, int | None] = msgspec.field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """`property`, `count`."""
        return ("property", "count")

    def rows(self) -> list[TableRow]:
        """Return one tuple for each property."""
        return list(self.counts.items())
