"""Every report against a second computation in plain Python, over random small worlds."""

# ruff: noqa: A002, ANN401 - options are named as the API names them, and passed on as they are

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.emulator.queries.calendar import Zone
from mixpanel_async.emulator.queries.funnels import FunnelDefinition, read_funnel
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.reports import Query
from mixpanel_async.emulator.queries.source import QueryContext
from mixpanel_async.emulator.routes.reports import READERS
from mixpanel_async.emulator.rules.intake import EventRow
from mixpanel_async.emulator.store.database import Store
from mixpanel_async.emulator.store.profiles import ProfileKey
from tests.integration.emulator.oracle import reports
from tests.integration.emulator.oracle.world import Event, World

PROJECT = 7
# Clocks are turned back on 26 October in Vienna and on 2 November in New York.
START = dt.datetime(2025, 10, 20, tzinfo=dt.UTC)
NOW_MS = round(dt.datetime(2025, 11, 4, 20, 30, tzinfo=dt.UTC).timestamp() * 1000)

zones = st.sampled_from(["UTC", "UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata"])
names = st.sampled_from(["A", "B", 'it\'s "C"'])
users = st.sampled_from(["", "u1", "u2", "u3", "u4"])
times = (
    st.integers(0, 24 * 16).map(lambda hours: hours * 3600)
    | st.integers(0, 16 * 86_400)
    | st.sampled_from([0, 86_400, 86_400, 6 * 86_400 - 3600])
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "p": st.sampled_from(["x", "y", "", "it's", None, True, 3, ["x", 1], 2.5]),
        "n": st.integers(-3, 3) | st.sampled_from([0.5, 1500, 2.25, -40]) | st.none(),
    },
)
wheres = st.none() | st.sampled_from(
    [
        'properties["n"] > 0',
        'properties["p"] == "x"',
        'user["plan"] == "pro"',
        'not defined(properties["p"])',
        'properties["p"] in ["x", 3, true]',
        'event["$name"] == "A" or properties["n"] % 2 == 0',
        f'properties["time"] < {START.timestamp() + 6 * 86_400}',
    ]
)
segments = st.none() | st.sampled_from(
    [
        "p",
        'properties["n"] + 1',
        'user["plan"]',
        'string(properties["p"])',
        'event["$distinct_id"]',
        'properties["n"] / 0',
    ]
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a world with duplicates, merged users and profiles."""
    found = []
    for number in range(draw(st.integers(0, 14))):
        distinct_id, time = draw(users), draw(times)
        own = {"distinct_id": distinct_id, "$insert_id": draw(st.sampled_from(["i1", "i2", "i3"])), **draw(properties)}
        found.append(Event(draw(names), round(START.timestamp() + time) * 1000, distinct_id, own, number))
    canonical = draw(st.sampled_from([{}, {"u3": "u1"}, {"u2": "u4", "u3": "u4", "u4": "u4"}]))
    profiles = {one: {"plan": draw(st.sampled_from(["pro", "free"]))} for one in draw(st.sets(users.filter(bool)))}
    return World(found, canonical, profiles, draw(zones))


spans = st.tuples(st.integers(-1, 14), st.integers(0, 16)).map(
    lambda pair: (START.date() + dt.timedelta(days=pair[0]), START.date() + dt.timedelta(days=sum(pair)))
)


class Server:
    """A store without HTTP."""

    def __init__(self) -> None:
        self.store = Store(None)

    def fill(self, world: World) -> None:
        """Store a world in place of what was there."""
        self.store.clear()
        rows = [
            EventRow(
                PROJECT, one.name, one.time_ms, one.distinct_id, str(one.properties["$insert_id"]), 0, "{}",
                orjson.dumps(one.properties).decode(),
            )
            for one in world.events
        ]  # fmt: skip
        self.store.append([*rows, *(row._replace(project=PROJECT + 1) for row in rows)], [], [])
        for one, own in world.profiles.items():
            self.store.profiles.put(ProfileKey(PROJECT, "", one), dict(own), 0, None)
        for one, canonical in world.canonical.items():
            self.store.rows("INSERT INTO users VALUES (?, ?, ?)", [PROJECT, one, canonical])

    def body(self, query: Query) -> Any:
        """Compute a query; return the reply as a client decodes it."""
        return orjson.loads(orjson.dumps(query.report(self.store.query(query.sql(), 60)).body))

    def ask(self, path: str, world: World, **parameters: object) -> Any:
        """Compute a report of a world; None leaves a parameter out."""
        given = Parameters({name: str(value) for name, value in parameters.items() if value is not None})
        return self.body(READERS[f"/api/query/{path}"](given, QueryContext(PROJECT, Zone(world.zone), NOW_MS)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.store.close()


def short(span: tuple[dt.date, dt.date], unit: str) -> tuple[dt.date, dt.date]:
    """Return a span that has not too many buckets."""
    return (span[0], min(span[1], span[0] + dt.timedelta(days=3))) if unit == "minute" else span


def dates(span: tuple[dt.date, dt.date]) -> dict[str, object]:
    """Return the two parameters."""
    return {"from_date": span[0], "to_date": span[1]}


def same(found: Any, expected: Any) -> None:
    """Compare two replies; numbers up to the last digits."""
    if isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            same(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected)
    else:
        assert found == expected


checked = settings(max_examples=60)
kinds = st.sampled_from(["general", "unique", "average"])


@checked
@given(world=worlds(), span=spans, type=kinds, unit=st.sampled_from(["minute", "hour", "day", "month"]),
       where=wheres, on=segments, limit=st.sampled_from([None, 1, 2]))  # fmt: skip
def test_segmentation(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Segmentation agrees for every type, unit, filter, segment, limit and time zone."""
    server.fill(world)
    span = short(span, options["unit"])
    found = server.ask("segmentation", world, event="A", **dates(span), **options)
    options["limit"] = options["limit"] or 60
    same(found, reports.segmentation(world, *span, "A", **options))


@checked
@given(world=worlds(), span=spans, type=st.sampled_from(["unique", "average"]), interval=st.integers(1, 5), on=segments)
def test_segmentation_in_intervals(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Buckets of several days agree."""
    server.fill(world)
    found = server.ask("segmentation", world, event="A", **dates(span), **options)
    same(found, reports.segmentation(world, *span, "A", **options))


@checked
@given(world=worlds(), span=spans, type=kinds, unit=st.sampled_from(["minute", "hour", "day", "week", "month"]))
def test_event_counts(server: Server, world: World, span: tuple[dt.date, dt.date], type: str, unit: str) -> None:
    """Event counts agree for every type and unit that the reference allows."""
    if type == "unique" and unit in {"minute", "hour"}:
        unit = "week"
    server.fill(world)
    span = short(span, unit)
    found = server.ask("events", world, event='["A", "B"]', type=type, unit=unit, **dates(span))
    same(found, reports.event_counts(world, *span, ["A", "B"], type=type, unit=unit))


@checked
@given(world=worlds(), span=spans, type=kinds, unit=st.sampled_from(["day", "week", "month"]),
       values=st.sampled_from([None, ["x", "3"], []]), limit=st.sampled_from([None, 1]))  # fmt: skip
def test_property_counts(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """The values of a property over time agree."""
    server.fill(world)
    values = None if options["values"] is None else orjson.dumps(options["values"]).decode()
    found = server.ask(
        "events/properties", world, event="A", name="p", **dates(span), **{**options, "values": values}
    )  # fmt: skip
    options["limit"] = options["limit"] or 255
    same(found, reports.property_counts(world, *span, "A", "p", **options))


numbers = st.sampled_from(
    ["n", 'properties["n"] * 1.5', 'number(properties["p"])', 'properties["n"] + properties["p"]']
)


@checked
@given(world=worlds(), span=spans, on=numbers, type=kinds, unit=st.sampled_from([None, "hour", "day"]), where=wheres)
def test_numeric_ranges(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Ranges of a numeric expression agree."""
    server.fill(world)
    found = server.ask("segmentation/numeric", world, event="A", **dates(span), **options)
    on, options["unit"] = options.pop("on"), options["unit"] or "day"
    same(found, reports.numeric(world, *span, "A", on, **options))


@checked
@given(world=worlds(), span=spans, on=numbers, unit=st.sampled_from([None, "hour", "day"]), where=wheres)
def test_sums_and_averages(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Sums and averages of a numeric expression agree; what is not a number counts as 0."""
    server.fill(world)
    sums = server.ask("segmentation/sum", world, event="A", **dates(span), **options)
    means = server.ask("segmentation/average", world, event="A", **dates(span), **options)
    on, options["unit"] = options.pop("on"), options["unit"] or "day"
    expected = reports.totals(world, *span, "A", on, **options)
    same(sums["results"], expected[0])
    same(means["results"], expected[1])


@checked
@given(world=worlds(), type=kinds, limit=st.sampled_from([None, 1, 2]))
def test_top_events_and_names(server: Server, world: World, type: str, limit: int | None) -> None:
    """Today's top events with their change, and the names of a month, agree."""
    server.fill(world)
    top = server.ask("events/top", world, type=type, limit=limit)
    same(top, reports.top_events(world, NOW_MS, type=type, limit=limit or 100))
    found = server.ask("events/names", world, type=type, limit=limit)
    same(found, reports.event_names(world, NOW_MS, type=type, limit=limit or 255))


@checked
@given(world=worlds(), limit=st.sampled_from([None, 1, 2]))
def test_top_properties_and_values(server: Server, world: World, limit: int | None) -> None:
    """The most frequent properties and values agree."""
    server.fill(world)
    found = server.ask("events/properties/top", world, event="A", limit=limit)
    same(found, reports.top_properties(world, "A", limit=limit or 10))
    for name in ("p", "n", "distinct_id", "none"):
        values = server.ask("events/properties/values", world, event="A", name=name, limit=limit)
        same(values, reports.top_values(world, "A", name, limit=limit or 255))


@checked
@given(world=worlds(), span=spans, retention_type=st.sampled_from([None, "birth", "compounded"]),
       event=st.sampled_from([None, "A", "B"]), born_where=wheres, where=wheres,
       unit=st.sampled_from([None, "day", "week", "month"]), interval=st.sampled_from([None, 1, 2, 5]),
       interval_count=st.sampled_from([None, 1, 3, 8]), unbounded=st.booleans(), on=segments,
       limit=st.sampled_from([None, 1]))  # fmt: skip
def test_retention(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Retention agrees: birth and compounded, intervals, units, unbounded, with filters and segments."""
    server.fill(world)
    unbounded = options.pop("unbounded")
    found = server.ask(
        "retention", world, born_event="A", unbounded_retention=unbounded, **dates(span), **options
    )  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    same(found, reports.retention(world, *span, born_event="A", unbounded=unbounded, **given))


@checked
@given(world=worlds(), span=spans, unit=st.sampled_from(["day", "week", "month"]),
       addiction_unit=st.sampled_from(["hour", "day"]), event=st.sampled_from([None, "A"]), where=wheres, on=segments,
       limit=st.sampled_from([None, 1]))  # fmt: skip
def test_frequency(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Frequency agrees for every unit and part."""
    server.fill(world)
    found = server.ask("retention/addiction", world, **dates(span), **options)
    options["limit"] = options["limit"] or 255
    same(found, reports.frequency(world, *span, **options))


LENGTHS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


@checked
@given(world=worlds(), span=spans, unit=st.sampled_from([None, "day", "week", "month"]),
       interval=st.sampled_from([None, 3]), where=wheres, on=segments, limit=st.sampled_from([None, 1]),
       steps=st.lists(st.tuples(names, wheres), min_size=1, max_size=4), length=st.integers(1, 30),
       length_unit=st.sampled_from(sorted(LENGTHS)))  # fmt: skip
def test_funnels(server: Server, world: World, span: tuple[dt.date, dt.date], **options: Any) -> None:
    """Funnels agree: the users of each step, and the mean times, with segments."""
    server.fill(world)
    steps, length, length_unit = options.pop("steps"), options["length"], options["length_unit"]
    if options["unit"] is not None:
        options["interval"] = None
    definition = msgspec.convert(
        {"name": "F", "steps": [{"event": name, "where": where} for name, where in steps]}, FunnelDefinition
    )
    parameters = Parameters(
        {name: str(value) for name, value in {**options, **dates(span)}.items() if value is not None}
    )
    found = server.body(read_funnel(definition, parameters, QueryContext(PROJECT, Zone(world.zone), NOW_MS)))
    given = {name: options[name] for name in ("unit", "interval", "where", "on", "limit") if options[name] is not None}
    expected = reports.funnel(world, *span, steps, length * LENGTHS[length_unit], **given)
    assert found["meta"]["dates"] == list(expected)
    for date, segments_ in expected.items():
        if options["on"] is None:
            assert found["data"][date]["analysis"]["starting_amount"] == segments_["$overall"][0]["count"]
        own = {"$overall": found["data"][date]["steps"]} if options["on"] is None else found["data"][date]
        assert own.keys() == segments_.keys()
        for segment, expected_steps in segments_.items():
            assert [{name: step[name] for name in expected_steps[0]} for step in own[segment]] == expected_steps


@checked
@given(world=worlds(), span=spans, ids=st.lists(users.filter(bool), max_size=3))
def test_activity(server: Server, world: World, span: tuple[dt.date, dt.date], ids: list[str]) -> None:
    """The events of users agree, whichever of their IDs is asked for."""
    server.fill(world)
    found = server.ask("stream/query", world, distinct_ids=orjson.dumps(ids).decode(), **dates(span))
    same(found, {"status": "ok", "results": {"events": reports.activity(world, *span, ids)}})


@pytest.mark.parametrize("unit", ["minute", "hour", "day", "week", "month"])
@given(zone=zones, interval=st.integers(1, 40))
def test_intervals_end_with_the_current_unit(server: Server, unit: str, zone: str, interval: int) -> None:
    """An interval is that many units, of which the current one is the last."""
    world = World([], zone=zone)
    server.fill(world)
    found = server.ask("events", world, event='["A"]', type="general", unit=unit, interval=interval)
    local = dt.datetime.fromtimestamp(NOW_MS / 1000, zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    last = reports.start_of(local, unit)
    expected = [reports.label(reports.after(last, unit, -number), unit) for number in reversed(range(interval))]
    assert found["data"]["series"] == expected
