"""Local flags against servers: polling, failures, exposures, the end."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.actions import Rollout, Ruleset, Variant
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import (
    ClientClosedError,
    InvalidArgumentError,
    MissingCredentialsError,
    UnauthorizedError,
    WrongLoopError,
)
from mixpanel_async.flags import FlagReason, FlagResult, FlagsChange, LocalFlags
from tests.conftest import PROJECT_ID, TOKEN, Connect
from tests.integration.attack.server import Received, reply, scripted
from tests.integration.flags.builders import USER, Changes, definitions, flag, flag_tasks

WORKSPACE = 1_000_000 + PROJECT_ID
POLL = 0.5  # on a clock 100 times as fast
VARIANTS = [
    Variant(key="on", value={"colour": "blue"}, is_control=False, split=0.4),
    Variant(key="off", value="grey", is_control=True, split=0.6),
]


async def create(mp: AsyncMixpanel, key: str, *rollouts: Rollout, **changes: Any) -> str:  # noqa: ANN401
    """Create an enabled flag and return its ID."""
    rules = Ruleset(variants=VARIANTS, rollout=rollouts, test={"users": {"user-7": "ON"}})
    fields = {"context": "distinct_id", "serving_method": "server", "ruleset": rules, "status": "enabled"}
    return (
        await mp.feature_flags.create(key, key, workspace_id=WORKSPACE, hash_salt="5a17" * 8, **{**fields, **changes})
    ).id


async def test_local_is_remote(connect: Connect, server: Emulator) -> None:
    """What is computed here is what the server answers; each user's variant is tracked once, with its properties."""
    client = connect()
    half = Rollout(rollout_percentage=0.5, variant_splits={"on": 0.2, "off": 0.8})
    rule = {"==": [{"var": "plan"}, "PRO"]}
    await create(client, "half", half)
    await create(client, "pro", Rollout(rollout_percentage=1.0, variant_splits={}, runtime_evaluation_rule=rule), half)
    local, remote = client.flags.local(), client.flags.remote()
    assert await local.ready()
    for number in range(40):
        context = {"distinct_id": f"user-{number}", "custom_properties": {"Plan": "pro" if number % 3 else "free"}}
        for key in ("half", "pro"):
            here, there = local.variant(key, None, context), await remote.variant(key, None, context)
            assert (here.variant, here.value, here.is_qa_tester) == (there.variant, there.value, there.is_qa_tester)
            assert local.variant(key, None, context) == here
        everything = await remote.all_variants(context)
        assert everything is not None
        assert {key: one.value for key, one in local.all_variants(context).items()} == {
            key: one.value for key, one in everything.items()
        }
    assert (await client.flush(20)).is_complete
    exposures = [event["properties"] for event in await server.events()]
    seen = [(one["distinct_id"], one["Experiment name"], one["Flag evaluation mode"]) for one in exposures]
    assert len(seen) == len(set(seen)) > 80
    (mine,) = [
        one for one in exposures if (one["distinct_id"], one["Experiment name"]) == ("user-7", "half")
        and one["Flag evaluation mode"] == "local"
    ]  # fmt: skip
    assert (mine["Variant name"], mine["$experiment_type"], mine["$is_qa_tester"]) == ("on", "feature_flag", True)
    assert 0 <= mine["Variant fetch latency (ms)"] < 1e6


async def test_changes_arrive(connect: Connect) -> None:
    """A flag that is added, changed or removed is used after the next poll, and listeners are told its key."""
    client = connect()
    everybody = Rollout(rollout_percentage=1.0, variant_splits={"off": 1.0, "on": 0.0})
    await create(client, "first", everybody)
    flags = client.flags.local(poll_seconds=POLL)
    changes = Changes(flags)
    assert (await changes.next()).keys == ["first"]
    flag_id = await create(client, "second", everybody)
    change = await changes.next()
    assert (change.kind, change.keys) == ("changed", ["second"])
    assert flags.variant("second", "fallback", USER).value == "grey"
    await client.feature_flags.delete(flag_id, workspace_id=WORKSPACE)
    assert (await changes.next()).keys == ["second"]
    found = flags.variant("second", "fallback", USER)
    assert (found.value, found.reason, found.is_assigned) == ("fallback", FlagReason.FLAG_NOT_FOUND, False)
    changes.stop()
    changes.stop()


