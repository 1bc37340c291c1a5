"""The operators of rules that JsonLogic does not have: comparisons of versions and of times."""

import datetime as dt
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

_SIGNS: Final[Mapping[object, Callable[[Any, Any], bool]]] = {
    "===": operator.eq,
    "!==": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERANDS: Final = 3
_MAX_VERSION_CHARACTERS: Final = 256
_MAX_MILLISECONDS: Final = 2**63
_MAX_ZONE_HOURS: Final = 23
_MAX_ZONE_MINUTES: Final = 59
_NUMBER: Final = r"(0|[1-9][0-9]*)"
_NAMES: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"[vV]?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:-({_NAMES}))?(?:\+{_NAMES})?")
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Numbers are before words, and a release is after its pre-releases: an empty list of names is not the least one.
_Version: TypeAlias = tuple[int, int, int, bool, list[tuple[bool, int, str]]]


def semver_compare(*operands: object) -> bool:
    """Compare two versions by Semantic Versioning 2.0; missing parts are 0, and one `v` may lead.

    Args:
        *operands: The version, a sign such as `>=`, the other version.

    Returns:
        The result; False if an operand is not a version of at most 256 characters, or the sign is unknown.
    """
    if len(operands) != _OPERANDS or not isinstance(operands[1], str):
        return False
    compare, first, second = _SIGNS.get(operands[1]), _version(operands[0]), _version(operands[2])
    return compare is not None and first is not None and second is not None and compare(first, second)


def datetime_compare(*operands: object) -> bool:
    """Compare a time of RFC 3339 with Unix milliseconds, by whole seconds.

    Args:
        *operands: The time with its zone, a sign such as `>=`, the milliseconds.

    Returns:
        The result; False if an operand is no such time or number, or the sign is unknown.
    """
    if len(operands) != _OPERANDS or not isinstance(operands[1], str):
        return False
    compare, first, second = _SIGNS.get(operands[1]), _seconds(operands[0]), _whole_seconds(operands[2])
    return compare is not None and first is not None and second is not None and compare(first, second)


def _version(value: object) -> _Version | None:
    if not isinstance(value, str) or len(value) > _MAX_VERSION_CHARACTERS:
        return None
    found = _VERSION.fullmatch(value.strip())
    if found is None:
        return None
    major, minor, patch, suffix = found.groups()
    names = suffix.split(".") if suffix else []
    if any(name.isdigit() and name[0] == "0" and name != "0" for name in names):
        return None
    ranks = [(False, int(name), "") if name.isdigit() else (True, 0, name) for name in names]
    return int(major), int(minor or 0), int(patch or 0), not names, ranks


def _seconds(value: object) -> int | None:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    *moment, sign, hours, minutes = found.groups()
    ahead = 0
    if sign is not None:
        if int(hours) > _MAX_ZONE_HOURS or int(minutes) > _MAX_ZONE_MINUTES:
            return None
        ahead = (int(hours) * 60 + int(minutes)) * (-60 if sign == "-" else 60)
    try:
        year, month, day, hour, minute, second = map(int, moment)
        since = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC) - _EPOCH
    except ValueError:  # such as 30 February
        return None
    return since // dt.timedelta(seconds=1) - ahead


def _whole_seconds(milliseconds: object) -> int | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or not math.isfinite(milliseconds):
        return None
    whole = int(milliseconds)
    if abs(whole) >= _MAX_MILLISECONDS:
        return None
    return whole // 1000 if whole >= 0 else -(-whole // 1000)
