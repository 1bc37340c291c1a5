"""Reads who an event is about, and which event it is: distinct_id, $user_id, $device_id and $insert_id."""

import hashlib
from collections.abc import Mapping
from typing import Final

import orjson

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.records import validation
from mixpanel_async.records.exact_numbers import dumps_exactly
from mixpanel_async.records.values import ValueConverter

PLACEHOLDER: Final = "placeholder_id"  # the name of a notice in reports
PLACEHOLDER_MESSAGE: Final = "the ID looks like a missing value; placeholder_ids can reject such records"
_USER, _DEVICE = "$user_id", "$device_id"
USER_FIELDS: Final = frozenset({_USER, _DEVICE})  # what makes a user of an event without a distinct_id
_HASH_BYTES: Final = 16  # 32 hexadecimal digits fit into an $insert_id, and 128 bits do not collide by chance


class IdReader:
    """Reads the IDs of records.

    Args:
        mapping: The mapping.
        values: Converts what JSON does not have, for hashes.
    """

    def __init__(self, mapping: RecordMapping, values: ValueConverter) -> None:
        self._mapping = mapping
        self._values = values
        self._fields = mapping.distinct_id_fields()
        is_plain = (mapping.distinct_id, mapping.user_id_field, mapping.device_id_field) == (None, None, None)
        is_plain = is_plain and len(self._fields) == 1 and mapping.placeholder_ids == "report"
        self._field = self._fields[0] if is_plain else None

    def missing_columns(self, columns: list[str]) -> list[str]:
        """Return the columns that a table lacks."""
        mapping = self._mapping
        needed = [name for name in (mapping.user_id_field, mapping.device_id_field) if name is not None]
        if mapping.insert_id_hash is None:
            needed.append(mapping.insert_id_field)
        missing = [name for name in needed if name not in columns]
        others = {mapping.user_id_field, mapping.device_id_field, _USER, _DEVICE}
        if mapping.distinct_id is None and others.isdisjoint(columns):
            if len(self._fields) == 1:
                missing += [name for name in self._fields if name not in columns]
            elif set(self._fields).isdisjoint(columns):
                missing += self._fields
        return missing

    def users(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return the properties that say who the event is about.

        Raises:
            InvalidRecordError: There is no ID, or one is invalid, or it is a placeholder and these are rejected.
        """
        mapping = self._mapping
        if self._field is not None:
            user = fields.get(self._field)
            if type(user) is str and user:  # the common case
                return {"distinct_id": user}
        found: dict[str, object] = {}
        for name, field in ((_USER, mapping.user_id_field), (_DEVICE, mapping.device_id_field)):
            if field is not None and not is_missing(fields.get(field)):
                found[name] = text_field(fields, field, name)
        if mapping.distinct_id is not None:
            return {"distinct_id": mapping.distinct_id, **found}
        source = next((name for name in self._fields if not is_missing(fields.get(name))), None)
        if source is not None:
            return {"distinct_id": text_field(fields, source, "distinct_id"), **found}
        if "" in (fields.get(name) for name in self._fields):  # an event without a user
            return {"distinct_id": "", **found}
        if not found and is_missing(fields.get(_USER)) and is_missing(fields.get(_DEVICE)):
            names = ", ".join(map(repr, self._fields))
            raise InvalidRecordError(f"is missing (field {names})", field="distinct_id")
        return found

    def has_placeholder(self, properties: Mapping[str, object]) -> bool:
        """Return whether an ID of an event looks like a missing value.

        Raises:
            InvalidRecordError: One does, and these are rejected.
        """
        for name in ("distinct_id", _USER, _DEVICE):
            if name in properties and validation.is_placeholder_id(properties[name]):
                if self._mapping.placeholder_ids == "reject":
                    raise InvalidRecordError(f"{properties[name]!r} stands for a missing ID", field=name)
                return True
        return False

    def insert_id(self, fields: Mapping[str, object], position: str) -> str:
        """Return the $insert_id, read or made.

        Args:
            fields: The record's fields.
            position: The record's place in the source, for IDs that tell equal records apart.

        Raises:
            InvalidRecordError: It is missing and is not made.
        """
        mapping = self._mapping
        if mapping.insert_id_hash is None:
            return text_field(fields, mapping.insert_id_field, "$insert_id")
        if mapping.insert_id == "keep-valid" and mapping.insert_id_field in fields:
            try:
                return validation.check_insert_id(text_field(fields, mapping.insert_id_field, "$insert_id"))
            except InvalidRecordError:
                pass  # missing, or not allowed: one is made
        content = [fields.get(name) for name in mapping.insert_id_fields] if mapping.insert_id_fields else fields
        try:
            text = dumps_exactly(content, orjson.OPT_SORT_KEYS)
        except (TypeError, RecursionError):
            text = dumps_exactly(self._values.convert(content, "record"), orjson.OPT_SORT_KEYS)
        if mapping.insert_id_hash == "position":
            text += b"\n" + position.encode()
        return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()


def is_missing(value: object) -> bool:
    """Return whether a field has no value."""
    return value is None or value == ""


def needed_field(fields: Mapping[str, object], name: str, role: str) -> object:
    """Return a field that a record must have.

    Raises:
        InvalidRecordError: It is missing.
    """
    value = fields.get(name)
    if value is None:
        raise InvalidRecordError(f"is missing (field {name!r})", field=role)
    return value


def text_field(fields: Mapping[str, object], name: str, role: str) -> str:
    """Return a field that must be text; an integer becomes its digits.

    Raises:
        InvalidRecordError: It is missing or something else.
    """
    value = needed_field(fields, name, role)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidRecordError(f"must be text, not {type(value).__name__} (field {name!r})", field=role)
