"""The reports of the Query API, computed in plain Python."""

# ruff: noqa: A002, PLR0917 - `type` is the API's own name; a table reads better without names

import bisect
import calendar
import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from tests.integration.emulator.oracle.world import Event, World

Json = Any
FORMS = {"minute": "%Y-%m-%d %H:%M:00", "hour": "%Y-%m-%d %H:00:00"}


def start_of(local: dt.datetime, unit: str) -> dt.datetime:
    """Return the start of the unit of a time."""
    local = local.replace(second=0, microsecond=0)
    if unit == "minute":
        return local
    local = local.replace(minute=0)
    if unit == "hour":
        return local
    local = local.replace(hour=0)
    if unit == "week":
        return local - dt.timedelta(days=local.weekday())
    return local.replace(day=1) if unit == "month" else local


def after(start: dt.datetime, unit: str, count: int = 1) -> dt.datetime:
    """Return the start of a later unit."""
    if unit == "month":
        months = start.year * 12 + start.month - 1 + count
        return start.replace(year=months // 12, month=months % 12 + 1)
    return start + count * dt.timedelta(**{f"{unit}s": 1})


def starts(first: dt.date, last: dt.date, unit: str, count: int = 1) -> list[dt.datetime]:
    """Return the starts of all buckets of some units."""
    one = start_of(dt.datetime.combine(first, dt.time()), unit)
    end = dt.datetime.combine(last, dt.time()) + dt.timedelta(days=1)
    found = []
    while one < end:
        found.append(one)
        one = after(one, unit, count)
    return found


def bucket(local: dt.datetime, begins: Sequence[dt.datetime]) -> dt.datetime:
    """Return the last start that is not after a time."""
    return begins[bisect.bisect_right(begins, local) - 1]


def label(start: dt.datetime, unit: str) -> str:
    """Return the label of a bucket."""
    return start.strftime(FORMS.get(unit, "%Y-%m-%d"))


def amount(world: World, events: Sequence[Event], kind: str) -> float | None:
    """Return what is counted; None if it does not exist."""
    users = {world.user(event) for event in events} - {None}
    if kind == "general":
        return len(events)
    if kind == "unique":
        return len(users)
    return len(events) / len(users) if users else None


def top(labels: Iterable[str], limit: int) -> list[str]:
    """Return the most frequent labels; of equally frequent ones the first in the order of text."""
    return [one for one, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[:limit]]


def grouped(events: Iterable[Event], key: Callable[[Event], Hashable]) -> dict[Any, list[Event]]:
    """Return events by a key."""
    found: dict[Any, list[Event]] = {}
    for event in events:
        found.setdefault(key(event), []).append(event)
    return found


def over_time(
    world: World,
    events: Sequence[Event],
    begins: Sequence[dt.datetime],
    unit: str,
    kind: str,
    segment: Callable[[Event], str],
    limit: int,
) -> Json:
    """Return counts of segments over time."""
    kept = top([segment(event) for event in events], limit)
    values: dict[str, dict[str, float]] = {}
    for name in kept:
        own = grouped(
            [event for event in events if segment(event) == name],
            lambda event: bucket(world.local(event.time_ms), begins),
        )
        for begin, found in own.items():
            value = amount(world, found, kind)
            if value is not None:
                values.setdefault(name, {})[label(begin, unit)] = value
    return {"data": {"series": [label(one, unit) for one in begins], "values": values}, "legend_size": len(values)}


def segmentation(
    world: World, first: dt.date, last: dt.date, event: str, *, type: str = "general", unit: str = "day",
    interval: int = 1, where: str | None = None, on: str | None = None, limit: int = 60,
) -> Json:  # fmt: skip
    """Compute GET /segmentation."""
    events = world.within(world.chosen(world.distinct(), [event], where), first, last)
    begins = starts(first, last, unit, interval)
    return over_time(
        world, events, begins, unit, type, lambda one: one.name if on is None else world.label(on, one), limit
    )


def event_counts(world: World, first: dt.date, last: dt.date, events: Sequence[str], *, type: str, unit: str) -> Json:
    """Compute GET /events."""
    found = world.within(world.chosen(world.distinct(), events, None), first, last)
    return over_time(world, found, starts(first, last, unit), unit, type, lambda one: one.name, len(events) or 1)


def property_counts(
    world: World, first: dt.date, last: dt.date, event: str, name: str, *, type: str, unit: str,
    values: Sequence[str] | None = None, limit: int = 255,
) -> Json:  # fmt: skip
    """Compute GET /events/properties."""
    found = world.within(world.chosen(world.distinct(), [event], f'defined(properties["{name}"])'), first, last)
    found = [one for one in found if values is None or world.label(name, one) in values]
    return over_time(world, found, starts(first, last, unit), unit, type, lambda one: world.label(name, one), limit)


def numeric(
    world: World, first: dt.date, last: dt.date, event: str, on: str, *, unit: str = "day", type: str = "general",
    where: str | None = None,
) -> Json:  # fmt: skip
    """Compute GET /segmentation/numeric."""
    events = world.within(world.chosen(world.distinct(), [event], where), first, last)
    values = {one.number: value for one in events if isinstance(value := world.value(on, one), float)}
    events = [one for one in events if one.number in values]
    step = width(list(values.values()))

    def name(one: Event) -> str:
        number = math.floor(values[one.number] / step)
        digits = max(0, -math.floor(math.log10(step)))
        return f"{number * step:,.{digits}f} - {(number + 1) * step:,.{digits}f}"

    return over_time(world, events, starts(first, last, unit), unit, type, name, len(events) or 1)


def width(values: Sequence[float]) -> float:
    """Return the narrowest width of 1, 2, 5, 10, ... that gives at most 12 ranges."""
    if not values or min(values) == max(values):
        return 1.0
    exponent = 0 if all(value.is_integer() for value in values) else -9
    while True:
        for digit in (1, 2, 5):
            step = float(f"{digit}e{exponent}")
            if math.floor(max(values) / step) - math.floor(min(values) / step) < 12:
                return step
        exponent += 1


def totals(
    world: World, first: dt.date, last: dt.date, event: str, on: str, *, unit: str = "day", where: str | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Compute GET /segmentation/sum and /segmentation/average."""
    events = world.within(world.chosen(world.distinct(), [event], where), first, last)
    begins = starts(first, last, unit)
    numbers: dict[str, list[float]] = {label(one, unit): [] for one in begins}
    for one in events:
        value = world.value(on, one)
        own = numbers[label(bucket(world.local(one.time_ms), begins), unit)]
        own.append(value if isinstance(value, float) else 0.0)
    sums = {name: math.fsum(values) for name, values in numbers.items()}
    return sums, {name: sums[name] / len(values) if values else 0.0 for name, values in numbers.items()}


def top_events(world: World, now_ms: int, *, type: str, limit: int = 100) -> Json:
    """Compute GET /events/top."""
    today = world.local(now_ms).date()

    def amounts(day: dt.date) -> dict[str, float]:
        own = grouped(world.within(world.distinct(), day, day), lambda one: one.name)
        found = {name: amount(world, events, type) for name, events in own.items()}
        return {name: value for name, value in found.items() if value is not None}

    now, before = amounts(today), amounts(today - dt.timedelta(days=1))
    ranked = sorted(now.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return {
        "events": [
            {
                "event": name,
                "amount": value,
                "percent_change": (value - before[name]) / before[name] if before.get(name) else 1,
            }
            for name, value in ranked
        ],
        "type": type,
    }


def event_names(world: World, now_ms: int, *, type: str, limit: int = 255) -> Json:
    """Compute GET /events/names."""
    today = world.local(now_ms).date()
    own = grouped(world.within(world.distinct(), today - dt.timedelta(days=30), today), lambda one: one.name)
    ranked = sorted(own, key=lambda name: (-(amount(world, own[name], type) or -1), name))
    return ranked[:limit]


def top_properties(world: World, event: str, *, limit: int = 10) -> Json:
    """Compute GET /events/properties/top."""
    counts = Counter(name for one in world.chosen(world.distinct(), [event], None) for name in one.properties)
    return {name: {"count": counts[name]} for name in top(counts.elements(), limit)}


def top_values(world: World, event: str, name: str, *, limit: int = 255) -> Json:
    """Compute GET /events/properties/values."""
    events = world.chosen(world.distinct(), [event], f'defined(properties["{name}"])')
    return top([world.label(name, one) for one in events], limit)


def elapsed(since: dt.datetime, until: dt.datetime, unit: str, interval: int) -> int:
    """Return the whole intervals between two times of the project's clock."""
    if unit != "month":
        return max(0, (until - since) // (interval * dt.timedelta(**{f"{unit}s": 1})))
    months = (until.year - since.year) * 12 + until.month - since.month
    within = [one - one.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for one in (since, until)]
    return max(0, (months - (within[1] < within[0])) // interval)


def retention(
    world: World, first: dt.date, last: dt.date, *, retention_type: str = "birth", born_event: str | None = None,
    event: str | None = None, born_where: str | None = None, where: str | None = None, unit: str = "day",
    interval: int = 1, interval_count: int = 1, unbounded: bool = False, on: str | None = None, limit: int = 255,
) -> Json:  # fmt: skip
    """Compute GET /retention."""
    is_birth = retention_type == "birth"
    names = None if event is None else [event]
    begins = starts(first, last, unit, interval)
    entries = world.chosen(world.distinct(), [born_event or ""], born_where) if is_birth else (
        world.chosen(world.distinct(), names, where)
    )  # fmt: skip
    firsts: dict[tuple[str, dt.datetime | None], Event] = {}
    for one in sorted(world.within(entries, first, last), key=lambda one: one.key):
        user = world.user(one)
        if user is not None:
            firsts.setdefault((user, None if is_birth else bucket(world.local(one.time_ms), begins)), one)
    hits: list[tuple[dt.datetime, str, str, int]] = []
    backs = grouped(world.chosen(world.distinct(), names, where), world.user)
    for (user, _), start in firsts.items():
        for back in backs.get(user, []):
            if back.key > start.key:
                passed = elapsed(world.local(start.time_ms), world.local(back.time_ms), unit, interval)
                if unbounded or passed <= interval_count:
                    segment = "" if on is None else world.label(on, back)
                    entered = bucket(world.local(start.time_ms), begins)
                    hits.append((entered, segment, user, min(passed, interval_count)))
    kept = top([hit[1] for hit in hits], limit)
    reply: dict[str, Json] = {}
    for begin in begins:
        size = sum(bucket(world.local(one.time_ms), begins) == begin for one in firsts.values())
        cohort: dict[str, Json] = {}
        for segment in kept:
            own = [hit for hit in hits if hit[0] == begin and hit[1] == segment]
            if own or on is None:
                counts = [
                    len({user for _, _, user, passed in own if passed == number or (unbounded and passed > number)})
                    for number in range(interval_count + 1)
                ]
                cohort[segment] = {"counts": counts, "first": size}
        if on is None:
            cohort = cohort.get("", {"counts": [0] * (interval_count + 1), "first": size})
        reply[label(begin, unit)] = cohort
    return reply


def frequency(
    world: World, first: dt.date, last: dt.date, *, unit: str, addiction_unit: str, event: str | None = None,
    where: str | None = None, on: str | None = None, limit: int = 255,
) -> Json:  # fmt: skip
    """Compute GET /retention/addiction."""
    events = world.within(world.chosen(world.distinct(), None if event is None else [event], where), first, last)
    events = [one for one in events if world.user(one) is not None]
    begins = starts(first, last, unit)
    segments = {one.number: "" if on is None else world.label(on, one) for one in events}
    kept = top(list(segments.values()), limit)
    data: dict[str, Json] = {}
    for begin in begins:
        days = {"day": 1, "week": 7}.get(unit, calendar.monthrange(begin.year, begin.month)[1])
        length = days * (24 if addiction_unit == "hour" else 1)
        own: dict[str, list[int]] = {}
        for segment in kept:
            parts: dict[str | None, set[dt.datetime]] = {}
            for one in events:
                local = world.local(one.time_ms)
                if segments[one.number] == segment and bucket(local, begins) == begin:
                    parts.setdefault(world.user(one), set()).add(start_of(local, addiction_unit))
            if parts:
                own[segment] = [sum(len(found) >= n for found in parts.values()) for n in range(1, length + 1)]
        data[label(begin, unit)] = own.get("", [0] * length) if on is None else own
    return {"data": data}


def funnel(
    world: World, first: dt.date, last: dt.date, steps: Sequence[tuple[str, str | None]], length_ms: int, *,
    unit: str = "day", interval: int = 1, where: str | None = None, on: str | None = None, limit: int = 255,
) -> Json:  # fmt: skip
    """Compute GET /funnels: for each bucket and segment the users of each step and the mean seconds."""
    own = [world.chosen(world.chosen(world.distinct(), [name], own), None, where) for name, own in steps]
    ordered = [sorted(events, key=lambda one: one.key) for events in own]
    by_user = [grouped(events, world.user) for events in ordered]
    begins = starts(first, last, unit, interval)
    attempts: list[tuple[dt.datetime, str, str, list[Event]]] = []
    for start in world.within(ordered[0], first, last):
        user = world.user(start)
        if user is None:
            continue
        path = [start]
        for events in by_user[1:]:
            following = [
                one
                for one in events.get(user, [])
                if one.key > path[-1].key and one.time_ms - start.time_ms <= length_ms
            ]
            if not following:
                break
            path.append(following[0])
        segment = "" if on is None else world.label(on, start)
        attempts.append((bucket(world.local(start.time_ms), begins), segment, user, path))
    kept = top([attempt[1] for attempt in attempts], limit)
    reply: dict[str, Json] = {}
    for begin in begins:
        here = [attempt for attempt in attempts if attempt[0] == begin]
        found = {"$overall": _steps(here, steps)}
        if on is not None:
            for segment in kept:
                if own_attempts := [attempt for attempt in here if attempt[1] == segment]:
                    found[segment] = _steps(own_attempts, steps)
        reply[label(begin, unit)] = found
    return reply


def _steps(attempts: Sequence[tuple[dt.datetime, str, str, list[Event]]], steps: Sequence[Any]) -> list[Json]:
    best: dict[str, list[Event]] = {}
    for _, _, user, path in sorted(attempts, key=lambda attempt: (-len(attempt[3]), attempt[3][0].key)):
        best.setdefault(user, path)
    found = []
    for number in range(len(steps)):
        paths = [path for path in best.values() if len(path) > number]
        since = [path[number].time_ms - path[0].time_ms for path in paths]
        step = [path[number].time_ms - path[number - 1].time_ms for path in paths]
        is_timed = bool(number and paths)
        found.append(
            {
                "count": len(paths),
                "avg_time": round(sum(step) / len(paths) / 1000) if is_timed else None,
                "avg_time_from_start": round(sum(since) / len(paths) / 1000) if is_timed else None,
            }
        )
    return found


def activity(world: World, first: dt.date, last: dt.date, ids: Sequence[str]) -> Json:
    """Compute GET /stream/query."""
    users = {world.canonical.get(one, one) for one in ids}
    events = [one for one in world.within(world.distinct(), first, last) if world.user(one) in users]
    return [
        {"event": one.name, "properties": {"time": one.time_ms // 1000, **one.properties}}
        for one in sorted(events, key=lambda one: one.key)
    ]
