"""The local Mixpanel in a thread: finding events, waiting, faults, limits, and what a failed check says."""

import asyncio
import concurrent.futures
import threading
import urllib.request
from collections.abc import Iterator
from unittest.mock import ANY

import aiohttp
import orjson
import pytest

from mixpanel_async import AsyncMixpanel, Properties
from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.testing import LocalMixpanel, UntrackedError


@pytest.fixture
def server() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as running:
        yield running


async def track(server: LocalMixpanel, *events: tuple[str, str, Properties]) -> None:
    async with AsyncMixpanel(server.token, base_url=server.url) as mp:
        for user, name, properties in events:
            await mp.track(user, name, properties)


SIGN_UPS: list[tuple[str, str, Properties]] = [
    ("u1", "Signed Up", {"plan": "free", "seats": 1}),
    ("u2", "Signed Up", {"plan": "pro", "seats": 3, "is trial": True}),
    ("u2", "Log In", {}),
]


async def test_events_by_name_user_and_properties(server: LocalMixpanel) -> None:
    """Events are found by name, user and properties; the rest of an event does not matter."""
    await track(server, *SIGN_UPS)
    assert len(server.events()) == 3
    assert [one["properties"]["plan"] for one in server.events("Signed Up")] == ["free", "pro"]
    (found,) = server.events("Signed Up", distinct_id="u2", plan="pro", properties={"is trial": True})
    assert found["event"] == "Signed Up"
    assert server.events("Signed Up", plan="enterprise") == []
    assert server.assert_tracked("Signed Up", seats=ANY, plan="pro")["properties"]["seats"] == 3
    server.assert_tracked("Log In", count=1)
    server.assert_not_tracked("Logged Out")


async def test_true_is_not_one(server: LocalMixpanel) -> None:
    """JSON tells true from 1, and so does a check; 1 and 1.0 are equal."""
    await track(server, ("u", "E", {"n": 1, "is_new": True}))
    assert server.events("E", n=1.0)
    assert not server.events("E", n=True)
    assert not server.events("E", is_new=1)


async def test_a_failed_check_shows_the_nearest_event(server: LocalMixpanel) -> None:
    """The message of a failed check names what differs in the nearest event, and what was tracked."""
    await track(server, *SIGN_UPS)
    with pytest.raises(UntrackedError) as caught:
        server.assert_tracked("Signed Up", distinct_id="u2", plan="enterprise", country="DE")
    assert str(caught.value).splitlines() == [
        "no event 'Signed Up' with distinct_id='u2', plan='enterprise', country='DE' was tracked",
        "nearest: event 'Signed Up' of 'u2'",
        "    plan: expected 'enterprise', got 'pro'",
        "    country: expected 'DE', got nothing",
        "tracked: 'Signed Up' (2), 'Log In' (1)",
    ]
    with pytest.raises(UntrackedError, match="nearest: event 'Signed Up'"):
        server.assert_tracked("Signedup")
    with pytest.raises(UntrackedError, match="was tracked 2 times, expected 1"):
        server.assert_tracked("Signed Up", count=1)
    with pytest.raises(UntrackedError, match="expected none"):
        server.assert_not_tracked("Log In")


def test_nothing_was_tracked(server: LocalMixpanel) -> None:
    """Where nothing arrived, the message asks about the flush."""
    with pytest.raises(UntrackedError, match="was the client flushed"):
        server.assert_tracked("Signed Up")


async def test_a_wait_ends_when_the_event_arrives(server: LocalMixpanel) -> None:
    """`arrival` waits without blocking the loop, `within` in a thread without one; neither waits longer than needed."""
    waiting = asyncio.create_task(server.arrival("Signed Up", within=60))
    blocked = asyncio.create_task(asyncio.to_thread(server.events, "Signed Up", within=60))
    await track(server, *SIGN_UPS)
    assert len(await waiting) >= 1
    assert len(await blocked) >= 1
    assert await server.arrival("Logged Out", within=0.01) == []
    with pytest.raises(RuntimeError, match=r"await server\.arrival"):
        server.events("Signed Up", within=1)


async def test_failures_and_limits(server: LocalMixpanel) -> None:
    """`fail_next` fails the next requests only; limits hold until they are reset."""
    server.fail_next(status=500, path="/track")
    server.limits(events_per_minute=1)
    async with aiohttp.ClientSession(server.url) as session:
        for _ in range(3):
            async with session.post("/track", data=b'{"event":"E","properties":{"token":"t"}}'):
                pass
    assert [one.status for one in server.requests()] == [500, 200, 429]
    assert server.rejections() == []
    server.reset()
    assert (server.events(), server.requests()) == ([], [])


async def test_rejections_are_told(server: LocalMixpanel) -> None:
    """Rejected records and refused requests are listed with their reasons; what a fault demanded is not."""
    async with aiohttp.ClientSession(server.url) as session:
        for body in (b'[{"event":"","properties":{"token":"t"}}]', b"[{"):
            async with session.post("/track", data=body):
                pass
    record, request = server.rejections()
    assert "non-empty" in record
    assert "HTTP 400" in request


def test_two_servers_and_their_threads() -> None:
    """Servers share nothing, and leave no thread behind."""
    with LocalMixpanel() as one, LocalMixpanel() as other:
        assert one.url != other.url
        with pytest.raises(RuntimeError, match="running already"):
            one.start()
    assert not [thread for thread in threading.enumerate() if thread.name == "local-mixpanel"]
    with pytest.raises(RuntimeError, match="not running"):
        one.events()
    one.stop()


def test_a_start_that_fails() -> None:
    """A port in use is an error of `start`, not of the thread."""
    with LocalMixpanel() as one:
        port = int(one.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            LocalMixpanel(EmulatorSettings(port=port)).start()


def post_events(server: LocalMixpanel, count: int, **properties: object) -> None:
    """Send events one by one, as a client without batches does."""
    for number in range(count):
        record = {"event": "Paid", "properties": {"token": "t", "distinct_id": f"u{number}", **properties}}
        request = urllib.request.Request(f"{server.url}/track", orjson.dumps(record))  # noqa: S310 - the server's URL
        urllib.request.urlopen(request).close()  # noqa: S310 - the server's URL


def test_a_check_waits_for_as_many_events_as_it_counts(server: LocalMixpanel) -> None:
    """With `count`, `within` is the time for all of them, not for the first."""
    with concurrent.futures.ThreadPoolExecutor(1) as sender:
        sent = sender.submit(post_events, server, 30)
        server.assert_tracked("Paid", count=30, within=10)
        sent.result()


def test_a_wrong_count_names_what_was_rejected(server: LocalMixpanel) -> None:
    """The message of a wrong count shows the events and the rejected records."""
    post_events(server, 1)
    post_events(server, 1, time="yesterday")
    with pytest.raises(UntrackedError, match="was tracked once, expected 2") as caught:
        server.assert_tracked("Paid", count=2)
    assert "must be specified as seconds" in str(caught.value)


def test_a_stop_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong when the server stops, such as a full disk, is an error of `stop`, not silence."""
    stop = Emulator.stop

    async def fail(emulator: Emulator) -> None:
        await stop(emulator)
        raise OSError("the disk is full")

    monkeypatch.setattr(Emulator, "stop", fail)
    server = LocalMixpanel()
    server.start()
    with pytest.raises(OSError, match="the disk is full"):
        server.stop()
