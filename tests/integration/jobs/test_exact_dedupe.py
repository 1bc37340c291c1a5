"""Exact dedupe finds every duplicate of a source, at any distance and after any number of interruptions."""

import asyncio
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async import AsyncMixpanel, ImportReport, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.dedupe.disk_store import DedupeStore, event_hash
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.model.chunks import EncodedChunk, Position
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.event_key import EventFields, KeyProperties
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
NARROW = Settings(linger_seconds=0.05, dedupe_window_records=10)


def key(name: str = "E", **properties: object) -> bytes | None:
    own = {"time": NOON, "distinct_id": "u", "$insert_id": "i", **properties}
    return event_hash(orjson.dumps({"event": name, "properties": own}))


def encoded(lines: Sequence[bytes], numbers: Sequence[int]) -> EncodedChunk:
    return EncodedChunk("file", lines, numbers, Tally(), end=Position(0, numbers[-1]) if numbers else None)


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def opened(path: pathlib.Path, *, is_resumed: bool = False) -> DedupeStore:
    store = DedupeStore(str(path))
    await store.open("owner", is_resumed=is_resumed, is_done=False)
    return store


# --- what an event is recognised by -----------------------------------------------------------------------------------


def test_equal_events_have_equal_keys() -> None:
    """Only event, time, distinct_id and $insert_id count; a whole number is the same in every notation."""
    assert key() == key(other=1) == key(time=float(NOON))
    others = [key("F"), key(time=NOON + 1), key(distinct_id="v"), key(**{"$insert_id": "j"}), key(time=NOON * 1000)]
    assert len({key(), *others}) == 6


def test_texts_do_not_run_into_each_other() -> None:
    """The boundaries between the texts are part of the key."""
    assert key("a\0b", distinct_id="c") != key("a", distinct_id="b\0c")
    assert key("ab", distinct_id="c") != key("a", distinct_id="bc")


def test_later_events_have_higher_keys() -> None:
    """Keys sort by time, in seconds and milliseconds alike, so that a source in order of time appends."""
    times = [31_536_001, NOON, NOON * 1000 + 1500, NOON + 2, (NOON + 3) * 1000]
    keys = [key(time=time) for time in times]
    assert keys == sorted(keys, key=lambda one: one or b"")
    assert {len(one or b"") for one in keys} == {21}


def test_events_that_link_ids_are_no_repeats() -> None:
    """$identify, $create_alias and $merge have no key, with or without the fields of an event."""
    assert key("$identify") is None
    assert event_hash(b'{"event":"$merge","properties":{"$distinct_ids":["a","b"]}}') is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "A\0"]),
            st.sampled_from([NOON, NOON + 1, NOON * 1000, NOON + 0.5]),
            st.sampled_from(["u", "v", "\0u", "ü"]),
            st.sampled_from(["i", "j"]),
        )
    )
)
def test_the_rule_is_the_windows(found: list[tuple[str, float, str, str]]) -> None:
    """Two events have the same key exactly if the in-memory window treats them as duplicates."""
    window = EventWindow(1000)
    keys: set[bytes | None] = set()
    for name, time, who, insert_id in found:
        is_new = window.is_new(EventFields(name, KeyProperties(time, who, insert_id)))
        one = key(name, time=time, distinct_id=who, **{"$insert_id": insert_id})
        assert (one not in keys) == is_new
        keys.add(one)


# --- the store --------------------------------------------------------------------------------------------------------


