"""Funnels: how many users went through the steps of a saved funnel.

An attempt begins with an event of the first step and takes, for each further step, the first event that comes after
the one before, by time and then by arrival, within the funnel's length since the beginning. Of several attempts of a
user in a bucket, the one that came furthest counts; of equal ones the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from mixpanel_async.emulator.queries.calendar import DAY_MS, Buckets, Span, Unit, Zone
from mixpanel_async.emulator.queries.parameters import MAX_SEGMENTS, Parameters, parsed, refused
from mixpanel_async.emulator.queries.periods import read_bucket_size
from mixpanel_async.emulator.queries.reports import MAX_VALUES, Report, Row, check_size
from mixpanel_async.emulator.queries.source import ORDER, USER, EventSource, QueryContext, time_of

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")
_LENGTH_MS: Final = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": DAY_MS}
_MAX_LENGTH_MS: Final = 90 * DAY_MS
_SEGMENTS: Final = 255
_MAX_STEPS: Final = 100
OVERALL: Final = "$overall"


class SavedStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a saved funnel: an event, an expression to filter it by, and a name for people."""

    event: str
    where: str | None = None
    label: str | None = None


class FunnelDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A funnel as it is saved; `length` times `length_unit` is the time that a user has, at most 90 days."""

    name: str
    steps: list[SavedStep]
    length: int = 14
    length_unit: Literal["second", "minute", "hour", "day"] = "day"


@dataclass(frozen=True)
class FunnelQuery:
    """Users by bucket and step.

    Attributes:
        steps: The saved steps.
        sources: The events of each step.
        zone: The project's time zone.
        buckets: The buckets, by the time of the first step.
        length_ms: The time that a user has.
        label: SQL of the segment of an attempt; None for no segments.
        limit: Number of segments, those with the most attempts first.
    """

    steps: Sequence[SavedStep]
    sources: Sequence[EventSource]
    zone: Zone
    buckets: Buckets
    length_ms: int
    label: str | None
    limit: int

    def sql(self) -> str:
        """Return the SQL: bucket, segment, depth, users, then for each step but the first the milliseconds since it."""
        last = len(self.sources) - 1
        depth = " + ".join(f"(o{number} IS NOT NULL)::INTEGER" for number in range(last + 1))
        since = [f"{time_of(f'o{number}')} - {time_of('o0')} AS t{number}" for number in range(1, last + 1)]
        attempts = f"SELECT bucket, label, who, o0, {', '.join([f'{depth} AS depth', *since])} FROM a{last}"
        parts = [*self._steps_sql(), f"attempts AS {'' if self.label is None else 'MATERIALIZED'} ({attempts})"]
        best = f"SELECT '{OVERALL}' AS segment, bucket, {self._best()} AS best FROM attempts GROUP BY bucket, who"
        if self.label is not None:
            parts.append(
                f"top AS (SELECT label FROM attempts GROUP BY label ORDER BY count(*) DESC, label LIMIT {self.limit})"
            )
            best += (
                f" UNION ALL SELECT label AS segment, bucket, {self._best()} AS best FROM attempts"
                " WHERE label IN (SELECT label FROM top) GROUP BY bucket, who, label"
            )
        sums = [f"sum(best.t{number})::BIGINT" for number in range(1, last + 1)]
        return (
            f"WITH {', '.join(parts)}"
            f" SELECT bucket, segment, best.depth, {', '.join(['count(*)', *sums])} FROM ({best})"
            f" GROUP BY bucket, segment, best.depth ORDER BY bucket, segment, best.depth LIMIT {MAX_VALUES + 1}"
        )

    def _steps_sql(self) -> Iterator[str]:
        """Yield the tables of the steps; users are numbered, because numbers are faster to sort than text."""
        first, *others = self.sources
        bucket = self.buckets.index_sql(self.zone.local_ms("e.time_ms", first.span))
        label = self.label or "NULL"
        begin = first.select(f"{USER} AS id", f"{bucket} AS bucket", f"{label} AS label", f"{ORDER} AS o0")
        yield f"begin AS MATERIALIZED (SELECT * FROM ({begin}) WHERE id IS NOT NULL)"
        yield "people AS MATERIALIZED (SELECT id, row_number() OVER () AS who FROM (SELECT DISTINCT id FROM begin))"
        yield "a0 AS (SELECT people.who, bucket, label, o0 FROM begin JOIN people USING (id))"
        for number, source in enumerate(others, 1):
            step = source.select(f"{USER} AS id", f"{ORDER} AS o")
            yield f"s{number} AS (SELECT people.who, o FROM ({step}) JOIN people USING (id))"
            yield (
                f"a{number} AS (SELECT a.*, CASE WHEN {time_of('s.o')} - {time_of('a.o0')} <= {self.length_ms}"
                f" THEN s.o END AS o{number} FROM a{number - 1} a ASOF LEFT JOIN s{number} s"
                f" ON a.who = s.who AND a.o{number - 1} < s.o)"
            )

    def _best(self) -> str:
        """Return the SQL of the depth and times of the attempt that came furthest; of equal ones the first."""
        fields = ["depth := depth", *(f"t{number} := t{number}" for number in range(1, len(self.sources)))]
        return f"arg_min(struct_pack({', '.join(fields)}), ({_MAX_STEPS} - depth)::HUGEINT * {2**82} + o0)"

    def report(self, rows: list[Row]) -> Report:
        """Return the reply."""
        check_size(rows)
        labels = self.buckets.labels()
        found: dict[int, dict[str, list[Row]]] = {index: {} for index in range(len(labels))}
        for bucket, segment, *rest in rows:
            found[bucket].setdefault(segment, []).append(tuple(rest))
        data: dict[str, object] = {}
        for index, label in enumerate(labels):
            own = found[index]
            overall = self._steps(own.get(OVERALL, []))
            if self.label is None:
                data[label] = {"steps": overall, "analysis": _analysis(overall)}
            else:
                data[label] = {OVERALL: overall, **{name: self._steps(rows) for name, rows in own.items()}}
        return Report({"meta": {"dates": labels}, "data": data})

    def _steps(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return the steps of a bucket; each row has a depth, the users who came so far, and their times."""
        steps: list[dict[str, Any]] = []
        reached = [sum(users for depth, users, *_ in rows if depth > n) for n in range(len(self.steps))]
        for number, step in enumerate(self.steps):
            before = reached[number - 1] if number else reached[0]
            step_seconds = start_seconds = None
            if number and reached[number]:
                own = [(row[number + 1], row[number] if number > 1 else 0) for row in rows if row[0] > number]
                start_seconds = round(sum(since for since, _ in own) / reached[number] / 1000)
                step_seconds = round(sum(since - previous for since, previous in own) / reached[number] / 1000)
            steps.append(
                {
                    "count": reached[number],
                    "avg_time": step_seconds,
                    "avg_time_from_start": start_seconds,
                    "step_conv_ratio": _ratio(reached[number], before) if number else 1,
                    "goal": step.event,
                    "step_label": step.label or step.event,
                    "overall_conv_ratio": _ratio(reached[number], reached[0]) if number else 1,
                    "event": step.event,
                }
            )
        return steps


