"""Files of events and profiles that fill a server: JSON lines or a JSON array, as exports write them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

SeedKind = Literal["event", "user", "group", "unknown"]
_OWN_KEYS: Final = frozenset({"$token", "$distinct_id", "$group_key", "$group_id", "$properties"})
_OPERATIONS: Final = frozenset({"$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"})


@dataclass(kw_only=True)
class SeedReport:
    """What became of the records of a file.

    Attributes:
        name: Name of the file.
        events: Stored events and links between IDs.
        profiles: Applied updates of users and groups.
        rejected: Rejected records.
        ignored: Records of unknown projects.
    """

    name: str
    events: int = 0
    profiles: int = 0
    rejected: int = 0
    ignored: int = 0

    def __str__(self) -> str:
        text = f"{self.name}: {_counted(self.events, 'event')} and {_counted(self.profiles, 'profile update')} stored"
        text += f", {_counted(self.rejected, 'record')} rejected (the page shows why)" if self.rejected else ""
        return text + (f", {_counted(self.ignored, 'record')} of unknown projects ignored" if self.ignored else "")


class BadLine(str):
    """A line that is not JSON; it takes the place of its record."""

    __slots__ = ()


def records_of(content: bytes) -> list[Any]:
    """Return the records of a file.

    Args:
        content: A JSON array, one JSON object, or JSON lines.

    Returns:
        Decoded JSON; a line that is not JSON is a `BadLine`.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"["):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return [*_lines(text)]
        return value if isinstance(value, list) else [value]
    lines = [*_lines(text)]
    if lines and all(isinstance(line, BadLine) for line in lines[:2]):
        try:
            return [orjson.loads(text)]  # one object over several lines
        except orjson.JSONDecodeError:
            return lines
    return lines


def kind_of(record: object) -> SeedKind:
    """Return what a record is: an event, or a profile or update of a user or group."""
    if not isinstance(record, dict):
        return "unknown"
    if "event" in record:
        return "event"
    if "$group_key" in record or "$group_id" in record:
        return "group"
    return "user" if "$distinct_id" in record else "unknown"


def completed_event(record: dict[str, Any], position: int) -> dict[str, Any]:
    """Return an event with an $insert_id: the same one each time, so that a file that is read again adds nothing."""
    properties = record.get("properties")
    if not isinstance(properties, dict) or "$insert_id" in properties:
        return record
    digest = hashlib.sha256(b"%d %s" % (position, orjson.dumps(record))).hexdigest()
    return {**record, "properties": {**properties, "$insert_id": digest[:32]}}


def completed_update(record: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Return an update of a profile with a token.

    Args:
        record: An update, or a profile as exports write it.
        token: The token of a record that has none.
    """
    own = {"$token": token, **{name: value for name, value in record.items() if name != "$properties"}}
    if _OPERATIONS & record.keys():
        return own
    properties = record.get("$properties")
    if not isinstance(properties, dict):
        properties = {name: value for name, value in record.items() if name not in _OWN_KEYS}
    return {name: value for name, value in own.items() if name in _OWN_KEYS} | {"$set": properties}


def _lines(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            yield BadLine(line[:1000].decode("utf-8", "replace"))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
