"""Imports that are killed at random moments and run again."""

import asyncio
import io
import os
import pathlib
import random
import signal
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async.emulator import Emulator, InjectedFault
from tests.records import event

EVENTS = int(os.environ.get("KILL_TEST_EVENTS", "20000"))
KILLS = int(os.environ.get("KILL_TEST_KILLS", "4"))  # of each test and format


def note(what: str, path: pathlib.Path, killed: int) -> None:
    """Print how often the jobs of a test were killed; `pytest -rP` shows it."""
    print(f"{path.suffix[1:]}: killed {killed} times {what}")


async def start(
    emulator: Emulator, path: pathlib.Path, *options: str, code: str = "", **variables: str
) -> asyncio.subprocess.Process:
    program = ["-c", code] if code else ["-m", "mixpanel_async"]
    command = [*program, "import", "events", str(path), "--json", *options]
    files = ["--checkpoint", str(path.with_name("checkpoint")), "--dead-letters", str(path.with_name("dead"))]
    environment = {**os.environ, "MIXPANEL_TOKEN": "token", "MIXPANEL_BASE_URL": emulator.url, **variables}
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, *files, env=environment, stdout=asyncio.subprocess.PIPE
    )


def settled(path: pathlib.Path) -> int:
    """Return how many records the checkpoint says have settled."""
    try:
        return int(orjson.loads(path.with_name("checkpoint").read_bytes())["place"]["number"])
    except FileNotFoundError:
        return 0


def _is_bad(number: int) -> bool:
    return number % 500 == 0


def _lines(numbers: range) -> bytes:
    return b"\n".join(b"bad" if _is_bad(n) else orjson.dumps(event(n, text="x" * 300)) for n in numbers)


def _row(number: int) -> dict[str, object]:
    properties: Any = event(number, text="x" * 300)["properties"]
    return {"event": None if _is_bad(number) else "Seen", **properties}


def _csv(numbers: range) -> bytes:
    header = ",".join(_row(1))
    rows = ("bad" if _is_bad(n) else ",".join(map(str, _row(n).values())) for n in numbers)
    return "\n".join([header, *rows]).encode()


def _parquet(numbers: range) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_row(n) for n in numbers]), file, row_group_size=3000)
    return file.getvalue()


def _zip(numbers: range) -> bytes:
    file, half = io.BytesIO(), len(numbers) // 2
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", _csv(numbers[:half]))
        archive.writestr("b.ndjson", _lines(numbers[half:]))
    return file.getvalue()


