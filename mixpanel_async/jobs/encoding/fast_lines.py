"""The fast path: valid NDJSON lines are checked in groups and sent unchanged.

Each check is one operation over a whole group. If a group fails, its lines are checked one by one; only a line that
fails on its own is decoded completely, to explain what is invalid.
"""

import string
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Final

import msgspec

from mixpanel_async import limits
from mixpanel_async.codecs.lines import is_utf8
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.event_checks import check_event
from mixpanel_async.jobs.mapping.identity import PLACEHOLDER, PLACEHOLDER_MESSAGE
from mixpanel_async.jobs.model.chunks import (
    GROUP,
    STEP_RECORDS,
    Chunk,
    EncodedChunk,
    Notice,
    RejectedRecord,
    count_rejects,
)
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.event_key import EventFields
from mixpanel_async.records import validation
from mixpanel_async.records.parsing import as_object, read_line
from mixpanel_async.records.rejection import malformed, rejected
from mixpanel_async.records.tokens import FOREIGN_TOKEN, TokenRule, is_foreign
from mixpanel_async.time_slice import Steps

_TOKEN_NAME: Final = b'"token"'
_ID_BYTES: Final = (string.ascii_letters + string.digits + "-").encode()
_BRACE: Final = ord("{")
# Every event has two objects; a nested object needs one more opening brace per level.
_OWN_BRACES: Final = 2
_SAFE_BRACES: Final = _OWN_BRACES + limits.MAX_OBJECT_DEPTH
_SAFE_COMMAS: Final = limits.MAX_ARRAY_ELEMENTS - 1
# An array with too many elements has at least two bytes per element, and so does nesting that is too deep to decode.
_SAFE_BYTES: Final = 2 * limits.MAX_ARRAY_ELEMENTS
_SAFE_BRACKETS: Final = 100
_MAX_NOTICES: Final = 10  # examples of a chunk; all are counted

_decode: Final[Callable[[bytes], EventFields]] = msgspec.json.Decoder(EventFields).decode