@given(
    source=st.lists(st.integers(0, 12), max_size=60),
    runs=st.lists(st.tuples(st.integers(0, 60), st.lists(st.integers(1, 9), min_size=60, max_size=60)), max_size=4),
    last=st.lists(st.integers(1, 9), min_size=60, max_size=60),
)
@settings(max_examples=60)
def test_any_chunks_and_any_stops(
    tmp_path_factory: pytest.TempPathFactory,
    source: list[int],
    runs: list[tuple[int, list[int]]],
    last: list[int],
) -> None:
    """For any chunks and interruptions, the duplicates are those that a set finds."""
    path = tmp_path_factory.mktemp("seen") / "checkpoint"
    lines = [orjson.dumps(event(number)) for number in source]
    wanted = {place for place, number in enumerate(source) if number in source[:place]}

    async def run(start: int, stop: int, sizes: list[int], *, is_resumed: bool) -> tuple[int, set[int]]:
        """Sift from a place on; return where a later run begins, and the repeats on the way."""
        store = await opened(path, is_resumed=is_resumed)
        place, found, committed = start, set(), start
        for size in sizes:
            end = min(place + size, len(lines))
            if place >= end or place >= stop:
                break
            one = encoded(lines[place:end], range(place, end))
            await store.remove_duplicates(one)
            found |= set(range(place, end)) - set(one.numbers)
            assert one.tally.duplicates == end - place - len(one.parts)
            place = end
            if size % 2:
                await store.commit()
                committed = place
        await store.aclose(is_removed=False)
        return committed, found

    async def main() -> None:
        start, is_resumed = 0, False
        for stop, sizes in [*runs, (60, last)]:
            end, found = await run(start, stop, sizes, is_resumed=is_resumed)
            assert found <= wanted
            assert {place for place in wanted if start <= place < end} <= found
            start, is_resumed = end, True

    asyncio.run(main())


async def test_a_repeat_within_one_record(tmp_path: pathlib.Path) -> None:
    """Equal events made from one record count as duplicates, also when the record is read again."""
    line = orjson.dumps(event(1))
    for is_resumed in (False, True):
        store = await opened(tmp_path / "c", is_resumed=is_resumed)
        one = encoded([line, line], [7, 7])
        await store.remove_duplicates(one)
        assert (list(one.parts), list(one.numbers), one.tally.duplicates) == ([line], [7], 1)
        await store.commit()
        await store.aclose(is_removed=False)


async def test_a_file_is_part_of_the_place(tmp_path: pathlib.Path) -> None:
    """The same line number in another file is another position."""
    store = await opened(tmp_path / "c")
    for file, duplicates in ((0, 0), (0, 0), (1, 1)):
        one = EncodedChunk("file", [orjson.dumps(event(1))], [1], Tally(), end=Position(file, 1))
        await store.remove_duplicates(one)
        assert one.tally.duplicates == duplicates
    await store.aclose(is_removed=True)
    assert names(tmp_path) == []


async def test_what_was_not_committed_is_gone(tmp_path: pathlib.Path) -> None:
    """A later run knows only committed events: a checkpoint never refers to more."""
    store = await opened(tmp_path / "c")
    await store.remove_duplicates(encoded([orjson.dumps(event(1))], [1]))
    await store.commit()
    await store.remove_duplicates(encoded([orjson.dumps(event(2))], [2]))
    await store.aclose(is_removed=False)
    with sqlite3.connect(tmp_path / "c.seen") as database:
        assert [number for (number,) in database.execute("SELECT number FROM seen")] == [1]
    database.close()


async def test_a_full_disk(tmp_path: pathlib.Path) -> None:
    """A full disk is an error that names the store; the chunk is unchanged and every later call fails."""
    store = await opened(tmp_path / "c")
    database = store._database
    assert database is not None
    await store._thread.submit(lambda: database.execute("PRAGMA max_page_count = 5"))
    lines = [orjson.dumps(event(number)) for number in range(5000)]
    one = encoded(lines, range(5000))
    with pytest.raises(OutputError, match=r"cannot write .*c\.seen: database or disk is full"):
        await store.remove_duplicates(one)
    assert (len(one.parts), one.tally.duplicates) == (5000, 0)
    await store._thread.submit(lambda: database.execute("PRAGMA max_page_count = 5000"))
    with pytest.raises(OutputError, match=r"c\.seen"):
        await store.commit()
    await store.aclose(is_removed=False)


