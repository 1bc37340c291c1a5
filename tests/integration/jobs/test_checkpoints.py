"""Checkpoints, dead letters and their replay."""

import asyncio
import os
import pathlib
import tracemalloc
from collections.abc import Callable

import msgspec
import orjson
import pytest

from mixpanel_async import AsyncMixpanel, RecordMapping, ServiceAccount, Settings
from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]


def letters(path: pathlib.Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def read(path: pathlib.Path) -> Checkpoint:
    return msgspec.json.decode(path.read_bytes(), type=Checkpoint)


async def test_dead_letters_hold_everything(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """Each rejected record is written with position, reason and content, whatever its bytes."""
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(1,)))
    lines = [orjson.dumps(event(1)), b"no json", b"\xff\xfe", orjson.dumps(event(2, time=...)), orjson.dumps(event(3))]
    path = write("a.ndjson", b"\n".join(lines))
    report = await mp.import_events(path, dead_letters=path.with_name("dead.ndjson"))
    found = letters(path.with_name("dead.ndjson"))
    assert report.rejected == 4
    assert all(letter["source"] == str(path) and letter["message"] for letter in found)
    assert {letter["number"]: (letter["reason"], letter.get("field", "")) for letter in found} == {
        2: ("malformed", ""),
        3: ("malformed", ""),
        4: ("invalid", "properties.time"),
        5: ("invalid", ""),
    }
    by_number = {letter["number"]: letter for letter in found}
    assert by_number[2]["text"] == "no json"
    assert by_number[3]["base64"] == "//4="
    assert by_number[4]["record"] == event(2, time=...)
    assert by_number[5]["record"] == event(3)


