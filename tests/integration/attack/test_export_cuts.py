"""An export that is cut anywhere, or stops, raises; one that is slow to be read does not."""

import asyncio
import gzip
import json

import pytest

from mixpanel_async import Rates, Settings
from mixpanel_async.errors import MixpanelError, RequestTimeoutError, TruncatedReplyError, UnexpectedReplyError
from tests.integration.attack.conftest import Clients
from tests.integration.attack.server import Received, scripted

UNLIMITED = Rates(export_per_hour=None, export_per_second=None)
DAY = "2026-08-01"
EVENTS = [{"event": f"E{n}", "properties": {"city": "Zürich \u6771\u4eac \U0001f600", "n": n}} for n in range(4)]
LINES = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in EVENTS)


def _chunked(body: bytes, size: int) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def _reply(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Type: text/plain", *headers, b"", body))


_PACKED = gzip.compress(LINES[: len(LINES) // 2]) + gzip.compress(LINES[len(LINES) // 2 :])
_GZIP = b"Content-Encoding: gzip"
_CHUNKED = b"Transfer-Encoding: chunked"
FORMS = {
    "plain": _reply(LINES, b"Content-Length: %d" % len(LINES)),
    "chunked": _reply(_chunked(LINES, 37), _CHUNKED),
    "gzip": _reply(_PACKED, _GZIP, b"Content-Length: %d" % len(_PACKED)),
    "gzip chunked": _reply(_chunked(_PACKED, 29), _GZIP, _CHUNKED),
    "x-gzip": _reply(_PACKED, b"Content-Encoding: x-gzip", b"Content-Length: %d" % len(_PACKED)),
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_cut_at_every_byte(form: str, client_of: Clients) -> None:
    """Whichever byte of the reply is the last one that arrives: all events, or an error."""
    reply = FORMS[form]
    cut = 0

    async def script(received: Received) -> bytes | None:
        received.writer.write(reply[:cut])
        await received.writer.drain()
        return None

    head = reply.index(b"\r\n\r\n")
    whole = []
    async with scripted(script) as server:
        client = client_of(server.url, Settings(max_call_retries=0, rates=UNLIMITED))
        for cut in (*range(0, head, 9), *range(head, len(reply) + 1)):
            try:
                found = [event async for event in client.export.events(DAY, DAY)]
            except MixpanelError:
                continue
            assert found == EVENTS, cut
            whole.append(cut)
    # The last line end of a chunked body and what follows it may be missing: the last chunk says that it is the last.
    assert whole
    assert min(whole) >= len(reply) - 4
    assert whole[-1] == len(reply)


@pytest.mark.parametrize("body", [LINES, _PACKED], ids=["plain", "gzip"])
async def test_a_reply_whose_end_is_unknown(body: bytes, client_of: Clients) -> None:
    """A reply that ends with the connection is refused: a cut between two lines or members of it would show nowhere."""
    reply = _reply(body, *([_GZIP] if body is _PACKED else []), b"Connection: close")

    async def script(received: Received) -> bytes | None:
        received.writer.write(reply)
        await received.writer.drain()
        return None

    async with scripted(script) as server:
        with pytest.raises(TruncatedReplyError, match="its end is unknown"):
            async for _ in client_of(server.url).export.events(DAY, DAY):
                pass


async def test_a_reply_that_stops(client_of: Clients) -> None:
    """A reply that does not go on ends with the idle timeout, which says so; there is no timeout of the whole reply."""

    async def script(received: Received) -> bytes | None:
        received.writer.write(FORMS["plain"][:-20])
        await received.writer.drain()
        await asyncio.Event().wait()
        return None

    async with scripted(script) as server:
        client = client_of(server.url)
        with pytest.raises(RequestTimeoutError, match=r"nothing of the reply arrived for 0\.05 s"):
            async for _ in client.export.events(DAY, DAY, idle_timeout_seconds=0.05):
                pass


async def test_a_slow_consumer(client_of: Clients) -> None:
    """A consumer that is slower than the idle timeout gets all events."""
    count = 40_000
    body = b'{"event":"E","properties":{"text":"%b"}}\n' % (b"x" * 200) * count
    reply = _reply(body, b"Content-Length: %d" % len(body))
    async with scripted(lambda _: reply) as server:
        client = client_of(server.url)
        seen = 0
        async for _ in client.export.events(DAY, DAY, idle_timeout_seconds=0.1):
            if seen % 10_000 == 0:
                await asyncio.sleep(0.15)  # the consumer's own work
            seen += 1
    assert seen == count


async def test_an_encoding_that_was_not_asked_for(client_of: Clients) -> None:
    """A body that a proxy compressed in another way is named as such, and is not called truncated."""
    reply = _reply(b"\x0b\x02\x80", b"Content-Encoding: br", b"Content-Length: 3")
    async with scripted(lambda _: reply) as server:
        with pytest.raises(UnexpectedReplyError, match="compressed as 'br'"):
            async for _ in client_of(server.url).export.events(DAY, DAY):
                pass
