"""The most frequent events, properties and values."""

from dataclasses import dataclass
from typing import Final

from mixpanel_async.emulator.expressions.syntax import Field
from mixpanel_async.emulator.queries.parameters import MAX_SEGMENTS, Parameters
from mixpanel_async.emulator.queries.periods import all_time, days_until_today, today, yesterday
from mixpanel_async.emulator.queries.reports import Report, Row
from mixpanel_async.emulator.queries.segmentation import AMOUNT
from mixpanel_async.emulator.queries.source import USER, EventSource, QueryContext

_NAMES_DAYS: Final = 31
_NAMES: Final = 255
_TOP_EVENTS: Final = 100
_TOP_PROPERTIES: Final = 10


@dataclass(frozen=True)
class TopEventsQuery:
    """Today's most frequent events, with the change since yesterday as a fraction: 1 for an event that is new."""

    source: EventSource
    before: EventSource
    kind: str
    limit: int

    def sql(self) -> str:
        """Return the SQL: event, value today, value yesterday."""
        now, before = (
            f"SELECT event, {AMOUNT[self.kind]} AS amount FROM ({source.select('e.event', f'{USER} AS who')})"
            " GROUP BY event"
            for source in (self.source, self.before)
        )
        return (
            f"SELECT now.event, now.amount, before.amount FROM ({now}) now LEFT JOIN ({before}) before USING (event)"
            f" WHERE now.amount IS NOT NULL ORDER BY now.amount DESC, now.event LIMIT {self.limit}"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        events = [
            {"amount": amount, "event": name, "percent_change": (amount - before) / before if before else 1}
            for name, amount, before in rows
        ]
        rows_of = [[one["event"], one["amount"], one["percent_change"]] for one in events]
        return Report({"events": events, "type": self.kind}, [["event", "amount", "percent_change"], *rows_of])


@dataclass(frozen=True)
class Ranking:
    """The most frequent names or values.

    Attributes:
        statement: The SQL: name, number of events.
        heading: Name of the first column of the CSV.
        has_counts: Whether the reply has the numbers.
    """

    statement: str
    heading: str
    has_counts: bool

    def sql(self) -> str:
        """Return the SQL."""
        return self.statement

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        if self.has_counts:
            return Report({name: {"count": count} for name, count in rows}, [[self.heading, "count"], *rows])
        names = [row[0] for row in rows]
        return Report(names, [[self.heading], *([name] for name in names)])


def read_top_events(parameters: Parameters, context: QueryContext) -> TopEventsQuery:
    """Read the parameters of GET /events/top.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    sources = [EventSource(context.project, span) for span in (today(context), yesterday(context))]
    kind = parameters.choice("type", AMOUNT)
    return TopEventsQuery(sources[0], sources[1], kind, parameters.count("limit", _TOP_EVENTS, MAX_SEGMENTS))


def read_event_names(parameters: Parameters, context: QueryContext) -> Ranking:
    """Read the parameters of GET /events/names.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    is_dated = "from_date" in parameters or "to_date" in parameters  # as other clients ask, besides the reference
    span = context.zone.days(*parameters.days()) if is_dated else days_until_today(context, _NAMES_DAYS)
    source = EventSource(context.project, span)
    kind = parameters.choice("type", AMOUNT)
    limit = parameters.count("limit", _NAMES, MAX_SEGMENTS)
    found = source.select("e.event", f"{USER} AS who")
    statement = (
        f"SELECT event, {AMOUNT[kind]} AS amount FROM ({found}) GROUP BY event"
        f" ORDER BY amount DESC NULLS LAST, event LIMIT {limit}"
    )
    return Ranking(statement, "event", has_counts=False)


def read_top_properties(parameters: Parameters, context: QueryContext) -> Ranking:
    """Read the parameters of GET /events/properties/top; events of all times count.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    source = EventSource(context.project, all_time(), [parameters.required("event", "the name of one event")])
    limit = parameters.count("limit", _TOP_PROPERTIES, MAX_SEGMENTS)
    statement = (
        "SELECT name, sum(n)::BIGINT AS total FROM (SELECT unnest(names) AS name, n FROM"
        f" (SELECT names, count(*) AS n FROM ({source.select('json_keys(e.properties) AS names')}) GROUP BY names))"
        f" GROUP BY name ORDER BY total DESC, name LIMIT {limit}"
    )
    return Ranking(statement, "property", has_counts=True)


def read_top_values(parameters: Parameters, context: QueryContext) -> Ranking:
    """Read the parameters of GET /events/properties/values; events of all times count, without `event` all events.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    event = parameters.text("event")
    source = EventSource(context.project, all_time(), None if event is None else [event])
    name = Field("properties", parameters.required("name", "the name of a property"))
    limit = parameters.count("limit", _NAMES, MAX_SEGMENTS)
    label = source.text(name, "name")
    statement = (
        f"SELECT label, count(*) AS n FROM ({source.select(f'{label} AS label')}) WHERE label IS NOT NULL"
        f" GROUP BY label ORDER BY n DESC, label LIMIT {limit}"
    )
    return Ranking(statement, name.name, has_counts=False)
