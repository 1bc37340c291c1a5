"""The activity of some users: their events in the order of time."""

from dataclasses import dataclass
from typing import Final

import orjson

from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.reports import Report, Row
from mixpanel_async.emulator.queries.source import USER, EventSource, QueryContext, canonical_ids
from mixpanel_async.emulator.replies import RefusalError

_MAX_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class ActivityQuery:
    """The events of users; all IDs of one user count.

    Attributes:
        source: The events.
        ids: IDs of the users.
    """

    source: EventSource
    ids: list[str]

    def sql(self) -> str:
        """Return the SQL: event, time, properties, size up to here; one event more than may be returned."""
        users = canonical_ids(self.source.project, self.ids)
        events = self.source.select(
            "e.event AS event", "e.time_ms AS time_ms", "e.properties AS properties", "e.seq AS seq",
            also=f"AND {USER} IN ({users})",
        )  # fmt: skip
        size = "sum(strlen(event) + strlen(properties) + 40) OVER (ORDER BY time_ms, seq ROWS UNBOUNDED PRECEDING)"
        return (
            f"SELECT event, time_ms, properties, size FROM (SELECT *, {size} AS size FROM ({events}))"
            f" WHERE size - strlen(properties) <= {_MAX_BYTES} ORDER BY time_ms, seq"
        )

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        if rows and rows[-1][3] > _MAX_BYTES:
            raise RefusalError(400, f"the reply is too large: more than {_MAX_BYTES:,} bytes; give fewer days or users")
        events = [
            {"event": event, "properties": {"time": time_ms // 1000, **orjson.loads(properties)}}
            for event, time_ms, properties, _ in rows
        ]
        return Report({"status": "ok", "results": {"events": events}})


def read_activity(parameters: Parameters, context: QueryContext) -> ActivityQuery:
    """Read the parameters of GET /stream/query.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    ids = parameters.names("distinct_ids")
    if ids is None:
        raise RefusalError(400, 'distinct_ids is missing: give a JSON array of IDs, such as ["user-1"]')
    return ActivityQuery(EventSource(context.project, context.zone.days(*parameters.days())), ids)
