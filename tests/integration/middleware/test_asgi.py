"""The middleware for ASGI, by itself: messages, contexts, endings, and functions of the user that fail."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Never

import aiohttp
import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.middleware import ASGIMiddleware, ClientIP
from tests.integration.middleware.serving import Message, Receive, Scope, Send, own, sent, serving
from tests.virtual_time import FastClock

App = Callable[[Scope, Receive, Send], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"x"}


def scope_of(**more: object) -> Scope:
    return {"type": "http", "method": "GET", "path": "/", "headers": [], "client": ["192.0.2.1", 1], **more}


class Server:
    """A server that keeps what an application sends.

    Args:
        received: Messages that the application receives; it waits for ever after them.
        breaks: Whether sending a body raises, as where the client has gone.
    """

    def __init__(self, *received: Message, breaks: bool = False) -> None:
        self.sent: list[Message] = []
        self._received = list(received)
        self._breaks = breaks

    async def receive(self) -> Message:
        if not self._received:
            await asyncio.Event().wait()
        return self._received.pop(0)

    async def send(self, message: Message) -> None:
        if self._breaks and message["type"] == "http.response.body":
            raise ConnectionResetError
        self.sent.append(message)


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send(START)
    await send(END)


async def run(
    app: App,
    mp: AsyncMixpanel,
    server: Server,
    scope: Scope | None = None,
    **options: Any,  # noqa: ANN401 - those of the middleware
) -> None:
    await ASGIMiddleware(app, mp, **options)(scope_of() if scope is None else scope, server.receive, server.send)


async def test_it_does_nothing_unless_asked(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Without options, messages pass through and nothing is tracked: no address, no user agent, no event."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await mp.track("u", "Inside")
        await ok(scope, receive, send)

    server = Server()
    scope = scope_of(headers=[(b"user-agent", b"Mozilla/5.0"), (b"x-forwarded-for", b"6.6.6.6")])
    await run(app, mp, server, scope)
    assert server.sent == [START, END]
    [event] = await sent(emulator, mp)
    assert own(event) == {"distinct_id": "u"}


async def test_the_event(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """The event says method, route, status, duration and ending, and nothing of the URL."""
    scope = scope_of(path="/secret/7", query_string=b"token=secret", raw_path=b"/secret/7")
    clock = FastClock(1)
    await run(ok, mp, Server(), scope, request_event="Request Served", clock=clock)
    [event] = await sent(emulator, mp)
    assert event["event"] == "Request Served"
    properties = own(event)
    assert 0 <= properties.pop("duration_ms") < 10_000
    assert properties == {
        "distinct_id": "", "method": "GET", "route": "(no route)", "status": 200, "ending": "completed",
    }  # fmt: skip


async def test_the_context(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Events inside have the user, who may become known on the way, and the properties; so has the request's event."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await mp.track(None, "Before")
        scope["user"] = "ann"
        await mp.track(None, "After", {"plan": "free"})
        await asyncio.create_task(inner())
        await ok(scope, receive, send)

    async def inner() -> None:
        mp.track_nowait(None, "In a task")
        await asyncio.to_thread(lambda: mp.submit(None, "In a thread").result(10))

    await run(
        app, mp, Server(), scope_of(user="nobody"), request_event="Request", distinct_id=lambda scope: scope["user"],
        properties=lambda scope: {"method name": scope["method"], "plan": "pro"},
    )  # fmt: skip
    found = {event["event"]: own(event) for event in await sent(emulator, mp)}
    assert {name: one["distinct_id"] for name, one in found.items()} == {
        "Before": "nobody", "After": "ann", "In a task": "ann", "In a thread": "ann", "Request": "ann",
    }  # fmt: skip
    assert {one["method name"] for one in found.values()} == {"GET"}
    assert {name: one["plan"] for name, one in found.items() if one["plan"] != "pro"} == {"After": "free"}


async def test_headers(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Asked for, the address and the browser are on every event; bytes beyond Latin-1 do no harm."""
    headers = [
        (
            b"user-agent",
            b"Mozilla/5.0 (Windows NT 10.0; rv:121.0) Gecko/20100101 Firefox/121.0 \xff\xfe\x00\xe2\x82\xac",
        ),
        (b"x-forwarded-for", b"6.6.6.6, \xff\xfe"),
        (b"x-forwarded-for", b"198.51.100.7"),
    ]
    options: dict[str, Any] = {"client_ip": ClientIP(trusted_proxies=1), "user_agent": True, "request_event": "R"}
    await run(ok, mp, Server(), scope_of(headers=headers), **options)
    await run(ok, mp, Server(), scope_of(client=None), **options)
    first, second = [own(event) for event in await sent(emulator, mp)]
    assert {name: first[name] for name in first if name[0] == "$" or name == "ip"} == {
        "$browser": "Firefox", "$browser_version": 121, "$os": "Windows", "ip": "198.51.100.7",
    }  # fmt: skip
    assert not {"$browser", "ip"} & second.keys()


