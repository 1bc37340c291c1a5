"""A minimal server on asyncio or uvloop: it reads requests, decompresses them, counts events and replies.

`python -m benchmarks.sink [--latency SECONDS] [--events-per-minute N] [--cpu N]` prints its port and serves until its
standard input ends.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final, cast

from isal import isal_zlib

try:
    from uvloop import new_event_loop
except ImportError:  # asyncio is slower but equally correct
    from asyncio import new_event_loop  # type: ignore[assignment]

_GZIP: Final = 31
_WINDOW_SECONDS: Final = 60.0


class Limit:
    """A limit on the events of a rolling minute; None for no limit."""

    def __init__(self, events_per_minute: int | None) -> None:
        self._limit = events_per_minute
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def admits(self, events: int) -> bool:
        """Return whether this number of events fits now, and count them if it does."""
        if self._limit is None:
            return True
        now = time.monotonic()
        while self._taken and self._taken[0][0] <= now - _WINDOW_SECONDS:
            self._sum -= self._taken.popleft()[1]
        if self._sum + events > self._limit:
            return False
        self._taken.append((now, events))
        self._sum += events
        return True


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: dict[str, int], latency: float, limit: Limit, export: tuple[bytes, int]) -> None:
        self._counts = counts
        self._export, self._repeats = export
        self._sending: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._latency = latency
        self._limit = limit
        self._buffer = bytearray()
        self._need = -1
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Note that the client is slower."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        """Buffer bytes; reply to each complete request."""
        self._buffer += data
        while True:
            if self._need < 0:
                end = self._buffer.find(b"\r\n\r\n")
                if end < 0:
                    return
                self._head = bytes(self._buffer[:end]).lower()
                del self._buffer[: end + 4]
                self._need = self._length()
            if len(self._buffer) < self._need:
                return
            body = bytes(self._buffer[: self._need])
            del self._buffer[: self._need]
            self._need = -1
            self._answer(body)

    def _length(self) -> int:
        _, _, rest = self._head.partition(b"content-length:")
        return int(rest.partition(b"\r\n")[0] or b"0")

    def _answer(self, body: bytes) -> None:
        if self._head.startswith(b"get /counts"):
            self._write(200, repr(self._counts).replace("'", '"').encode())
            return
        if self._head.startswith(b"get /api/2.0/export"):
            self._sending = asyncio.get_running_loop().create_task(self._send_export())
            return
        self._counts["requests"] += 1
        self._counts["bytes"] += len(body)
        if b"content-encoding: gzip" in self._head:
            body = isal_zlib.decompress(body, _GZIP)
        events = body.count(b'"event":') or body.count(b"%22event%22")  # JSON, or JSON in a form
        if not self._limit.admits(events):
            self._counts["refused"] += 1
            self._write(429, b'{"code":429,"error":"slow down","status":"Too Many Requests"}')
            return
        self._counts["events"] += events
        if self._head.startswith(b"post /track"):
            answer = b'{"status":1,"error":null}'
        else:
            answer = b'{"code":200,"num_records_imported":%d,"status":"OK"}' % events
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, 200, answer)
        else:
            self._write(200, answer)

    async def _send_export(self) -> None:
        """Send the export as many times as it was asked for: one body of several gzip members."""
        head = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (len(self._export) * self._repeats))
        for _ in range(self._repeats):
            await self._may_write.wait()
            self._transport.write(self._export)

    def _write(self, status: int, body: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % (status, len(body)) + body)


async def serve(latency: float, limit: Limit, export: tuple[bytes, int]) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    counts = {"requests": 0, "events": 0, "bytes": 0, "refused": 0}
    server = await loop.create_server(lambda: Sink(counts, latency, limit, export), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--events-per-minute", type=int)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--export", type=Path, help="file of JSON lines to return as the compressed export")
    parser.add_argument("--repeats", type=int, default=1, help="how often the export has this file")
    given = parser.parse_args()
    if given.cpu is not None:
        os.sched_setaffinity(0, {given.cpu})
    export = b"" if given.export is None else isal_zlib.compress(given.export.read_bytes(), 1, _GZIP)
    runner = asyncio.Runner(loop_factory=new_event_loop)
    with runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serve(given.latency, Limit(given.events_per_minute), (export, given.repeats)))


if __name__ == "__main__":
    main()
