"""Comparisons of versions and of times in the rules of feature flags."""

import datetime as dt
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

_COMPARE: Final[Mapping[object, Callable[[int, int], bool]]] = {
    "===": operator.eq,
    "!==": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MAX_VERSION: Final = 256
_NUMBER = r"(0|[1-9]\d*)"
_VERSION: Final = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII | re.IGNORECASE,
)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_Version = tuple[tuple[int, int, int], list[str]]


def compare_versions(actual: object, sign: object, target: object) -> bool:
    """Compare two versions by Semantic Versioning 2.0; missing parts are 0, and one `v` may lead.

    What is not a version, or longer than 256 characters, compares as false.
    """
    first, second, compare = _version(actual), _version(target), _COMPARE.get(sign)
    if first is None or second is None or compare is None:
        return False
    return compare(_order(first, second), 0)


def compare_times(actual: object, sign: object, target_ms: object) -> bool:
    """Compare a time of RFC 3339 with milliseconds since 1970, by whole seconds.

    What is not a time with a zone, or not a number below 2^63, compares as false.
    """
    seconds, compare = _seconds(actual), _COMPARE.get(sign)
    if seconds is None or compare is None or isinstance(target_ms, bool) or not isinstance(target_ms, int | float):
        return False
    if not math.isfinite(target_ms) or abs(target_ms) >= 2**63:
        return False
    return compare(seconds, math.trunc(target_ms / 1000))


def _version(value: object) -> _Version | None:
    if not isinstance(value, str) or len(value) > _MAX_VERSION:
        return None
    found = _VERSION.fullmatch(value.strip())
    if found is None:
        return None
    major, minor, patch, suffix = found.groups()
    names = suffix.split(".") if suffix else []
    if any(name.isdigit() and len(name) > 1 and name.startswith("0") for name in names):
        return None
    return (int(major), int(minor or 0), int(patch or 0)), names


def _order(first: _Version, second: _Version) -> int:
    if first[0] != second[0]:
        return -1 if first[0] < second[0] else 1
    if bool(first[1]) != bool(second[1]):
        return -1 if first[1] else 1  # before its release
    keys = [[_name_key(name) for name in names] for names in (first[1], second[1])]
    return (keys[0] > keys[1]) - (keys[0] < keys[1])


def _name_key(name: str) -> tuple[int, int, str]:
    # Numbers are before words.
    return (0, int(name), "") if name.isdigit() else (1, 0, name)


def _seconds(value: object) -> int | None:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    day, time, zone = found.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return None
    return int((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1))
