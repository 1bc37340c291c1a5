"""Reads the properties of users from a vendor's export by the vendor's table."""

from collections.abc import Mapping, Sequence
from typing import Final

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.coercion import typed_fields
from mixpanel_async.jobs.mapping.columns import check_names
from mixpanel_async.jobs.mapping.config import UpdateMapping
from mixpanel_async.jobs.model.chunks import FlatRecord
from mixpanel_async.jobs.vendors.events import unknown_kind
from mixpanel_async.jobs.vendors.fields import View, at, leaves, prepared, read_id
from mixpanel_async.jobs.vendors.presets import PRESETS, profiles_of

_PLAIN: Final = UpdateMapping()


class VendorProfiles:
    """Turns a vendor's records into profile updates.

    Args:
        vendor: Name of the preset.
        mapping: Its `id_field` replaces the preset's; `operation`, `types` and `infer_types` apply as well.

    Raises:
        InvalidSettingError: The vendor's exports have no properties of users.
    """

    def __init__(self, vendor: str, mapping: UpdateMapping) -> None:
        self._vendor = vendor
        self._mapping = mapping
        self._preset = PRESETS[vendor]
        self._profiles = profiles_of(vendor)
        self._ids = self._profiles.id if mapping.id_field == _PLAIN.id_field else (mapping.id_field,)

    def check_columns(self, columns: Sequence[str]) -> None:
        """Check that a table has the column of the user's ID.

        Raises:
            InvalidSettingError: The column is missing, or one is duplicate.
        """
        check_names(columns)
        if not {*self._ids, *(path.partition(".")[0] for path in self._ids)} & set(columns):
            raise InvalidSettingError(
                f"the mapping is invalid: the table has no column {' or '.join(map(repr, self._ids))}, which "
                f"the preset {self._vendor} needs; it has {', '.join(map(repr, columns))}"
            )

    def updates(self, row: FlatRecord, *, is_table: bool) -> Sequence[dict[str, object]]:
        """Return the updates for a record, one for each operation.

        Raises:
            InvalidRecordError: The record is invalid.
            RecordSkippedError: The record has no properties of a known user.
        """
        preset, profiles, mapping = self._preset, self._profiles, self._mapping
        view = prepared(preset, row, is_table=is_table)
        kind = at(view, preset.kind) if preset.kind else None
        if profiles.only and kind not in profiles.only:
            if not isinstance(kind, str) or kind not in preset.kinds:
                raise unknown_kind(preset, kind)
            raise RecordSkippedError(kind)
        if profiles.rows and all(at(view, path) is None for path in profiles.rows):
            found, once = self._row(view), {}
        else:
            found, once = _merged(view, profiles.set), _merged(view, profiles.set_once)
        if not found and not once:
            raise RecordSkippedError("no user properties")
        who = next((one for path in self._ids if (one := read_id(view, path, preset.id_patterns))), None)
        if who is None:
            raise RecordSkippedError("no user id")
        return [
            {"$distinct_id": who, operation: self._typed(_renamed(fields, profiles.rename))}
            for operation, fields in ((mapping.operation, found), ("$set_once", once))
            if fields
        ]

    def _row(self, view: View) -> dict[str, object]:
        """Return the fields of a row that is a profile."""
        kept = [
            leaf
            for leaf in leaves(self._preset, view, self._profiles.drop)
            if leaf is not None and leaf.path not in self._ids
        ]
        return {leaf.name: leaf.value for leaf in sorted(kept, key=lambda leaf: leaf.is_own)}

    def _typed(self, fields: dict[str, object]) -> dict[str, object]:
        mapping = self._mapping
        return typed_fields(
            fields,
            mapping.types,
            is_inferred=mapping.infer_types,
            is_table=False,
            has_decimal_comma=mapping.decimal_comma,
        )


def _merged(view: View, paths: Sequence[str]) -> dict[str, object]:
    """Return the fields of several objects; later ones win, as they are newer."""
    merged: dict[str, object] = {}
    for path in paths:
        found = at(view, path)
        if isinstance(found, Mapping):
            merged |= found
    return merged


def _renamed(fields: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """Return properties with Mixpanel's names; if two would get the same name, the second keeps its own."""
    named: dict[str, object] = {}
    for name, value in fields.items():
        new = names.get(name, name)
        named[name if new in named or (new != name and new in fields) else new] = value
    return named
