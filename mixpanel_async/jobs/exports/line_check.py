"""Whether an export's lines are whole. Pure."""

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import orjson

from mixpanel_async.errors import TruncatedReplyError
from mixpanel_async.models import JSONValue

_MAX_SHOWN: Final = 80


class _Event(msgspec.Struct, gc=False):
    """Any JSON object: looked through to its end, and not made into anything."""


class LineCutter:
    """Cuts an export into blocks of whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, parts: Sequence[bytes]) -> bytes:
        """Return the whole lines that are there now, in one copy: on a megabyte, each one more is felt.

        Args:
            parts: What has come since the last time.
        """
        for index in reversed(range(len(parts))):
            end = parts[index].rfind(b"\n") + 1
            if end:
                last = memoryview(parts[index])
                block = b"".join((self._rest, *parts[:index], last[:end]))
                self._rest = b"".join((last[end:], *parts[index + 1 :]))
                return block
        self._rest = b"".join((self._rest, *parts))
        return b""

    def end(self) -> None:
        """Say that no more comes.

        Raises:
            TruncatedReplyError: The last line has no end.
        """
        if self._rest:
            raise TruncatedReplyError(f"the export ends in mid-line: {_shown(self._rest)}")


_read_objects: Final = msgspec.json.Decoder(_Event).decode_lines


def count_events(block: bytes) -> int:
    """Return how many events a block of lines holds.

    Raises:
        TruncatedReplyError: A line is no JSON object: Mixpanel gave the export up, and said so in words.
    """
    try:
        return len(_read_objects(block))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _broken_off(block) from None


def read_event(line: bytes) -> dict[str, JSONValue]:
    """Return the event of a line.

    Raises:
        TruncatedReplyError: It is no JSON object: Mixpanel gave the export up, and said so in words.
    """
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise _broken_off(line) from None
    if type(event) is not dict:
        raise _broken_off(line)
    return cast("dict[str, JSONValue]", event)


def _broken_off(block: bytes) -> TruncatedReplyError:
    for line in block.splitlines():
        try:
            _read_objects(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return TruncatedReplyError(f"the export was ended early; a line of it is no event: {_shown(line)}")
    return TruncatedReplyError("the export was ended early; a line of it is no event")


def _shown(line: bytes) -> str:
    return repr(line[:_MAX_SHOWN].decode("utf-8", errors="replace"))
