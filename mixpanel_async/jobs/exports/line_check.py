"""Splits an export into blocks of whole lines and detects a truncated export."""

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import orjson

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.models import JSONValue

_MAX_SHOWN: Final = 80


class _Event(msgspec.Struct, gc=False):
    """Any JSON object: its syntax is checked to the end, but no field is decoded."""


class LineCutter:
    """Splits an export into blocks of whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, parts: Sequence[bytes]) -> bytes:
        """Return the lines that are complete now. They are copied only once, because blocks are large.

        Args:
            parts: The bytes since the last call.

        Raises:
            UnexpectedReplyError: A line is longer than any event; without a bound, it would be read into memory.
        """
        for index in reversed(range(len(parts))):
            end = parts[index].rfind(b"\n") + 1
            if end:
                last = memoryview(parts[index])
                block = b"".join((self._rest, *parts[:index], last[:end]))
                self._rest = b"".join((last[end:], *parts[index + 1 :]))
                return block
        self._rest = b"".join((self._rest, *parts))
        if len(self._rest) > MAX_LINE_BYTES:
            raise UnexpectedReplyError(
                f"a line of the export is longer than {MAX_LINE_BYTES:,} bytes: {_shown(self._rest)}",
                status=200,
                operation="export.events",
            )
        return b""

    def end(self) -> None:
        """Check that the export ended with a line end.

        Raises:
            TruncatedReplyError: The last line has no line end.
        """
        if self._rest:
            raise TruncatedReplyError(f"the export ended in the middle of a line: {_shown(self._rest)}")


_read_objects: Final = msgspec.json.Decoder(_Event).decode_lines


def count_events(block: bytes) -> int:
    """Return the number of events in a block of lines.

    Raises:
        TruncatedReplyError: A line is not a JSON object: Mixpanel aborted the export with a line of plain text.
    """
    try:
        return len(_read_objects(block))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _truncated(block) from None


def read_event(line: bytes) -> dict[str, JSONValue]:
    """Return the event of a line.

    Raises:
        TruncatedReplyError: The line is not a JSON object: Mixpanel aborted the export with a line of plain text.
    """
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise _truncated(line) from None
    if type(event) is not dict:
        raise _truncated(line)
    return cast("dict[str, JSONValue]", event)


def _truncated(block: bytes) -> TruncatedReplyError:
    for line in block.splitlines():
        try:
            _read_objects(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return TruncatedReplyError(f"the export ended early; a line is not an event: {_shown(line)}")
    return TruncatedReplyError("the export ended early; a line is not an event")


def _shown(line: bytes) -> str:
    return repr(line[:_MAX_SHOWN].decode("utf-8", errors="replace"))
