"""The SQL of a project's deduplicated events, with their users and profiles."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mixpanel_async.emulator.expressions.parser import ExpressionError
from mixpanel_async.emulator.expressions.sql import Columns, Compiled, Compiler, literal
from mixpanel_async.emulator.expressions.syntax import Node
from mixpanel_async.emulator.queries.calendar import Span, Zone
from mixpanel_async.emulator.queries.parameters import refused

# The order of events: by time, then by arrival.
ORDER: Final = "(CAST(e.time_ms AS HUGEINT) * 1099511627776 + e.seq)"
_TIME_OF_ORDER: Final = "CAST({} // 1099511627776 AS BIGINT)"
USER: Final = "nullif(coalesce(u.canonical, e.distinct_id), '')"
EVENT_COLUMNS: Final = Columns(
    properties="e.properties",
    user="p.properties",
    fields={
        "$name": Compiled(text="e.event", defined="TRUE"),
        "$time": Compiled(number="(e.time_ms / 1000)", defined="TRUE"),
        "$distinct_id": Compiled(text="json_extract_string(e.properties, '/distinct_id')"),
    },
    time="(e.time_ms / 1000)",
)


class QueryContext(NamedTuple):
    """What every query needs: the project, its time zone, and the time in milliseconds since 1970."""

    project: int
    zone: Zone
    now_ms: int


@dataclass
class EventSource:
    """A choice of a project's events.

    Args:
        project: The project's ID.
        span: The times.
        events: Names of events; None for all.
        is_raw: Whether to keep superseded events.
        is_open: Whether to keep events after the span, too.
    """

    project: int
    span: Span
    events: list[str] | None = None
    is_raw: bool = False
    is_open: bool = False
    _compiler: Compiler = field(default_factory=lambda: Compiler(EVENT_COLUMNS))
    _conditions: list[str] = field(default_factory=list)

    def keep(self, where: Node | None, name: str = "where") -> None:
        """Keep only the events for which an expression is true.

        Raises:
            RefusalError: With 400, if the expression is too complicated.
        """
        if where is not None:
            try:
                self._conditions.append(self._compiler.condition(where))
            except ExpressionError as error:
                raise refused(name, str(error), "shorten it") from error

    def label(self, node: Node, name: str = "on") -> str:
        """Return the SQL of an expression as text; "undefined" where it is undefined.

        Raises:
            RefusalError: With 400, if the expression is too complicated.
        """
        return f"coalesce({self.text(node, name)}, 'undefined')"

    def text(self, node: Node, name: str = "on") -> str:
        """Return the SQL of an expression as text; NULL where it is undefined.

        Raises:
            RefusalError: With 400, if the expression is too complicated.
        """
        try:
            return self._compiler.text(node)
        except ExpressionError as error:
            raise refused(name, str(error), "shorten it") from error

    def number(self, node: Node, name: str = "on") -> str:
        """Return the SQL of an expression as a number; NULL where it is none.

        Raises:
            RefusalError: With 400, if the expression is too complicated.
        """
        try:
            return self._compiler.number(node)
        except ExpressionError as error:
            raise refused(name, str(error), "shorten it") from error

    def select(self, *columns: str, also: str = "") -> str:
        """Return the SELECT of some columns, to be called after all expressions were given.

        Args:
            columns: SQL of the columns.
            also: Further conditions: SQL that starts with AND.
        """
        conditions = [f"e.project = {self.project}"]
        conditions += [] if self.is_raw else ["NOT e.superseded"]
        conditions.append(f"e.time_ms >= {self.span.from_ms}")
        conditions += [] if self.is_open else [f"e.time_ms < {self.span.until_ms}"]
        if self.events is not None:
            names = ", ".join(literal(name) for name in self.events)
            conditions.append(f"e.event IN ({names})" if names else "FALSE")
        joins = f" LEFT JOIN users u ON u.project = {self.project} AND u.id = e.distinct_id"
        if self._compiler.uses_user:
            joins += f" LEFT JOIN profiles p ON p.project = {self.project} AND p.kind = '' AND p.id = {USER}"
        where = " AND ".join([*conditions, *self._conditions])
        return f"SELECT {', '.join(columns)} FROM events e{joins} WHERE {where} {also}"


def canonical_ids(project: int, ids: Iterable[str]) -> str:
    """Return the SELECT of the users of some IDs: each ID, or the one that it was merged into."""
    known = ", ".join(literal(one) for one in ids)
    return (
        f"SELECT coalesce(c.canonical, x.id) AS id FROM (SELECT unnest([{known}]::VARCHAR[]) AS id) x"
        f" LEFT JOIN users c ON c.project = {project} AND c.id = x.id"
    )


def time_of(order: str) -> str:
    """Return the SQL of the time of an `ORDER`, in milliseconds since 1970."""
    return _TIME_OF_ORDER.format(order)
