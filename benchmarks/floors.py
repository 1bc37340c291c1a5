"""The floors: blocking code that does the minimum of the same work and guarantees nothing."""

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
from isal import isal_zlib

_CHUNK: Final = 2000
_GZIP: Final = 31  # zlib's wbits for a gzip header


class _Properties(msgspec.Struct):
    time: int
    distinct_id: str
    insert_id: str = msgspec.field(name="$insert_id")


class _Event(msgspec.Struct):
    event: str
    properties: _Properties


class Wire:
    """One blocking connection to the sink."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: bytes) -> None:
        """Compress, send, and read the first packet of the reply."""
        packed = isal_zlib.compress(body, 1, _GZIP)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        self._socket.sendall(head.encode() + packed)
        self._socket.recv(65536)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def track(port: int, events: list[dict[str, Any]]) -> None:
    """Encode chunks of 2000 events, compress, send."""
    wire = Wire(port)
    for start in range(0, len(events), _CHUNK):
        wire.post("/track", orjson.dumps(events[start : start + _CHUNK]))
    wire.close()


def import_file(port: int, path: Path) -> None:
    """Read lines, decode the four required fields, join, compress, send."""
    wire = Wire(port)
    decode = msgspec.json.Decoder(_Event).decode
    with path.open("rb") as file:
        for lines in _chunks(file):
            for line in lines:
                decode(line)
            wire.post("/import", b"[" + b",".join(lines) + b"]")
    wire.close()


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def export_lines(port: int) -> Iterator[bytes]:
    """Request an export and yield it in decompressed blocks."""
    wire = socket.create_connection(("127.0.0.1", port))
    wire.sendall(b"GET /api/2.0/export HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
    file = wire.makefile("rb", buffering=1 << 20)
    size = 0
    while (line := file.readline()) not in {b"\r\n", b""}:
        if line.lower().startswith(b"content-length:"):
            size = int(line.partition(b":")[2])
    decompressor = isal_zlib.decompressobj(_GZIP)
    while size and (block := file.read(min(size, 1 << 18))):
        size -= len(block)
        yield decompressor.decompress(block)
    wire.close()


def export_file(port: int, path: Path) -> None:
    """Decompress an export to a file."""
    with path.open("wb") as file:
        for block in export_lines(port):
            file.write(block)


def export_dicts(port: int) -> int:
    """Decompress an export and decode each line; return the number of lines."""
    count = 0
    rest = b""
    for block in export_lines(port):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            orjson.loads(line)
        count += len(lines)
    return count
