"""A server that exports days and takes imports, in the process of the test: a transport without sockets."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from mixpanel_async import AsyncMixpanel, ProjectSecret, Settings
from mixpanel_async.clock import Clock
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest

SECRET = "secret-of-the-project"


class _Stream:
    """A reply that is being read."""

    is_framed = True

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str], piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self.status = status
        self.headers = headers
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), self._piece_bytes):
            await asyncio.sleep(0)
            yield self._body[start : start + self._piece_bytes]

    async def read_error(self) -> bytes:
        return self._body


class ExportServer:
    """A transport to a server that exports days.

    Args:
        days: The lines of each day.
        refuse: Returns the status and body of the refusal of a request, or None; called with the first day.

    Attributes:
        asked: The first and last day of each request, in order.
        queries: Its parameters.
        imported: The records that imports sent, as they were sent.
        cut: By first day: how many more replies end in the middle.
        most_at_once: The most replies that were open at once.
        piece_bytes: Size of the pieces in which a reply arrives.
    """

    def __init__(
        self,
        days: Mapping[str, Sequence[bytes]],
        refuse: Callable[[str], tuple[int, bytes] | None] = lambda _: None,
    ) -> None:
        self.days = dict(days)
        self.asked: list[tuple[str, str]] = []
        self.queries: list[Mapping[str, Sequence[str]]] = []
        self.imported: list[bytes] = []
        self.cut: dict[str, int] = {}
        self.piece_bytes = 50_000
        self.refuse = refuse
        self.most_at_once = self._open = 0

    def client(self, clock: Clock | None = None, settings: Settings | None = None) -> AsyncMixpanel:
        """Return a client of this server."""
        return AsyncMixpanel(
            "token-of-the-project",
            credentials=ProjectSecret(SECRET),
            transport=self,
            clock=clock,
            settings=settings,
        )

    async def send(self, request: WireRequest) -> Reply:
        body = gzip.decompress(request.body or b"")
        records = _elements(body)
        self.imported += records
        answer = {"code": 200, "num_records_imported": len(records), "status": "OK"}
        return Reply(200, {}, json.dumps(answer).encode())

    async def open_stream(self, request: WireRequest) -> StreamReply:
        query = parse_qs(urlsplit(request.url).query)
        first, last = query["from_date"][0], query["to_date"][0]
        self.asked.append((first, last))
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        self.queries.append(query)
        refusal = self.refuse(first)
        if refusal is not None:
            return _Stream(*refusal, {}, self.piece_bytes)
        lines = [line for day in sorted(self.days) if first <= day <= last for line in self.days[day]]
        limit = int(query["limit"][0]) if "limit" in query else None
        body = b"".join(line + b"\n" for line in lines[:limit])
        if self.cut.get(first, 0) > 0:
            self.cut[first] -= 1
            body = body[: len(body) // 2] + b"export terminated early\n"
        return _Stream(200, gzip.compress(body, 1), {"content-encoding": "gzip"}, self.piece_bytes)

    async def close_stream(self, reply: StreamReply) -> None:
        """Count it as closed."""
        del reply
        self._open -= 1

    async def aclose(self) -> None:
        """Close nothing."""


def _elements(body: bytes) -> list[bytes]:
    """Return the records of a body `[record,record]`, as they were sent."""
    decoder = json.JSONDecoder()
    text = body.decode()
    found, at = [], 1
    while at < len(text) - 1:
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end].encode())
        at = end
        while text[at] in ",\n":
            at += 1
    return found
