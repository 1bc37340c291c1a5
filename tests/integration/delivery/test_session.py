"""The session over a raw socket, with hostile and broken servers."""

import asyncio
import base64
import gzip
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel, OAuthToken, ProjectSecret, ServiceAccount, Settings, errors
from mixpanel_async.auth import Credential
from mixpanel_async.clock import Clock, SystemClock
from mixpanel_async.config import Rates, Region, servers
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.session import Request, Session
from mixpanel_async.session.transport import AiohttpTransport
from tests.conftest import PROJECT_ID, SECRET, TOKEN, USERNAME, Connect
from tests.virtual_time import FastClock

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
GET = Request(operation="test.get", method="GET", server="app", path="/api/app/me")
POST = Request(
    operation="test.post", method="POST", server="app", path="/x", body=b"{}", content_type="application/json"
)


@asynccontextmanager
async def raw_server(answer: Answer, heads: list[bytes] | None = None) -> AsyncIterator[str]:
    """Serve raw connections: `answer` gets the head of each request and writes the reply."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if heads is not None:
                    heads.append(head)
                await answer(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def session_to(
    url: str, settings: Settings | None = None, *, credentials: Credential | None = None, clock: Clock | None = None
) -> AsyncIterator[Session]:
    settings = settings or Settings(max_call_retries=0)
    session = Session(
        AiohttpTransport(settings),
        servers=servers(Region.US, url),
        settings=settings,
        clock=clock or SystemClock(),
        credentials=credentials or ServiceAccount(USERNAME, SECRET),
        token=TOKEN,
        project_id=PROJECT_ID,
    )
    try:
        yield session
    finally:
        await session.aclose()


def plain(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_a_get_is_never_repeated_in_secret() -> None:
    """When a kept-alive connection breaks, aiohttp does not retry without the rate limiter."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        if len(heads) == 1:
            writer.write(plain("200 OK", b"{}"))
        else:
            writer.close()

    async with raw_server(answer, heads) as url, session_to(url) as session:
        await session.send(GET)
        with pytest.raises(errors.ConnectionLostError):
            await session.send(GET)
        assert len(heads) == 2 == session.counts.requests


