"""The FastAPI example under uvicorn and under load, while Mixpanel is fast, slow, down or refusing.

Everything is a process of its own, as in life. The service that tracks is compared with the same service without a
token, in turns of a quarter of a second, so that whatever else the machine does slows down both.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from mixpanel_async.emulator import Emulator
from tests import ROOT
from tests.conftest import TOKEN

LOCAL_MIXPANEL = """
import asyncio
from mixpanel_async.emulator import EmulatorSettings, serve
asyncio.run(serve(EmulatorSettings(), ready=print))
"""
NOBODY = "http://127.0.0.1:9"
STOP_SECONDS = 0.7
TURNS = 4
TURN_SECONDS = 0.25
WORKERS = 4
PAUSE_SECONDS = 0.008
ATTEMPTS = 3  # a service that Mixpanel slows down is slow each time
START_SECONDS = 30.0


class Program:
    """A running program and its output.

    Args:
        process: The program, its output a pipe.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.address = ""
        self._has_address = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._has_address.wait(START_SECONDS)
        assert self.address, "".join(self.lines)

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)
            found = re.search(r"http://[\d.]+:\d+", line)
            if found and not self.address:
                self.address = found.group()
                self._has_address.set()
        self._has_address.set()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """Ask the program to stop, wait for it, and return the seconds that this took."""
        started = time.monotonic()
        self.process.send_signal(with_signal)
        self.process.wait(START_SECONDS)
        self._reader.join(START_SECONDS)
        return time.monotonic() - started


@contextlib.contextmanager
def running(arguments: list[str], **environment: str) -> Iterator[Program]:
    """Run Python until the block is left; the first URL in its output is its address."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIXPANEL_")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            program = Program(process)
            yield program
        finally:
            process.kill()  # harmless where it has ended
    program.stop(signal.SIGKILL)


def serving(**environment: str) -> contextlib.AbstractContextManager[Program]:
    """Run the example."""
    arguments = ["-m", "uvicorn", "--app-dir", "examples", "--port", "0", "--no-access-log", "fastapi_app:app"]
    return running(arguments, STOP_SECONDS=str(STOP_SECONDS), **environment)


@pytest.fixture(scope="module")
def mixpanel() -> Iterator[Program]:
    with running(["-c", LOCAL_MIXPANEL]) as program:
        yield program


@pytest.fixture(scope="module")
def plain() -> Iterator[Program]:
    """The service without tracking."""
    with serving() as program:
        yield program


async def ask_mixpanel(mixpanel: Program, method: str, path: str, body: object = None) -> dict[str, object]:
    """Send a request to the local server's admin pages."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{mixpanel.address}/_admin/{path}", json=body, raise_for_status=True) as reply,
    ):
        found = await reply.json()
        return found if isinstance(found, dict) else {}


@dataclass
class Latencies:
    """Response times in seconds."""

    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


async def load(http: aiohttp.ClientSession, service: Program, into: Latencies) -> None:
    """Send requests to a service for one turn, a few concurrently."""
    end = time.perf_counter() + TURN_SECONDS

    async def ask(number: int) -> None:
        while (started := time.perf_counter()) < end:
            path = f"{service.address}/users/{number}"
            async with http.get(path, headers={"x-user-id": f"user-{number}"}) as reply:
                assert reply.status == 200
                await reply.read()
            into.seconds.append(time.perf_counter() - started)
            await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(*[ask(number) for number in range(WORKERS)])


async def compare(plain: Program, tracked: Program) -> tuple[Latencies, Latencies, int]:
    """Load both services alternately after a warm-up; also return the number of requests to the second one."""
    without, beside, warming = Latencies(), Latencies(), Latencies()
    async with aiohttp.ClientSession() as http:
        await load(http, plain, Latencies())
        await load(http, tracked, warming)
        for _ in range(TURNS):
            await load(http, plain, without)
            await load(http, tracked, beside)
    return without, beside, len(warming.seconds) + len(beside.seconds)


async def served_without_being_slowed(plain: Program, tracked: Program) -> int:
    """Compare the latencies of both services; return the number of requests that the second one served."""
    served = 0
    problem = ""
    for _ in range(ATTEMPTS):
        without, beside, count = await compare(plain, tracked)
        served += count
        if beside.p99 <= 3 * without.p99 + 0.020 and beside.median <= 2 * without.median + 0.002:
            return served
        problem = f"p99 {beside.p99} beside {without.p99}, median {beside.median} beside {without.median} seconds"
    raise AssertionError(problem)


def report_of(service: Program) -> dict[str, int]:
    """Return the outcomes that the service logged on shutdown."""
    (line,) = [line for line in service.lines if "Mixpanel: {" in line]
    outcomes = json.loads(line[line.index("{") :])["since_start"]
    assert isinstance(outcomes, dict)
    return outcomes


FAULTS = {
    "fast": None,
    "slow": {"path": "/import", "kind": "delay", "seconds": 0.5, "times": None},
    "away": None,
    "429": {"path": "/import", "kind": "status", "status": 429, "times": None},
}
# What becomes of the events, where that is certain.
EXPECTED = {"fast": {"accepted"}, "slow": {"accepted", "unknown"}, "away": {"expired"}, "429": {"expired"}}


@pytest.mark.parametrize("condition", FAULTS)
async def test_mixpanel_never_slows_the_service(condition: str, plain: Program, mixpanel: Program) -> None:
    """Whatever Mixpanel does, responses take as long as without tracking; each event is delivered or reported."""
    await ask_mixpanel(mixpanel, "POST", "reset")
    if FAULTS[condition] is not None:
        await ask_mixpanel(mixpanel, "POST", "faults", FAULTS[condition])
    address = NOBODY if condition == "away" else mixpanel.address
    with serving(MIXPANEL_TOKEN="test", MIXPANEL_BASE_URL=address) as tracked:
        served = await served_without_being_slowed(plain, tracked)
        seconds = await asyncio.to_thread(tracked.stop)
        assert tracked.process.returncode in {0, -signal.SIGTERM}
    outcomes = report_of(tracked)
    assert sum(outcomes.values()) == served
    assert set(outcomes) <= EXPECTED[condition]
    assert seconds < STOP_SECONDS + 5  # the client's own promise is tested with its own clock
    if condition == "fast":
        assert (await ask_mixpanel(mixpanel, "GET", "state"))["events"] == served


async def test_what_an_event_says(server: Emulator) -> None:
    """The event has the template of the route, not the path; unknown paths and invalid user IDs do no harm."""
    asked = {"/users/7": 200, "/users/x": 422, "/wp-admin": 404}
    with serving(MIXPANEL_TOKEN=TOKEN, MIXPANEL_BASE_URL=server.url) as tracked:
        async with aiohttp.ClientSession() as http:
            for path, status in asked.items():
                async with http.get(tracked.address + path) as reply:
                    assert reply.status == status
        await asyncio.to_thread(tracked.stop)
    assert report_of(tracked) == {"accepted": 3}
    properties = [event["properties"] for event in await server.events()]
    assert {(each["route"], each["method"], each["status"], each["distinct_id"]) for each in properties} == {
        ("/users/{user_id}", "GET", 200, ""),
        ("/users/{user_id}", "GET", 422, ""),
        ("(no route)", "GET", 404, ""),
    }
    assert all(0 < each["duration_ms"] < 10_000 for each in properties)
