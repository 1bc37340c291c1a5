"""Imports over real sockets into the local server."""

import asyncio
import io
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import msgspec
import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ImportProgress, ImportReport, MixpanelError, RecordMapping, Settings
from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from mixpanel_async.errors import ClientClosedError, InvalidArgumentError, SourceError, UnauthorizedError
from mixpanel_async.jobs.model.report import ExitStatus
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
TABLE = (
    b"name,when,who,n\nSeen,2023-11-14 22:13:20,ann,1\nSeen,2023-11-14 22:13:21,bob,\nSeen,2023-11-14 22:13:20,ann,1\n"
)
MAPPING = RecordMapping(
    event_field="name",
    time_field="when",
    time_format="%Y-%m-%d %H:%M:%S",
    time_zone="UTC",
    distinct_id_field="who",
    insert_id_hash="position",
    infer_types=True,
)


async def stored(emulator: Emulator) -> list[object]:
    """Return what the server stores, in an order of its own."""
    return in_order([{"event": one["event"], "properties": one["properties"]} for one in await emulator.events()])


def in_order(events: list[dict[str, object]]) -> list[object]:
    return sorted(events, key=lambda one: orjson.dumps(one, option=orjson.OPT_SORT_KEYS))


@pytest.mark.parametrize("name", ["events.ndjson", "events.jsonl.gz", "events", "events.json", "wrongly-named.gz"])
async def test_lines_of_a_file(emulator: Emulator, mp: AsyncMixpanel, write: Write, name: str) -> None:
    """Every event of a file arrives unchanged, whatever the name and compression of the file."""
    events = [event(number, text="ä" * number, inner={"a": [1, {"b": None}]}) for number in range(50)]
    content = ndjson(events)
    path = write("events.gz", content) if name == "wrongly-named.gz" else write(name, content)
    report = await mp.import_events(path)
    assert await stored(emulator) == in_order(events)
    assert (report.read, report.imported, report.exit_status) == (50, 50, ExitStatus.OK)
    assert report.is_complete
    assert report.is_balanced


