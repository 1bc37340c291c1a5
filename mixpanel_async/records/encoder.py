"""Encodes an event or update to JSON bytes once; dedupe key.

An event is joined from three pieces: a head that is cached for each event name, the few fields that are ours, and the
user's properties as orjson wrote them. Later steps move these bytes and never decode them.
"""

import hashlib
import itertools
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec
import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, RecordTooLargeError
from mixpanel_async.models import JSONValue, Properties
from mixpanel_async.records import validation
from mixpanel_async.records.tokens import ForeignTokenError, is_foreign

_WITH_OWN_ID: Final = b'%b%b%b%x"%b}'
_WITH_GIVEN_ID: Final = b'%b%b,"time":%d,"$insert_id":"%b"%b}'
_END: Final = b"}"
_OWN_FIELDS: Final = frozenset({"token", "distinct_id", "time", "$insert_id"})
_MAX_HEADS: Final = 4096  # event names are few; generated ones must not fill the memory
_MAX_PLAIN_KEY_BYTES: Final = 128
_MAX_OWN_PROPERTIES: Final = limits.MAX_PROPERTIES - len(_OWN_FIELDS)
# A list or object with too many values has at least as many commas less one, and a byte for each value.
_SAFE_COMMAS: Final = min(limits.MAX_ARRAY_ELEMENTS, limits.MAX_OBJECT_KEYS) - 1
_SAFE_BYTES: Final = 2 * _SAFE_COMMAS
_BRACE, _BRACKET = b"{["  # looking for one byte costs a tenth of looking for a string
_find_null: Final = re.compile(rb"null").search
# Operations that change the result when applied twice.
UNSAFE_OPERATIONS: Final = frozenset({"$add", "$append", "$union", "$remove"})


# A record's JSON and its dedupe key; None if the $insert_id was generated here and is unique.
Encoded: TypeAlias = tuple[bytes, bytes | None]


