"""Reads one event, and what it is compared by: the key of Mixpanel's dedupe, and digests of its content.

Two events with a digest in common are equal. Two without one may be equal: `differences.py` compares their values.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final, cast

import msgspec
import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.parsing import read_line

# Properties that identify an event or that Mixpanel consumes or sets on every import: never part of the content.
OWN_PROPERTIES: Final = frozenset(
    {
        "time",
        "distinct_id",
        "$insert_id",
        "token",
        "$import",
        "$mp_api_endpoint",
        "$mp_api_timestamp_ms",
        "$distinct_id_before_identity",
        "mp_processing_time_ms",
        "mp_sent_by_lib_version",
    }
)
# Added to nearly every event whose IP address is known; a second digest leaves them out.
PLACE_PROPERTIES: Final = frozenset({"$city", "$region", "mp_country_code"})
_DIGEST_BYTES: Final = 8
_TIMES_MS: Final = range(-62_135_510_400_000, 253_402_214_400_000)  # a day inside of what a date can be, in every zone
_MAX_EXACT: Final = 2**53  # a larger integer may come back as a float
_ZONE_STEP_SECONDS: Final = 900  # no zone changes its offset between quarters of an hour


class EventRecord(msgspec.Struct, frozen=True, gc=False):
    """An event.

    Attributes:
        name: Its name.
        properties: Its properties.
        distinct_id: The user's ID as the event had it before IDs were merged.
        insert_id: Its $insert_id; "" if it has none.
        time_ms: Its time in milliseconds, in the time zone of the comparison.
    """

    name: str
    properties: Mapping[str, JSONValue]
    distinct_id: str
    insert_id: str
    time_ms: int

    @property
    def day(self) -> int:
        """The day on which it happened, as days since 1970."""
        return self.time_ms // 86_400_000


class Digests(msgspec.Struct, frozen=True, gc=False):
    """What an event is compared by.

    Attributes:
        key: 128 bits of Mixpanel's dedupe key: name, distinct_id, $insert_id and day.
        near: 64 bits of name and $insert_id: an event whose user or day has changed still has them.
        content: 64 bits of the content.
        other: 64 bits of the content as it also may be: of a source, without milliseconds; of an export, without the
            place that Mixpanel adds.
    """

    key: tuple[int, int]
    near: int
    content: int
    other: int


def read_record(line: bytes, localize: Callable[[int], int] | None = None) -> EventRecord:
    """Return an event that was read as JSON.

    Args:
        line: The event.
        localize: Returns the local milliseconds of a time in milliseconds; None: times are compared as they are.

    Raises:
        InvalidRecordError: The line is not an event.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = read_line(line)
    try:
        name, properties = found["event"], found["properties"]
        time_ms = milliseconds(properties["time"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _no_event() from None
    if type(name) is not str or type(properties) is not dict or time_ms not in _TIMES_MS:
        raise _no_event()
    return EventRecord(
        name,
        properties,
        _user(properties),
        text_of(properties.get("$insert_id")),
        time_ms if localize is None else localize(time_ms),
    )


def _no_event() -> InvalidRecordError:
    return InvalidRecordError("is not an event with a name, properties and a time of the years 1 to 9999")


def milliseconds(time: float | str) -> int:
    """Return a time in seconds or milliseconds as milliseconds.

    Raises:
        ValueError: It is not a number.
    """
    number = float(time) if isinstance(time, str) else time
    return int(number) if number >= limits.MIN_EVENT_TIME_MILLISECONDS else round(number * 1000)


def local_time(zone: dt.tzinfo) -> Callable[[int], int]:
    """Return a function that turns milliseconds since 1970 into local milliseconds, as older projects export them."""

    @functools.lru_cache(maxsize=65_536)
    def offset(step: int) -> int:
        moment = dt.datetime.fromtimestamp(step * _ZONE_STEP_SECONDS, dt.UTC).astimezone(zone)
        return round((moment.utcoffset() or dt.timedelta()).total_seconds() * 1000)

    return lambda time_ms: time_ms + offset(time_ms // (_ZONE_STEP_SECONDS * 1000))


def source_digests(record: EventRecord, ignored: AbstractSet[str] = frozenset()) -> Digests:
    """Return the digests of an event of the source.

    Args:
        record: The event.
        ignored: Names of properties that are not compared.

    Raises:
        InvalidRecordError: Values are nested too deeply.
    """
    content = _encoded(_content(record, ignored))
    milli = record.time_ms % 1000
    exact = _timed(content, record.time_ms)
    return Digests(_key(record), _near(record), exact, _timed(content, record.time_ms - milli) if milli else exact)


def export_digests(record: EventRecord, ignored: AbstractSet[str] = frozenset()) -> Digests:
    """Return the digests of an exported event; the arguments are those of `source_digests`."""
    content = _content(record, ignored)
    whole = other = _timed(_encoded(content), record.time_ms)
    if not PLACE_PROPERTIES.isdisjoint(content):
        placeless = {name: value for name, value in content.items() if name not in PLACE_PROPERTIES}
        other = _timed(_encoded(placeless), record.time_ms)
    return Digests(_key(record), _near(record), whole, other)


def _user(properties: Mapping[str, JSONValue]) -> str:
    before = properties.get("$distinct_id_before_identity") or properties.get("distinct_id")
    if before is not None:
        return text_of(before)
    device = text_of(properties.get("$device_id"))
    return text_of(properties.get("$user_id")) or (f"$device:{device.removeprefix('$device:')}" if device else "")


def text_of(value: object) -> str:
    """Return an ID as text; "" if there is none."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def _key(record: EventRecord) -> tuple[int, int]:
    text = f"{len(record.name)}\0{record.name}\0{record.insert_id}\0{record.day}\0{record.distinct_id}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=2 * _DIGEST_BYTES).digest()
    return _number(digest[:_DIGEST_BYTES]), _number(digest[_DIGEST_BYTES:])


def _near(record: EventRecord) -> int:
    text = f"{record.name}\0{record.insert_id}"
    return _number(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest())


def _timed(content: bytes, time_ms: int) -> int:
    return _number(hashlib.blake2b(b"%d %b" % (time_ms, content), digest_size=_DIGEST_BYTES).digest())


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


def _content(record: EventRecord, ignored: AbstractSet[str]) -> dict[str, JSONValue]:
    """Return the properties that are compared; values which Mixpanel does not tell apart are equal."""
    skipped = OWN_PROPERTIES | ignored if ignored else OWN_PROPERTIES
    fields = record.properties.items()
    try:
        return {name: _plain(value) for name, value in fields if value is not None and name not in skipped}
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> InvalidRecordError:
    return InvalidRecordError("has lists or objects that are nested too deeply to be compared", field="properties")


def _encoded(content: dict[str, JSONValue]) -> bytes:
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:
        raise _too_deep() from None


def _plain(value: JSONValue) -> JSONValue:
    kind = type(value)
    if kind is str:
        text = cast("str", value)
        return text[: limits.MAX_STRING_CHARACTERS] if len(text) > limits.MAX_STRING_CHARACTERS else text
    if kind is int:
        number = cast("int", value)
        return number if -_MAX_EXACT <= number <= _MAX_EXACT else float(number)
    if kind is float:
        real = cast("float", value)
        return int(real) if -_MAX_EXACT <= real <= _MAX_EXACT and real.is_integer() else real
    if kind is dict:
        return {name: _plain(inner) for name, inner in cast("dict[str, JSONValue]", value).items()}
    if kind is list:
        return [_plain(inner) for inner in cast("list[JSONValue]", value)]
    return float(cast("Decimal", value)) if kind is Decimal else value
