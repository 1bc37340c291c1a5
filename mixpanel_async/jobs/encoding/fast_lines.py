"""The fast lane: events that are JSON lines already are looked at, and moved as the bytes they are. Pure.

Lines are looked at in groups, by operations that run over a whole group at once. Only where a group is not wholly right
are its lines looked at one by one, and only a line that is wrong is decoded in full, to say what is wrong with it.
"""

import string
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Final

import msgspec

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.event_checks import check_event
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk, RejectedRecord
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.event_key import EventFields
from mixpanel_async.records.parsing import read_line
from mixpanel_async.records.rejection import malformed, rejected

GROUP: Final = 256
_ID_BYTES: Final = (string.ascii_letters + string.digits + "-").encode()
_BRACE: Final = ord("{")
# Two objects are every event's own; an object inside of them needs a brace for each level.
_OWN_BRACES: Final = 2
_SAFE_BRACES: Final = _OWN_BRACES + limits.MAX_OBJECT_DEPTH
_SAFE_COMMAS: Final = limits.MAX_ARRAY_ELEMENTS - 1
# An array with too many elements takes two bytes for each; so does nesting that is too deep for other readers.
_SAFE_BYTES: Final = 2 * limits.MAX_ARRAY_ELEMENTS
_SAFE_BRACKETS: Final = 100

_decode: Final[Callable[[bytes], EventFields]] = msgspec.json.Decoder(EventFields).decode


class LineChecker:
    """Turns chunks of lines into pieces.

    Args:
        window: Recognises equal events.
        now: Gives Unix time in seconds.
        max_bytes: Bytes that one event may have.
    """

    def __init__(self, window: EventWindow, now: Callable[[], float], max_bytes: int) -> None:
        self._window = window
        self._now = now
        self._max_bytes = max_bytes

    def check(self, chunk: Chunk) -> EncodedChunk:
        """Return what of a chunk of lines can be sent."""
        now = self._now()
        lines, numbers = chunk.lines, chunk.numbers
        tally = Tally()
        rejects = list(chunk.rejects)
        dropped: set[int] = set()
        for start in range(0, len(lines), GROUP):
            group = lines[start : start + GROUP]
            if not self.is_right(group, now):
                for index, line in enumerate(group, start):
                    if not self._is_kept(line, numbers[index], now, tally, rejects):
                        dropped.add(index)
        if dropped:
            kept = [index for index in range(len(lines)) if index not in dropped]
            lines = [lines[index] for index in kept]
            numbers = [numbers[index] for index in kept]
        tally.read += len(lines)
        for reject in rejects:
            tally.read += 1
            tally.count(reject.verdict)
        return EncodedChunk(chunk.name, lines, numbers, tally, rejects, chunk.end)

    def is_right(self, group: Sequence[bytes], now: float) -> bool:
        """Return whether every line of a group is right and new; if not, nothing was done."""
        try:
            fields = list(map(_decode, group))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        together = b"".join(group)
        return are_shapes_right(group, together, self._max_bytes) and _is_utf8(together) and self.are_new(fields, now)

    def are_new(self, fields: Sequence[EventFields], now: float) -> bool:
        """Return whether the fields of a group of events are right and new; if not, nothing was done."""
        own = [one.properties for one in fields]
        ids = [one.insert_id for one in own]
        return (
            _are_times_right([one.time for one in own], now)
            and limits.FORBIDDEN_IDS.isdisjoint([one.distinct_id for one in own])
            and limits.FORBIDDEN_IDS.isdisjoint(ids)
            and not "".join(ids).encode().translate(None, _ID_BYTES)
            and self._window.add_new(ids, fields)
        )

    def _is_kept(self, line: bytes, number: int, now: float, tally: Tally, rejects: list[RejectedRecord]) -> bool:
        """Return whether one line is to be sent; count it where it is not."""
        if self.is_right((line,), now):
            return True
        if not line or line.isspace():
            return False
        try:
            record = read_line(line)
        except InvalidRecordError as error:
            rejects.append(RejectedRecord(number, malformed(error.message), line))
            return False
        try:
            fields = check_event(record, len(line.strip()), now, self._max_bytes)
        except InvalidRecordError as error:
            rejects.append(RejectedRecord(number, rejected(error), line))
            return False
        if fields is None or self._window.is_new(fields):
            return True
        tally.read += 1
        tally.duplicates += 1
        return False


def _are_times_right(times: Sequence[float], now: float) -> bool:
    """Return whether all times are valid seconds, or all of them valid milliseconds."""
    latest = now + limits.MAX_EVENT_AHEAD_SECONDS
    first, last = min(times), max(times)
    if last <= latest:
        return first >= limits.MIN_EVENT_TIME_SECONDS
    return first >= limits.MIN_EVENT_TIME_MILLISECONDS and last <= latest * 1000


def are_shapes_right(group: Sequence[bytes], together: bytes, max_bytes: int) -> bool:
    """Return whether no event of a group can be too large, too deep or too wide.

    Args:
        group: JSON of events, each an object with an object in it.
        together: The same in one piece: what is counted there is counted in one call.
        max_bytes: Bytes that one event may have.
    """
    braces_of_others = _OWN_BRACES * (len(group) - 1)
    if (
        together.count(b"{") > _SAFE_BRACES + braces_of_others
        and max(map(bytes.count, group, repeat(_BRACE))) > _SAFE_BRACES
    ):
        return False
    longest = max(map(len, group))
    if longest > max_bytes:
        return False
    if longest > _SAFE_BYTES:
        for line in group:
            if len(line) > _SAFE_BYTES and (line.count(b",") > _SAFE_COMMAS or line.count(b"[") > _SAFE_BRACKETS):
                return False
    return True


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        str(text, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