async def test_a_file_that_starts_with_a_byte_order_mark(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A byte order mark is not part of the first event, and the last line needs no line end."""
    report = await mp.import_events(write("a.ndjson", b"\xef\xbb\xbf" + ndjson([event(1), event(2)]).rstrip()))
    assert report.imported == 2
    assert len(await emulator.events()) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
async def test_an_empty_file(mp: AsyncMixpanel, write: Write, content: bytes) -> None:
    """The import of an empty file is complete."""
    report = await mp.import_events(write("empty.ndjson", content))
    assert (report.read, report.exit_status) == (0, ExitStatus.OK)


async def test_batches_are_full_but_never_fuller(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """4,001 small events travel in three requests of 2,000, 2,000 and 1."""
    report = await mp.import_events(write("a.ndjson", ndjson([event(number) for number in range(4001)])))
    assert sorted(request.records for request in emulator.requests) == [1, 2000, 2000]
    assert report.requests == 3


async def test_batches_hold_two_megabytes_at_most(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Large events are sent in batches of at most 2,000,000 bytes, as full as possible."""
    events = [event(number, padding="x" * 290_000) for number in range(20)]
    report = await mp.import_events(write("a.ndjson", ndjson(events)))
    assert report.imported == 20
    assert sorted(request.records for request in emulator.requests) == [2, 6, 6, 6]


async def test_bad_lines_among_good_ones(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Invalid lines are rejected with their number and advice; the valid lines around them are delivered."""
    lines = [
        orjson.dumps(event(1)),
        b"{broken",
        b"",
        orjson.dumps(event(2, time=...)),
        orjson.dumps(event(3, x="X")).replace(b'"X"', b"NaN"),
        orjson.dumps(event(4, x="x" * 1_000_001)),
        orjson.dumps(event(5, distinct_id="anon")),
        orjson.dumps(event(6, x="X")).replace(b"X", b"\xff"),
        orjson.dumps(event(1)),
        orjson.dumps(event(7)),
    ]
    path = write("bad.ndjson", b"\n".join(lines))
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.rejected, report.duplicates) == (9, 2, 6, 1)
    assert report.rejected_by == {"malformed": 3, "invalid": 2, "too_large": 1}
    assert report.exit_status is ExitStatus.INCOMPLETE
    assert {fault.position: fault.field for fault in report.examples} == {
        f"{path}:2": "",
        f"{path}:4": "properties.time",
        f"{path}:5": "",
        f"{path}:6": "",
        f"{path}:7": "properties.distinct_id",
        f"{path}:8": "",
    }
    assert await stored(emulator) == in_order([event(1), event(7)])


async def test_a_table(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """The mapping turns columns into fields; empty cells are skipped; equal rows stay two events."""
    report = await mp.import_events(write("table.csv.gz", b"\xef\xbb\xbf" + TABLE), mapping=MAPPING)
    events = await emulator.deduplicated_events()
    found = sorted(
        (e["event"], e["properties"]["time"], e["properties"]["distinct_id"], e["properties"].get("n")) for e in events
    )
    assert report.imported == 3
    assert found == [("Seen", NOON, "ann", 1), ("Seen", NOON, "ann", 1), ("Seen", NOON + 1, "bob", None)]


async def test_equal_rows_can_be_one_event(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """With an $insert_id from the content alone, equal rows are one event."""
    mapping = RecordMapping(
        **{**{f: getattr(MAPPING, f) for f in MAPPING.__struct_fields__}, "insert_id_hash": "content"}
    )
    report = await mp.import_events(write("table.csv", TABLE), mapping=mapping)
    assert (report.imported, report.duplicates) == (2, 1)
    assert len(await emulator.events()) == 2


async def test_bad_rows_among_good_ones(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Rows with a wrong width, an invalid time, number or encoding are rejected with their first line."""
    rows = [
        b"event,time,distinct_id,$insert_id,n",
        b'A,1700000000,"multi\nline",i1,1',
        b"A,1700000000,u,i2",
        b"A,yesterday,u,i3,1",
        b"A,1700000000,u,i4,one",
        b"A,1700000000,\xff,i5,1",
        b"",
        b'A,1700000000,"u"x,i6,1',
        b"A,1700000000,u,i7,2",
    ]
    path = write("rows.csv", b"\n".join(rows))
    report = await mp.import_events(path, mapping=RecordMapping(types={"n": "int"}))
    assert (report.read, report.imported, report.rejected) == (7, 2, 5)
    faults = {fault.position.removeprefix(f"{path}:"): fault.field for fault in report.examples}
    assert faults == {"4": "", "5": "time", "6": "n", "7": "", "9": ""}
    assert {e["properties"]["$insert_id"] for e in await emulator.events()} == {"i1", "i7"}


async def test_records_in_memory(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """An iterable may yield mappings and JSON; an invalid record is reported by number."""
    records: list[dict[str, object] | bytes] = [
        event(1),
        orjson.dumps(event(2)),
        event(3, x=float("nan")),
        b"[]",
        event(1),
        {"event": 5},
        event(4),
    ]
    report = await mp.import_events(records)
    assert (report.read, report.imported, report.rejected, report.duplicates) == (7, 3, 3, 1)
    assert [fault.position for fault in report.examples] == ["record:3", "record:4", "record:6"]
    assert await stored(emulator) == in_order([event(1), event(2), event(4)])


async def test_a_key_that_is_no_string(mp: AsyncMixpanel) -> None:
    """A key that is not a string is rejected, and the field is named."""
    records: list[dict[str, object]] = [event(1), {"event": "A", "properties": {"time": NOON, b"5": 1}}]
    report = await mp.import_events(records)
    assert (report.imported, report.rejected) == (1, 1)
    assert "a key must be a string" in str(report.examples[0])


@pytest.mark.parametrize("mapping", [None, RecordMapping()])
async def test_records_that_are_no_objects(
    emulator: Emulator, mp: AsyncMixpanel, mapping: RecordMapping | None
) -> None:
    """A record in memory that is not a mapping is rejected by number; the others are delivered."""
    records: list[Any] = [event(1), None, 5, "text", ["list"], object(), (), event(2)]
    report = await mp.import_events(records, mapping=mapping)
    assert (report.read, report.imported, report.rejected) == (8, 2, 6)
    assert [fault.position for fault in report.examples][:2] == ["record:2", "record:3"]
    assert all("must be an object" in fault.message for fault in report.examples)
    assert await stored(emulator) == in_order([event(1), event(2)])


@pytest.mark.parametrize(
    ("made", "rejected"), [("x", 1), (b"x", 1), (5, 1), ([None], 1), ([1, "xy"], 2), (object(), 1)]
)
async def test_a_function_that_makes_no_objects(mp: AsyncMixpanel, made: object, rejected: int) -> None:
    """Each value of a transform function that is not an event is rejected once; other records are unaffected."""
    results = iter([made, event(2)])
    report = await mp.import_events([event(1), event(2)], transform=lambda _: cast("Any", next(results)))
    assert (report.imported, report.rejected) == (1, rejected)
    assert all("must be an object" in fault.message for fault in report.examples)


async def test_a_function_that_fails_late(mp: AsyncMixpanel) -> None:
    """A generator that raises while its events are fetched rejects its record."""

    def transform(one: dict[str, object]) -> Iterator[dict[str, object]]:
        yield one
        raise ZeroDivisionError

    report = await mp.import_events([event(1)], transform=cast("Any", transform))
    assert (report.imported, report.rejected) == (0, 1)
    assert "ZeroDivisionError" in str(report.examples)


@pytest.mark.parametrize("options", [{}, {"scrub": frozenset({"q"})}, {"flatten": True}], ids=str)
@pytest.mark.parametrize("is_line", [False, True])
async def test_nesting_beyond_measure(mp: AsyncMixpanel, options: dict[str, Any], is_line: bool) -> None:
    """A record that is nested too deeply to decode is rejected; the others are delivered."""
    deep: object = 1
    for _ in range(5000):
        deep = {"a": deep}
    bad: Any = event(1, deep=deep)
    if is_line:
        bad = orjson.dumps(event(1, deep="here")).replace(b'"here"', b"[" * 1010 + b"]" * 1010)
    report = await mp.import_events([bad, event(2)], mapping=RecordMapping(**options) if options else None)
    assert report.read == 2
    assert (report.imported, report.rejected) == (1, 1)


async def test_an_empty_id(mp: AsyncMixpanel) -> None:
    """An event with an empty $insert_id is rejected before it is sent, as a mapping and as a line."""
    bad = event(1, **{"$insert_id": ""})
    records: list[Any] = [bad, event(2), orjson.dumps(bad)]
    report = await mp.import_events(records, dry_run=True)
    assert (report.skipped, report.rejected) == (1, 2)
    assert {fault.field for fault in report.examples} == {"properties.$insert_id"}


async def test_a_source_that_pauses(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """Records of an async source are delivered while it pauses; nothing waits for a full batch."""
    arrived = asyncio.Event()

    async def source() -> AsyncIterator[dict[str, object]]:
        yield event(1)
        await arrived.wait()
        yield event(2)

    def see(progress: ImportProgress) -> None:
        if progress.imported == 1:
            arrived.set()

    async with asyncio.timeout(10):
        report = await mp.import_events(source(), on_progress=see)
    assert report.imported == 2
    assert len(emulator.requests) == 2


async def test_a_source_that_ends_while_it_is_sent(emulator: Emulator) -> None:
    """Records before a pause are delivered even if the source ends while they wait for buffer space."""
    is_looked_at = asyncio.Event()
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.2, times=None))

    async def source() -> AsyncIterator[dict[str, object] | bytes]:
        for number in range(20):
            yield event(number)
        for number in range(20, 23):
            yield orjson.dumps(event(number))
        await is_looked_at.wait()

    def see(_: ImportProgress) -> None:
        asyncio.get_running_loop().call_later(0.05, is_looked_at.set)

    settings = Settings(linger_seconds=0.05, max_batch_records=10)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        report = await mp.import_events(source(), concurrency=1, on_progress=see)
    assert (report.read, report.imported, report.is_balanced) == (23, 23, True)


async def test_a_source_that_fails(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """An error of the caller's iterable is raised after the records before it were delivered."""

    async def source() -> AsyncIterator[dict[str, object]]:
        yield event(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await mp.import_events(source())
    assert len(await emulator.events()) == 1
    assert "1 records read, 1 imported" in caught.value.__notes__[0]


async def test_a_file_object(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A file object is read from its position and left open."""
    with write("a.ndjson", ndjson([event(1)])).open("rb") as file:
        assert (await mp.import_events(file)).imported == 1
        assert not file.closed
    assert (await mp.import_events(io.BytesIO(ndjson([event(2)])))).imported == 1
    assert len(await emulator.events()) == 2


async def test_several_files(emulator: Emulator, mp: AsyncMixpanel, write: Write, tmp_path: pathlib.Path) -> None:
    """A directory, pattern or list means all of its files, each named in positions."""
    write("1.ndjson", ndjson([event(1)]))
    write("2.csv", b"event,time,distinct_id,$insert_id\nA,1700000000,u,i1\n")
    write("3.ndjson.gz", ndjson([event(2)]) + b"bad\n")
    write("readme.txt", b"no data")
    for source in (
        tmp_path,
        f"{tmp_path}/[1-3].*",
        [tmp_path / "1.ndjson", tmp_path / "2.csv", tmp_path / "3.ndjson.gz"],
    ):
        report = await mp.import_events(source)
        assert (report.read, report.imported, report.rejected) == (4, 3, 1)
        assert report.examples[0].position == f"{tmp_path}/3.ndjson.gz:2"
    assert len(await emulator.deduplicated_events()) == 3


async def test_a_truncated_file(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """The whole records of a truncated gzip file are delivered once, and the report is incomplete."""
    events = [event(number, text=str(hash(str(number)))) for number in range(20_000)]
    path = write("cut.ndjson.gz", ndjson(events))
    path.write_bytes(path.read_bytes()[:-5000])
    report = await mp.import_events(path)
    assert 0 < report.imported < 20_000
    assert report.read == report.imported == len(await emulator.events())
    assert report.error == f"{path}: the gzip stream is truncated"
    assert report.exit_status is ExitStatus.INCOMPLETE


async def test_records_that_mixpanel_refuses(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Records that only Mixpanel rejects are counted once, with their line; the others are delivered."""
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(0, 7)))
    path = write("a.ndjson", b"broken\n" + ndjson([event(number) for number in range(10)]))
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.rejected) == (11, 8, 3)
    assert {fault.position for fault in report.examples} == {f"{path}:1", f"{path}:2", f"{path}:9"}


async def test_one_unreadable_record_costs_no_other(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """If one unreadable record makes Mixpanel refuse a request, only that record is rejected."""
    lines = [orjson.dumps(event(number, x="X")) for number in range(10)]
    lines[4] = lines[4].replace(b'"X"', b"1e999")
    path = write("a.ndjson", b"\n".join(lines))
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.rejected) == (10, 9, 1)
    assert report.examples[0].position == f"{path}:5"
    assert len(await emulator.events()) == 9


async def test_refused_credentials_end_the_job() -> None:
    """Refused credentials end the job early with exit status 3; the rest of the source is not read."""
    settings = EmulatorSettings(service_accounts={"user": "secret"})
    async with Emulator(settings) as emulator:
        async with AsyncMixpanel("wrong", base_url=emulator.url) as mp:
            reads = 0

            async def source() -> AsyncIterator[dict[str, object]]:
                nonlocal reads
                for reads in range(1_000_000):
                    yield event(reads)

            report = await mp.import_events(source())
        assert report.is_refused
        assert report.exit_status is ExitStatus.REFUSED
        assert reads < 999_999
        assert report.undelivered == report.undelivered_by["unauthorized"] == report.read > 0
        assert report.is_balanced
        async with AsyncMixpanel("wrong", base_url=emulator.url) as mp:
            with pytest.raises(UnauthorizedError):
                await mp.import_events(source(), probe=True)
        assert await emulator.events() == []


async def test_an_address_that_is_gone(emulator: Emulator, write: Write) -> None:
    """A 404 ends the job; the records are undelivered and sent by a later run."""
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=404, after=2, times=None))
    path = write("a.ndjson", ndjson([event(number, text="x" * 200) for number in range(20_000)]))
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    settings = Settings(linger_seconds=0.05, max_batch_records=100)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead, concurrency=1)
        assert report.is_balanced
        assert report.read < 20_000
        assert report.imported == 200
        assert report.undelivered == report.undelivered_by["not_found"] == report.read - 200
        assert (report.is_refused, report.exit_status) == (False, ExitStatus.INCOMPLETE)
        assert "404" in report.error
        emulator.faults.clear()
        report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    assert (report.read, report.imported, report.exit_status) == (20_000, 20_000, ExitStatus.OK)
    assert dead.read_bytes() == b""


