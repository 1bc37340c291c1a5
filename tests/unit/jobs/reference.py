"""What an import of lines has to come to, written plainly: one line at a time, no shortcuts."""

import json
import re
from collections import Counter
from typing import Any, NoReturn

from mixpanel_async import limits

_ID = re.compile(r"[A-Za-z0-9-]{1,36}")


class Expected:
    """What becomes of lines.

    Attributes:
        sent: The lines that go out.
        counts: How many lines were read, rejected, duplicate.
        rejected: Numbers of the rejected lines, from 1.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self.rejected: list[int] = []


def expected(content: bytes, now: float) -> Expected:
    """Return what becomes of the lines of a file."""
    found = Expected()
    seen: set[tuple[Any, ...]] = set()
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found.counts["read"] += 1
        key = _key(line, now)
        if key is None:
            found.rejected.append(number)
        elif key in seen:
            found.counts["duplicates"] += 1
        else:
            seen.add(key)
            found.sent.append(line.strip())
    return found


MAX_NESTING = 1000  # JSON readers give up somewhere before; which depth it is differs from one to the next


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _key(line: bytes, now: float) -> tuple[Any, ...] | None:
    """Return what a line is recognised by, None if it is not a valid event."""
    try:
        record = json.loads(line.decode(), parse_constant=_refuse)
        json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is not a character
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or set(record) != {"event", "properties"}:
        return None
    event, properties = record["event"], record["properties"]
    if not isinstance(event, str) or not event or not isinstance(properties, dict):
        return None
    time, who, insert_id = (properties.get(name) for name in ("time", "distinct_id", "$insert_id"))
    if not _is_time(time, now) or not isinstance(who, str) or who in limits.FORBIDDEN_IDS:
        return None
    if not isinstance(insert_id, str) or not _ID.fullmatch(insert_id) or insert_id in limits.FORBIDDEN_IDS:
        return None
    if len(properties) > limits.MAX_PROPERTIES or any(_is_misshapen(value, 0) for value in properties.values()):
        return None
    return event, time, who, insert_id


def _is_time(time: object, now: float) -> bool:
    if isinstance(time, bool) or not isinstance(time, int | float):
        return False
    seconds = time / 1000 if time >= limits.MIN_EVENT_TIME_MILLISECONDS else time
    return limits.MIN_EVENT_TIME_SECONDS <= seconds <= now + limits.MAX_EVENT_AHEAD_SECONDS


def _is_misshapen(value: object, depth: int) -> bool:
    """Look into a value without recursion: interpreters differ in how deep they go."""
    left = [(value, depth, 0)]
    while left:
        one, level, nesting = left.pop()
        if nesting > MAX_NESTING:
            return True
        if isinstance(one, dict):
            if level >= limits.MAX_OBJECT_DEPTH or len(one) > limits.MAX_OBJECT_KEYS:
                return True
            left += [(inner, level + 1, nesting + 1) for inner in one.values()]
        elif isinstance(one, list):
            if len(one) > limits.MAX_ARRAY_ELEMENTS:
                return True
            left += [(inner, level, nesting + 1) for inner in one]
    return False
