"""Imports that are killed at random moments and run again."""

import asyncio
import os
import pathlib
import random
import signal
import sys
from collections.abc import Callable

import orjson

from mixpanel_async.emulator import Emulator, InjectedFault
from tests.records import event

EVENTS = int(os.environ.get("KILL_TEST_EVENTS", "20000"))
KILLS = int(os.environ.get("KILL_TEST_KILLS", "4"))


async def start(emulator: Emulator, path: pathlib.Path, *options: str) -> asyncio.subprocess.Process:
    command = ["-m", "mixpanel_async", "import", "events", str(path), "--json", *options]
    files = ["--checkpoint", str(path.with_name("checkpoint")), "--dead-letters", str(path.with_name("dead"))]
    environment = {**os.environ, "MIXPANEL_TOKEN": "token", "MIXPANEL_BASE_URL": emulator.url}
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, *files, env=environment, stdout=asyncio.subprocess.PIPE
    )


def settled(path: pathlib.Path) -> int:
    """Return how many records the checkpoint says have settled."""
    try:
        return int(orjson.loads(path.with_name("checkpoint").read_bytes())["place"]["number"])
    except FileNotFoundError:
        return 0


async def test_killed_at_random(emulator: Emulator, write: Callable[[str, bytes], pathlib.Path]) -> None:
    """However often an import is killed, in the end every event was delivered and the report adds up."""
    chance = random.Random(7)
    lines = [orjson.dumps(event(number, text="x" * 300)) if number % 500 else b"bad" for number in range(EVENTS)]
    path = write("a.ndjson", b"\n".join(lines))
    finished = 0
    for _ in range(KILLS):
        emulator.faults.add(InjectedFault(path="/import", kind="reset_after", after=chance.randrange(1, 4)))
        import_ = await start(emulator, path)
        goal = (await emulator.counts()).requests + chance.randrange(1, 6)
        while import_.returncode is None and (await emulator.counts()).requests < goal:  # noqa: ASYNC110
            await asyncio.sleep(0)
        if import_.returncode is None:
            import_.send_signal(signal.SIGKILL)
        await import_.communicate()
        finished += import_.returncode != -signal.SIGKILL
        emulator.faults.clear()
    assert finished < KILLS
    import_ = await start(emulator, path)
    output, _ = await import_.communicate()
    report = orjson.loads(output)
    bad = len(lines) - sum(line != b"bad" for line in lines)
    assert report["read"] == report["imported"] + report["rejected"] == EVENTS
    assert report["rejected"] == bad
    assert import_.returncode == 1
    events = await emulator.deduplicated_events()
    assert {e["properties"]["$insert_id"] for e in events} == {f"id-{n}" for n in range(EVENTS) if n % 500}
    assert len(events) == EVENTS - bad
    dead = [orjson.loads(line)["number"] for line in path.with_name("dead").read_bytes().splitlines()]
    assert sorted(dead) == [number + 1 for number in range(0, EVENTS, 500)]


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