async def raises_before(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise LookupError("the user's data")


async def raises_after(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send(START)
    await send({**END, "more_body": True})
    raise LookupError("the user's data")


async def raises_in_background(scope: Scope, receive: Receive, send: Send) -> None:
    await ok(scope, receive, send)
    raise LookupError


async def raises_group(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise ExceptionGroup("several", [LookupError(), KeyError()])


async def raises_exit(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("app", "kind", "expected"),
    [
        (raises_before, LookupError, {"status": 500, "ending": "failed", "error": "LookupError"}),
        (raises_after, LookupError, {"status": 200, "ending": "failed", "error": "LookupError"}),
        (raises_in_background, LookupError, {"status": 200, "ending": "completed"}),
        (raises_group, ExceptionGroup, {"status": 500, "ending": "failed", "error": "ExceptionGroup"}),
        (raises_exit, SystemExit, {"status": 500, "ending": "failed", "error": "SystemExit"}),
    ],
)
async def test_an_application_that_raises(
    app: App, kind: type[BaseException], expected: dict[str, object], mp: AsyncMixpanel, emulator: Emulator
) -> None:
    """The exception is the same object; the event names its class and not its message; there is one event."""
    raised: list[BaseException] = []

    async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except BaseException as error:
            raised.append(error)
            raise

    with pytest.raises(kind) as found:
        await run(remembering, mp, Server(), request_event="R", distinct_id=lambda _: "u")
    assert found.value is raised[0]
    assert found.value.__context__ is None
    [event] = await sent(emulator, mp)
    properties = own(event)
    assert {name: properties.get(name) for name in ("status", "ending", "error")} == {"error": None, **expected}
    assert properties["distinct_id"] == "u"
    assert (await mp.track(None, "After")).outcome is not None  # the context has ended


async def never_starts(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send


async def waits_for_the_client(scope: Scope, receive: Receive, send: Send) -> None:
    del scope
    await send(START)
    assert (await receive())["type"] == "http.disconnect"


async def looks_later(scope: Scope, receive: Receive, send: Send) -> None:
    await ok(scope, receive, send)
    assert (await receive())["type"] == "http.disconnect"


async def waits_before(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, send
    assert (await receive())["type"] == "http.disconnect"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (never_starts, {"status": 500, "ending": "failed"}),
        (waits_for_the_client, {"status": 200, "ending": "disconnected"}),
        (waits_before, {"status": None, "ending": "disconnected"}),
        (looks_later, {"status": 200, "ending": "completed"}),
    ],
)
async def test_endings(app: App, expected: dict[str, object], mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A client that goes away before the end of the response is told from one that goes afterwards."""
    await run(app, mp, Server({"type": "http.disconnect"}), request_event="R")
    [event] = await sent(emulator, mp)
    assert {name: event["properties"].get(name) for name in ("status", "ending")} == expected


async def test_a_connection_that_breaks(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """What the server raises reaches the application; the request has ended by the client."""
    with pytest.raises(ConnectionResetError):
        await run(ok, mp, Server(breaks=True), request_event="R")
    [event] = await sent(emulator, mp)
    assert (event["properties"]["ending"], event["properties"]["error"]) == ("disconnected", "ConnectionResetError")


async def test_a_cancelled_request(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A request whose task is cancelled has an event, and stays cancelled."""
    started = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        started.set()
        await receive()

    task = asyncio.create_task(run(app, mp, Server(), request_event="R"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [event] = await sent(emulator, mp)
    assert event["properties"]["ending"] == "cancelled"
    assert "status" not in event["properties"]


async def test_the_duration_is_that_of_the_response(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A streamed response lasts until its last part; what runs in the background afterwards does not count."""

    class Clock(FastClock):
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock(1)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 206, "headers": []})
        for _ in range(3):
            clock.now += 1
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})
        clock.now += 100
        mp.track_nowait(None, "Background")

    await run(app, mp, Server(), request_event="R", distinct_id=lambda _: "u", clock=clock)
    events = {event["event"]: own(event) for event in await sent(emulator, mp)}
    assert (events["R"]["duration_ms"], events["R"]["status"]) == (3_000, 206)
    assert events["Background"]["distinct_id"] == "u"


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "something new"])
async def test_other_scopes_pass_through(kind: str, mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Only HTTP has a context and an event; the others get the very callables of the server."""
    server = Server()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope == {"type": kind}
        assert (receive, send) == (server.receive, server.send)

    await run(app, mp, server, {"type": kind}, request_event="R", distinct_id=lambda _: "u")
    assert await sent(emulator, mp) == []


async def test_sampling(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A share of the requests has an event, which says how large the share is; all have the context."""

    class Clock(FastClock):
        draws = iter([0.1, 0.3, 0.24, 0.9])

        def uniform(self, low: float, high: float) -> float:
            assert (low, high) == (0, 1)
            return next(self.draws)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        mp.track_nowait(None, "Inside")
        await ok(scope, receive, send)

    middleware = ASGIMiddleware(
        app, mp, request_event="R", sample_rate=0.25, distinct_id=lambda _: "u", clock=Clock(1)
    )  # fmt: skip
    for _ in range(4):
        server = Server()
        await middleware(scope_of(), server.receive, server.send)
        assert server.sent == [START, END]
    events = await sent(emulator, mp)
    assert [event["properties"].get("sample_rate") for event in events if event["event"] == "R"] == [0.25, 0.25]
    assert [own(event)["distinct_id"] for event in events if event["event"] == "Inside"] == ["u"] * 4


def fails(_: object) -> Never:
    raise ValueError("ann@example.com")


async def test_functions_that_raise(mp: AsyncMixpanel, emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """A function of the user that fails costs its own result only; the log names each once, without its message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await mp.track("v", "Inside")).outcome is None
        await ok(scope, receive, send)

    options: dict[str, Any] = {"request_event": "R", "distinct_id": fails, "properties": fails, "route": fails}
    middleware = ASGIMiddleware(app, mp, **options)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            server = Server()
            await middleware(scope_of(), server.receive, server.send)
            assert server.sent == [START, END]
    assert len(await sent(emulator, mp)) == 6
    assert len(caplog.messages) == 3
    assert all("raised ValueError" in message and "test_asgi.py" in message for message in caplog.messages)
    assert "ann@" not in caplog.text


async def test_no_client(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A function may say that there is no client, or fail: the request is served."""
    for find in (lambda _: None, fails):
        server = Server()
        await ASGIMiddleware(ok, find, request_event="R")(scope_of(), server.receive, server.send)
        assert server.sent == [START, END]
    server = Server()
    await ASGIMiddleware(ok, lambda _: mp, request_event="R")(scope_of(), server.receive, server.send)
    assert len(await sent(emulator, mp)) == 1


async def test_a_client_that_cannot_track(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """A client that is closed, has no token or is full breaks no request."""
    closed = AsyncMixpanel("token", base_url=emulator.url)
    await closed.track("u", "E")
    await closed.aclose()
    tiny = Settings(max_buffer_bytes=40_000, overflow="raise", max_batch_bytes=10_000)
    full = AsyncMixpanel("token", base_url="http://127.0.0.1:9", settings=tiny)
    tokenless = AsyncMixpanel(base_url=emulator.url)
    for client in (closed, full, tokenless):
        for _ in range(300):
            server = Server()
            await run(ok, client, server, request_event="R", distinct_id=lambda _: "u")
            assert server.sent == [START, END]
        await client.aclose(timeout=0)
    assert "ClientClosedError" in caplog.text
    assert "MissingCredentialsError" in caplog.text
    assert "BufferFullError" in caplog.text


async def test_a_thousand_requests_at_once(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Contexts of concurrent requests do not mix, in tasks and threads that they start, nor over one connection."""
    barrier = asyncio.Barrier(1_000)

    def user_of(scope: Scope) -> str:
        return str(dict(scope["headers"])[b"x-user"].decode())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        number = user_of(scope)
        await barrier.wait()
        mp.track_nowait(None, "One", {"number": number})
        await asyncio.sleep(0)

        async def later() -> None:
            await mp.track(None, "Two", {"number": number})

        await asyncio.gather(later(), later())
        await ok(scope, receive, send)

    middleware = ASGIMiddleware(
        app, mp, request_event="R", distinct_id=user_of, properties=lambda scope: {"number": user_of(scope)}
    )

    async def ask(number: int) -> None:
        server = Server()
        await middleware(scope_of(headers=[(b"x-user", f"u{number}".encode())]), server.receive, server.send)

    await asyncio.gather(*[ask(number) for number in range(1_000)])
    events = await sent(emulator, mp)
    assert len(events) == 4_000
    assert all(event["properties"]["distinct_id"] == event["properties"]["number"] for event in events)


async def test_over_a_real_server(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """HEAD, a streamed response and a client that leaves in the middle of an endless one, under uvicorn."""
    left = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        if scope["path"] == "/events":
            async with asyncio.TaskGroup() as group:
                task = group.create_task(endless(send))
                while (await receive())["type"] != "http.disconnect":
                    pass
                task.cancel()
            left.set()
            return
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})

    async def endless(send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
            await asyncio.sleep(0)

    middleware = ASGIMiddleware(app, mp, request_event="R", client_ip=ClientIP())
    async with serving(middleware) as url, aiohttp.ClientSession() as http:
        async with http.head(url) as reply:
            assert reply.status == 200
        async with http.get(url) as reply:
            assert await reply.read() == b"xxx"
        async with http.get(f"{url}/events") as reply:
            assert await reply.content.readexactly(9) == b"data: x\n\n"
        await asyncio.wait_for(left.wait(), 20)
    found = [own(event) for event in await sent(emulator, mp)]
    assert [(one["method"], one["ending"], one["ip"]) for one in found] == [
        ("HEAD", "completed", "127.0.0.1"), ("GET", "completed", "127.0.0.1"), ("GET", "disconnected", "127.0.0.1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"event": "R"},
        {"request_event": ""},
        {"request_event": 1},
        {"sample_rate": 2},
        {"sample_rate": "0.1"},
        {"sample_rate": True},
        {"distinct_id": "user-1"},
        {"properties": {"a": 1}},
        {"route": "/"},
        {"distinct_id": ok},
        {"client_ip": True},
    ],
)
def test_invalid_options(options: dict[str, Any]) -> None:
    """A mistake in the options is found when the application is built, not when requests come."""
    with pytest.raises(InvalidSettingError):
        ASGIMiddleware(ok, AsyncMixpanel("token"), **options)