class LineChecker:
    """Checks chunks of lines.

    Args:
        window: Detects duplicates.
        now: Returns Unix time in seconds.
        max_bytes: Maximum size of an event in bytes.
        tokens: What becomes of an event's own token.
    """

    def __init__(self, window: EventWindow, now: Callable[[], float], max_bytes: int, tokens: TokenRule) -> None:
        self._tokens = tokens
        self._window = window
        self._now = now
        self._max_bytes = max_bytes

    def check(self, chunk: Chunk) -> Steps[EncodedChunk]:
        """Return a chunk of lines encoded, in steps."""
        now = self._now()
        lines, numbers = chunk.lines, chunk.numbers
        tally = Tally()
        rejects = list(chunk.rejects)
        parts: list[bytes] = []
        replaced: list[int] = []
        notices: list[Notice] = []
        kept: list[int] | None = None  # the numbers of `parts`; None: of every line so far
        for start in range(0, len(lines), GROUP):
            group = lines[start : start + GROUP]
            if self.is_valid(group, now):
                parts += group
                if kept is not None:
                    kept += numbers[start : start + GROUP]
            else:
                kept = list(numbers[:start]) if kept is None else kept
                for index, line in enumerate(group, start):
                    part = self._checked(line, numbers[index], now, tally, rejects, notices)
                    if part is not None:
                        parts.append(part)
                        kept.append(numbers[index])
                        if part is not line:
                            replaced.append(numbers[index])
                    if index % STEP_RECORDS == 0:
                        yield
            yield
        tally.read += len(parts)
        yield from count_rejects(rejects, tally)
        sent = numbers if kept is None else kept
        return EncodedChunk(chunk.name, parts, sent, tally, rejects, chunk.end, replaced=replaced, notices=notices)

    def is_valid(self, group: Sequence[bytes], now: float) -> bool:
        """Return whether every line of a group is valid and new; if not, the window is unchanged."""
        try:
            fields = list(map(_decode, group))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        together = b"".join(group)
        return (
            are_shapes_valid(group, together, self._max_bytes)
            and is_utf8(together)
            and self.are_new(fields, now, together)
        )

    def are_new(self, fields: Sequence[EventFields], now: float, together: bytes = b"") -> bool:
        """Return whether the fields of a group of events are valid and new; if not, the window is unchanged.

        Args:
            fields: The fields.
            now: Unix time in seconds.
            together: The lines, if the events come from lines, which may name a field twice.
        """
        own = [one.properties for one in fields]
        ids = [one.insert_id for one in own]
        tokens = [one.token for one in own]
        if with_token := len(tokens) - tokens.count(None):
            if together.count(_TOKEN_NAME) > with_token or any(is_foreign(token, self._tokens.own) for token in tokens):
                return False
            for one in own:
                one.token = None
        users = [one.distinct_id for one in own]
        return (
            _are_times_valid([one.time for one in own], now)
            and limits.FORBIDDEN_IDS.isdisjoint(users)
            and not validation.are_placeholders_among(users)
            and limits.FORBIDDEN_IDS.isdisjoint(ids)
            and not "".join(ids).encode().translate(None, _ID_BYTES)
            and self._window.add_new(ids, fields)
        )

    def _checked(  # noqa: PLR0917 - called in one place
        self,
        line: bytes,
        number: int,
        now: float,
        tally: Tally,
        rejects: list[RejectedRecord],
        notices: list[Notice],
    ) -> bytes | None:
        """Return one line as it is sent, or None if it is not; then count its outcome."""
        if not line or line.isspace():
            return None
        if self.is_valid((line,), now):
            return line
        try:
            record = read_line(line)
        except InvalidRecordError as error:
            rejects.append(RejectedRecord(number, malformed(error.message), line))
            return None
        try:
            _, is_replaced = self._tokens.apply_to_event(as_object(record))
            # A decoder sees the last of two tokens, and a server may take the first.
            is_replaced = is_replaced or (line.count(_TOKEN_NAME) > 1 and self._tokens.is_other_hidden(line))
            part = self._tokens.replace_in_line(line) if is_replaced else line
            fields = check_event(record, len(part.strip()), now, self._max_bytes)
        except InvalidRecordError as error:
            rejects.append(RejectedRecord(number, rejected(error), line))
            return None
        if fields is None or self._window.is_new(fields):
            tally.changed[FOREIGN_TOKEN] += is_replaced
            if fields is not None and has_placeholder(fields):
                note_placeholder(number, tally, notices)
            return part
        tally.read += 1
        tally.duplicates += 1
        return None


def has_placeholder(fields: EventFields) -> bool:
    """Return whether an ID of the user of an event looks like a missing value."""
    # Without a distinct_id, the user is known by two IDs.
    return any(map(validation.is_placeholder_id, fields.properties.distinct_id.split("\0")))


def note_placeholder(number: int, tally: Tally, notices: list[Notice]) -> None:
    """Count a record with an ID that looks like a missing value, and keep some as examples."""
    tally.noticed[PLACEHOLDER] += 1
    if len(notices) < _MAX_NOTICES:
        notices.append(Notice(number, PLACEHOLDER, PLACEHOLDER_MESSAGE))


def _are_times_valid(times: Sequence[float], now: float) -> bool:
    """Return whether all times are valid seconds, or all are valid milliseconds."""
    latest = now + limits.MAX_EVENT_AHEAD_SECONDS
    first, last = min(times), max(times)
    if last <= latest:
        return first >= limits.MIN_EVENT_TIME_SECONDS
    return first >= limits.MIN_EVENT_TIME_MILLISECONDS and last <= latest * 1000


def are_shapes_valid(group: Sequence[bytes], together: bytes, max_bytes: int) -> bool:
    """Return whether no event of a group can be too large, too deeply nested or too wide.

    Args:
        group: Events as JSON.
        together: The same bytes joined, so that one call counts over the whole group.
        max_bytes: Maximum size of an event in bytes.
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