async def test_an_error_body_is_read_through_a_bound() -> None:
    """Of a 1 GiB error body only 64 KiB are read, compressed or not."""

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/bomb" in head:
            bomb = gzip.compress(b"x" * 50_000_000)
            writer.write(plain("500 Broken", bomb, "Content-Encoding: gzip"))
            return
        writer.write(b"HTTP/1.1 500 Broken\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"y" * 0x10000 + b"\r\n")
            await writer.drain()

    async with raw_server(answer) as url, session_to(url) as session:
        for path in ("/bomb", "/endless"):
            request = Request(operation="test", method="GET", server="app", path=path)
            reply = await session.attempt(request, resends=0)
            assert len(reply.body) == 64 * 1024


async def test_a_reply_of_several_gzip_members_is_whole() -> None:
    """A reply of several gzip members is read completely, or raises if a later part is not gzip."""

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        rest = b"no gzip" if b"/broken" in head else gzip.compress(b" second")
        writer.write(plain("200 OK", gzip.compress(b"first") + rest, "Content-Encoding: gzip"))

    async with raw_server(answer) as url, session_to(url) as session:
        assert (await session.send(GET)).body == b"first second"
        with pytest.raises(errors.TransportError):
            await session.send(Request(operation="test", method="GET", server="app", path="/broken"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(status: str) -> None:
    """A redirect is an error that names its target; neither the credential nor the body is sent there."""
    elsewhere: list[bytes] = []

    async def never(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    async with raw_server(never, elsewhere) as other:

        async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(plain(status, b"", f"Location: {other}/stolen"))

        async with raw_server(answer) as url, session_to(url) as session:
            for request in (GET, POST):
                with pytest.raises(errors.UnexpectedReplyError, match="not followed") as caught:
                    await session.send(request)
                assert other in str(caught.value)
    assert elsewhere == []


async def test_a_trickle_does_not_hold_a_call_for_ever() -> None:
    """A reply that arrives byte by byte ends with the total timeout."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    settings = Settings(total_timeout_seconds=0.2, max_call_retries=0)
    async with raw_server(answer) as url, session_to(url, settings) as session:
        with pytest.raises(errors.RequestTimeoutError, match=r"0\.2 s") as caught:
            await session.send(GET)
        assert caught.value.sent


async def test_nobody_there() -> None:
    """A server that does not listen raises ConnectFailedError: nothing was sent, and the message names the address."""
    async with session_to("http://127.0.0.1:9") as session:
        with pytest.raises(errors.ConnectFailedError, match=r"127\.0\.0\.1:9") as caught:
            await session.send(GET)
        assert not caught.value.sent


async def test_no_such_host() -> None:
    """A host name that does not resolve raises ConnectFailedError."""
    async with session_to("http://no-such-host.invalid") as session:
        with pytest.raises(errors.ConnectFailedError, match="no-such-host"):
            await session.send(GET)


@pytest.mark.parametrize("cut", ["length", "chunk", "gzip"])
async def test_a_cut_reply_is_no_reply(cut: str) -> None:
    """A truncated body raises an error, however it is truncated."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        whole = gzip.compress(b'{"a": 1}' * 1000)
        match cut:
            case "length":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            case "chunk":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            case _:
                writer.write(plain("200 OK", whole[: len(whole) // 2], "Content-Encoding: gzip"))
        writer.close()

    async with raw_server(answer) as url, session_to(url) as session:
        with pytest.raises(errors.TransportError) as caught:
            await session.send(GET)
        assert caught.value.sent


async def test_retries_of_a_call() -> None:
    """A call that is safe to retry is retried with the documented delays and Retry-After; each attempt is counted."""
    answers = iter(
        [
            plain("503 Busy"),
            plain("429 Slow", b"", "Retry-After: 50"),
            plain("200 OK", b"{}"),
        ]
    )

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    clock = FastClock()
    async with raw_server(answer) as url, session_to(url, Settings(), clock=clock) as session:
        await session.send(GET)
        assert 3.0 <= clock.slept[0] <= 7.0
        assert clock.slept[1] >= 50.0
        assert (session.counts.requests, session.counts.retries, session.counts.rate_limited) == (3, 2, 1)


async def test_a_wait_that_is_too_long() -> None:
    """A call does not wait longer than it may, whatever the server asks for; the error has the capped wait."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("503 Busy", b"", "Retry-After: 86400"))

    clock = FastClock()
    async with raw_server(answer) as url, session_to(url, Settings(), clock=clock) as session:
        with pytest.raises(errors.ServiceUnavailableError) as caught:
            await session.send(GET)
    assert caught.value.retry_after == 300
    assert not clock.slept


async def test_a_change_is_not_repeated() -> None:
    """A POST that may have had an effect is not retried."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("500 Broken", b"half done"))

    async with raw_server(answer, heads) as url, session_to(url, Settings(), clock=FastClock()) as session:
        with pytest.raises(errors.ServerError, match="half done"):
            await session.send(POST)
    assert len(heads) == 1


async def test_the_limit_on_queries() -> None:
    """A call that would have to wait too long fails at once, with the time at which it would be allowed."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    query = Request(operation="query.test", method="GET", server="query", path="/q", family="query")
    settings = Settings(rates=Rates(query_per_hour=2, max_wait_seconds=5.0))
    async with raw_server(answer) as url, session_to(url, settings) as session:
        await session.send(query)
        await session.send(query)
        with pytest.raises(errors.RateLimitedError, match="longer than it may wait") as caught:
            await session.send(query)
        assert caught.value.is_own
        assert caught.value.free_at == pytest.approx(SystemClock().time() + 3636, abs=10)
        assert session.counts.requests == 2


async def test_five_queries_at_once() -> None:
    """The sixth query waits until one of five has finished."""
    open_now = peak = 0

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, peak
        open_now += 1
        peak = max(peak, open_now)
        await asyncio.sleep(0.02)
        open_now -= 1
        writer.write(plain("200 OK", b"{}"))

    query = Request(operation="query.test", method="GET", server="query", path="/q", family="query")
    async with raw_server(answer) as url, session_to(url) as session:
        await asyncio.gather(*(session.send(query) for _ in range(12)))
    assert peak == 5


async def test_a_strange_host_gets_no_credential() -> None:
    """A request to a complete URL of another host does not carry the credential."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    async with raw_server(answer, heads) as url, session_to("http://127.0.0.1:9") as session:
        await session.send(Request(operation="raw", method="GET", server="app", path=f"{url}/x"))
    assert b"authorization" not in heads[0].lower()
    async with raw_server(answer, heads) as url, session_to(url) as session:
        await session.send(Request(operation="raw", method="GET", server="app", path=f"{url}/x"))
    assert b"authorization" in heads[1].lower()


async def test_a_proxy() -> None:
    """Requests use the proxy of the settings."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    async with raw_server(answer, heads) as proxy:
        settings = Settings(proxy=proxy, user_agent="my-app/1.0")
        async with session_to("http://mixpanel.invalid", settings) as session:
            await session.send(GET)
    assert heads[0].startswith(b"GET http://mixpanel.invalid/api/app/me HTTP/1.1")
    assert b"User-Agent: my-app/1.0 mixpanel_async/" in heads[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxys_password_is_sent_and_never_shown(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    """The proxy gets its credentials; whatever it replies, no error and no log line contains the password."""
    caplog.set_level(logging.DEBUG)
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("407 Proxy Authentication Required"))

    async with raw_server(answer, heads) as address:
        proxy = address.replace("http://", "http://p%20user:s3cret%21@")
        settings = Settings(proxy=proxy, max_call_retries=0)
        async with session_to(f"{scheme}://mixpanel.invalid", settings) as session:
            with pytest.raises(errors.MixpanelError) as caught:
                await session.send(GET)
    told = base64.b64encode(b"p user:s3cret!")
    assert b"\r\nproxy-authorization: basic " + told.lower() in heads[0].lower()
    shown = [str(caught.value), "".join(traceback.format_exception(caught.value)), caplog.text]
    assert not [text for text in shown if "s3cret" in text or told.decode() in text]
    assert "407" in str(caught.value)
    if scheme == "https":
        assert isinstance(caught.value, errors.ConnectFailedError)
        assert heads[0].startswith(b"CONNECT mixpanel.invalid:443")


async def test_a_closed_session_opens_nothing() -> None:
    """A call after aclose() raises, whether or not there was one before; no connection stays open."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    async with raw_server(answer, heads) as url:
        for calls_before in (0, 1):
            async with session_to(url) as session:
                for _ in range(calls_before):
                    await session.send(GET)
                await session.aclose()
                with pytest.raises(errors.ClientClosedError):
                    await session.send(GET)
                with pytest.raises(errors.ClientClosedError):
                    async with session.stream(GET):
                        pass
    assert len(heads) == 1


async def test_tls_is_verified() -> None:
    """A server without TLS, or with an invalid certificate, gets no request."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    async with raw_server(answer) as url:
        settings = Settings(ssl_context=ssl.create_default_context(), max_call_retries=0, connect_timeout_seconds=0.2)
        async with session_to(url.replace("http://", "https://"), settings) as session:
            with pytest.raises(errors.TransportError) as caught:
                await session.send(GET)
            assert not caught.value.sent


@pytest.mark.parametrize(
    "credentials", [ProjectSecret(SECRET), OAuthToken(SECRET), ServiceAccount(USERNAME, SECRET)], ids=repr
)
async def test_no_secret_is_ever_shown(
    credentials: Credential, server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails, no log line, repr, exception or verdict contains the secret or the token."""
    caplog.set_level(logging.DEBUG)
    echo = {"error": f"cannot do this with {SECRET} and {TOKEN}"}
    for fault in (
        InjectedFault(path="/import", kind="status", status=401, body=echo),
        InjectedFault(path="/track", kind="status", status=500, body=echo),
        InjectedFault(path="/engage", kind="reset_after"),
    ):
        server.faults.add(fault)
    shown: list[str] = []
    async with AsyncMixpanel(
        TOKEN, credentials=credentials, project_id=PROJECT_ID, base_url=server.url, clock=FastClock()
    ) as client:
        receipts = [
            await client.import_event("u", "E", time=1_700_000_000),
            await client.track("u", "E"),
            await client.people.set("u", {"a": 1}),
        ]
        report = await client.flush(timeout=10)
        shown += [repr(client), repr(client.stats), repr(report), *[repr(await receipt) for receipt in receipts]]
    async with session_to(server.url, credentials=credentials) as session:
        server.faults.add(InjectedFault(path="/api/*", kind="status", status=403, body=echo))
        try:
            await session.send(
                Request(operation="x", method="GET", server="app", path="/api/x", query=[("token", TOKEN)])
            )
        except errors.ForbiddenError as error:
            shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
    shown += [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    text = "\n".join(shown)
    assert "***" in text
    assert SECRET not in text
    assert TOKEN not in text


async def test_a_server_that_comes_back(connect: Connect, server: Emulator) -> None:
    """Records tracked while the server is down are delivered once it is up."""
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    client = connect(base_url=server.url)
    receipt = await client.track("u", "E")
    assert (await client.flush(timeout=0.2)).pending == 1

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        del head
        writer.write(plain("200 OK", b'{"status":1,"error":null}'))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        writer.close()

    late = await asyncio.start_server(serve, "127.0.0.1", port)
    async with late:
        assert (await asyncio.wait_for(receipt, timeout=10)).is_delivered


async def test_a_redirect_that_was_asked_for(connect: Connect, server: Emulator) -> None:
    """With `redirect` in the query Mixpanel's redirect is a success: nothing is raised, and it is not followed."""
    client = connect()
    event = {"event": "Clicked", "properties": {"token": TOKEN, "distinct_id": "u"}}
    query = {"redirect": "http://127.0.0.1:9/landing"}
    assert await client.request("POST", "/track", query=query, json=[event], response="bytes") is not None
    assert [one["event"] for one in await server.events()] == ["Clicked"]
    assert [request.status for request in server.requests] == [302]
    pixel = await client.request("POST", "/track", query={"img": "1"}, json=[event], response="bytes")
    assert pixel[:3] in {b"GIF", b"\x89PN"}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_the_callers_own_authorization_wins(name: str) -> None:
    """The caller's header replaces the client's credential, however its name is spelled, and is sent once."""
    heads: list[bytes] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain("200 OK", b"{}"))

    request = msgspec.structs.replace(GET, headers={name: "Bearer mine", "accept-encoding": "identity"})
    async with raw_server(answer, heads) as url, session_to(url, Settings(), clock=FastClock()) as session:
        await session.send(request)
    head = heads[0].decode().lower()
    assert head.count("authorization:") == 1
    assert "authorization: bearer mine" in head
    assert "accept-encoding: identity" in head
    assert "gzip" not in head