async def test_a_server_that_is_not_there(write: Write) -> None:
    """A probe reports at once that the server does not answer; nothing is read."""
    async with AsyncMixpanel("token", base_url="http://127.0.0.1:9") as mp:
        with pytest.raises(MixpanelError, match="cannot connect"):
            await mp.import_events(write("a.ndjson", ndjson([event(1)])), probe=True)


async def test_too_large_for_the_server(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A 413 splits a batch; each record is counted once and keeps its line."""
    emulator.limits.change({"max_batch_records": 300})
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(1,), after=6))
    report = await mp.import_events(write("a.ndjson", ndjson([event(number) for number in range(1000)])))
    assert (report.read, report.imported, report.rejected) == (1000, 999, 1)
    numbers = {e["properties"]["distinct_id"] for e in await emulator.events()}
    line = int(report.examples[0].position.rpartition(":")[2])
    assert f"user-{line - 1}" not in numbers
    assert len(numbers) == 999


async def test_stopping(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """A stopped job delivers and reports what it read, and reads no further."""
    stop = asyncio.Event()

    async def source() -> AsyncIterator[dict[str, object]]:
        for number in range(1500):
            yield event(number)
        stop.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        report = await mp.import_events(source(), stop=stop)
    assert report.is_stopped
    assert report.read == report.imported == len(await emulator.events()) == 1500
    assert report.exit_status is ExitStatus.INCOMPLETE


async def test_cancelling_leaves_nothing_running(mp: AsyncMixpanel) -> None:
    """A cancelled import ends its tasks and its threads."""
    before = asyncio.all_tasks()
    started = asyncio.Event()

    async def source() -> AsyncIterator[dict[str, object]]:
        yield event(1)
        started.set()
        await asyncio.Event().wait()

    job = asyncio.create_task(mp.import_events(source()))
    await started.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert {name for name in names if name.startswith("mixpanel_async.import")} == set()


async def test_a_client_that_is_closed_under_a_job(emulator: Emulator) -> None:
    """Closing the client ends the job with an error and does not hang."""
    mp = AsyncMixpanel("token", base_url=emulator.url)

    async def source() -> AsyncIterator[dict[str, object]]:
        for number in range(5000):
            yield event(number)
        await mp.aclose()
        for number in range(5000):
            yield event(number, late=True)

    async with asyncio.timeout(10):
        with pytest.raises(ClientClosedError):
            await mp.import_events(source())


async def test_a_dry_run_sends_nothing(emulator: Emulator, write: Write) -> None:
    """A dry run checks everything, needs no credential, and sends nothing."""
    async with AsyncMixpanel(base_url=emulator.url) as mp:
        report = await mp.import_events(write("a.ndjson", ndjson([event(1), event(1), {"event": ""}])), dry_run=True)
    assert (report.read, report.skipped, report.duplicates, report.rejected) == (3, 1, 1, 1)
    assert report.skipped_by == {"dry_run": 1}
    assert not emulator.requests


async def test_a_function_of_the_callers(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A transform function returns any number of events, all are counted; an exception rejects the record."""

    def transform(one: dict[str, object]) -> dict[str, object] | list[dict[str, object]] | None:
        number = int(str(one["properties"]["distinct_id"])[5:])  # type: ignore[index]
        if number == 1:
            return None
        if number == 2:
            return [event(20), event(21), {"event": ""}]
        if number == 3:
            raise ZeroDivisionError
        return {**one, "event": "Changed"}

    path = write("a.ndjson", ndjson([event(number) for number in range(5)]))
    report = await mp.import_events(path, transform=transform)
    assert (report.read, report.imported, report.rejected, report.skipped) == (7, 4, 2, 1)
    assert report.skipped_by == {"function": 1}
    assert sorted(e["event"] for e in await emulator.events()) == ["Changed", "Changed", "Seen", "Seen"]
    assert "ZeroDivisionError" in str(report.examples)


async def test_filters_are_counted(mp: AsyncMixpanel, write: Write) -> None:
    """Skipped records are counted by the name of the filter, and the import is complete."""
    path = write("a.ndjson", ndjson([event(1), event(2), {**event(3), "event": "Other"}]))
    mapping = RecordMapping(events=frozenset({"Seen"}), from_time="2023-11-14T22:13:22Z")
    report = await mp.import_events(path, mapping=mapping)
    assert (report.imported, report.skipped_by) == (1, {"time": 1, "event": 1})
    assert report.is_complete


async def test_concurrency_is_bounded(emulator: Emulator, write: Write) -> None:
    """A job never has more requests in flight than its concurrency."""
    path = write("a.ndjson", ndjson([event(number) for number in range(2000)]))
    settings = Settings(max_batch_records=50)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:
        assert (await mp.import_events(path, concurrency=2)).imported == 2000
    assert (await emulator.counts()).in_flight_peak <= 2


async def test_progress(mp: AsyncMixpanel, write: Write) -> None:
    """The last progress has everything read and imported; an exception in the callback does not end the job."""
    path = write("a.ndjson", ndjson([event(number) for number in range(10)]))
    seen: list[ImportProgress] = []

    def see(progress: ImportProgress) -> None:
        seen.append(progress)
        raise ZeroDivisionError

    report = await mp.import_events(path, on_progress=see)
    assert report.imported == 10
    assert (seen[-1].read, seen[-1].imported, seen[-1].in_flight) == (10, 10, 0)
    assert seen[-1].read_bytes == seen[-1].total_bytes == path.stat().st_size
    assert seen[-1].seconds_left == 0


async def test_the_speed_is_this_runs_own(mp: AsyncMixpanel, write: Write) -> None:
    """Records of earlier runs count neither for the speed nor for the estimated time."""
    path = write("a.ndjson", ndjson([event(number) for number in range(10)]))
    await mp.import_events(path, checkpoint=path.with_name("checkpoint"))
    seen: list[ImportProgress] = []
    report = await mp.import_events(path, checkpoint=path.with_name("checkpoint"), on_progress=seen.append)
    assert (report.read, report.resumed) == (10, 10)
    assert (seen[-1].read, seen[-1].resumed_bytes) == (10, path.stat().st_size)
    assert (seen[-1].records_per_second, seen[-1].seconds_left) == (0.0, None)
    half = msgspec.structs.replace(seen[-1], read=60, resumed=10, total_bytes=400, read_bytes=300, resumed_bytes=200)
    half = msgspec.structs.replace(half, seconds=5.0)
    assert (half.records_per_second, half.seconds_left) == (10.0, 5.0)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("nowhere.ndjson", {}, SourceError, "there is no such file"),
        ("nowhere/*.ndjson", {}, SourceError, "no file matches"),
        ("a.parquet", {}, SourceError, "there is no such file"),
        ([], {"format": "csv"}, InvalidArgumentError, "format and delimiter are invalid"),
        (5, {}, SourceError, "cannot read records from a int"),
        ([], {"concurrency": 0}, InvalidArgumentError, "concurrency"),
        ("-", {"format": "xml"}, InvalidArgumentError, "format is invalid: 'xml'"),
        ([], {"checkpoint": "c"}, InvalidArgumentError, "checkpoint is invalid: an iterable cannot be read again"),
        ("-", {"checkpoint": "c", "dry_run": True}, InvalidArgumentError, "a dry run"),
    ],
)
async def test_misuse(
    mp: AsyncMixpanel, source: str, options: dict[str, object], error: type[Exception], message: str
) -> None:
    """Invalid arguments are refused before anything is read, in one line."""
    with pytest.raises(error, match=message) as caught:
        await mp.import_events(source, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


async def test_columns_that_are_not_there(mp: AsyncMixpanel, write: Write) -> None:
    """A table without a required column is refused before a row is read; the message names the columns."""
    path = write("a.csv", b"a,b\n1,2\n")
    with pytest.raises(InvalidArgumentError, match="'event', 'time'; map one of 'a', 'b'"):
        await mp.import_events(path)
    with pytest.raises(InvalidArgumentError, match="duplicate column 'a'"):
        await mp.import_events(write("b.csv", b"a,a\n1,2\n"))


def test_reports_read_as_data() -> None:
    """A report whose counts do not add up is never complete."""
    report = ImportReport(
        source="x", read=2, imported=1, rejected=0, duplicates=0, skipped=0, undelivered=0, rejected_by={},
        skipped_by={}, undelivered_by={}, read_bytes=0, sent_bytes=0, requests=0, retries=0, rate_limited=0,
        duration_seconds=0.0,
    )  # fmt: skip
    assert not report.is_balanced
    assert report.exit_status is ExitStatus.INCOMPLETE
