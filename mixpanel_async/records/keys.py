"""The key by which Mixpanel recognises equal events."""

import hashlib
from typing import Final

import msgspec

_MAX_PLAIN_KEY_BYTES: Final = 128


class _KeyProperties(msgspec.Struct):
    time: int | float | None = None
    distinct_id: str | None = None
    insert_id: str | None = msgspec.field(name="$insert_id", default=None)


class _KeyFields(msgspec.Struct):
    event: str
    properties: _KeyProperties


def dedupe_key(event: str, time: float, distinct_id: str, insert_id: str) -> bytes:
    """Return what makes two events equal for Mixpanel: the fields themselves or, if they are long, a 256-bit hash."""
    # The length distinguishes a name that contains a NUL from a name and an ID.
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
