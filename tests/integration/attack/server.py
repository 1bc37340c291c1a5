"""A scripted server on a raw socket: it reads requests as HTTP says and replies whatever its script returns."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from mixpanel_async import Receipt

_READ_LIMIT = 2**26


@dataclass
class Received:
    """A request as the server read it.

    Attributes:
        number: Counts requests from 1.
        connection: Counts connections from 1.
        path: Without the query.
        body: As sent.
        headers: Names in lower case.
        writer: The connection, for scripts that write more than one reply.
    """

    number: int
    connection: int
    path: str
    body: bytes
    headers: Mapping[str, str]
    writer: asyncio.StreamWriter = field(repr=False)

    @property
    def records(self) -> list[dict[str, object]]:
        """The records in the body."""
        records: list[dict[str, object]] = json.loads(self.content)
        return records

    @property
    def content(self) -> bytes:
        """The body, decompressed."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body


# Returns the bytes of the reply; None: close the connection without one.
Script: TypeAlias = Callable[[Received], bytes | Awaitable[bytes | None] | None]


@dataclass
class ScriptedServer:
    """What a script's server has seen.

    Attributes:
        url: Its address.
        requests: In the order in which they were read.
    """

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ScriptedServer]:
    """Run a server that replies what `script` returns."""
    server = ScriptedServer()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        server.connections += 1
        connection = server.connections
        try:
            while True:
                received = await _read(reader, writer, len(server.requests) + 1, connection)
                server.requests.append(received)
                reply = script(received)
                content = reply if isinstance(reply, bytes) or reply is None else await reply
                if content is None:
                    return
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_READ_LIMIT)
    try:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server
    finally:
        listener.close()
        for writer in writers:
            writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, connection: int) -> Received:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(number, connection, first.split(" ")[1].partition("?")[0], body, headers, writer)


def reply(status: int, body: object = b"", **headers: str) -> bytes:
    """Return a reply; `body` is sent as it is or as JSON, and `_` in header names becomes `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def healthy(received: Received) -> bytes:
    """Reply as Mixpanel does when it accepts everything."""
    if received.path == "/import":
        return reply(200, {"code": 200, "num_records_imported": len(received.records), "status": "OK"})
    return reply(200, {"error": None, "status": 1})


def first(*replies: bytes | None) -> Script:
    """Return a script that gives these replies, one a request, and is healthy afterwards."""

    def script(received: Received) -> bytes | None:
        return replies[received.number - 1] if received.number <= len(replies) else healthy(received)

    return script


def summary(outcomes: Iterable[Receipt]) -> str:
    """Return how many records have which outcome, as text."""
    counts = Counter(receipt.outcome.value if receipt.outcome else "pending" for receipt in outcomes)
    return " ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items()))