async def test_repaired_letters_are_sent(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """A dead letter whose record was fixed is delivered; what fails again goes to another file."""
    path = write("a.ndjson", ndjson([event(1, time=...), event(2, time=...), event(3)]) + b"no json\n")
    dead, rest = path.with_name("dead.ndjson"), path.with_name("rest.ndjson")
    await mp.import_events(path, dead_letters=dead)
    found = letters(dead)
    assert len(found) == 3
    repaired = [{**letter, "record": event(2)} if letter["number"] == 2 else letter for letter in found]
    dead.write_bytes(ndjson(repaired))
    report = await mp.replay_dead_letters(dead, dead_letters=rest)
    assert (report.read, report.imported, report.rejected) == (3, 1, 2)
    assert {e["properties"]["$insert_id"] for e in await emulator.events()} == {"id-2", "id-3"}
    assert len(letters(rest)) == 2


async def test_letters_of_a_table(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """A rejected row is stored as a row; the mapping of the import turns it into an event when it is replayed."""
    mapping = RecordMapping(types={"n": "int"})
    path = write("a.csv", b"event,time,distinct_id,$insert_id,n\nA,1700000000,u,i1,one\nA,1700000000,u,i2,2\n")
    dead = path.with_name("dead.ndjson")
    await mp.import_events(path, mapping=mapping, dead_letters=dead)
    (letter,) = letters(dead)
    assert letter["record"] == {"event": "A", "time": "1700000000", "distinct_id": "u", "$insert_id": "i1", "n": "one"}
    dead.write_bytes(dead.read_bytes().replace(b'"one"', b'"1"'))
    report = await mp.replay_dead_letters(dead, mapping=mapping)
    assert report.imported == 1
    assert sorted(e["properties"]["n"] for e in await emulator.events()) == [1, 2]


async def test_a_finished_import_is_not_repeated(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """Running a finished import again sends nothing and reports the same numbers."""
    path = write("a.ndjson", ndjson([event(1), event(1), event(2)]) + b"bad\n")
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    first = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    requests, written = len(emulator.requests), dead.read_bytes()
    again = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    assert len(emulator.requests) == requests
    assert dead.read_bytes() == written
    assert (again.read, again.imported, again.rejected, again.duplicates) == (4, 2, 1, 1)
    assert (first.resumed, again.resumed) == (0, 4)
    assert first.exit_status == again.exit_status
    assert read(checkpoint).is_done


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.csv", "a.csv.gz"])
async def test_resuming_after_a_stop(emulator: Emulator, write: Write, name: str) -> None:
    """A stopped import resumes after the settled records; together the runs deliver and count everything once."""
    count = 30_000
    if ".csv" in name:
        rows = [b'A,%d,"u\n%d",i%d' % (1_700_000_000 + n, n, n) if n % 1000 else b"x,y" for n in range(count)]
        content = b"event,time,distinct_id,$insert_id\n" + b"\n".join(rows)
    else:
        lines = [orjson.dumps(event(n, text="x" * 100)) if n % 1000 else b"bad" for n in range(count)]
        content = b"\n".join(lines)
    path = write(name, content)
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    settings = Settings(linger_seconds=0.05, max_batch_records=500)
    for stops in (True, True, False):
        stop = asyncio.Event()
        async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:

            def see(_: object, mp: AsyncMixpanel = mp, stop: asyncio.Event = stop, *, stops: bool = stops) -> None:
                if stops and mp.stats.requests:
                    stop.set()

            report = await mp.import_events(
                path, checkpoint=checkpoint, dead_letters=dead, stop=stop, concurrency=2, on_progress=see
            )
        assert report.is_balanced
    assert report.resumed < count
    assert (report.read, report.imported, report.rejected) == (count, count - 30, 30)
    assert len(await emulator.deduplicated_events()) == count - 30
    assert len({letter["number"] for letter in letters(dead)}) == len(letters(dead)) == 30


async def test_refused_credentials_settle_nothing(write: Write) -> None:
    """Records refused because of the credentials are sent by the next run with valid credentials."""
    async with Emulator(EmulatorSettings(service_accounts={"user": "secret"}, project_id=1)) as emulator:
        path = write("a.ndjson", b"bad\n" + ndjson([event(number) for number in range(10)]))
        checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
        async with AsyncMixpanel("wrong", base_url=emulator.url) as mp:
            report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
            assert report.is_refused
        account = ServiceAccount("user", "secret")
        async with AsyncMixpanel("token", credentials=account, project_id=1, base_url=emulator.url) as mp:
            report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
        assert (report.read, report.imported, report.rejected) == (11, 10, 1)
        assert [letter["number"] for letter in letters(dead)] == [1]


async def test_changes_are_refused(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """A checkpoint of other files, a changed file or another mapping is refused, and so is another kind of file."""
    content = ndjson([event(1)])
    path = write("a.ndjson", content)
    checkpoint = path.with_name("checkpoint")
    await mp.import_events(path, checkpoint=checkpoint)
    requests = len(emulator.requests)
    with pytest.raises(InvalidArgumentError, match="other format or mapping options"):
        await mp.import_events(path, checkpoint=checkpoint, mapping=RecordMapping(event="A"))
    with pytest.raises(InvalidArgumentError, match=r"belongs to .*a\.ndjson, not to .*b\.ndjson"):
        await mp.import_events(write("b.ndjson", content), checkpoint=checkpoint)
    write("a.ndjson", content.replace(b"Seen", b"Sawn"))
    with pytest.raises(InvalidArgumentError, match="has changed since"):
        await mp.import_events(path, checkpoint=checkpoint)
    checkpoint.write_bytes(b"{}")
    with pytest.raises(InvalidArgumentError, match="is not a checkpoint file"):
        await mp.import_events(path, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == b"{}"
    assert len(emulator.requests) == requests


async def test_files_that_cannot_be_written(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """A checkpoint or dead letters that cannot be written end the job before anything is sent."""
    path = write("a.ndjson", ndjson([event(1)]))
    for name in ("checkpoint", "dead_letters"):
        written = path.parent / "nowhere" / "file"
        with pytest.raises(OutputError, match=f"cannot write {written}: No such file"):
            await mp.import_events(path, **{name: written})  # type: ignore[arg-type]
    assert not emulator.requests


async def test_letters_of_others_are_kept(mp: AsyncMixpanel, write: Write) -> None:
    """Dead letters of earlier imports are kept, also when a run resumes."""
    dead = write("dead", b'{"source":"other","number":1,"reason":"invalid","message":"m","text":"x"}\n')
    path = write("a.ndjson", b"bad\n")
    for _ in range(2):
        await mp.import_events(path, checkpoint=path.with_name("checkpoint"), dead_letters=dead)
    assert [letter["source"] for letter in letters(dead)] == ["other", str(path)]


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_letters_of_a_path_that_is_spelled_in_another_way(
    emulator: Emulator, write: Write, monkeypatch: pytest.MonkeyPatch, *, is_elsewhere: bool
) -> None:
    """A run that spells the path differently keeps the dead letters of settled records."""
    lines = [orjson.dumps(event(n)) if n % 1000 else b"bad" for n in range(20_000)]
    path = write("a.ndjson", b"\n".join(lines))
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    monkeypatch.chdir(path.parent)
    stop = asyncio.Event()
    settings = Settings(linger_seconds=0.05, max_batch_records=500)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:

        def see(_: object) -> None:
            if mp.stats.requests:
                stop.set()

        first = await mp.import_events(
            "a.ndjson", checkpoint=checkpoint, dead_letters=dead, stop=stop, concurrency=2, on_progress=see
        )
        if is_elsewhere:  # then nobody can tell which file the old name means
            monkeypatch.chdir("/")
        report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    assert first.rejected > 0
    assert (report.read, report.rejected) == (20_000, 20)
    numbers = [letter["number"] for letter in letters(dead)]
    assert set(numbers) == set(range(1, 20_000, 1000))
    assert len(numbers) == 20 or is_elsewhere


async def test_a_large_file_of_letters_is_not_read_into_memory(mp: AsyncMixpanel, write: Write) -> None:
    """Resuming beside a large dead letter file does not read it into memory or change it."""
    line = b'{"source":"other","number":1,"reason":"r","message":"m","text":"%s"}\n' % (b"x" * 100_000)
    path, dead = write("a.ndjson", b"bad\n"), write("dead", line * 200)
    checkpoint = path.with_name("checkpoint")
    await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    with dead.open("ab") as file:
        file.write(line * 200)
    before = dead.read_bytes()
    tracemalloc.start()
    try:
        await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert dead.read_bytes() == before


async def test_what_a_killed_run_left_is_gone(mp: AsyncMixpanel, write: Write, tmp_path: pathlib.Path) -> None:
    """The partial checkpoint of a killed run is removed by the next run."""
    path = write("a.ndjson", ndjson([event(1)]))
    (tmp_path / ".checkpoint.partial").write_bytes(b"half a check")
    report = await mp.import_events(path, checkpoint=tmp_path / "checkpoint")
    assert report.imported == 1
    assert sorted(os.listdir(tmp_path)) == ["a.ndjson", "checkpoint"]  # noqa: PTH208
