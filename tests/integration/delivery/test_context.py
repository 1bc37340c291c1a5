"""What an event gets from its surroundings: default properties, contexts, bound users."""

import asyncio
from collections.abc import Mapping

import pytest

from mixpanel_async import AsyncMixpanel, Outcome
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError
from tests.conftest import Connect


async def sent(server: Emulator, client: AsyncMixpanel) -> list[Mapping[str, object]]:
    """Return the properties of what arrived, without those that every event has."""
    assert (await client.flush(timeout=10)).is_complete
    hidden = {"token", "time", "$insert_id", "mp_lib", "$lib_version"}
    return [{k: v for k, v in event["properties"].items() if k not in hidden} for event in await server.events()]


async def test_default_properties(connect: Connect, server: Emulator) -> None:
    """Every event gets them, its own win; a function is asked for each event."""
    client = connect()
    client.default_properties = {"app": "shop", "v": 1}
    await client.track("u", "A", {"v": 2})
    numbers = iter(range(10))
    client.default_properties = lambda: {"n": next(numbers)}
    await client.track("u", "B")
    await client.import_event("u", "C", time=1_700_000_000)
    own = [{k: v for k, v in one.items() if k in {"app", "v", "n"}} for one in await sent(server, client)]
    assert sorted(own, key=str) == sorted([{"app": "shop", "v": 2}, {"n": 0}, {"n": 1}], key=str)


async def test_default_properties_that_raise(connect: Connect) -> None:
    """A function that raises costs that event, which is REJECTED with what it raised."""
    client = connect()
    client.default_properties = lambda: {"x": 1 / 0}
    receipt = await client.track("u", "A")
    assert receipt.outcome is Outcome.REJECTED
    assert receipt.verdict is not None
    assert "ZeroDivisionError" in receipt.verdict.message


async def test_contexts_nest_and_end(connect: Connect, server: Emulator) -> None:
    """The inner context wins over the outer, the event over both; outside, nothing is added."""
    client = connect()
    with client.context("u1", a=1, b=1):
        with client.context(b=2):
            await client.track(None, "A", {"c": 3})
        await client.track("other", "A")
    receipt = await client.track(None, "A")
    assert receipt.outcome is Outcome.REJECTED
    found = {str(one["distinct_id"]): one for one in await sent(server, client)}
    assert {k: found["u1"].get(k) for k in "abc"} == {"a": 1, "b": 2, "c": 3}
    assert {k: found["other"].get(k) for k in "abc"} == {"a": 1, "b": 1, "c": None}


async def test_contexts_of_tasks(connect: Connect, server: Emulator) -> None:
    """A task has the context in which it was started, also after that has ended; tasks do not see each other's."""
    client = connect()
    started = asyncio.Event()

    async def later() -> None:
        await started.wait()
        await client.track(None, "Later")

    async def request(user: str) -> None:
        with client.context(user):
            await asyncio.sleep(0)
            await client.track(None, "Request")

    with client.context("starter"):
        task = asyncio.create_task(later())
    started.set()
    await asyncio.gather(task, *(request(f"u{n}") for n in range(20)))
    users = sorted(str(one["distinct_id"]) for one in await sent(server, client))
    assert users == sorted(["starter", *(f"u{n}" for n in range(20))])


async def test_a_user_who_becomes_known_later(connect: Connect, server: Emulator) -> None:
    """A function is asked for the user of each event without one; an inner context inherits or replaces it."""
    client = connect()
    users = iter(["u1", "u2", "u3"])
    with client.context(lambda: next(users), a=1):
        await client.track(None, "A")
        await client.track("own", "A")
        with client.context(b=2):
            await client.import_event(None, "A", time=1_700_000_000)
        with client.context("inner"):
            await client.track(None, "A")
        assert (await asyncio.to_thread(client.submit, None, "A")) is not None
    found = [(one["distinct_id"], one.get("b")) for one in await sent(server, client)]
    assert sorted(found, key=str) == sorted(
        [("u1", None), ("own", None), ("u2", 2), ("inner", None), ("u3", None)], key=str
    )


async def test_a_function_for_the_user_that_fails(connect: Connect) -> None:
    """An event whose user cannot be found is REJECTED with what the function raised; so is one without a user."""
    client = connect()
    with client.context(lambda: str(1 / 0)):
        receipt = await client.track(None, "A")
    assert receipt.verdict is not None
    assert "ZeroDivisionError" in receipt.verdict.message
    with client.context(lambda: None):
        assert (await client.track(None, "A")).outcome is Outcome.REJECTED
    with pytest.raises(InvalidArgumentError, match="device_id"):
        client.context(lambda: "u", device_id="d")


async def test_contexts_of_two_clients(connect: Connect, server: Emulator) -> None:
    """The context of one client is none of another's."""
    client, other = connect(), connect()
    with client.context("mine", a=1), other.context("theirs", b=2):
        await client.track(None, "A")
        await other.track(None, "A")
        await other.flush(10)
    found = {str(one["distinct_id"]): one for one in await sent(server, client)}
    assert found["mine"].get("b") is None
    assert found["theirs"].get("a") is None


async def test_a_bound_user(connect: Connect, server: Emulator) -> None:
    """Events and profile updates of a bound user carry the user, and the device where it is known."""
    client = connect()
    user = client.for_user("u1", device_id="d1", plan="pro")
    await user.track("A", {"plan": "free"})
    user.track_nowait("B")
    await user.import_event("C", time=1_700_000_000)
    await user.set({"name": "Ann"})
    await client.for_device("d2").track("D")
    found = await sent(server, client)
    by_device = {str(one.get("$device_id")): one for one in found}
    assert by_device["d1"]["$user_id"] == "u1"
    assert by_device["d2"]["distinct_id"] == "$device:d2"
    assert "$user_id" not in by_device["d2"]
    assert sorted(str(one.get("plan")) for one in found) == ["None", "free", "pro", "pro"]
    assert (await server.profiles())["u1"]["name"] == "Ann"
