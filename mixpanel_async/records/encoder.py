"""Encodes an event to JSON bytes, once.

An event is joined from three parts: a head that is cached for each event name, the few fields that are ours, and the
user's properties as orjson wrote them. Later steps move these bytes and never decode them.
"""

import itertools
import uuid
from collections.abc import Mapping
from typing import Final, TypeAlias

import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, RecordTooLargeError
from mixpanel_async.json_types import JSONValue, Properties
from mixpanel_async.records import validation
from mixpanel_async.records.json_writer import encode_json, encode_properties
from mixpanel_async.records.keys import dedupe_key
from mixpanel_async.records.tokens import ForeignTokenError, is_foreign
from mixpanel_async.records.values import ValueConverter

_WITH_OWN_ID: Final = b'%b%b%b%x"%b}'
_WITH_GIVEN_ID: Final = b'%b%b,"time":%d,"$insert_id":"%b"%b}'
_END: Final = b"}"
_OWN_FIELDS: Final = frozenset({"token", "distinct_id", "time", "$insert_id"})
_MAX_HEADS: Final = 4096  # event names are few; generated ones must not fill the memory


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
        values: Converts what JSON does not have.
    """

    def __init__(
        self,
        *,
        token: str | None,
        max_bytes: int,
        max_age_seconds: float | None = None,
        needs_time: bool = False,
        own_token: str | None = None,
        values: ValueConverter | None = None,
    ) -> None:
        self._values = values or ValueConverter()
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
        distinct_id: str | int | None,
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
        tail = encode_properties(properties, _OWN_FIELDS, self._values) if properties else _END
        try:
            who = orjson.dumps(distinct_id)
        except TypeError:
            raise validation.half_a_character("properties.distinct_id") from None
        if insert_id is None:
            key = None
            if moment != self._moment:
                self._moment_bytes = self._time_and_id % moment
                self._moment = moment
            part = _WITH_OWN_ID % (head, who, self._moment_bytes, next(self._numbers), tail)
        else:
            insert_id = validation.check_insert_id(insert_id)
            key = dedupe_key(event, moment, distinct_id, insert_id)
            part = _WITH_GIVEN_ID % (head, who, moment, insert_id.encode(), tail)
        if len(part) > self._max_bytes:
            raise RecordTooLargeError(size=len(part), limit=self._max_bytes)
        return part, key

    def with_token(self, token: str) -> "EventEncoder":
        """Return an encoder that adds another token to each event and has the same limits."""
        return EventEncoder(
            token=token,
            max_bytes=self._max_bytes,
            max_age_seconds=self._max_age_seconds,
            needs_time=self._needs_time,
            values=self._values,
        )

    def _new_head(self, event: str) -> bytes:
        name = encode_json(validation.check_event_name(event), "event", self._values)
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
            if self._token or not token:  # the head has it, or there is none
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
