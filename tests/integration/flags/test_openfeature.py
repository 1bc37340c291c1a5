"""The provider in OpenFeature's own SDK."""

import asyncio
import datetime as dt
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus
from openfeature.track import TrackingEventDetails

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import UnauthorizedError
from mixpanel_async.openfeature import MixpanelProvider
from mixpanel_async.testing import LocalMixpanel
from tests.conftest import Connect
from tests.integration.attack.server import Received, reply, scripted
from tests.integration.flags.builders import definitions, flag, flag_tasks

VALUES: dict[str, Any] = {
    "yes": True, "text": "blue", "whole": 3, "round": 3.0, "number": 2.5, "object": {"a": [1]}, "list": [1],
    "null": None, "huge": 10**400,
}  # fmt: skip
RULE = {"and": [{"==": [{"var": "plan"}, "pro"]}, {"datetime_compare": [{"var": "since"}, "<", 1_800_000_000_000]}]}
USER = EvaluationContext("user-1")


def rule_flag() -> dict[str, Any]:
    found = flag("ruled", "ruled")
    found["ruleset"]["rollout"][0]["runtime_evaluation_rule"] = RULE
    return found


FLAGS = [
    *[flag(key, value) for key, value in VALUES.items()],
    rule_flag(),
    flag("company", True, context="company"),
    flag("experiment", True, experiment_id="e-1", is_experiment_active=True),
]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    api.shutdown()
    api.clear_providers()


@pytest.fixture
async def provider(connect: Connect) -> AsyncIterator[MixpanelProvider]:
    """A provider with all flags, in use."""
    async with scripted(lambda _: definitions(*FLAGS)) as server:
        client = connect(base_url=server.url)
        found = MixpanelProvider(client)
        assert await found.start()
        api.set_provider_and_wait(found)
        yield found
        await found.aclose()
        await client.aclose(0)


@pytest.fixture
def features(provider: MixpanelProvider) -> OpenFeatureClient:
    assert provider.get_metadata().name == "mixpanel_async"
    return api.get_client()