class EventEncoder:
    """Encodes events for one endpoint.

    Args:
        token: Added to each event; None if the request's credential names the project.
        max_bytes: Most bytes of one event.
        max_age_seconds: How old an event's time may be; None: from 1971 on.
        needs_time: Whether an event without a time is rejected; else its time is now.
        own_token: The client's token, to compare with an event's own (default: `token`).
    """

    def __init__(
        self,
        *,
        token: str | None,
        max_bytes: int,
        max_age_seconds: float | None = None,
        needs_time: bool = False,
        own_token: str | None = None,
    ) -> None:
        self._own_token = own_token if token is None else token
        self._token = b"" if token is None else b'"token":' + orjson.dumps(token) + b","
        self._max_age_seconds = max_age_seconds
        self._needs_time = needs_time
        self._max_bytes = min(max_bytes, limits.MAX_EVENT_BYTES)
        self._heads: dict[str, bytes] = {}
        # 80 random bits for each client and a counter: unique, at half the cost of a uuid4 for each event.
        self._time_and_id = b',"time":%d,"$insert_id":"' + uuid.uuid4().hex[:20].encode() + b"-"
        self._numbers = itertools.count()
        # Events of one millisecond share these bytes; formatting them costs a tenth of an event.
        self._moment = -1
        self._moment_bytes = b""

    def encode(  # noqa: PLR0917 - called for every event: keywords cost
        self,
        event: str,
        distinct_id: str | int,
        properties: Properties | None,
        now: float,
        time: object = None,
        insert_id: str | None = None,
    ) -> Encoded:
        """Return an event as bytes.

        Args:
            event: Name of the event.
            distinct_id: The user's id; "" for an event without a user.
            properties: Not changed. May contain `time` and `$insert_id`.
            now: Unix time in seconds.
            time: When the event happened; None: now.
            insert_id: Its id; None: generated.

        Raises:
            CannotEncodeError: A value cannot be written as JSON.
            ForeignTokenError: The event carries a token that is not the client's.
            InvalidRecordError: Mixpanel would refuse the event.
        """
        head = (self._heads.get(event) if type(event) is str else None) or self._new_head(event)
        if type(distinct_id) is not str or distinct_id in limits.FORBIDDEN_IDS:
            distinct_id = validation.read_distinct_id(distinct_id)
        if type(properties) is not dict and properties is not None:
            properties = _as_dict(properties)
        if properties and (
            "time" in properties or "$insert_id" in properties or "distinct_id" in properties or "token" in properties
        ):
            properties, time, insert_id = self._own_fields(dict(properties), distinct_id, time, insert_id)
        if time is None:
            if self._needs_time:
                raise InvalidRecordError(
                    "an imported event needs its time, and none was given", field="properties.time"
                )
            moment = int(now * 1000)
        else:
            moment = validation.read_time(time)
            validation.check_time(moment, now, max_age_seconds=self._max_age_seconds)
        tail = encode_properties(properties) if properties else _END
        try:
            who = orjson.dumps(distinct_id)
        except TypeError as error:
            raise validation.explain_unencodable(distinct_id, "properties.distinct_id", str(error)) from None
        if insert_id is None:
            key = None
            if moment != self._moment:
                self._moment_bytes = self._time_and_id % moment
                self._moment = moment
            part = _WITH_OWN_ID % (head, who, self._moment_bytes, next(self._numbers), tail)
        else:
            own_id = validation.check_insert_id(insert_id).encode()
            key = dedupe_key(event, moment, distinct_id, insert_id)
            part = _WITH_GIVEN_ID % (head, who, moment, own_id, tail)
        if len(part) > self._max_bytes:
            raise RecordTooLargeError(size=len(part), limit=self._max_bytes)
        return part, key

    def with_token(self, token: str) -> "EventEncoder":
        """Return an encoder that adds another token to each event and has the same limits."""
        return EventEncoder(token=token, max_bytes=self._max_bytes, max_age_seconds=self._max_age_seconds)

    def _new_head(self, event: str) -> bytes:
        name = encode_json(validation.check_event_name(event), "event")
        head = b'{"event":' + name + b',"properties":{' + self._token + b'"distinct_id":'
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        self._heads[event] = head
        return head

    def _own_fields(
        self, properties: dict[str, JSONValue], distinct_id: str, time: object, insert_id: str | None
    ) -> tuple[dict[str, JSONValue], object, str | None]:
        """Take our own fields out of the user's properties; a field that is given twice must be equal."""
        if "token" in properties:
            token = properties["token"]
            if is_foreign(token, self._own_token):
                raise ForeignTokenError(token, "properties.token")
            if self._token or not token:  # the head has it, or it is none
                del properties["token"]
        if "distinct_id" in properties and validation.read_distinct_id(properties.pop("distinct_id")) != distinct_id:
            raise InvalidRecordError(
                "differs from the distinct_id of the call; give it once", field="properties.distinct_id"
            )
        if "time" in properties:
            inner = properties.pop("time")
            if time is not None and inner != time:
                raise _given_twice("time")
            time = validation.read_time(inner)
        if "$insert_id" in properties:
            inner = properties.pop("$insert_id")
            if insert_id is not None and inner != insert_id:
                raise InvalidRecordError(
                    "differs from the insert_id of the call; give it once", field="properties.$insert_id"
                )
            insert_id = validation.check_insert_id(inner)
        return properties, time, insert_id


def _as_dict(properties: object) -> dict[str, JSONValue]:
    """Return properties that are not a plain dict as one."""
    if not isinstance(properties, Mapping):
        message = f"must be a mapping of names to values, not {type(properties).__name__}"
        raise InvalidRecordError(message, field="properties")
    return dict(properties)


def _given_twice(name: str) -> InvalidRecordError:
    return InvalidRecordError("differs from the one in the call; give it once", field=f"properties.{name}")


