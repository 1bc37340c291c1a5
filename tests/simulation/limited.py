"""A server with an exact rate limit and a varying latency, in virtual time."""

import asyncio
import gzip
import random
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from mixpanel_async import AsyncMixpanel, ProjectSecret, Settings
from mixpanel_async.engine.batch import Batch, body_size
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt, Receipts
from mixpanel_async.session.loop_owner import LoopOwner
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest
from tests.virtual_time import VirtualClock

MINUTE = 60.0


@dataclass
class Seen:
    """One request as the server saw it."""

    path: str
    left_at: float
    arrived_at: float
    records: int
    body_bytes: int
    is_accepted: bool = False


class LimitedServer:
    """A transport to a server that limits records and bytes per minute and replies with 429 above.

    Args:
        records: Limit on records; None for no limit.
        body_bytes: Limit on uncompressed bytes.
        latency: Shortest and longest latency in each direction.
    """

    def __init__(
        self,
        *,
        records: int | None = None,
        body_bytes: int | None = None,
        latency: tuple[float, float] = (0.02, 0.4),
    ) -> None:
        self.limits = (records, body_bytes)
        self.latency = latency
        self.seen: list[Seen] = []
        self.is_busy = False
        self.under_way: list[tuple[float, int]] = [(0.0, 0)]  # after each change, with its time
        self._window: deque[Seen] = deque()
        self._held = [0, 0]
        self._random = random.Random(1)

    async def send(self, request: WireRequest) -> Reply:
        """Deliver a request and return the reply."""
        loop = asyncio.get_running_loop()
        body = request.body or b""
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        records = body.count(b'"n":')
        left_at = loop.time()
        self._count(left_at, 1)
        try:
            await asyncio.sleep(self._random.uniform(*self.latency))
            seen = Seen(urlsplit(request.url).path, left_at, loop.time(), records, len(body))
            self.seen.append(seen)
            seen.is_accepted = not self.is_busy and self._admit(seen)
            await asyncio.sleep(self._random.uniform(*self.latency))
        finally:
            self._count(loop.time(), -1)
        if self.is_busy:
            return Reply(503, {}, b'{"error":"busy"}')
        if not seen.is_accepted:
            return Reply(429, {}, b'{"error":"slow down"}')
        answer = {"code": 200, "num_records_imported": records} if seen.path == "/import" else {"status": 1}
        return Reply(200, {}, orjson.dumps(answer))

    def _count(self, now: float, change: int) -> None:
        self.under_way.append((now, self.under_way[-1][1] + change))

    def _admit(self, seen: Seen) -> bool:
        while self._window and self._window[0].arrived_at <= seen.arrived_at - MINUTE:
            gone = self._window.popleft()
            self._held[0] -= gone.records
            self._held[1] -= gone.body_bytes
        new = (self._held[0] + seen.records, self._held[1] + seen.body_bytes)
        if any(limit is not None and amount > limit for amount, limit in zip(new, self.limits, strict=True)):
            return False
        self._held = list(new)
        self._window.append(seen)
        return True

    async def open_stream(self, request: WireRequest) -> StreamReply:
        raise AssertionError(f"nothing streams here: {request.url}")

    async def close_stream(self, reply: StreamReply) -> None:
        raise AssertionError(f"nothing streams here: {reply.status}")

    async def aclose(self) -> None:
        """Close nothing."""


def client_of(server: LimitedServer, settings: Settings) -> AsyncMixpanel:
    """Return a client in virtual time."""
    credential = ProjectSecret("secret-of-the-project")
    return AsyncMixpanel(
        "token-of-the-project", credentials=credential, settings=settings, transport=server, clock=VirtualClock()
    )


def bulk_lane(client: AsyncMixpanel, settings: Settings) -> Lane:
    """Return the lane of a job that imports events."""
    endpoints = LaneSpecs(settings, token=None, credentials=ProjectSecret("secret-of-the-project"), project_id=None)
    return client._engine.lane(endpoints.events(is_bulk=True))


async def flood(client: AsyncMixpanel, lane: Lane, records: int, *, filler: int = 0) -> None:
    """Add batches as fast as there is buffer space, until cancelled."""
    part = b'{"n":1,"filler":"%b"}' % (b"x" * filler)
    parts = [part] * records
    while True:
        await client._engine.put(lane, Batch(parts, Receipts([Receipt(LoopOwner())] * records), body_size(parts)))
