"""Other loops, threads and processes: every call knows where it belongs."""

import asyncio
import gc
import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from tests.conftest import PROJECT_ID, SECRET, TOKEN, USERNAME
from tests.integration.attack.conftest import Note
from tests.integration.attack.server import Received, healthy, scripted, summary

NOBODY = "http://127.0.0.1:9"
NOW = 1_700_000_000
ROOT = pathlib.Path(__file__).parents[3]
Call: TypeAlias = Callable[[AsyncMixpanel], Awaitable[object]]


async def one_event() -> AsyncIterator[dict[str, object]]:
    yield {"event": "E", "properties": {"distinct_id": "u", "time": NOW, "$insert_id": "i"}}


async def read_export(mp: AsyncMixpanel) -> None:
    async for _ in mp.export.events("2026-01-01", "2026-01-02"):
        pass


async def read_pipe(mp: AsyncMixpanel) -> None:
    async for _ in mp.pipe(one_event()):
        pass


CALLS: dict[str, Call] = {
    "track": lambda mp: mp.track("u", "E"),
    "track, rejected": lambda mp: mp.track("", ""),
    "import_event": lambda mp: mp.import_event("u", "E", time=NOW),
    "people.set": lambda mp: mp.people.set("u", {"a": 1}),
    "groups.set": lambda mp: mp.groups.set("company", "c", {"a": 1}),
    "identify": lambda mp: mp.alias("u", "v"),
    "import_events": lambda mp: mp.import_events(one_event()),
    "pipe": read_pipe,
    "export.events": read_export,
    "query": lambda mp: mp.query.segmentation(event="E", from_date="2026-01-01", to_date="2026-01-02"),
    "request": lambda mp: mp.request("GET", "/api/app/me"),
    "flush": lambda mp: mp.flush(timeout=0.1),
    "aclose": lambda mp: mp.aclose(timeout=0.1),
}


def client(url: str = NOBODY) -> AsyncMixpanel:
    return AsyncMixpanel(
        TOKEN,
        credentials=ServiceAccount(USERNAME, SECRET),
        project_id=PROJECT_ID,
        base_url=url,
        settings=Settings(max_call_retries=0, linger_seconds=0.0),
    )


async def outcome_of(call: Call, mp: AsyncMixpanel) -> str:
    """Return the name of the error that a call raises."""
    try:
        await asyncio.wait_for(call(mp), 10)
    except Exception as error:
        return type(error).__name__
    return "no error"


def elsewhere(call: Call, mp: AsyncMixpanel, answers: list[str]) -> threading.Thread:
    """Start a thread with a loop of its own that makes the call."""
    thread = threading.Thread(target=lambda: answers.append(asyncio.run(outcome_of(call, mp))))
    thread.start()
    return thread


@pytest.mark.parametrize("name", CALLS)
async def test_another_threads_loop(name: str, note: Note) -> None:
    """A call from another thread's loop raises WrongLoopError at once, while the client works on."""
    async with scripted(healthy) as server:
        mp = client(server.url)
        await mp.track("u", "E")
        answers: list[str] = []
        thread = elsewhere(CALLS[name], mp, answers)
        await asyncio.to_thread(thread.join)
        receipt = await mp.track("u", "E")
        await mp.aclose(timeout=5)
    note(
        f"{name} in another thread's loop",
        "WrongLoopError, then unverified 1",
        f"{answers[0]}, then {summary([receipt])}",
    )


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"flush", "aclose"}])
async def test_a_closed_client(name: str, note: Note) -> None:
    """After `aclose()` every call says that the client is closed."""
    mp = client()
    await mp.aclose(timeout=0)
    note(f"{name}, closed", "ClientClosedError", await outcome_of(CALLS[name], mp))


def drop(clients: list[AsyncMixpanel]) -> None:
    """Drop the last references to clients, in cycles too."""
    clients.clear()
    gc.collect()


@pytest.mark.parametrize("name", CALLS)
def test_a_second_loop(name: str, note: Note) -> None:
    """After its loop has ended, a client that was not closed refuses every call in the next loop."""
    clients = [client()]

    async def use() -> None:
        await clients[0].track("u", "E")

    asyncio.run(use())
    seen = asyncio.run(outcome_of(CALLS[name], clients[0]))
    with pytest.warns(ResourceWarning):  # it cannot be closed any more
        drop(clients)
    note(f"{name} in a second loop, not closed", "WrongLoopError", seen)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"flush", "aclose"}])
