"""Truncated replies and reset connections, written to the socket directly and not through aiohttp."""

import socket
import struct
import zlib

from aiohttp import web

from mixpanel_async.emulator.faults import FaultVariant

_TERMINATED_LINE = b"export terminated early\n"


def reset_connection(request: web.Request) -> None:
    """Reset a request's connection, so that the client sees ECONNRESET and not a regular end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # SO_LINGER with zero seconds makes the kernel send RST on close.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def send_broken(request: web.Request, body: bytes, *, variant: FaultVariant, content_type: str, gzipped: bool) -> None:
    """Send a 200 with a truncated body, and close the connection.

    Args:
        request: The request.
        body: The complete body, uncompressed.
        variant: How to truncate it.
        content_type: Content-Type.
        gzipped: Whether the client accepts gzip.
    """
    transport = request.transport
    if transport is None:
        return
    head, sent = _broken(body, variant, gzipped=gzipped)
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", *head, "Connection: close", "", ""]
    transport.write("\r\n".join(lines).encode() + sent)
    transport.close()


def _broken(body: bytes, variant: FaultVariant, *, gzipped: bool) -> tuple[list[str], bytes]:
    encoding = ["Content-Encoding: gzip"] if gzipped else []
    packed = _gzip(body) if gzipped else body
    match variant:
        case "content_length":
            return [*encoding, f"Content-Length: {len(packed)}"], packed[: len(packed) // 2]
        case "cut_line":
            return [], body[: _mid_line(body)]
        case "cut_after_line":
            return [], body[: body.rfind(b"\n", 0, max(len(body) - 1, 0)) + 1]
        case "chunked_cut":
            half = packed[: len(packed) // 2]
            return [*encoding, "Transfer-Encoding: chunked"], b"%x\r\n%b\r\n" % (len(half), half) if half else b""
        case "terminated_line":
            kept = body[: body.rfind(b"\n", 0, max(len(body) - 1, 0)) + 1] + _TERMINATED_LINE
            whole = _gzip(kept) if gzipped else kept
            return [*encoding, f"Content-Length: {len(whole)}"], whole
        case "half_gzip":
            half = _gzip(body)[: len(_gzip(body)) // 2]
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(half), half)
            return ["Content-Encoding: gzip", "Transfer-Encoding: chunked"], chunks


def _mid_line(body: bytes) -> int:
    start = body.rfind(b"\n", 0, max(len(body) - 1, 0)) + 1
    return start + (len(body) - start) // 2


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, 31)
