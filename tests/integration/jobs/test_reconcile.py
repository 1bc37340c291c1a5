"""After an import, the source is compared with what Mixpanel has."""

import asyncio
import gzip
import pathlib
from typing import Any, TypeAlias

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ReconcileProgress, RecordMapping
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import ForbiddenError, InvalidArgumentError, MissingExtraError, OutputError, SourceError
from tests import ROOT
from tests.conftest import Connect
from tests.export_server import ExportServer
from tests.virtual_time import FastClock

FIRST_TIME = 1_700_000_000  # 2023-11-14
FIRST, LAST = "1990-01-01", "1991-12-31"
MAPPING = RecordMapping(
    event="Bird Strike",
    time_field="Flight Date",
    time_format="%Y-%m-%d",
    time_zone="UTC",
    distinct_id_field="Airport Name",
    insert_id_hash="position",
    infer_types=True,
)
Record: TypeAlias = dict[str, Any]


@pytest.fixture
def strikes(tmp_path: pathlib.Path) -> pathlib.Path:
    """The first strikes of the example data, as a table."""
    with gzip.open(ROOT / "examples" / "data" / "birdstrikes.csv.gz", "rb") as file:
        lines = file.read().splitlines(keepends=True)
    path = tmp_path / "strikes.csv"
    path.write_bytes(b"".join(lines[:401]))
    return path


async def exported(client: AsyncMixpanel) -> list[Record]:
    return [event async for event in client.export.events(FIRST, LAST)]


def written(path: pathlib.Path, records: list[Record], *others: bytes) -> pathlib.Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records) + b"".join(others))
    return path


