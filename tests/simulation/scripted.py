"""A server whose replies are a function of the request, in virtual time."""

import asyncio
import gzip
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson

from mixpanel_async import AsyncMixpanel, Rates, Settings
from mixpanel_async.clock import Clock
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest
from tests.virtual_time import VirtualClock

NO_LIMIT = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=None)
Answer = Callable[[WireRequest], Reply | Exception]


class ScriptedServer:
    """A transport that passes each request to a function.

    Args:
        answer: Gives the reply, or what the transport raises.
        latency_seconds: How long an answer takes.

    Attributes:
        requests: When each request came.
    """

    def __init__(self, answer: Answer, latency_seconds: float = 0.0) -> None:
        self.answer = answer
        self.requests: list[float] = []
        self._latency_seconds = latency_seconds

    async def send(self, request: WireRequest) -> Reply:
        """Reply to a request."""
        self.requests.append(asyncio.get_running_loop().time())
        reply = self.answer(request)
        await asyncio.sleep(self._latency_seconds)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def open_stream(self, request: WireRequest) -> StreamReply:
        raise AssertionError(f"nothing streams here: {request.url}")

    async def close_stream(self, reply: StreamReply) -> None:
        raise AssertionError(f"nothing streams here: {reply.status}")

    async def aclose(self) -> None:
        """Close nothing."""


def records_of(request: WireRequest) -> list[dict[str, JSONValue]]:
    """Return the records of a request."""
    body = request.body or b""
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    found: list[dict[str, JSONValue]] = orjson.loads(body)
    return found


def accepted(request: WireRequest) -> Reply:
    """Accept every record."""
    if urlsplit(request.url).path == "/import":
        return Reply(200, {}, orjson.dumps({"code": 200, "num_records_imported": len(records_of(request))}))
    return Reply(200, {}, b'{"status":1,"error":null}')


def client_of(server: ScriptedServer, settings: Settings, clock: Clock | None = None) -> AsyncMixpanel:
    """Return a client, in virtual time unless a clock is given."""
    return AsyncMixpanel("project-token", settings=settings, transport=server, clock=clock or VirtualClock())
