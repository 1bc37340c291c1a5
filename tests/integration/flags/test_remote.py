"""Remote flags against servers that answer well, badly or not at all."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.config import Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.flags import FlagReason
from mixpanel_async.session import Reply
from mixpanel_async.session.messages import WireRequest
from mixpanel_async.session.transport import AiohttpTransport
from tests.conftest import TOKEN, Connect
from tests.integration.attack.server import Received, reply, scripted
from tests.integration.flags.builders import USER, variants

BAD: dict[str, tuple[bytes | None, str]] = {
    "error": (reply(500, {"error": "out of order"}), "out of order"),
    "refused": (reply(403, {"error": "not yours"}), "not yours"),
    "limited": (reply(429, {"error": "slow down"}), "slow down"),
    "text": (reply(200, b"<html>"), ""),
    "list": (reply(200, []), ""),
    "no variant": (reply(200, {"flags": {"f": {"variant_value": 1}}}), "variant_key"),
    "odd bytes": (reply(200, b'{"flags":{"\xff":1}}'), ""),
    "closed": (None, ""),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_answer(connect: Connect, case: str, caplog: pytest.LogCaptureFixture) -> None:
    """A bad answer is a fallback with what the server said, and without the token or the user."""
    answer, said = BAD[case]
    async with scripted(lambda _: answer) as server:
        flags = connect(base_url=server.url).flags.remote()
        found = await flags.variant("f", "fallback", USER)
        assert (found.value, found.source, found.reason) == ("fallback", "fallback", FlagReason.BACKEND_ERROR)
        assert said in found.message
        assert found.message
        assert "user-1" not in found.message + caplog.text
        assert TOKEN not in found.message + caplog.text


async def test_no_answer(connect: Connect) -> None:
    """A server that is silent costs the timeout, and no request is repeated."""
    never = asyncio.Event()

    async def silent() -> bytes | None:
        await never.wait()
        return None

    answer: Callable[[Received], Any] = lambda _: silent()  # noqa: E731
    async with scripted(answer) as server:
        flags = connect(base_url=server.url).flags.remote(timeout_seconds=0.05)
        assert (await flags.variant("f", 1, USER)).reason is FlagReason.BACKEND_ERROR
        assert await flags.is_enabled("f", USER) is False
        assert await flags.all_variants(USER) is None
        assert len(server.requests) == 3
        never.set()


async def test_a_good_answer(connect: Connect, server: Emulator) -> None:
    """The variant that was asked for is the result, whatever form the others have; it is tracked once."""
    flags_reply = {"f": {"variant_key": "on", "variant_value": True, "experiment_id": "e"}, "other": 5}
    async with scripted(lambda _: reply(200, {"flags": flags_reply})) as scripted_server:
        client = connect()
        remote = connect(base_url=scripted_server.url).flags.remote()
        remote._exposures._track = client.track_nowait  # the events go to the local server
        found = await remote.variant("f", None, USER)
        assert (found.value, found.variant, found.source, found.experiment_id) == (True, "on", "remote", "e")
        assert await remote.is_enabled("f", USER)
        remote.track_exposure(found, USER)
        absent = await remote.variant("g", 5, USER)
        assert (absent.value, absent.reason) == (5, FlagReason.FLAG_NOT_FOUND)
    await client.flush(20)
    (exposure,) = await server.events()
    properties = exposure["properties"]
    assert properties["Flag evaluation mode"] == "remote"
    assert "$experiment_id" not in properties
    assert properties["Variant fetch start time"] <= properties["Variant fetch complete time"]


async def test_what_is_asked() -> None:
    """The request has the token, the context as JSON and the key; a credential goes in its header only."""
    asked: list[WireRequest] = []

    class Recording(AiohttpTransport):
        async def send(self, request: WireRequest) -> Reply:
            asked.append(request)
            return Reply(200, {}, b'{"flags": {}}')

    async with AsyncMixpanel(TOKEN, transport=Recording(Settings())) as client:
        await client.flags.remote().variant("f", None, {"distinct_id": "ü", "custom_properties": {"a": [1]}})
    query = parse_qs(urlsplit(asked[0].url).query)
    assert json.loads(query["context"][0]) == {"distinct_id": "ü", "custom_properties": {"a": [1]}}
    assert (query["token"], query["flag_key"], query["mp_lib"]) == ([TOKEN], ["f"], ["python"])
    assert asked[0].headers["Authorization"].startswith("Basic ")
    assert len(asked[0].headers["traceparent"]) == 55


@pytest.mark.parametrize(
    ("key", "context"),
    [("f", None), ("f", 5), ("f", {"distinct_id": object()}), ("f", {"x": float("nan")}), (None, USER), ([], USER)],
)
async def test_wrong_arguments(
    connect: Connect,
    key: Any,  # noqa: ANN401
    context: Any,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Wrong arguments give the fallback without a request, are logged once, and never raise."""
    async with scripted(lambda _: variants(f=1)) as server:
        flags = connect(base_url=server.url).flags.remote()
        for _ in range(3):
            found = await flags.variant(key, "fallback", context)
            assert (found.value, found.reason) == ("fallback", FlagReason.INVALID_ARGUMENT)
            assert await flags.is_enabled(key, context) is False
            flags.track_exposure(key, context)
        assert server.requests == []
    assert len([one for one in caplog.records if "feature flag" in one.message]) <= 2


async def test_cancelling(connect: Connect) -> None:
    """Who cancels the call cancels it: it is no fallback."""
    never = asyncio.Event()
    asked = asyncio.Event()

    async def silent() -> bytes | None:
        asked.set()
        await never.wait()
        return None

    answer: Callable[[Received], Any] = lambda _: silent()  # noqa: E731
    async with scripted(answer) as server:
        flags = connect(base_url=server.url).flags.remote()
        call = asyncio.ensure_future(flags.variant("f", 1, USER))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        never.set()