KINDS = ("boolean", "string", "integer", "float", "object")
DEFAULTS: dict[str, Any] = {"boolean": False, "string": "d", "integer": -1, "float": -1.5, "object": {"d": 1}}
# The flags that each resolver takes, with what becomes of the value; all others are of another type.
TAKEN: dict[str, dict[str, Any]] = {
    "boolean": {"yes": True},
    "string": {"text": "blue"},
    "integer": {"whole": 3, "round": 3, "huge": 10**400},
    "float": {"whole": 3.0, "round": 3.0, "number": 2.5},
    "object": {"object": {"a": [1]}, "list": [1]},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_types(features: OpenFeatureClient, kind: str) -> None:
    """Each resolver takes values of its type, in both forms; any other value is a mismatch with the default."""
    default = DEFAULTS[kind]
    for key in VALUES:
        details = getattr(features, f"get_{kind}_details")(key, default, USER)
        assert await getattr(features, f"get_{kind}_details_async")(key, default, USER) == details
        if key in TAKEN[kind]:
            assert (details.value, type(details.value)) == (TAKEN[kind][key], type(TAKEN[kind][key]))
            assert (details.variant, details.reason, details.error_code) == ("on", Reason.TARGETING_MATCH, None)
        else:
            assert details.value == default
            assert (details.reason, details.error_code) == (Reason.ERROR, ErrorCode.TYPE_MISMATCH)


async def test_reasons(features: OpenFeatureClient) -> None:
    """A missing flag, user or match has its own code and reason."""

    def ask(key: str, context: EvaluationContext) -> tuple[object, object, object, object]:
        found = features.get_string_details(key, "d", context)
        return found.value, found.error_code, found.reason, found.error_message

    assert ask("unknown", USER) == ("d", ErrorCode.FLAG_NOT_FOUND, Reason.DEFAULT, None)
    assert ask("text", EvaluationContext()) == ("d", ErrorCode.TARGETING_KEY_MISSING, Reason.ERROR, "distinct_id")
    assert ask("company", USER) == ("d", ErrorCode.TARGETING_KEY_MISSING, Reason.ERROR, "company")
    assert ask("ruled", USER) == ("d", None, Reason.DEFAULT, None)
    odd: Any = EvaluationContext("u", attributes=5)  # type: ignore[arg-type]
    found = MixpanelProvider.resolve_string_details(features.provider, "text", "d", odd)  # type: ignore[arg-type]
    assert (found.value, found.error_code) == ("d", ErrorCode.INVALID_CONTEXT)


async def test_contexts(features: OpenFeatureClient) -> None:
    """The targeting key is the user unless the context names one; attributes are properties, and keys of flags."""
    attributes: dict[str, Any] = {"Plan": "PRO", "since": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
    assert features.get_string_value("ruled", "d", EvaluationContext("u", attributes)) == "ruled"
    nested: dict[str, Any] = {"custom_properties": {"plan": "pro"}, "since": "2026-01-01T00:00:00Z"}
    assert features.get_string_value("ruled", "d", EvaluationContext("u", nested)) == "ruled"
    assert features.get_boolean_value("company", False, EvaluationContext("u", {"company": "acme"}))
    assert features.get_boolean_value("yes", False, EvaluationContext(attributes={"distinct_id": "u"}))
    details = features.get_boolean_details("experiment", False, USER)
    assert details.flag_metadata == {"experiment_id": "e-1", "is_experiment_active": True}


async def test_exposures_and_tracking(connect: Connect, server: Emulator) -> None:
    """A variant that was used is tracked once; `track` tracks events of the user, in the loop and in threads."""
    async with scripted(lambda _: definitions(*FLAGS)) as scripted_server:
        client = connect()
        provider = MixpanelProvider(connect(base_url=scripted_server.url))
        assert await provider.start()
        assert provider._flags is not None
        provider._flags._exposures._track = client.track_nowait  # the events go to the local server
        provider._mp = client
        await client.track("first", "Started")
        api.set_provider_and_wait(provider)
        features = api.get_client()
        for _ in range(3):
            assert features.get_boolean_value("yes", False, USER)
            assert features.get_integer_value("text", 5, USER) == 5  # a mismatch is no exposure
        features.track("Paid", USER, TrackingEventDetails(9.5, {"plan": "pro"}))
        named = EvaluationContext("t", {"distinct_id": "user-2"})
        await asyncio.to_thread(features.track, "Paid", named)
        features.track("Seen")
        assert (await client.flush(20)).is_complete
        seen = [
            (one["event"], one["properties"]["distinct_id"], one["properties"].get("value"))
            for one in await server.events()
        ]
        assert sorted(seen, key=str) == [
            ("$experiment_started", "user-1", None), ("Paid", "user-1", 9.5), ("Paid", "user-2", None),
            ("Seen", "", None), ("Started", "first", None),
        ]  # fmt: skip
        await client.aclose()
        features.track("Too late", USER)


class Events:
    """Events of OpenFeature, which come from a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[ProviderEvent, EventDetails]] = asyncio.Queue()
        for event in ProviderEvent:
            api.add_handler(event, lambda details, event=event: self._take(event, details))  # type: ignore[misc]

    def _take(self, event: ProviderEvent, details: EventDetails) -> None:
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (event, details))

    async def next(self) -> tuple[str, EventDetails]:
        async with asyncio.timeout(20):
            event, details = await self._queue.get()
        return event.name.removeprefix("PROVIDER_"), details


async def test_events(connect: Connect) -> None:
    """OpenFeature is told when definitions are ready, stale, good again and changed."""
    turn = asyncio.Event()
    script = [definitions(flag("a")), reply(500, {"error": "out of order"}), definitions(flag("a"), flag("b"))]

    async def answer(number: int) -> bytes:
        if number == 2:
            await turn.wait()
        return script[min(number, 3) - 1]

    async with scripted(lambda received: answer(received.number)) as server:
        client = connect(base_url=server.url)
        provider = MixpanelProvider(client, poll_seconds=0.5)
        assert await provider.start()
        events = Events()
        assert (await events.next())[0] == "READY"  # of the provider that does nothing
        api.set_provider_and_wait(provider)
        assert (await events.next())[0] == "READY"
        turn.set()
        name, details = await events.next()
        assert name == "STALE"
        assert "out of order" in (details.message or "")
        # Two handlers of two events run at once: their order is not OpenFeature's promise.
        found = dict([await events.next() for _ in range(2)])
        assert set(found) == {"CONFIGURATION_CHANGED", "READY"}
        assert found["CONFIGURATION_CHANGED"].flags_changed == ["b"]
        assert api.get_client().get_provider_status() is ProviderStatus.READY
        await client.aclose()


async def test_an_error_and_its_end(connect: Connect) -> None:
    """Without definitions the provider is in error and gives defaults; when they come, it is ready by itself."""
    turn = asyncio.Event()

    async def answer(number: int) -> bytes:
        if number == 1:
            return reply(500, {"error": "out of order"})
        await turn.wait()
        return definitions(flag("a"))

    async with scripted(lambda received: answer(received.number)) as server:
        client = connect(base_url=server.url)
        provider = MixpanelProvider(client, poll_seconds=0.5)
        assert await provider.start(timeout=5) is False
        with pytest.raises(ProviderNotReadyError, match="out of order"):
            api.set_provider_and_wait(provider)
        features = api.get_client()
        assert features.get_provider_status() is ProviderStatus.ERROR
        details = features.get_boolean_details("a", False, USER)
        assert (details.value, details.error_code) == (False, ErrorCode.PROVIDER_NOT_READY)
        events = Events()
        assert (await events.next())[0] == "ERROR"
        turn.set()
        assert (await events.next())[0] == "READY"
        assert features.get_boolean_value("a", False, USER)
        await client.aclose(0)


async def test_a_refused_token(connect: Connect) -> None:
    """A refused token is fatal: whoever starts or initializes the provider is told."""
    async with scripted(lambda _: reply(401, {"error": "who are you"})) as server:
        client = connect(base_url=server.url)
        provider = MixpanelProvider(client)
        with pytest.raises(UnauthorizedError, match="who are you"):
            await provider.start()
        with pytest.raises(ProviderFatalError):
            api.set_provider_and_wait(provider)
        assert api.get_client().get_provider_status() is ProviderStatus.FATAL
        assert api.get_client().get_boolean_value("a", True, USER) is True
        await client.aclose()


async def test_no_deadlock(connect: Connect) -> None:
    """On a loop's thread, initialization never waits; in another thread it waits until the definitions are there."""
    turn = asyncio.Event()

    async def answer(_: Received) -> bytes:
        await turn.wait()
        return definitions(flag("a"))

    async with scripted(answer) as server:
        client = connect(base_url=server.url)
        provider = MixpanelProvider(client, init_seconds=60)
        with pytest.raises(ProviderNotReadyError, match="start"):
            api.set_provider_and_wait(provider)
        other = MixpanelProvider(client, init_seconds=60)
        waiting = asyncio.create_task(asyncio.to_thread(api.set_provider_and_wait, other))
        starting = asyncio.create_task(other.start(None))
        turn.set()
        async with asyncio.timeout(20):
            await asyncio.gather(waiting, starting)
        assert api.get_client().get_boolean_value("a", False, USER)
        await client.aclose(0)


async def test_the_end(connect: Connect) -> None:
    """Polling ends with `aclose` and with OpenFeature's shutdown, from any thread; a provider can be started again."""
    async with scripted(lambda _: definitions(flag("a"))) as server:
        client = connect(base_url=server.url)
        provider = MixpanelProvider(client)
        for stop in (provider.aclose, lambda: asyncio.to_thread(provider.shutdown), lambda: _here(provider)):
            assert await provider.start()
            api.set_provider_and_wait(provider)
            assert api.get_client().get_boolean_value("a", False, USER)
            (polling,) = [task for task in asyncio.all_tasks() if task.get_name() in flag_tasks()]
            await stop()
            await asyncio.wait((polling,), timeout=20)
            assert polling.cancelled()
            found = provider.resolve_boolean_details("a", False, USER)
            assert (found.value, found.error_code) == (False, ErrorCode.PROVIDER_NOT_READY)
            api.clear_providers()
        await provider.aclose()
        provider.shutdown()
        await client.aclose(0)


async def _here(provider: MixpanelProvider) -> None:
    provider.shutdown()


def test_after_the_loop(emulator_url: str) -> None:
    """A shutdown after the loop has ended does nothing and complains about nothing."""

    async def main() -> MixpanelProvider:
        async with AsyncMixpanel("token", base_url=emulator_url) as client:
            provider = MixpanelProvider(client)
            assert await provider.start()
            return provider

    provider = asyncio.run(main())
    provider.shutdown()
    assert provider.resolve_string_details("a", "d").error_code is ErrorCode.PROVIDER_NOT_READY


@pytest.fixture
def emulator_url() -> Iterator[str]:
    with LocalMixpanel() as running:
        yield running.url


def test_without_the_extra() -> None:
    """Without the SDK the import says which command installs it."""
    code = "import sys; sys.modules['openfeature.evaluation_context'] = None\nimport mixpanel_async.openfeature"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "mixpanel-async[openfeature]"' in ended.stderr
