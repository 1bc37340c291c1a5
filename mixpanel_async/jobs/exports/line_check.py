"""Splits an export into blocks of whole lines; tells events from lines that are none, and an export that was aborted.

The export is complete if its last line is whole and is an event. A line that is no event in the middle, such as one
with NaN, is a bad line: the export is complete without it. At the end, it may be the text with which Mixpanel aborts an
export, and the export counts as truncated.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

import msgspec
import orjson

from mixpanel_async.codecs.lines import MAX_LINE_BYTES, is_utf8
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError, UnreadableEventError
from mixpanel_async.json_types import JSONValue

_MAX_SHOWN: Final = 80
_MAX_BAD_LINES: Final = 10_000
_MAX_BAD_BYTES: Final = 64 * 1024 * 1024
_GROUP_LINES: Final = 64  # decoding so many takes a fraction of a millisecond


class BadLine(msgspec.Struct, frozen=True, gc=False):
    """A line of an export that is not an event.

    Attributes:
        number: Number of the line in the reply, from 1; blank lines do not count.
        line: The line without its line end, as Mixpanel sent it.
        reason: What is wrong with it.
    """

    number: int
    line: bytes
    reason: str


DecodeRows: TypeAlias = Callable[[bytes], Sequence[Any] | None]


class EventBlock(msgspec.Struct, frozen=True):
    """Some whole lines of an export.

    Attributes:
        lines: Lines with their line ends, each one event, byte for byte as Mixpanel sent it.
        events: Number of them.
        bad_lines: Lines between them that are not events.
        rows: The lines as the caller's decoder made them; None if it was not given, or could not.
    """

    lines: bytes
    events: int
    bad_lines: Sequence[BadLine] = ()
    rows: Sequence[Any] | None = None


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
                f"a line of the export is longer than {MAX_LINE_BYTES:,} bytes: {shown_line(self._rest)}",
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
            raise TruncatedReplyError(f"the export ended in the middle of a line: {shown_line(self._rest)}")


class _Event(msgspec.Struct, gc=False):
    """An event: the syntax of the whole line is checked, but only the name is decoded."""

    event: str


class _Failure(msgspec.Struct, gc=False):
    """An object that reports an error in place of an event."""

    error: msgspec.Raw


def _finite(text: str) -> float | Decimal:
    """Return a number as a float; one that no float can hold, such as 1e400, exactly."""
    found = float(text)
    return Decimal(text) if math.isinf(found) else found


_check: Final = msgspec.json.Decoder(_Event).decode
_decode: Final = msgspec.json.Decoder().decode
decode_exactly: Final = msgspec.json.Decoder(float_hook=_finite).decode
_read_failure: Final = msgspec.json.Decoder(_Failure).decode
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)  # what decoders raise


class LineJudge:
    """Tells which lines of one export are events, in the order in which they arrive. Does no I/O.

    Args:
        raises: Whether a bad line raises; if not, bad lines are returned.
        decode: Decodes a block of lines of which each one is an event, or returns None; it replaces the check of these
            lines, so that they are read only once.
    """

    def __init__(self, *, raises: bool, decode: DecodeRows | None = None) -> None:
        self._raises = raises
        self._decode = decode
        self._number = 0
        self._open: list[BadLine] = []  # lines that are no events, with no event after them so far
        self._bad: list[BadLine] = []
        self._bad_lines = self._bad_bytes = 0

    def check(self, block: bytes) -> EventBlock:
        """Return a block of lines, checked.

        Raises:
            TruncatedReplyError: A line reports that the export failed.
            UnreadableEventError: A line is not an event, and bad lines raise.
        """
        if is_utf8(block):
            rows = None if self._decode is None else self._decode(block)
            if rows is not None:
                self._note_events(len(rows))
                return EventBlock(block, len(rows), self._taken(), rows)
            lines = io.BytesIO(block).readlines()  # splits at line feeds alone
            try:
                for line in lines:
                    _check(line)
            except UNREADABLE:
                pass
            else:
                self._note_events(len(lines))
                return EventBlock(block, len(lines), self._taken())
        return self._check_each(block)

    def events(self, block: bytes) -> Iterator[Sequence[dict[str, JSONValue]]]:
        """Yield the events of a block of lines, some at a time; `bad_lines` then has the lines that are none.

        Raises:
            The same as `check`.
        """
        lines = io.BytesIO(block).readlines()
        for first in range(0, len(lines), _GROUP_LINES):
            group = lines[first : first + _GROUP_LINES]
            try:
                found = [_decode(line) for line in group]
                for event in found:
                    if type(event["event"]) is not str:
                        raise TypeError  # noqa: TRY301 - the same as any other line that is no event
            except (*UNREADABLE, TypeError, KeyError, IndexError):
                found = list(self._events_of(group))
            else:
                self._note_events(len(group))
            yield cast("list[dict[str, JSONValue]]", found)

    def bad_lines(self) -> Sequence[BadLine]:
        """Return the bad lines since the last call."""
        return self._taken()

    def end(self) -> Sequence[BadLine]:
        """Return the bad lines at the end of a reply that was complete.

        Raises:
            TruncatedReplyError: The last line is neither an event nor like one: Mixpanel aborted the export.
            UnreadableEventError: A line is not an event, and bad lines raise.
        """
        if self._open:
            text = b"\n".join(one.line for one in self._open).strip()
            if not (text.startswith(b'{"event"') and text.endswith(b"}")):
                raise TruncatedReplyError(f"the export ended early; its last line is not an event: {shown_line(text)}")
            self._close()
        return self._taken()

    def _check_each(self, block: bytes) -> EventBlock:
        lines = [line for line in io.BytesIO(block).readlines() if self._is_event(line)]
        return EventBlock(b"".join(lines), len(lines), self._taken())

    def _events_of(self, lines: Sequence[bytes]) -> Iterator[dict[str, JSONValue]]:
        for line in lines:
            if self._is_event(line):
                yield cast("dict[str, JSONValue]", decode_exactly(line))

    def _is_event(self, line: bytes) -> bool:
        if not line.strip():
            return False
        try:
            _check(line)
            decode_exactly(line)
        except UNREADABLE:
            self._number += 1
            self._take_odd(line)
            return False
        self._note_events(1)
        return True

    def _note_events(self, count: int) -> None:
        if self._open:
            self._close()
        self._number += count

    def _take_odd(self, line: bytes) -> None:
        try:
            said = _read_failure(line).error
        except UNREADABLE:
            pass
        else:
            raise TruncatedReplyError(f"the export failed before it was complete: {shown_line(bytes(said))}")
        self._bad_lines += 1
        self._bad_bytes += len(line)
        if self._bad_lines > _MAX_BAD_LINES or self._bad_bytes > _MAX_BAD_BYTES:
            raise UnexpectedReplyError(
                f"more than {self._bad_lines - 1:,} lines are not events, the last one: {shown_line(line)}",
                status=200,
                operation="export.events",
            )
        text = line.rstrip(b"\r\n")
        self._open.append(BadLine(self._number, text, _reason(text)))

    def _close(self) -> None:
        """Count the lines that are no events as bad lines of a complete export."""
        bad, self._open = self._open, []
        if self._raises:
            first = bad[0]
            raise UnreadableEventError(
                f"line {first.number:,} of the export is not an event: {first.reason}: {shown_line(first.line)}; to "
                "export the others, set on_bad_line (--bad-lines FILE)",
                line=first.line,
                number=first.number,
            )
        self._bad += bad

    def _taken(self) -> Sequence[BadLine]:
        bad, self._bad = self._bad, []
        return bad


def _reason(line: bytes) -> str:
    return syntax_problem(line) or "it has no event name"


def syntax_problem(text: bytes) -> str | None:
    """Return why a text is not JSON; None if it is JSON."""
    try:
        text.decode()
        orjson.loads(text)
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8"
    except orjson.JSONDecodeError as error:
        return f"{error.msg} (byte {error.pos + 1})"
    return None


def shown_line(line: bytes) -> str:
    """Return the beginning of a line, quoted for a message."""
    return repr(line[:_MAX_SHOWN].decode("utf-8", errors="replace"))