# By format: makes the file; the positions of the bad records, by source.
FORMATS: dict[str, tuple[Callable[[range], bytes], set[tuple[str, int]]]] = {
    "ndjson": (_lines, {("a.ndjson", n + 1) for n in range(0, EVENTS, 500)}),
    "csv": (_csv, {("a.csv", n + 2) for n in range(0, EVENTS, 500)}),
    "parquet": (_parquet, {("a.parquet", n + 1) for n in range(0, EVENTS, 500)}),
    "zip": (
        _zip,
        {("a.csv", n + 2) for n in range(0, EVENTS // 2, 500)}
        | {("b.ndjson", n + 1 - EVENTS // 2) for n in range(0, EVENTS, 500) if n >= EVENTS // 2},
    ),
}


@pytest.fixture(params=FORMATS)
def source(request: pytest.FixtureRequest, write: Callable[[str, bytes], pathlib.Path]) -> pathlib.Path:
    """A file of each format, in which every 500th record is bad."""
    return write(f"a.{request.param}", FORMATS[request.param][0](range(EVENTS)))


async def assert_complete(emulator: Emulator, path: pathlib.Path) -> None:
    """Run an import to its end and assert that nothing of the source is missing or told twice."""
    import_ = await start(emulator, path)
    output, _ = await import_.communicate()
    report = orjson.loads(output)
    bad = len(range(0, EVENTS, 500))
    assert report["read"] == report["imported"] + report["rejected"] == EVENTS
    assert report["rejected"] == bad
    assert import_.returncode == 1
    events = await emulator.deduplicated_events()
    assert {e["properties"]["$insert_id"] for e in events} == {f"id-{n}" for n in range(EVENTS) if not _is_bad(n)}
    assert len(events) == EVENTS - bad
    dead = [orjson.loads(line) for line in path.with_name("dead").read_bytes().splitlines()]
    assert len(dead) == bad
    assert {(pathlib.PurePath(each["source"]).name, each["number"]) for each in dead} == FORMATS[path.suffix[1:]][1]


async def test_killed_at_random(emulator: Emulator, source: pathlib.Path) -> None:
    """However often an import is killed, in the end every event was delivered and the report adds up."""
    chance = random.Random(7)
    finished = 0
    for _ in range(KILLS):
        emulator.faults.add(InjectedFault(path="/import", kind="reset_after", after=chance.randrange(1, 4)))
        import_ = await start(emulator, source)
        goal = (await emulator.counts()).requests + chance.randrange(1, 6)
        while import_.returncode is None and (await emulator.counts()).requests < goal:  # noqa: ASYNC110
            await asyncio.sleep(0)
        if import_.returncode is None:
            import_.send_signal(signal.SIGKILL)
        await import_.communicate()
        finished += import_.returncode != -signal.SIGKILL
        emulator.faults.clear()
    assert finished < KILLS
    note("at random", source, KILLS - finished)
    await assert_complete(emulator, source)


# Runs the command line, and kills the process when a checkpoint is replaced for the Nth time.
KILLED_AT_REPLACEMENT = """
import os, pathlib, runpy, signal
left, moment = int(os.environ["KILL_AT"]), os.environ["KILL_MOMENT"]
replace = pathlib.Path.replace
def replace_and_die(self, target):
    global left
    left -= os.path.basename(target) == "checkpoint"
    if left == 0 and moment == "torn":
        os.truncate(self, os.path.getsize(self) // 2)
    if left == 0 and moment != "after":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(self, target)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.replace = replace_and_die
runpy.run_module("mixpanel_async", run_name="__main__")
"""


async def test_killed_while_the_checkpoint_is_replaced(emulator: Emulator, source: pathlib.Path) -> None:
    """A kill while the next checkpoint is written, just before it gets its name, or just after, loses nothing."""
    killed = 0
    for number in range(KILLS):
        emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.4, times=None))
        # The first checkpoint of the first run has no position; a later run gets on only by the one that was replaced.
        moment = ("after", "torn", "before")[number % 3]
        import_ = await start(
            emulator, source, "--concurrency", "1", code=KILLED_AT_REPLACEMENT, KILL_AT="1", KILL_MOMENT=moment
        )
        await import_.communicate()
        killed += import_.returncode == -signal.SIGKILL
        emulator.faults.clear()
    assert killed
    note("at the replacement", source, killed)
    await assert_complete(emulator, source)


async def test_killed_with_exact_dedupe(emulator: Emulator, write: Callable[[str, bytes], pathlib.Path]) -> None:
    """With exact dedupe, a killed import still counts each duplicate once, and loses no event."""
    chance = random.Random(11)
    unique = EVENTS * 3 // 4
    numbers = [*range(unique), *chance.choices(range(unique), k=EVENTS - unique)]
    path = write("a.ndjson", b"\n".join(orjson.dumps(event(number, text="x" * 300)) for number in numbers))
    killed = 0
    for _ in range(KILLS):
        emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.2, times=None))
        import_ = await start(emulator, path, "--exact-dedupe", "--concurrency", "2")
        before = settled(path)
        while import_.returncode is None and settled(path) == before:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0)
        if import_.returncode is None:
            import_.send_signal(signal.SIGKILL)
        await import_.communicate()
        killed += import_.returncode == -signal.SIGKILL
        emulator.faults.clear()
    import_ = await start(emulator, path, "--exact-dedupe")
    output, _ = await import_.communicate()
    report = orjson.loads(output)
    assert killed
    assert report["resumed"] > 0
    assert (report["read"], report["imported"], report["duplicates"]) == (EVENTS, unique, EVENTS - unique)
    assert import_.returncode == 0
    assert len(await emulator.deduplicated_events()) == unique
    assert sorted(each for each in os.listdir(path.parent)) == ["a.ndjson", "checkpoint", "dead"]  # noqa: PTH208
