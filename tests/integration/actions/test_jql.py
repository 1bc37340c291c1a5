import asyncio
import gzip
import json
from contextlib import aclosing

import msgspec
import pytest
from aiohttp import web

from mixpanel_async.actions import Query
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.session import Session
from tests.integration.actions.server import Recorder, Script, Seen


class Count(msgspec.Struct):
    name: str
    value: int


ROWS = [{"name": "a", "value": 1}, {"name": "bé", "value": 2}]


async def test_rows_as_values_and_as_structs(session: Session, script: Script) -> None:
    """The rows of a script are plain values, or of the type that the caller gives."""
    script.answers(ROWS)
    query = Query(session)
    assert await query.jql("main", {"from": "2026-08-01"}) == ROWS
    assert await query.jql("main", type=Count) == [Count("a", 1), Count("bé", 2)]
    assert script.seen[0].form == {"script": "main", "params": '{"from":"2026-08-01"}'}
    assert script.seen[1].form == {"script": "main"}
    with pytest.raises(UnexpectedReplyError, match="Expected `array`"):
        await query.jql("main", type=list[str])


async def test_a_script_has_time(session: Session) -> None:
    """A script has a longer timeout than other queries: 150 s by default."""
    del session
    recorder = Recorder(b"[]")
    await Query(recorder).jql("main")
    await Query(recorder).jql("main", timeout_seconds=5)
    assert [request.timeout_seconds for request in recorder.requests] == [150.0, 5]
    assert {request.family for request in recorder.requests} == {"query"}


@pytest.mark.parametrize("is_gzip", [False, True])
async def test_rows_stream_in_pieces(session: Session, script: Script, is_gzip: bool) -> None:
    """Rows are yielded one by one, wherever the reply is split, compressed or not."""
    text = json.dumps(ROWS * 500, ensure_ascii=False).encode()

    async def answer(_: Seen) -> web.StreamResponse:
        assert script.request is not None
        reply = web.StreamResponse(headers={"Content-Encoding": "gzip"} if is_gzip else {})
        await reply.prepare(script.request)
        body = gzip.compress(text) if is_gzip else text
        for start in range(0, len(body), 97):
            await reply.write(body[start : start + 97])
        return reply

    script.handler = answer
    found = [row async for row in Query(session).jql_stream("main", type=Count)]
    assert found == [Count("a", 1), Count("bé", 2)] * 500


async def test_the_first_row_does_not_wait_for_the_last(session: Session, script: Script) -> None:
    """A row is yielded as soon as it is complete, before the reply ends."""
    go_on = asyncio.Event()

    async def answer(_: Seen) -> web.StreamResponse:
        assert script.request is not None
        reply = web.StreamResponse()
        await reply.prepare(script.request)
        await reply.write(b'[{"a": 1}, ')
        await go_on.wait()
        await reply.write(b"2]")
        return reply

    script.handler = answer
    async with aclosing(Query(session).jql_stream("main")) as rows:
        assert await anext(rows) == {"a": 1}
        go_on.set()
        assert [row async for row in rows] == [2]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'[{"a": 1}, {"a', TruncatedReplyError),
        (b'{"error": 1}', UnexpectedReplyError),
        (b"[nope]", UnexpectedReplyError),
    ],
)
async def test_a_broken_stream_raises(session: Session, script: Script, body: bytes, error: type[Exception]) -> None:
    """A reply that is truncated, or is not a JSON array, raises."""
    script.replies = [(200, body)]
    with pytest.raises(error):
        [row async for row in Query(session).jql_stream("main")]
    with pytest.raises(UnexpectedReplyError):
        await Query(session).jql("main")


async def test_half_a_gzip_stream_raises(session: Session, script: Script) -> None:
    """A compressed reply that ends before its trailer raises, even if the decompressed part is a complete array."""

    async def answer(_: Seen) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b"[1, 2]")[:-4], headers={"Content-Encoding": "gzip"})

    script.handler = answer
    with pytest.raises(TruncatedReplyError):
        [row async for row in Query(session).jql_stream("main")]
