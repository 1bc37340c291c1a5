"""Encodes records as profile updates for /engage and /groups."""

from collections.abc import Sequence
from typing import Final

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError, MissingColumnsError
from mixpanel_async.jobs.encoding.events import encode_lines
from mixpanel_async.jobs.encoding.fast_lines import note_placeholder
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.coercion import typed_fields
from mixpanel_async.jobs.mapping.columns import check_names, unnamed
from mixpanel_async.jobs.mapping.config import UpdateMapping
from mixpanel_async.jobs.model.chunks import (
    STEP_RECORDS,
    Chunk,
    EncodedChunk,
    FlatRecord,
    Notice,
    RejectedRecord,
    count_rejects,
)
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.exported_tables import is_profile_table, with_profile_lines
from mixpanel_async.jobs.vendors.profiles import VendorProfiles
from mixpanel_async.records import validation
from mixpanel_async.records.parsing import as_object
from mixpanel_async.records.rejection import record_for_report, rejected, too_deep
from mixpanel_async.records.tokens import FOREIGN_TOKEN, TokenRule
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, encode_update, is_unsafe
from mixpanel_async.records.values import REPAIRED_TEXT, ValueConverter
from mixpanel_async.time_slice import Steps

_AN_UPDATE: Final = '{"$distinct_id": ..., "$set": {...}}'


class UpdateEncoding:
    """Encodes chunks of profile updates.

    Args:
        tokens: The project token, and what becomes of an update's own.
        max_bytes: Maximum size of an update in bytes.
        mapping: Turns flat records into updates.
        is_group: Whether the updates are for group profiles.
        may_repeat: Whether a later run may send the same records again.
        values: Converts what JSON does not have.
    """

    def __init__(
        self,
        tokens: TokenRule,
        max_bytes: int,
        mapping: UpdateMapping,
        *,
        is_group: bool,
        may_repeat: bool,
        values: ValueConverter | None = None,
    ) -> None:
        self._values = values or ValueConverter(is_exact=True)
        self._tokens = tokens
        self._max_bytes = max_bytes
        self._mapping = mapping
        self._vendor: VendorProfiles | None = None
        if mapping.vendor not in {None, "mixpanel"}:  # whose profiles need no preset
            self._vendor = VendorProfiles(str(mapping.vendor), mapping)
        self._is_group = is_group
        self._ids = ("$group_key", "$group_id") if is_group else ("$distinct_id",)
        self._may_repeat = may_repeat
        self._operations = GROUP_OPERATIONS if is_group else PROFILE_OPERATIONS

    def check_columns(self, columns: Sequence[str]) -> None:
        """Check that a table has the required columns.

        Raises:
            InvalidSettingError: A column is missing or duplicate.
        """
        if is_profile_table(columns):
            return  # its rows are profiles
        if self._vendor is not None:
            self._vendor.check_columns(columns)
            return
        check_names(columns)
        for role, name in (("profile", self._mapping.id_field), *((name, name) for name in self._mapping.types)):
            if name not in columns:
                raise MissingColumnsError(
                    f"the mapping is invalid: no column {name!r}; map one of {', '.join(map(repr, columns))}",
                    missing=[role],
                    columns=columns,
                )
        if self._is_group and self._mapping.group_key is None:
            raise InvalidSettingError("group_key is missing; set it for a table of groups, for example to company")

    def encode(self, chunk: Chunk) -> Steps[EncodedChunk]:
        """Return a chunk encoded, in steps."""
        chunk = with_profile_lines(chunk)
        return encode_lines(chunk, self._encode_rows) if chunk.lines else self._encode_rows(chunk)

    def _encode_rows(self, chunk: Chunk) -> Steps[EncodedChunk]:
        tally = Tally()
        rejects = list(chunk.rejects)
        notices: list[Notice] = []
        encoded = EncodedChunk(chunk.name, [], [], tally, rejects, chunk.end, notices=notices)
        parts: list[bytes] = []
        numbers: list[int] = []
        unsafe: list[int] = []
        replaced: list[int] = []
        for index, (row, number) in enumerate(zip(chunk.rows, chunk.numbers, strict=True)):
            if index % STEP_RECORDS == 0:
                yield
            try:
                for own in self._own(as_object(row, _AN_UPDATE), is_table=chunk.is_table):
                    repaired_before = self._values.repaired_texts
                    update, is_replaced = self._update(own)
                    part = self._encode(update)
                    if any(validation.is_placeholder_id(update[name]) for name in self._ids):
                        note_placeholder(number, tally, notices)
                    if is_unsafe(update):
                        unsafe.append(len(parts))
                    parts.append(part)
                    numbers.append(number)
                    tally.changed[REPAIRED_TEXT] += self._values.repaired_texts > repaired_before
                    if is_replaced:
                        replaced.append(number)
            except InvalidRecordError as error:
                rejects.append(RejectedRecord(number, rejected(error), record_for_report(row)))
            except RecordSkippedError as skipped:
                tally.read += 1
                tally.skipped[skipped.reason] += 1
        tally.read += len(parts)
        tally.changed[FOREIGN_TOKEN] += len(replaced)
        yield from count_rejects(rejects, tally)
        encoded.parts, encoded.numbers, encoded.unsafe, encoded.replaced = parts, numbers, unsafe, replaced
        return encoded

    def _own(self, row: FlatRecord, *, is_table: bool) -> Sequence[dict[str, object]]:
        """Return the updates of a record: one, or in a vendor's export one for each operation."""
        if self._vendor is None:
            return (self._mapped(row) if is_table else _without_reply_shape(row),)
        try:
            return self._vendor.updates(row, is_table=is_table)
        except RecursionError:
            raise too_deep() from None

    def _update(self, own: dict[str, object]) -> tuple[dict[str, object], bool]:
        token, is_replaced = self._tokens.apply(own.pop("$token", None))
        update = {"$token": token, **own}
        for name in self._ids:
            validation.check_distinct_id(update.get(name, ""), name, may_be_empty=False)
            if self._mapping.placeholder_ids == "reject" and validation.is_placeholder_id(update[name]):
                raise InvalidRecordError(f"{update[name]!r} stands for a missing ID", field=name)
        if self._may_repeat and is_unsafe(update):
            raise InvalidRecordError(
                "must not be applied twice, but a resumed import may do so; import it without a checkpoint"
            )
        return update, is_replaced

    def _encode(self, update: dict[str, object]) -> bytes:
        try:
            return encode_update(update, self._operations, self._max_bytes, self._values)
        except RecursionError:  # an error that prints the value
            raise too_deep() from None

    def _mapped(self, row: FlatRecord) -> dict[str, object]:
        mapping = self._mapping
        fields = typed_fields(
            row,
            mapping.types,
            is_inferred=mapping.infer_types,
            is_table=True,
            texts={mapping.id_field},
            has_decimal_comma=mapping.decimal_comma,
        )
        if "" in fields:
            raise unnamed()
        profile, token = fields.pop(mapping.id_field, ""), fields.pop("$token", None)
        target = (
            {"$group_key": mapping.group_key, "$group_id": profile} if self._is_group else {"$distinct_id": profile}
        )
        return {"$token": token, **target, mapping.operation: fields}


def _without_reply_shape(row: FlatRecord) -> dict[str, object]:
    """Return an update; the `$properties` of a profile as returned by the query API become a $set."""
    update = dict(row)
    if "$properties" in update:
        if "$set" in update:
            message = "stands beside $set, and Mixpanel ignores it; put its fields into $set"
            raise InvalidRecordError(message, field="$properties")
        update["$set"] = update.pop("$properties")
    return update
