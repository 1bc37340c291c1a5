"""The middleware for aiohttp.web."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.middleware import ClientIP
from mixpanel_async.middleware.aiohttp_web import aiohttp_middleware
from tests.integration.middleware.serving import own, sent


async def text(request: web.Request) -> web.Response:
    del request
    return web.Response(text="x")


async def missing(request: web.Request) -> web.Response:
    del request
    raise web.HTTPNotFound


async def broken(request: web.Request) -> web.Response:
    del request
    raise LookupError("the user's data")


async def socket(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    async for message in response:
        request.app[MP].track_nowait(None, "Message")
        await response.send_str(message.data)
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"data: x\n\n")
        await asyncio.sleep(0)


MP: web.AppKey[AsyncMixpanel] = web.AppKey("MP", AsyncMixpanel)


def application(mp: AsyncMixpanel) -> web.Application:
    middleware = aiohttp_middleware(
        lambda request: request.config_dict[MP], request_event="R", client_ip=ClientIP(trusted_proxies=1),
        distinct_id=lambda request: request.headers.get("x-user"), user_agent=True,
    )  # fmt: skip
    app = web.Application(middlewares=[middleware])
    sub = web.Application()
    sub.router.add_get("/items/{item}", text)
    app.router.add_get("/users/{user_id:\\d+}", text)
    app.router.add_get("/missing/{x}", missing)
    app.router.add_get("/broken", broken)
    app.router.add_get("/socket", socket)
    app.router.add_get("/events", endless)
    app.add_subapp("/sub", sub)
    app[MP] = mp
    sub[MP] = mp
    return app


async def test_routes_and_statuses(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Templates of routes, also of sub-applications; responses that are raised; exceptions; unknown paths."""
    cases = [
        ("GET", "/users/7?secret=1", "/users/{user_id}", 200, "completed"),
        ("HEAD", "/users/7", "/users/{user_id}", 200, "completed"),
        ("GET", "/users/secret", "(no route)", 404, "completed"),
        ("POST", "/users/7", "(no route)", 405, "completed"),
        ("GET", "/missing/secret", "/missing/{x}", 404, "completed"),
        ("GET", "/broken", "/broken", 500, "failed"),
        ("GET", "/sub/items/secret", "/sub/items/{item}", 200, "completed"),
    ]
    async with TestServer(application(mp)) as server, aiohttp.ClientSession() as http:
        for method, path, _, status, _ in cases:
            headers = {"x-user": "ann", "x-forwarded-for": "6.6.6.6, 198.51.100.7", "user-agent": "curl/8.5.0 \udce9"}
            async with http.request(method, server.make_url(path), headers=headers) as reply:
                assert reply.status == status
    events = [own(event) for event in await sent(emulator, mp)]
    assert [(one["route"], one["status"], one["ending"]) for one in events] == [case[2:] for case in cases]
    assert {(one["distinct_id"], one["ip"], one["$browser"]) for one in events} == {("ann", "198.51.100.7", "curl")}
    assert [one.get("error") for one in events if "error" in one] == ["LookupError"]
    assert "secret" not in str(events)


async def test_a_websocket(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A websocket has the context and no event."""
    async with (
        TestServer(application(mp)) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.make_url("/socket"), headers={"x-user": "ann"}) as connection,
    ):
        await connection.send_str("x")
        assert (await connection.receive_str()) == "x"
    [event] = await sent(emulator, mp)
    assert (event["event"], event["properties"]["distinct_id"]) == ("Message", "ann")


async def test_a_client_that_leaves(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A stream whose client has gone is not a failure of the application."""
    async with TestServer(application(mp)) as server:
        async with aiohttp.ClientSession() as http, http.get(server.make_url("/events")) as reply:
            await reply.content.readexactly(9)
        while not (events := await sent(emulator, mp)):  # noqa: ASYNC110 - what it waits for is in the server
            await asyncio.sleep(0.001)
    assert events[0]["properties"]["ending"] in {"disconnected", "cancelled"}


async def test_connections_that_are_used_again(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Requests of one connection, which run in one task, do not inherit each other's users."""
    connector = aiohttp.TCPConnector(limit=1)
    async with TestServer(application(mp)) as server, aiohttp.ClientSession(connector=connector) as http:
        for headers in ({"x-user": "ann"}, {}, {"x-user": "bob"}):
            async with http.get(server.make_url("/users/7"), headers=headers) as reply:
                await reply.read()
    assert [own(event)["distinct_id"] for event in await sent(emulator, mp)] == ["ann", "", "bob"]


async def test_no_client_and_bad_options(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Without a client the request is served; a mistake in the options is found when the application is built."""
    app = web.Application(middlewares=[aiohttp_middleware(lambda _: None, request_event="R")])
    app.router.add_get("/", text)
    async with TestServer(app) as server, aiohttp.ClientSession() as http, http.get(server.make_url("/")) as reply:
        assert reply.status == 200
    assert await sent(emulator, mp) == []
    with pytest.raises(InvalidSettingError):
        aiohttp_middleware(mp, sample_rate=3)