def test_a_second_loop_after_aclose(name: str, note: Note) -> None:
    """After `aclose()`, a call in the next loop says that the client is closed."""
    mp = client()

    async def first() -> None:
        await mp.track("u", "E")
        await mp.aclose(timeout=0)

    asyncio.run(first())
    note(f"{name} in a second loop, closed", "ClientClosedError", asyncio.run(outcome_of(CALLS[name], mp)))


async def test_a_receipt_elsewhere(note: Note) -> None:
    """A pending receipt that is awaited in another loop raises at once; a settled one gives its verdict anywhere."""
    async with scripted(healthy) as server:
        mp = AsyncMixpanel(TOKEN, base_url=server.url, settings=Settings(linger_seconds=3600.0))
        receipt = await mp.track("u", "E")
        answers: list[str] = []

        async def wait(_: AsyncMixpanel) -> object:
            return await receipt

        for _ in range(2):
            thread = elsewhere(wait, mp, answers)
            await asyncio.to_thread(thread.join)
            await mp.flush(timeout=5)
        await mp.aclose(timeout=5)
    note("receipt awaited in another loop: pending, settled", "WrongLoopError, no error", ", ".join(answers))


def run(script: str, *arguments: str) -> tuple[str, str]:
    """Run a script in a child process; return what it prints."""
    child = subprocess.run(
        [sys.executable, "-W", "always", "-c", script, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return child.stdout.strip(), child.stderr


FORK = """
import asyncio, gc, json, os, sys, warnings
from tests.integration.attack.test_loops import CALLS, client, outcome_of
warnings.simplefilter("ignore", DeprecationWarning)

async def in_child(mp):
    return {name: await outcome_of(call, mp) for name, call in CALLS.items()}

async def main():
    mp = client(sys.argv[1])
    await mp.track("u", "E1")
    await mp.flush(timeout=10)
    pending = await mp.track("u", "E2")  # in flight while the child lives: the server waits for it to end
    while not mp.stats.in_flight:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        asyncio.events._set_running_loop(None)
        answers = asyncio.run(in_child(mp))
        os.write(write, json.dumps(answers).encode())
        del mp, pending
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    open(sys.argv[2], "w").close()
    verdict = await asyncio.wait_for(pending, 10)
    later = await mp.track("u", "E3")
    await mp.aclose(timeout=10)
    answers = json.loads(os.read(read, 65536))
    print(json.dumps({"child": sorted(set(answers.values())), "parent": [verdict.outcome.value, later.outcome.value]}))

asyncio.run(main())
"""


async def test_a_fork(note: Note, tmp_path: pathlib.Path) -> None:
    """A forked child gets WrongLoopError from every call, sends nothing, and leaves its parent's request alone."""
    gone = tmp_path / "gone"

    async def script(received: Received) -> bytes:
        while received.number == 2 and not gone.exists():  # noqa: ASYNC110 - a file is what the child can make
            await asyncio.sleep(0.01)
        return healthy(received)

    async with scripted(script) as server:
        output, _ = await asyncio.to_thread(run, FORK, server.url, str(gone))
        events = [record["event"] for received in server.requests for record in received.records]
    seen = json.loads(output)
    note("every call in a forked child", "WrongLoopError", ", ".join(seen["child"]))
    note("the parent of a forked child", "unverified, unverified", ", ".join(seen["parent"]))
    note(
        "requests around a fork",
        "E1 E2 E3, 1 connection",
        f"{' '.join(map(str, events))}, {server.connections} connection",
    )


UNCLOSED = """
import asyncio, logging, sys
from mixpanel_async import AsyncMixpanel
logging.basicConfig(format="%(levelname)s %(message)s")

async def main():
    mp = AsyncMixpanel("token-0123456789", base_url=sys.argv[1])
    for number in range(7):
        await mp.track("u", "E", {"n": number})

asyncio.run(main())
"""


def test_a_program_without_aclose(note: Note) -> None:
    """A program that ends without `aclose()` gets a warning with the number of lost records, and a ResourceWarning."""
    _, errors = run(UNCLOSED, NOBODY)
    note("asyncio.run without aclose: log line with the number", "True", str("WARNING 7 records are lost" in errors))
    note("asyncio.run without aclose: ResourceWarning", "True", str("ResourceWarning" in errors))


TRIO = """
import trio
from mixpanel_async import AsyncMixpanel

async def main():
    try:
        await AsyncMixpanel("token-0123456789").track("u", "E")
    except Exception as error:
        print(type(error).__name__, error)

trio.run(main)
"""


def test_trio(note: Note) -> None:
    """Under trio a call says that the client needs asyncio."""
    pytest.importorskip("trio")
    output, _ = run(TRIO)
    is_told = output.startswith("WrongLoopError") and "asyncio only" in output
    note("track under trio: told that it is asyncio only", "True", str(is_told))