BROKEN: dict[str, bytes | None] = {
    "error": reply(500, {"error": "no"}),
    "text": reply(200, b"<html>"),
    "nothing": reply(200, b""),
    "object": reply(200, {"flags": {"f": 1}}),
    "null": reply(200, b"null"),
    "deep": reply(200, b'{"flags":' + b"[" * 50_000),
    "odd bytes": reply(200, b'{"flags":["\xff\xfe"]}'),
    "no gzip": reply(200, b"not gzip", Content_Encoding="gzip"),
    "cut": definitions(flag())[:-20],
    "redirect": reply(302, b"", Location="http://127.0.0.1:9/"),
    "304 of its own accord": reply(304, b""),
    "closed": None,
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_bad_answer(connect: Connect, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    """A bad answer keeps the latest good definitions, which are then stale; the next good one ends that."""
    script = [definitions(flag(value=1)), BROKEN[broken], BROKEN[broken], definitions(flag(value=2))]
    last = script[-1]

    def answer(received: Received) -> bytes | None:
        if received.number in {2, 3} and broken == "cut":
            received.writer.write(BROKEN[broken] or b"")
            return None
        return script[received.number - 1] if received.number <= len(script) else last

    async with scripted(answer) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local(poll_seconds=POLL)
        seen: list[tuple[str, object]] = []
        done = asyncio.Event()

        def note(change: object) -> None:
            kind = getattr(change, "kind", "")
            seen.append((kind, flags.variant("f", 0, USER, track_exposure=False).value))
            if kind == "changed":
                assert flags.status.flags == 1
            if len(seen) == expected_changes:
                done.set()

        # A reply with 304 that nobody asked for is good where definitions are known.
        expected_changes = 2 if broken.startswith("304") else 4
        flags.listen(note)
        async with asyncio.timeout(20):
            await done.wait()
        await client.aclose()
    expected = [("ready", 1), ("stale", 1), ("changed", 2), ("ready", 2)]
    assert seen == (expected[::2] if broken.startswith("304") else expected)
    warnings = [one for one in caplog.records if "were not loaded" in one.message]
    assert len(warnings) == (0 if broken.startswith("304") else 1)
    assert all(TOKEN not in one.message for one in caplog.records)


async def test_stale_is_visible(connect: Connect) -> None:
    """After a failure the status says that definitions are stale, since when, and why."""

    def answer(received: Received) -> bytes:
        return definitions(flag()) if received.number == 1 else reply(503, {"error": f"{TOKEN} is down"})

    async with scripted(answer) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local(poll_seconds=POLL)
        assert (flags.status.is_ready, flags.variant("f", 0, USER).reason) == (False, FlagReason.NOT_READY)
        assert await Changes(flags).kinds(2) == ["ready", "stale"]
        status = flags.status
        assert (status.is_ready, status.is_stale, status.flags) == (True, True, 1)
        assert status.loaded_at is not None
        assert "is down" in status.error
        assert TOKEN not in status.error
        assert flags.variant("f", None, USER, track_exposure=False).is_assigned
        await client.aclose()


async def test_a_bad_definition(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """A bad definition costs that flag only; it is counted in the status and logged once."""
    first = [flag("a"), {"key": "bad"}, 5]
    answers = [definitions(*first), definitions(*first, flag("b"))]
    async with scripted(lambda received: answers[min(received.number, 2) - 1]) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local(poll_seconds=POLL)
        assert await Changes(flags).kinds(2) == ["ready", "changed"]
        assert set(flags.status.bad_flags) == {"bad", "#3"}
        assert set(flags.all_variants(USER)) == {"a", "b"}
        await client.aclose()
    assert len([one for one in caplog.records if "is bad" in one.message]) == 2


async def test_the_tag(connect: Connect) -> None:
    """The tag of an answer is sent with the next request; that nothing changed is a success."""
    third = asyncio.Event()

    def answer(received: Received) -> bytes:
        if received.number == 3:
            third.set()
        if received.headers.get("if-none-match") == '"v1"':
            return reply(304, b"")
        return definitions(flag(), ETag='"v1"')

    async with scripted(answer) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local(poll_seconds=POLL)
        assert await flags.ready()
        loaded_at = flags.status.loaded_at or 0
        async with asyncio.timeout(20):
            await third.wait()
        assert (flags.status.loaded_at or 0) > loaded_at
        assert not flags.status.is_stale
        assert [one.headers.get("if-none-match") for one in server.requests[:2]] == [None, '"v1"']
        assert flags.variant("f", None, USER, track_exposure=False).is_assigned
        await client.aclose()


async def test_a_refused_token(connect: Connect) -> None:
    """Whoever waits for definitions that will not come is told why, and evaluations return the fallback."""
    async with scripted(lambda _: reply(401, {"error": "who are you"})) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local(poll_seconds=POLL)
        with pytest.raises(UnauthorizedError, match="who are you"):
            await flags.ready(None)
        assert flags.variant("f", "x", USER).reason is FlagReason.NOT_READY
        await client.aclose()
    client = connect(token=None)
    with pytest.raises(MissingCredentialsError, match="project token"):
        await client.flags.local().ready()


async def test_waiting_has_an_end(connect: Connect) -> None:
    """Where the server is silent or away, `ready` ends after its timeout; polling goes on."""
    never = asyncio.Event()

    async def silent() -> bytes | None:
        await never.wait()
        return None

    answer: Callable[[Received], Awaitable[bytes | None]] = lambda _: silent()  # noqa: E731
    async with scripted(answer) as server:
        for address in (server.url, "http://127.0.0.1:9"):
            client = connect(base_url=address)
            flags = client.flags.local(poll_seconds=POLL)
            assert await flags.ready(timeout=3) is False
            assert flag_tasks()
            await client.aclose()
            assert await flags.ready(None) is False
            assert not flag_tasks()
        never.set()


async def test_the_end(connect: Connect, server: Emulator) -> None:
    """Polling ends with its flags, with all flags or with the client; definitions stay, and nothing is left."""
    client = connect()
    await create(client, "f", Rollout(rollout_percentage=1.0, variant_splits={"on": 1.0}))
    one, two, three = (client.flags.local() for _ in range(3))
    assert [await flags.ready() for flags in (one, two, three)] == [True] * 3
    await one.aclose()
    await one.aclose()
    assert len(flag_tasks()) == 2
    await client.flags.aclose()
    assert not flag_tasks()
    four = client.flags.local()
    assert await four.ready()
    assert four.variant("f", None, USER).is_assigned
    await client.aclose()
    assert not flag_tasks()
    assert len(await server.events()) == 1
    late = four.variant("f", None, {"distinct_id": "user-2"})
    assert late.is_assigned
    with pytest.raises(ClientClosedError):
        client.flags.local()


async def test_a_loop_that_ends_early(server: Emulator) -> None:
    """A loop that ends while flags are polled ends without a complaint of asyncio's."""
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        client = AsyncMixpanel(TOKEN, base_url=server.url)
        await client.flags.local().ready()
        await client.aclose()

    await asyncio.to_thread(asyncio.run, main())
    assert complaints == []


class Hostile(dict[str, object]):
    def get(self, *arguments: object) -> object:
        raise ZeroDivisionError(arguments)


@pytest.mark.parametrize(
    ("key", "context"),
    [
        ("f", None), ("f", "user-1"), ("f", 5), ("f", []), ("f", Hostile()), (None, USER), (5, USER), ([], USER),
        (b"f", USER), ({}, {}), ("f", {"distinct_id": Hostile}),
    ],
)  # fmt: skip
async def test_wrong_arguments(
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    key: Any,  # noqa: ANN401
    context: Any,  # noqa: ANN401
) -> None:
    """Wrong arguments give the fallback with the reason, are logged once, and never raise."""
    async with scripted(lambda _: definitions(flag())) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local()
        assert await flags.ready()
        for _ in range(3):
            found = flags.variant(key, "fallback", context)
            assert isinstance(found, FlagResult)
            assert flags.is_enabled(key, context) is found.is_assigned
            assert isinstance(flags.all_variants(context), dict)
            flags.track_exposure(key, context)
            flags.track_exposure(found, context)
            if not found.is_assigned:
                assert (found.value, found.reason, bool(found.message)) == (
                    "fallback", FlagReason.INVALID_ARGUMENT, True,
                )  # fmt: skip
        await client.aclose()
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert 0 < len(warnings) <= 2


async def ready_flags(client: AsyncMixpanel, *more: dict[str, Any]) -> LocalFlags:
    flags = client.flags.local()
    del more
    assert await flags.ready()
    return flags


async def test_exposures_once(connect: Connect, server: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """A flag, variant and user are tracked once, from any thread; without a user nothing is, which is logged once."""
    client = connect()
    await create(client, "by-user", Rollout(rollout_percentage=1.0, variant_splits={"on": 1.0}))
    await create(client, "by-company", Rollout(rollout_percentage=1.0, variant_splits={"on": 1.0}), context="company")
    flags = await ready_flags(client)
    context = {"distinct_id": "user-1", "company": "acme"}

    def evaluate() -> None:
        for number in range(50):
            flags.variant("by-company", None, {**context, "distinct_id": number})
            flags.variant("by-user", None, context)
            flags.variant("by-company", None, {"company": "acme"})
            flags.is_enabled("by-user", context)

    threads = [threading.Thread(target=evaluate) for _ in range(4)]
    for thread in threads:
        thread.start()
    evaluate()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    for result in flags.all_variants(context).values():
        flags.track_exposure(result, context)
    flags.variant("by-user", None, {"distinct_id": "user-2"}, track_exposure=False)
    flags.track_exposure(FlagResult("by-user", None), context)
    assert (await client.flush(20)).is_complete
    seen = [(one["properties"]["Experiment name"], one["properties"]["distinct_id"]) for one in await server.events()]
    # A number 0 is no user, as it is for the official client.
    assert sorted(seen) == sorted(
        [("by-company", str(number)) for number in range(1, 50)]
        + [("by-user", "user-1"), ("by-company", "user-1")]
    )  # fmt: skip
    assert len([one for one in caplog.records if "distinct_id" in one.message]) == 1


async def test_exposures_never_hold(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """A full buffer drops exposures, which are tried again; a closed client is logged once; neither raises."""
    async with scripted(lambda _: definitions(flag())) as server:
        client = connect(Settings(max_buffer_bytes=8_000_000, linger_seconds=1000), base_url=server.url)
        flags = await ready_flags(client)
        filler = "x" * 200_000
        while client.track_nowait("u", "Filler", {"x": filler}).outcome is None:
            pass
        before = client.stats.admitted
        for _ in range(3):
            assert flags.is_enabled("f", {"distinct_id": "u" * 200_000})
        assert client.stats.admitted == before + 3  # tried again each time, because it was dropped
        await client.aclose(0)
        for number in range(3):
            assert flags.is_enabled("f", {"distinct_id": f"late-{number}"})
    assert len([one for one in caplog.records if "late-" in one.message or "is not tracked" in one.message]) == 1


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "60", True, None])
async def test_wrong_options(connect: Connect, seconds: Any) -> None:  # noqa: ANN401
    """A wrong number of seconds is an error that says which."""
    flags = connect().flags
    with pytest.raises(InvalidArgumentError, match="poll_seconds"):
        flags.local(poll_seconds=seconds)
    with pytest.raises(InvalidArgumentError, match="timeout_seconds"):
        flags.remote(timeout_seconds=seconds)


def test_outside_a_loop() -> None:
    """Without a loop there is nothing to poll in, and the error says so."""
    with pytest.raises(WrongLoopError, match="no event loop"):
        AsyncMixpanel(TOKEN).flags.local()


async def test_listeners_that_raise(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """What a listener raises is logged; polling and other listeners go on."""

    def fail(change: FlagsChange) -> None:
        raise ZeroDivisionError(change.kind)

    async with scripted(lambda _: definitions(flag())) as server:
        client = connect(base_url=server.url)
        flags = client.flags.local()
        flags.listen(fail)
        changes = Changes(flags)
        assert (await changes.next()).kind == "ready"
        await client.aclose()
    assert "a listener of feature flags raised" in caplog.text
