"""The end of the client for synchronous code: callbacks, other threads, signals, `atexit`, forks."""

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mixpanel_async import Settings, Verdict
from mixpanel_async.errors import ClientClosedError, UsageError
from mixpanel_async.sync import Mixpanel
from mixpanel_async.testing import LocalMixpanel

ROOT = pathlib.Path(__file__).parents[3]
SCRIPT = """
import atexit, os, signal, sys, time
from mixpanel_async.sync import Mixpanel
client = Mixpanel({token!r}, base_url={url!r}, exit_seconds={seconds}, on_failure=lambda *_: time.sleep({seconds} * 10))
{body}
"""


@pytest.fixture
def server() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as made:
        yield made


def client_of(server: LocalMixpanel) -> Mixpanel:
    return Mixpanel(server.token, base_url=server.url, settings=Settings(linger_seconds=0.05))


def run(server: LocalMixpanel, body: str, seconds: float = 10) -> str:
    """Run a script; return what it wrote to standard error."""
    code = SCRIPT.format(token=server.token, url=server.url, body=body, seconds=seconds)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


async def test_close_in_a_loop(server: LocalMixpanel) -> None:
    """Closing blocks, so it is refused in a thread with an event loop; the client stays usable."""
    client = client_of(server)
    client.track("u", "Fine")
    with pytest.raises(UsageError, match="use AsyncMixpanel here"):
        client.close()
    client.track("u", "Fine, too")
    await asyncio.to_thread(client.close)
    client.close()  # nothing to do, so nothing blocks
    assert len(server.events()) == 2


def test_close_in_a_callback(server: LocalMixpanel) -> None:
    """A callback runs in the client's own thread; closing there is refused instead of waiting for itself for ever."""
    errors: list[BaseException] = []
    called = threading.Event()

    def fail(record: bytes, verdict: Verdict) -> None:
        del record, verdict
        try:
            client.close()
        except UsageError as error:
            errors.append(error)
        called.set()

    client = Mixpanel(server.token, base_url=server.url, on_failure=fail)
    client.track("undefined", "E")
    assert called.wait(10)
    assert len(errors) == 1
    assert client.close() is not None


def test_a_call_that_runs_when_the_client_closes(server: LocalMixpanel) -> None:
    """A call in another thread ends with ClientClosedError, and does not wait for ever."""
    client = client_of(server)
    running = threading.Event()
    errors: list[BaseException] = []

    async def work(_: object) -> None:
        running.set()
        await asyncio.sleep(3600)

    def call() -> None:
        try:
            client.call(work)
        except ClientClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert running.wait(10)
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_call_that_exits(server: LocalMixpanel, kind: type[BaseException]) -> None:
    """`sys.exit` and Ctrl-C in a call are raised to its caller, and the client's thread goes on."""

    async def work(_: object) -> None:
        raise kind

    with client_of(server) as client:
        with pytest.raises(kind):
            client.call(work)
        client.track("u", "After")
        assert client.flush(10).pending == 0
    assert len(server.events("After")) == 1


@pytest.mark.parametrize("call", ["close", "flush"])
def test_atexit(server: LocalMixpanel, call: str) -> None:
    """Programs may close or flush in `atexit`, when everything was delivered already."""
    assert run(server, f"atexit.register(client.{call})\nclient.track('u', 'Last')") == ""
    assert len(server.events("Last")) == 1


def test_track_in_atexit(server: LocalMixpanel) -> None:
    """What `atexit` tracks cannot be delivered any more, and says so, also if it would start the client."""
    body = """
from mixpanel_async.errors import ClientClosedError
def late():
    try: client.track("u", "Late")
    except ClientClosedError as error: print("refused", error, file=sys.stderr)
atexit.register(late)
"""
    assert run(server, body).startswith("refused the process is ending")
    assert run(server, body + "client.track('u', 'In time')").startswith("refused the client is closed")
    assert [event["event"] for event in server.events()] == ["In time"]


def test_exit_with_a_stuck_callback(server: LocalMixpanel) -> None:
    """A callback that never returns does not keep the process from ending."""
    started = time.monotonic()
    body = "atexit.register(client.close)\nclient.track('undefined', 'E')"
    assert "did not close within its time" in run(server, body, seconds=2.5)
    assert time.monotonic() - started < 20


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers of signals")
def test_a_signal_while_the_client_starts(server: LocalMixpanel) -> None:
    """A signal handler may track and close while the first call of its thread is starting the client."""
    body = """
def handle(*_):
    client.track("u", "Signal")
    client.close()
signal.signal(signal.SIGALRM, handle)
make = client._make
def slow():
    time.sleep(0.3)
    return make()
client._make = slow
signal.setitimer(signal.ITIMER_REAL, 0.1)
from mixpanel_async.errors import ClientClosedError
try: client.track("u", "First")
except ClientClosedError: print("closed", file=sys.stderr)
assert client.close() is None
"""
    assert run(server, body) == "closed\n"
    assert [event["event"] for event in server.events()] == ["Signal"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_while_another_thread_starts_the_client(server: LocalMixpanel) -> None:
    """A child that was forked while the client was starting ends at once, and leaves the client to its parent."""
    body = """
import multiprocessing, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
make = client._make
def slow():
    time.sleep(0.5)
    return make()
client._make = slow
thread = threading.Thread(target=lambda: client.track("u", "Parent"))
thread.start()
time.sleep(0.2)
child = multiprocessing.get_context("fork").Process(target=lambda: None)
child.start()
child.join(20)
thread.join()
assert child.exitcode == 0, child.exitcode
"""
    assert run(server, body) == ""
    assert len(server.events("Parent")) == 1