def encode_properties(properties: Properties) -> bytes:
    """Return one or more properties as JSON that follows other fields: a comma in place of the brace.

    Raises:
        CannotEncodeError: A value cannot be written as JSON.
        InvalidRecordError: There are too many properties, keys or elements, or objects are nested too deeply.
    """
    try:
        body = orjson.dumps(properties)
    except (TypeError, RecursionError) as error:
        raise validation.explain_unencodable(properties, "properties", str(error)) from None
    tail = b"," + body[1:]
    if (
        _find_null(tail)  # orjson writes NaN as null
        or (_BRACE in tail and tail.count(b"{") > limits.MAX_OBJECT_DEPTH)
        or len(properties) > _MAX_OWN_PROPERTIES
        or (len(tail) > _SAFE_BYTES and (_BRACE in tail or _BRACKET in tail) and tail.count(b",") > _SAFE_COMMAS)
    ):
        _check_properties(properties)
    return tail


def _check_properties(properties: Properties) -> None:
    """Check properties that may break a limit; a None or many line items are ordinary, and are cleared first."""
    if len(properties) > _MAX_OWN_PROPERTIES or not validation.is_plain(properties.values()):
        validation.check_finite(properties, "properties")
        validation.check_shape(properties, own=len(_OWN_FIELDS))


def encode_json(value: JSONValue, field: str, dumps: Callable[[object], bytes] = orjson.dumps) -> bytes:
    """Return any value as JSON.

    Args:
        value: The value.
        field: Named in errors.
        dumps: Writes the JSON.

    Raises:
        CannotEncodeError: The value cannot be written as JSON without changing its meaning.
    """
    try:
        body = dumps(value)
    except (TypeError, RecursionError) as error:
        raise validation.explain_unencodable(value, field, str(error)) from None
    if _find_null(body) and not validation.is_plain((value,), limits.MAX_OBJECT_DEPTH + 1):
        validation.check_finite(value, field)
    return exact_copy(body)


def exact_copy(part: bytes) -> bytes:
    """Return a copy of what orjson returned, for keeping: its own object holds some 4 KiB of work buffer (3.13)."""
    return b"%b" % part


def encode_update(
    update: Mapping[str, JSONValue], max_bytes: int, dumps: Callable[[object], bytes] = orjson.dumps
) -> Encoded:
    """Return an update of a profile or group as bytes.

    Args:
        update: The update.
        max_bytes: Most bytes of one update.
        dumps: Writes the JSON.

    Raises:
        CannotEncodeError: A value cannot be written as JSON.
        RecordTooLargeError: The update is over the limit.
    """
    part = encode_json(dict(update), "update", dumps)
    limit = min(max_bytes, limits.MAX_PROFILE_BYTES)
    if len(part) > limit:
        raise RecordTooLargeError(size=len(part), limit=limit)
    return part, None


def is_unsafe(update: Mapping[str, JSONValue]) -> bool:
    """Return whether applying an update twice differs from applying it once."""
    return not UNSAFE_OPERATIONS.isdisjoint(update)


class _KeyProperties(msgspec.Struct):
    time: int | float | None = None
    distinct_id: str | None = None
    insert_id: str | None = msgspec.field(name="$insert_id", default=None)


class _KeyFields(msgspec.Struct):
    event: str
    properties: _KeyProperties


def dedupe_key(event: str, time: float, distinct_id: str, insert_id: str) -> bytes:
    """Return what makes two events equal for Mixpanel: the fields themselves or, if they are long, a 256-bit hash."""
    # The length tells a name that contains a NUL from a name and an id.
    key = f"{len(event)}\0{event}\0{time}\0{distinct_id}\0{insert_id}".encode("utf-8", "surrogatepass")
    return key if len(key) <= _MAX_PLAIN_KEY_BYTES else hashlib.blake2b(key, digest_size=32).digest()


def read_key(part: bytes) -> bytes | None:
    """Return the dedupe key of an encoded event, or None if it has no key."""
    try:
        fields = msgspec.json.decode(part, type=_KeyFields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    own = fields.properties
    if own.time is None or own.distinct_id is None or own.insert_id is None:
        return None
    return dedupe_key(fields.event, own.time, own.distinct_id, own.insert_id)