async def test_an_import_is_equal_to_its_source(
    connect: Connect, strikes: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """What was imported equals the table, with the $insert_ids that the import made, and its own export."""
    client = connect()
    assert (await client.import_events(strikes, mapping=MAPPING)).imported == 400
    report = await client.reconcile(strikes, FIRST, LAST, mapping=MAPPING)
    assert report.is_equal
    assert (report.source_events, report.export_events, report.equal) == (400, 400, 400)
    assert sum(day.source for day in report.days) == sum(day.export for day in report.days) == 400
    again = await client.reconcile(written(tmp_path / "e.ndjson", await exported(client)), FIRST, LAST)
    assert again.is_equal
    assert again.examples == []


async def test_every_difference_is_named(connect: Connect, strikes: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """One event changed, one removed, one added, one doubled, two of another user or day: all are listed."""
    client = connect()
    await client.import_events(strikes, mapping=MAPPING)
    records = await exported(client)
    records[1]["properties"]["Wildlife Size"] = "Huge"
    removed = records.pop(2)
    added = orjson.loads(orjson.dumps(records[3]))
    added["properties"]["$insert_id"] = "by-hand"
    records += [added, records[4]]
    records[5]["properties"]["distinct_id"] = "Ann"
    records[6]["properties"]["time"] += 86_400
    output = tmp_path / "differences.ndjson"
    source = written(tmp_path / "e.ndjson", records, b"no JSON\n")
    report = await client.reconcile(source, FIRST, LAST, output=output)
    assert not report.is_equal
    assert (report.missing, report.unexpected, report.different, report.source_duplicates) == (1, 1, 3, 1)
    assert report.equal == 400 - 4
    found = [orjson.loads(line) for line in output.read_bytes().splitlines()]
    kinds = {kind: [one for one in found if one["kind"] == kind] for kind in ("missing", "unexpected", "duplicate")}
    assert [one["insert_id"] for one in kinds["missing"]] == ["by-hand"]
    assert kinds["missing"][0]["record"] == added
    assert kinds["missing"][0]["position"].endswith("e.ndjson:400")
    assert [one["insert_id"] for one in kinds["unexpected"]] == [removed["properties"]["$insert_id"]]
    assert [one["copies"] for one in kinds["duplicate"]] == [[2, 1]]
    changes = {name: values for one in found for name, values in one.get("fields", {}).items()}
    assert changes["Wildlife Size"]["source"] == "Huge"
    assert changes["distinct_id"]["source"] == "Ann"
    assert changes.keys() == {"Wildlife Size", "distinct_id", "time"}
    assert len(found) == 6
    assert report.rejected == 1
    assert [str(one).partition(": not")[0] for one in report.examples if one.kind == "rejected"] == [
        f"{source}:402: rejected"
    ]
    assert {day.day for day in report.days if day.missing or day.different or day.unexpected} == {
        one["day"] for one in found if one["kind"] != "duplicate"
    }


async def test_other_events_and_days_are_counted(connect: Connect, tmp_path: pathlib.Path) -> None:
    """Events outside of the days, filtered, or that link IDs are counted; a project may be allowed to have others."""
    client = connect()
    for number in range(4):
        await client.import_event("ann", f"E{number}", {}, time=FIRST_TIME, insert_id=f"i{number}")
    await client.flush()
    records: list[Record] = [
        {"event": "E0", "properties": {"time": FIRST_TIME, "distinct_id": "ann", "$insert_id": "i0"}},
        {"event": "E0", "properties": {"time": 1_600_000_000, "distinct_id": "ann", "$insert_id": "old"}},
        {"event": "$identify", "properties": {"$identified_id": "ann", "$anon_id": "x"}},
    ]
    path = written(tmp_path / "e.ndjson", records)
    report = await client.reconcile(path, "2023-11-14", "2023-11-14")
    assert (report.equal, report.unexpected, report.outside, report.linking) == (1, 3, 1, 1)
    assert not report.is_equal
    assert (await client.reconcile(path, "2023-11-14", "2023-11-14", allow_unexpected=True)).is_equal
    assert (await client.reconcile(path, "2023-11-14", "2023-11-14", events=["E0"])).is_equal
    empty = await client.reconcile(path, "2024-01-01", "2024-01-31")
    assert empty.is_equal
    assert (empty.equal, empty.outside) == (0, 2)


async def test_waiting_ends_when_the_events_arrive(connect: Connect, tmp_path: pathlib.Path) -> None:
    """What is not there yet is exported again, only its days, until it is there or the time is over."""
    client = connect()
    records: list[Record] = [
        {
            "event": "E",
            "properties": {"time": 1_700_000_000 + day * 86_400, "distinct_id": "a", "$insert_id": f"i{day}"},
        }
        for day in range(3)
    ]
    path = written(tmp_path / "e.ndjson", records)
    await client.import_events(records[:2])
    late: list[asyncio.Task[object]] = []

    def show(progress: ReconcileProgress) -> None:
        if progress.stage == "waiting" and not late:
            late.append(asyncio.create_task(client.import_events(records[2:])))

    report = await client.reconcile(path, "2023-11-14", "2023-11-16", wait_seconds=600, on_progress=show)
    assert report.is_equal
    assert report.exports >= 2
    changed = written(path, [*records, {**records[0], "event": "Never"}])
    report = await client.reconcile(changed, "2023-11-14", "2023-11-16", wait_seconds=100)
    assert (report.missing, report.equal) == (1, 3)
    assert report.exports > 1


async def test_a_truncated_export_is_requested_again(
    connect: Connect, server: Emulator, tmp_path: pathlib.Path
) -> None:
    """A part of an export is never compared."""
    client = connect()
    records: list[Record] = [
        {"event": "E", "properties": {"time": FIRST_TIME, "distinct_id": "a", "$insert_id": f"i{n}"}} for n in range(50)
    ]
    await client.import_events(records)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate", variant="cut_line", times=2))
    report = await client.reconcile(written(tmp_path / "e.ndjson", records), "2023-11-14", "2023-11-14")
    assert report.is_equal
    assert report.export_events == 50


async def test_wrong_arguments(connect: Connect, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error says what to do, and no temporary file is left."""
    client = connect()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    path = written(tmp_path / "e.ndjson", [])
    days = ("2023-11-14", "2023-11-14")
    with pytest.raises(InvalidArgumentError, match="the source is this file"):
        await client.reconcile(path, *days, output=path)
    with pytest.raises(InvalidArgumentError, match="unknown option colour"):
        await client.reconcile(path, *days, colour="red")  # type: ignore[call-arg]
    with pytest.raises(InvalidArgumentError, match="project_timezone is invalid: 'Mars'"):
        await client.reconcile(path, *days, project_timezone="Mars")
    with pytest.raises(InvalidArgumentError, match="give a list of names"):
        await client.reconcile(path, *days, ignore="plan")
    with pytest.raises(InvalidArgumentError, match="wait_seconds"):
        await client.reconcile(path, *days, wait_seconds=-1)
    with pytest.raises(SourceError):
        await client.reconcile(tmp_path / "none.ndjson", *days, temp_dir=temporary)
    with pytest.raises(OutputError, match="cannot write"):
        await client.reconcile(path, *days, output=tmp_path / "no" / "such.ndjson", temp_dir=temporary)
    with pytest.raises(OutputError, match="temporary files"):
        await client.reconcile(path, *days, temp_dir=tmp_path / "no")
    assert list(temporary.iterdir()) == []
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mixpanel-async\[lake\]"'):
        await client.reconcile(path, *days)


async def test_a_comparison_waits_for_its_rate_limit(tmp_path: pathlib.Path) -> None:
    """A 429 because something else uses the project's budget is waited for; another refusal ends the comparison."""
    event = b'{"event":"E","properties":{"time":1700000000000,"distinct_id":"a","$insert_id":"i"}}'
    path = tmp_path / "e.ndjson"
    path.write_bytes(event + b"\n")
    refusals = [(429, b'{"error":"too many"}')] * 8
    server = ExportServer({"2023-11-14": [event]}, lambda _: refusals.pop() if refusals else None)
    clock = FastClock(10_000)
    async with server.client(clock) as client:
        assert (await client.reconcile(path, "2023-11-14", "2023-11-14")).is_equal
        assert max(clock.slept) >= 60
        refusals.append((403, b'{"error":"no"}'))
        with pytest.raises(ForbiddenError):
            await client.reconcile(path, "2023-11-14", "2023-11-14")


async def test_days_and_times_of_an_older_project_are_local(tmp_path: pathlib.Path) -> None:
    """With its time zone, an event late in the evening in UTC is found on the next day, at its local time."""
    path = tmp_path / "e.ndjson"
    path.write_bytes(
        b'{"event":"E","properties":{"time":1614641400,"distinct_id":"a","$insert_id":"i"}}\n'
    )  # 23:30 UTC
    local = b'{"event":"E","properties":{"time":1614645000000,"distinct_id":"a","$insert_id":"i"}}'
    server = ExportServer({"2021-03-02": [local]})
    days = ("2021-03-02", "2021-03-02")
    async with server.client() as client:
        assert (await client.reconcile(path, *days, project_timezone="Europe/Berlin")).is_equal
        report = await client.reconcile(path, *days)
        assert (report.outside, report.unexpected, report.is_equal) == (1, 1, False)


async def test_what_cannot_be_compared_is_never_equal(tmp_path: pathlib.Path) -> None:
    """A line of the export that is not an event, or that has no time, is counted, and the result is not equal."""
    event = b'{"event":"E","properties":{"time":1700000000000,"distinct_id":"a","$insert_id":"i"}}'
    path = tmp_path / "e.ndjson"
    path.write_bytes(event + b"\n")
    odd = [b'{"event":"E","properties":{"n":NaN}}', b'{"event":"E","properties":{"distinct_id":"a"}}', event]
    async with ExportServer({"2023-11-14": odd}).client() as client:
        report = await client.reconcile(path, "2023-11-14", "2023-11-14")
    assert (report.equal, report.unreadable, report.is_equal) == (1, 2, False)
    assert {one.kind for one in report.examples} == {"unreadable"}
