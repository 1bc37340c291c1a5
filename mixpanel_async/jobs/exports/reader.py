"""Reads the reply of a raw export as blocks of whole lines; a reply whose end could not be noticed is refused."""

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

from mixpanel_async.actions._core.reply_checks import check_status
from mixpanel_async.actions.raw_export import RawExport
from mixpanel_async.codecs.gzip import COMPRESSED_ENCODINGS
from mixpanel_async.errors import InvalidArgumentError, TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.jobs.exports.line_check import BadLine, EventBlock, LineCutter
from mixpanel_async.session import Request
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.session.streaming import SpeedWatch, decompressed_stream

T = TypeVar("T")
OnBadLine: TypeAlias = Literal["raise", "keep"] | Callable[[BadLine], None]
_BLOCK_BYTES: Final = 128 * 1024
_KNOWN_ENCODINGS: Final = COMPRESSED_ENCODINGS | {"", "identity"}


async def whole_lines(export: RawExport, request: Request, min_bytes_per_second: float) -> AsyncGenerator[bytes]:
    """Yield the lines of an export in blocks of some 128 KiB; they are not checked.

    Raises:
        TruncatedReplyError: The reply ended in the middle of a line, or its end could not have been noticed.
        RequestTimeoutError: It did not go on, or arrived too slowly.
        ApiError: Mixpanel refused the request, or the reply is not an export.
        TransportError: The connection broke.
    """
    cutter = LineCutter()
    async with export.stream(request) as reply:
        check_status(request, reply.status)
        _check_framing(reply)
        parts: list[bytes] = []
        held = 0
        async for part in decompressed_stream(reply, SpeedWatch(min_bytes_per_second)):
            parts.append(part)
            held += len(part)
            if held >= _BLOCK_BYTES:
                block = cutter.take(parts)
                parts, held = [], 0
                if block:
                    yield block
        if block := cutter.take(parts):
            yield block
    cutter.end()


def passed_on(block: EventBlock, on_bad_line: OnBadLine) -> bytes:
    """Return the lines of a block that are passed on.

    Args:
        block: A checked block.
        on_bad_line: What to do with lines that are not events.
    """
    if block.bad_lines and on_bad_line == "keep":
        return b"".join((block.lines, *(bad.line + b"\n" for bad in block.bad_lines)))
    return block.lines


def report_bad_lines(bad_lines: Sequence[T], on_bad_line: Literal["raise", "keep"] | Callable[[T], None]) -> None:
    """Call the caller's function, if there is one, with each bad line."""
    if callable(on_bad_line):
        for bad in bad_lines:
            on_bad_line(bad)


def check_speed(min_bytes_per_second: object) -> float:
    """Return the least speed of a reply.

    Raises:
        InvalidArgumentError: It is no number from 0 on.
    """
    speed = min_bytes_per_second
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed < math.inf:
        raise InvalidArgumentError(f"min_bytes_per_second is invalid: {speed!r} is not a number; give one from 0 on")
    return speed


def check_on_bad_line(on_bad_line: object) -> None:
    """Check the option.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if on_bad_line not in ("raise", "keep") and not callable(on_bad_line):
        raise InvalidArgumentError(f'on_bad_line is invalid: {on_bad_line!r}; give "raise", "keep" or a function')


def check_keeping(on_bad_line: object, output_format: str) -> None:
    """Check that an output can keep bad lines, if it has to.

    Raises:
        InvalidArgumentError: It cannot.
    """
    if on_bad_line == "keep" and output_format != "ndjson":
        raise InvalidArgumentError(
            f'on_bad_line is invalid: "keep" keeps lines, and {output_format} has none; give a function, or choose '
            "NDJSON"
        )


def _check_framing(reply: StreamReply) -> None:
    """Check that a truncated reply can be detected.

    Raises:
        TruncatedReplyError: The reply has neither a length nor chunks. A gzip trailer does not help: a body of several
            gzip members may have been cut between two of them.
        UnexpectedReplyError: It is compressed in a way that was not asked for.
    """
    encoding = reply.headers.get("content-encoding", "").lower()
    if encoding not in _KNOWN_ENCODINGS:
        raise UnexpectedReplyError(
            f"the reply is compressed as {encoding[:40]!r}, which was not asked for; a proxy may have done this",
            status=reply.status,
            operation="export.events",
        )
    if not reply.is_framed:
        raise TruncatedReplyError("the export's reply has neither a length nor chunks, so its end is unknown")
