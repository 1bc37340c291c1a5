"""10,000 real events: every report, asked for through the client, against the second computation in plain Python."""

import csv
import datetime as dt
import gzip
import pathlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.emulator import Emulator
from tests import ROOT
from tests.integration.cli.conftest import account_environment, run_process
from tests.integration.emulator.api import Api
from tests.integration.emulator.oracle import reports
from tests.integration.emulator.oracle.world import Event, World

FILE = ROOT / "examples" / "data" / "birdstrikes.csv.gz"
FIRST, LAST = dt.date(1995, 3, 1), dt.date(1995, 6, 30)
SPAN = (FIRST.isoformat(), LAST.isoformat())
COST = 'properties["Cost Total $"]'
SPEED = 'number(properties["Speed IAS in knots"])'
NIGHT = 'properties["Time of day"] == "Night" and not properties["Wildlife Size"] in ["Small", "Medium"]'
NOW = dt.datetime(1995, 4, 30, 12, tzinfo=dt.UTC).timestamp()


def strikes() -> list[Event]:
    """Return the strikes: the phase of flight is the event, the airport the user."""
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for number, row in enumerate(rows):
        day = dt.datetime.strptime(row.pop("Flight Date"), "%Y-%m-%d").replace(tzinfo=dt.UTC)
        cells = {name: int(cell) if cell.isdecimal() else cell for name, cell in row.items() if cell}
        own: dict[str, Any] = {**cells, "distinct_id": row["Airport Name"], "$insert_id": f"strike-{number}"}
        minutes = number % 1440
        name = row["Phase of flight"] or "Unknown"
        found.append(Event(name, round(day.timestamp() * 1000) + minutes * 60_000, row["Airport Name"], own, number))
    return found


@pytest.fixture(scope="module")
def world() -> World:
    return World(strikes())


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    """A local server that has all strikes."""
    async with Emulator(now=lambda: NOW) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)
        sent = [{"event": e.name, "properties": {"time": e.time_ms, **e.properties}} for e in world.events]
        # The server's clock is in the middle of the data, and it would take later times for wrong ones.
        emulator._running().now = lambda: dt.datetime(2003, 1, 1, tzinfo=dt.UTC).timestamp()
        for start in range(0, len(sent), 2000):
            assert (await api.import_events(sent[start : start + 2000], packed=True)).status == 200
        emulator._running().now = lambda: NOW
        yield emulator.url


@pytest.fixture
async def mp(url: str) -> AsyncIterator[AsyncMixpanel]:
    account = ServiceAccount("user", "secret")
    async with AsyncMixpanel("token", credentials=account, project_id=1, base_url=url) as client:
        yield client