MEMORY = """
import asyncio, hashlib, os, resource, sys, tempfile
from mixpanel_async.jobs.model.event_key import EventFields, KeyProperties
from mixpanel_async.jobs.model.chunks import EncodedChunk, Position
from mixpanel_async.jobs.dedupe.disk_store import DedupeStore
from mixpanel_async.jobs.model.counts import Tally

async def main(events, folder):
    store = DedupeStore(os.path.join(folder, "checkpoint"))
    await store.open("owner", is_resumed=False, is_done=False)
    for start in range(0, events, 5000):
        lines = []
        for number in range(start, start + 5000):
            # in no order, which is the worst case
            time = 1_500_000_000 + int.from_bytes(hashlib.blake2b(b"%d" % number, digest_size=4).digest(), "big") // 32
            line = b'{"event":"E","properties":{"time":%d,"distinct_id":"u","$insert_id":"%d"}}' % (time, number)
            lines.append(line)
        numbers = range(start, start + 5000)
        await store.remove_duplicates(EncodedChunk("file", lines, numbers, Tally(), end=Position(0, start)))
        if start % 50_000 == 0:
            await store.commit()
    await store.aclose(is_removed=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
"""


def test_memory_is_bounded(tmp_path: pathlib.Path) -> None:
    """More keys need more disk, but at most 32 MiB more memory; SEEN_TEST_EVENTS sets their number."""
    events = os.environ.get("SEEN_TEST_EVENTS", "500000")
    peaks = []
    for count in ("100000", events):
        command = [sys.executable, "-c", MEMORY, count, str(tmp_path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert peaks[1] - peaks[0] < 32 * 1024 * 1024


# --- the job ----------------------------------------------------------------------------------------------------------


async def test_repeats_far_apart(emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Duplicates 250,000 events apart, far beyond the window, are found only with exact dedupe."""
    count, distance, repeats = 300_000, 250_000, 40_000
    path = tmp_path / "a.ndjson"
    with path.open("wb") as file:
        for number in range(count):
            repeated = number - distance if distance <= number < distance + repeats else number
            file.write(
                b'{"event":"E","properties":{"time":%d,"distinct_id":"u","$insert_id":"i-%d"}}\n'
                % (NOON + repeated, repeated)
            )
    async with AsyncMixpanel(base_url=emulator.url) as mp:
        plain = await mp.import_events(path, dry_run=True)
        report = await mp.import_events(path, dry_run=True, exact_dedupe=True)
    assert (plain.read, plain.duplicates) == (count, 0)
    assert (report.read, report.duplicates, report.skipped) == (count, repeats, count - repeats)
    assert names(tmp_path) == ["a.ndjson"]


async def test_everything_is_sent_once(emulator: Emulator, write: Write) -> None:
    """With exact dedupe each event is sent once: lines, rows, mappings and the output of a transform function."""
    events = [event(number % 100) for number in range(1000)]
    async with AsyncMixpanel("token", base_url=emulator.url, settings=NARROW) as mp:
        report = await mp.import_events(write("a.ndjson", ndjson(events)), exact_dedupe=True)
        assert (report.imported, report.duplicates, report.is_balanced) == (100, 900, True)
        report = await mp.import_events(events, exact_dedupe=True)
        assert (report.imported, report.duplicates) == (100, 900)
        rows = [b"A,%d,u,i%d" % (NOON, number % 100) for number in range(1000)]
        table = write("a.csv", b"event,time,distinct_id,$insert_id\n" + b"\n".join(rows))
        report = await mp.import_events(table, exact_dedupe=True)
        assert (report.imported, report.duplicates) == (100, 900)
        report = await mp.import_events(events, exact_dedupe=True, transform=lambda one: [one, one])
        assert (report.read, report.imported, report.duplicates) == (2000, 100, 1900)
        letters = b"".join(b'{"source":"s","number":1,"record":%s}\n' % orjson.dumps(one) for one in events)
        report = await mp.replay_dead_letters(write("dead", letters), exact_dedupe=True)
        assert (report.imported, report.duplicates) == (100, 900)
    assert len(await emulator.events()) == 500


async def test_a_source_that_pauses_and_goes_on(emulator: Emulator) -> None:
    """Records taken during a pause of the source keep their order and are all counted."""
    beat = asyncio.Event()

    async def source() -> AsyncIterator[dict[str, object]]:
        for number in range(3000):
            if number % 250 == 249:
                beat.clear()
                await beat.wait()
            yield event(number % 1000)

    def see(_: object) -> None:
        asyncio.get_running_loop().call_soon(beat.set)

    quick = Settings(linger_seconds=0.05, max_batch_records=100, dedupe_window_records=10)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=quick) as mp:
        async with asyncio.timeout(20):
            report = await mp.import_events(source(), exact_dedupe=True, concurrency=1, on_progress=see)
    assert (report.read, report.imported, report.duplicates, report.is_balanced) == (3000, 1000, 2000, True)
    assert len(await emulator.events()) == 1000


async def interrupted(
    emulator: Emulator, path: pathlib.Path, stops: Sequence[bool], **options: object
) -> list[ImportReport]:
    """Import with a checkpoint and exact dedupe, run after run, some of them stopped early."""
    reports = []
    small = Settings(linger_seconds=0.05, max_batch_records=200, dedupe_window_records=10)
    for is_stopped in stops:
        stop = asyncio.Event()
        async with AsyncMixpanel("token", base_url=emulator.url, settings=small) as mp:

            def see(_: object, mp: AsyncMixpanel = mp, stop: asyncio.Event = stop, *, ends: bool = is_stopped) -> None:
                if ends and mp.stats.requests:
                    stop.set()

            checkpoint = path.with_name("checkpoint")
            reports.append(
                await mp.import_events(
                    path,
                    checkpoint=checkpoint,
                    exact_dedupe=True,
                    stop=stop,
                    concurrency=2,
                    on_progress=see,
                    **options,  # type: ignore[arg-type]
                )
            )
    return reports


async def test_resuming_finds_repeats_of_earlier_runs(emulator: Emulator, write: Write) -> None:
    """Interrupted and resumed runs count the same duplicates as one run, and send nothing twice."""
    numbers = [number if number < 20_000 or number % 3 else number - 20_000 for number in range(40_000)]
    unique = len(set(numbers))
    path = write("a.ndjson", ndjson([event(number, text="x" * 100) for number in numbers]))
    *_, report = await interrupted(emulator, path, (True, True, False))
    assert 0 < report.resumed < 40_000
    assert (report.read, report.imported, report.duplicates) == (40_000, unique, 40_000 - unique)
    assert len(await emulator.events()) == unique
    assert names(path.parent) == ["a.ndjson", "checkpoint"]
    (again,) = await interrupted(emulator, path, (False,))
    assert (again.read, again.imported, again.duplicates) == (40_000, unique, 40_000 - unique)
    assert len(await emulator.events()) == unique
    assert names(path.parent) == ["a.ndjson", "checkpoint"]


async def test_a_store_that_is_not_the_jobs_own(emulator: Emulator, write: Write) -> None:
    """An import cannot be resumed without its store, with another store, or with another kind of file."""
    path = write("a.ndjson", ndjson([event(number, text="x" * 300) for number in range(20_000)]))
    (report,) = await interrupted(emulator, path, (True,))
    assert report.is_stopped
    store = path.with_name("checkpoint.seen")
    kept = store.read_bytes()
    requests = len(emulator.requests)
    store.unlink()
    with pytest.raises(InvalidArgumentError, match=r"checkpoint\.seen is missing"):
        await interrupted(emulator, path, (False,))
    for other in (b"", b"some text\n" * 100, await _store_of_another(path)):
        store.write_bytes(other)
        with pytest.raises(InvalidArgumentError, match=r"checkpoint\.seen does not belong to .*checkpoint"):
            await interrupted(emulator, path, (False,))
    assert len(emulator.requests) == requests
    store.write_bytes(kept)
    (report,) = await interrupted(emulator, path, (False,))
    assert report.is_complete


async def _store_of_another(path: pathlib.Path) -> bytes:
    other = await opened(path.with_name("other"))
    await other.aclose(is_removed=False)
    return path.with_name("other.seen").read_bytes()


async def test_a_leftover_store(emulator: Emulator, write: Write) -> None:
    """Without a checkpoint an import starts anew and replaces an old store, but never another kind of file."""
    path = write("a.ndjson", ndjson([event(1), event(2)]))
    left = await opened(path.with_name("checkpoint"))
    await left.remove_duplicates(encoded([orjson.dumps(event(1))], [99]))
    await left.commit()
    await left.aclose(is_removed=False)
    (report,) = await interrupted(emulator, path, (False,))
    assert (report.imported, report.duplicates) == (2, 0)
    path.with_name("checkpoint").unlink()
    path.with_name("checkpoint.seen").write_bytes(b"a letter to my mother")
    with pytest.raises(InvalidArgumentError, match="exists but was not created by an import"):
        await interrupted(emulator, path, (False,))
    assert path.with_name("checkpoint.seen").read_bytes() == b"a letter to my mother"


async def test_two_imports_with_one_store(emulator: Emulator, write: Write) -> None:
    """A store that another import is using is refused."""
    path = write("a.ndjson", ndjson([event(number, text="x" * 300) for number in range(20_000)]))
    await interrupted(emulator, path, (True,))
    checkpoint = msgspec.json.decode(path.with_name("checkpoint").read_bytes(), type=Checkpoint)
    first = DedupeStore(str(path.with_name("checkpoint")))
    await first.open(checkpoint.dedupe_store, is_resumed=True, is_done=False)
    with pytest.raises(OutputError, match="another import is using it"):
        await interrupted(emulator, path, (False,))
    await first.aclose(is_removed=False)


async def test_it_belongs_to_the_checkpoint(mp: AsyncMixpanel, write: Write) -> None:
    """An import with exact dedupe cannot be resumed without it, nor the reverse."""
    path = write("a.ndjson", ndjson([event(1)]))
    await mp.import_events(path, checkpoint=path.with_name("with"), exact_dedupe=True)
    await mp.import_events(path, checkpoint=path.with_name("without"))
    with pytest.raises(InvalidArgumentError, match="with exact dedupe"):
        await mp.import_events(path, checkpoint=path.with_name("with"))
    with pytest.raises(InvalidArgumentError, match="without exact dedupe"):
        await mp.import_events(path, checkpoint=path.with_name("without"), exact_dedupe=True)


async def test_updates_have_no_insert_id(mp: AsyncMixpanel, write: Write) -> None:
    """Exact dedupe is refused for profiles and groups, because nothing identifies their duplicates."""
    for start in (mp.import_profiles, mp.import_groups):
        with pytest.raises(InvalidArgumentError, match="exact_dedupe is invalid"):
            await start(write("a.ndjson", b""), exact_dedupe=True)


async def test_a_store_that_cannot_be_written(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A store that cannot be created ends the job before anything is sent."""
    path = write("a.ndjson", ndjson([event(1)]))
    path.with_name("checkpoint.seen").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*checkpoint\.seen"):
        await mp.import_events(path, checkpoint=path.with_name("checkpoint"), exact_dedupe=True)
    assert not emulator.requests


async def test_a_disk_that_fills_up(emulator: Emulator, write: Write) -> None:
    """A disk that fills up ends the import with an error that names the store; the next run completes it."""
    count = 40_000
    path = write("a.ndjson", ndjson([event(number % 30_000, text="x" * 100) for number in range(count)]))
    command = [sys.executable, "-m", "mixpanel_async", "import", "events", str(path), "--exact-dedupe", "--json"]
    command += ["--checkpoint", str(path.with_name("checkpoint")), "--base-url", emulator.url]

    async def run(max_file_bytes: int) -> tuple[int | None, bytes, bytes]:
        limit = max_file_bytes or resource.RLIM_INFINITY
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "MIXPANEL_TOKEN": "token"}, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode, out, err

    status, _, err = await run(500_000)
    assert status == 1
    assert b"checkpoint.seen: " in err
    status, out, err = await run(0)
    report = orjson.loads(out)
    assert (status, report["read"], report["imported"], report["duplicates"]) == (0, count, 30_000, 10_000)
    assert len(await emulator.deduplicated_events()) == 30_000