def read_funnel(definition: FunnelDefinition, parameters: Parameters, context: QueryContext) -> FunnelQuery:
    """Read the parameters of GET /funnels for a saved funnel.

    Raises:
        RefusalError: With 400, if one is missing or invalid.
    """
    span = context.zone.days(*parameters.days())
    unit, per_bucket = read_bucket_size(parameters, _UNITS)
    length = parameters.count("length", definition.length, _MAX_LENGTH_MS // 1000)
    length_unit = parameters.choice("length_unit", tuple(_LENGTH_MS), definition.length_unit)
    length_ms = length * _LENGTH_MS[length_unit]
    if length_ms > _MAX_LENGTH_MS:
        raise refused("length", "it is more than 90 days", "give fewer units")
    where = parameters.condition()
    sources = []
    for number, step in enumerate(definition.steps):
        own = Span(span.from_ms, span.until_ms + length_ms) if number else span
        source = EventSource(context.project, own, [step.event])
        source.keep(None if step.where is None else parsed("where", step.where))
        source.keep(where)
        sources.append(source)
    on = parameters.segment()
    return FunnelQuery(
        steps=definition.steps,
        sources=sources,
        zone=context.zone,
        buckets=Buckets.over(context.zone, span, unit, per_bucket),
        length_ms=length_ms,
        label=None if on is None else sources[0].label(on),
        limit=parameters.count("limit", _SEGMENTS, MAX_SEGMENTS),
    )


def check_funnel(definition: FunnelDefinition) -> None:
    """Check a definition before it is saved.

    Raises:
        RefusalError: With 400, if it is invalid.
    """
    if not definition.name:
        raise refused("name", "it is empty", "give one")
    if not 1 <= len(definition.steps) <= _MAX_STEPS:
        raise refused("steps", f"there are {len(definition.steps)}", f"give 1 to {_MAX_STEPS}")
    if not 0 < definition.length * _LENGTH_MS[definition.length_unit] <= _MAX_LENGTH_MS:
        raise refused("length", "it is not between 0 and 90 days", "give another")
    for step in definition.steps:
        if not step.event or "\0" in step.event:
            raise refused("steps", "a step has no event", "give its name")
        if step.where is not None:
            parsed("where", step.where)


def _analysis(steps: Sequence[dict[str, Any]]) -> dict[str, int]:
    ratios = [step["step_conv_ratio"] for step in steps]
    worst = min(range(1, len(ratios)), key=lambda number: (ratios[number], number)) if len(ratios) > 1 else 0
    return {
        "completion": steps[-1]["count"],
        "starting_amount": steps[0]["count"],
        "steps": len(steps),
        "worst": worst,
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
