"""The client for synchronous code: threads, forks, the end of the process."""

import asyncio
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from mixpanel_async import Outcome, Settings
from mixpanel_async.errors import ClientClosedError, InvalidSettingError, UsageError
from mixpanel_async.sync import Mixpanel
from mixpanel_async.testing import LocalMixpanel

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def server() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as made:
        yield made


def client_of(server: LocalMixpanel) -> Mixpanel:
    return Mixpanel(server.token, base_url=server.url, settings=Settings(linger_seconds=0.05))


def test_events_arrive(server: LocalMixpanel) -> None:
    """Events and profiles arrive with their verdicts; default properties and contexts apply."""
    with client_of(server) as client:
        client.default_properties = {"app": "shop"}
        with client.context("u1", plan="pro"):
            future = client.track(None, "Signed Up")
        bad = client.track("undefined", "Signed Up")
        assert client.people_set("u1", {"name": "Ann"}) is None
        assert client.flush(10).pending == 0
        assert future.result(0).is_delivered
        assert bad.result(1).outcome is Outcome.REJECTED
        assert client.stats.admitted == 3
    (event,) = server.events("Signed Up")
    properties = event["properties"]
    assert (properties["distinct_id"], properties["plan"], properties["app"]) == ("u1", "pro", "shop")


def test_any_call(server: LocalMixpanel) -> None:
    """Every call of the asynchronous client can be made, and raises here what it raises there."""
    with client_of(server) as client:
        report = client.call(
            lambda mp: mp.import_events([{"event": "E", "properties": {"time": 1, "distinct_id": "u"}}])
        )
        assert report.read == 1
        with pytest.raises(InvalidSettingError):
            client.call(lambda mp: mp.request("GET", "no path"))
        with pytest.raises(TimeoutError):
            client.call(lambda _: asyncio.sleep(60), timeout=0.01)


def test_profiles(server: LocalMixpanel) -> None:
    """Updates of profiles arrive in the order in which they were made; an invalid one says so at once."""
    with client_of(server) as client:
        client.people_set("u", {"plan": "free", "tags": ["a"]})
        client.people_set_once("u", {"plan": "pro", "since": 2026})
        client.people_increment("u", {"logins": 2})
        client.people_append("u", {"tags": "b"})
        client.people_unset("u", ["since"])
        invalid = client.people_increment("u", {"logins": "two"})  # type: ignore[dict-item]
        assert invalid is not None
        assert invalid.outcome is Outcome.REJECTED
        assert client.flush(10).pending == 0
    profile = server.profiles()["u"]
    assert {name: profile.get(name) for name in ("plan", "since", "logins", "tags")} == {
        "plan": "free", "since": None, "logins": 2, "tags": ["a", "b"],
    }  # fmt: skip


def test_many_threads(server: LocalMixpanel) -> None:
    """Threads share one client, and no event is lost."""
    with client_of(server) as client:

        def work(number: int) -> None:
            for step in range(200):
                client.track(f"u{number}", "Step", {"n": step})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(20).pending == 0
    assert len(server.events("Step")) == 1_600


def test_closed(server: LocalMixpanel) -> None:
    """Closing delivers; afterwards the client refuses events, and a second close does nothing."""
    client = client_of(server)
    client.track("u", "Last")
    report = client.close()
    assert report is not None
    assert report.is_complete
    assert client.close() is None
    with pytest.raises(ClientClosedError):
        client.track("u", "Too late")
    assert len(server.events("Last")) == 1
    assert "mixpanel_async-sync" not in {thread.name for thread in threading.enumerate()}


def test_never_used() -> None:
    """A client that is not used starts no thread; invalid options are refused when it is made."""
    client = Mixpanel("token-0123456789")
    assert "mixpanel_async-sync" not in {thread.name for thread in threading.enumerate()}
    assert client.close() is None
    with pytest.raises(InvalidSettingError):
        Mixpanel("token-0123456789", region="moon")


async def test_in_a_loop(server: LocalMixpanel) -> None:
    """Blocking calls are refused in a thread with an event loop; `track`, which does not block, is not."""
    client = client_of(server)
    client.track("u", "Fine")
    with pytest.raises(UsageError, match="use AsyncMixpanel here"):
        client.flush(1)
    await asyncio.to_thread(client.close)
    assert len(server.events("Fine")) == 1


SCRIPT = """
import os, sys
from mixpanel_async.sync import Mixpanel
client = Mixpanel({token!r}, base_url={url!r})
{body}
"""


def run(server: LocalMixpanel, body: str) -> None:
    code = SCRIPT.format(token=server.token, url=server.url, body=body)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_end_of_the_process(server: LocalMixpanel) -> None:
    """A script that ends without closing delivers what it tracked."""
    run(server, "for n in range(100): client.track('u', 'Script', {'n': n})")
    assert len(server.events("Script")) == 100


def test_a_client_that_was_forgotten(server: LocalMixpanel) -> None:
    """What a client holds that no name refers to any more is delivered at the end of the process, too."""
    body = """
def work():
    Mixpanel({token!r}, base_url={url!r}).track("u", "Forgotten")
work()
import gc
gc.collect()
"""
    run(server, body.format(token=server.token, url=server.url))
    assert len(server.events("Forgotten")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork(server: LocalMixpanel) -> None:
    """After a fork, parent and child each deliver their own events, once."""
    body = """
client.track("parent", "Before")
pid = os.fork()
if pid == 0:
    client.track("child", "Child")
    client.close()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
client.track("parent", "After")
"""
    run(server, f"import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n{body}")
    assert sorted((event["event"], event["properties"]["distinct_id"]) for event in server.events()) == [
        ("After", "parent"), ("Before", "parent"), ("Child", "child"),
    ]  # fmt: skip