def values(expected: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {name: pytest.approx(dates) for name, dates in expected["data"]["values"].items()}


async def test_segmentation(mp: AsyncMixpanel, world: World) -> None:
    """Segmentation, ranges, sums and averages agree for every type and unit."""
    for type in ("general", "unique", "average"):  # noqa: A001 - the API's own name
        for unit in ("hour", "day", "month"):
            for on, where in ((None, None), ("Wildlife Size", NIGHT), (f"{COST} > 0", None)):
                report = await mp.query.segmentation(
                    "Approach", *SPAN, type=type, unit=unit, on=on, where=where, limit=4
                )
                expected = reports.segmentation(
                    world, FIRST, LAST, "Approach", type=type, unit=unit, on=on, where=where, limit=4
                )
                assert report.data.series == expected["data"]["series"]
                assert report.data.values == values(expected)
        ranges = await mp.query.segmentation_numeric("Climb", *SPAN, SPEED, type=type, where=NIGHT)
        assert ranges.data.values == values(reports.numeric(world, FIRST, LAST, "Climb", SPEED, type=type, where=NIGHT))
        counts = await mp.query.event_counts(
            ["Climb", "Approach"], type=type, unit="week", from_date=FIRST, to_date=LAST
        )
        assert counts.data.values == values(
            reports.event_counts(world, FIRST, LAST, ["Climb", "Approach"], type=type, unit="week")
        )
        by_value = await mp.query.property_counts(
            "Climb", "Effect Amount of damage", type=type, unit="month", from_date=FIRST, to_date=LAST
        )
        assert by_value.data.values == values(
            reports.property_counts(world, FIRST, LAST, "Climb", "Effect Amount of damage", type=type, unit="month")
        )
    sums, means = reports.totals(world, FIRST, LAST, "Approach", COST, where=NIGHT)
    assert (await mp.query.segmentation_sum("Approach", *SPAN, COST, where=NIGHT)).results == pytest.approx(sums)
    assert (await mp.query.segmentation_average("Approach", *SPAN, COST, where=NIGHT)).results == pytest.approx(means)


async def test_names(mp: AsyncMixpanel, world: World) -> None:
    """Top events, properties and values agree."""
    now_ms = round(NOW * 1000)
    for type in ("general", "unique", "average"):  # noqa: A001 - the API's own name
        top = await mp.query.todays_top_events(type=type)
        expected = reports.top_events(world, now_ms, type=type)["events"]
        assert [(one.event, one.amount) for one in top.events] == [(one["event"], one["amount"]) for one in expected]
        assert [one.percent_change for one in top.events] == pytest.approx([one["percent_change"] for one in expected])
        assert list(await mp.query.top_events(type=type)) == reports.event_names(world, now_ms, type=type)
    properties = await mp.query.top_properties("Climb", limit=20)
    assert {name: {"count": n} for name, n in properties.counts.items()} == reports.top_properties(
        world, "Climb", limit=20
    )
    found = await mp.query.top_property_values("Climb", "Wildlife Species", limit=30)
    assert list(found) == reports.top_values(world, "Climb", "Wildlife Species", limit=30)


async def test_users(mp: AsyncMixpanel, world: World) -> None:
    """Retention, frequency, funnels and activity agree."""
    for unit in ("day", "week", "month"):
        for kind in ("birth", "compounded"):
            cohorts = await mp.query.retention(
                *SPAN, retention_type=kind, born_event="Approach", event="Climb", unit=unit, interval_count=3
            )
            assert cohorts.cohorts == reports.retention(
                world,
                FIRST,
                LAST,
                retention_type=kind,
                born_event="Approach",
                event="Climb",
                unit=unit,
                interval_count=3,
            )
        often = await mp.query.frequency(*SPAN, unit=unit, addiction_unit="day", event="Approach", where=NIGHT)
        assert often.data == reports.frequency(
            world, FIRST, LAST, unit=unit, addiction_unit="day", event="Approach", where=NIGHT
        )["data"]  # fmt: skip
    segmented = await mp.query.retention(
        *SPAN, born_event="Approach", unit="month", interval_count=2, on="Wildlife Size", unbounded_retention=True
    )
    assert segmented.cohorts == reports.retention(
        world, FIRST, LAST, born_event="Approach", unit="month", interval_count=2, on="Wildlife Size", unbounded=True
    )
    await check_funnel(mp, world, ["Approach", "Climb", "Landing Roll"])
    airports = ["DALLAS/FORT WORTH INTL ARPT", "JOHN F KENNEDY INTL"]
    activity = await mp.query.activity(airports, *SPAN)
    assert [{"event": one.event, "properties": one.properties} for one in activity.events] == reports.activity(
        world, FIRST, LAST, airports
    )


async def check_funnel(mp: AsyncMixpanel, world: World, names: Sequence[str]) -> None:
    """Save a funnel, compute it both ways, and compare."""
    definition = {"name": "Flights", "steps": [{"event": name} for name in names]}
    saved = await mp.request("POST", "/_admin/funnels", server="query", json=definition)
    assert isinstance(saved, dict)
    funnel_id = saved["funnel_id"]
    assert isinstance(funnel_id, int)
    report = await mp.query.funnels(funnel_id, *SPAN, length=10, length_unit="day", unit="week", on="Wildlife Size")
    expected = reports.funnel(
        world, FIRST, LAST, [(name, None) for name in names], 10 * 86_400_000, unit="week", on="Wildlife Size"
    )
    found: dict[str, dict[str, list[Any]]] = {}
    for date, segment, _, step in report.steps():
        own = {"count": step.count, "avg_time": step.avg_time, "avg_time_from_start": step.avg_time_from_start}
        found.setdefault(date, {}).setdefault(str(segment), []).append(own)
    assert found == expected


async def test_the_command_line_prints_a_computed_table(url: str, world: World, tmp_path: pathlib.Path) -> None:
    """`mixpanel-async query segmentation` prints what the server computed, as a table with a total."""
    arguments = (
        "query", "segmentation", "Approach", "--from-date", SPAN[0], "--to-date", SPAN[1], "--unit", "month",
        "--on", 'properties["Wildlife Size"]', "--output", "table",
    )  # fmt: skip
    ended = await run_process(arguments, b"", account_environment(url), tmp_path)
    assert (ended.status, ended.err) == (0, "")
    expected = reports.segmentation(world, FIRST, LAST, "Approach", unit="month", on="Wildlife Size")["data"]["values"]
    *printed, rule, total = [line.split() for line in ended.out.splitlines()][2:]
    assert sorted(printed) == sorted(
        [segment, date, str(count)] for segment, dates in expected.items() for date, count in dates.items()
    )
    assert set("".join(rule)) == {"─"}
    assert total == ["total", f"{sum(sum(dates.values()) for dates in expected.values()):,}"]
