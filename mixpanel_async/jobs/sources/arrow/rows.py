"""Turns record batches of Arrow into rows of plain values, the same with and without other packages."""

import contextlib
import datetime as dt
import importlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import orjson

from mixpanel_async.errors import MissingExtraError
from mixpanel_async.jobs.model.chunks import NULL, FlatRecord
from mixpanel_async.records.values import UnreadableValue
from mixpanel_async.time_slice import ThreadTurns

OnNaN: TypeAlias = Literal["reject", "drop", "null"]
Convert: TypeAlias = Callable[[Any], object]
_ROWS: Final = 1000
_CELLS: Final = 16_384  # of a chunk: freeing 250,000 cells at once would hold the loop
# What lives as long as a chunk makes the garbage collector look through all objects of the process sooner.
_CONTAINERS: Final = 1000
_STEP_CELLS: Final = 1024
_DIGITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def arrow_module(name: str, what: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a module of pyarrow.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError("arrow", what) from None


class ArrowRows:
    """Turns batches of one schema into rows.

    Args:
        schema: The schema.
        nan: What becomes of cells that are NaN: the row is rejected, the cell has no value, or the property is null.
        width: Number of columns, with those in columns (default: those of the schema).

    Attributes:
        columns: Names of the columns.
        chunk_rows: Number of rows that belong into a chunk.
    """

    def __init__(self, schema: Any, nan: OnNaN, width: int = 0) -> None:  # noqa: ANN401 - pyarrow has no types
        self._types = _Types(arrow_module("pyarrow", "reading Arrow"), nan)
        self.columns: list[str] = list(schema.names)
        own = [field.type for field in schema]
        targets = [self._types.column_target(kind) for kind in own]
        self._casts = [None if target == kind else target for target, kind in zip(targets, own, strict=True)]
        self._converters = [self._types.column_converter(kind) for kind in own]
        self._is_null_sent = [nan == "null" and self._types.is_floating(kind) for kind in own]
        self._is_plain = not any(self._casts) and not any(self._converters)
        width = max(1, width or len(own))
        containers = 1 + sum(bool(self._types.is_nested(kind)) for kind in own)
        self.chunk_rows = max(1, min(_ROWS, _CELLS // width, _CONTAINERS // containers))
        self._step_rows = max(1, _STEP_CELLS // width)

    def rows(self, batch: Any) -> list[FlatRecord]:  # noqa: ANN401 - pyarrow has no types
        """Return the rows of a batch."""
        rows: list[FlatRecord] = []
        turns = ThreadTurns()
        for start in range(0, batch.num_rows, self._step_rows):
            rows += self._some(batch.slice(start, self._step_rows))
            turns.give_way()
        return rows

    def _some(self, batch: Any) -> Sequence[FlatRecord]:  # noqa: ANN401 - pyarrow has no types
        if self._is_plain:
            # A value that Python cannot represent raises; then the values are read one by one.
            with contextlib.suppress(ValueError, OverflowError, TypeError):
                plain: list[FlatRecord] = batch.to_pylist()
                return plain
        if not self.columns:
            return [{}] * batch.num_rows
        columns = [self._cells(index, batch.column(index)) for index in range(len(self.columns))]
        return [dict(zip(self.columns, cells, strict=True)) for cells in zip(*columns, strict=True)]

    def _cells(self, index: int, column: Any) -> list[object]:  # noqa: ANN401 - pyarrow has no types
        target, convert = self._casts[index], self._converters[index]
        if target is not None:
            column = self._types.cast(column, target)
        try:
            cells: list[object] = column.to_pylist()
        except (ValueError, OverflowError, TypeError):
            cells = [_value_of(scalar) for scalar in column]
        if convert is None:
            return cells
        if self._is_null_sent[index]:
            return [NULL if cell is not None and convert(cell) is None else cell for cell in cells]
        return [cell if cell is None or isinstance(cell, UnreadableValue) else convert(cell) for cell in cells]


def _value_of(scalar: Any) -> object:  # noqa: ANN401 - pyarrow has no types
    try:
        value: object = scalar.as_py()
    except (ValueError, OverflowError, TypeError) as error:
        return UnreadableValue(str(error))
    return value


class _Types:
    """Conversions of the types that Python or JSON does not have."""

    def __init__(self, arrow: Any, nan: OnNaN) -> None:  # noqa: ANN401 - pyarrow has no types
        self._arrow = arrow
        self._nan = nan

    def is_floating(self, kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
        """Return whether a type can be NaN."""
        return bool(self._arrow.types.is_floating(kind))

    def is_nested(self, kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
        """Return whether the values of a type are lists or objects."""
        return bool(self._arrow.types.is_nested(kind))

    def _is_ns_timestamp(self, kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
        return bool(self._arrow.types.is_timestamp(kind)) and kind.unit == "ns"

    def column_target(self, kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the type to which a column is cast before its values are read."""
        # Most columns of nanoseconds hold whole microseconds, which are read fast.
        return self._arrow.timestamp("us", kind.tz) if self._is_ns_timestamp(kind) else self.target(kind)

    def column_converter(self, kind: Any) -> Convert | None:  # noqa: ANN401 - pyarrow has no types
        """Return the conversion of the values of a column, or None if there is none."""
        return None if self._is_ns_timestamp(kind) else self.converter(kind)

    def target(self, kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the type to which a type is cast: what is finer than Python's microseconds becomes an integer."""
        arrow, types = self._arrow, self._arrow.types
        is_time_ns = types.is_time64(kind) and kind.unit == "ns"
        if self._is_ns_timestamp(kind) or is_time_ns or types.is_duration(kind):
            return arrow.int64()
        if types.is_dictionary(kind):
            target = self.target(kind.value_type)
            return kind if target == kind.value_type else target
        if types.is_map(kind):
            return arrow.map_(self.target(kind.key_type), self.target(kind.item_type))
        if types.is_struct(kind):
            fields = [kind.field(index) for index in range(kind.num_fields)]
            return arrow.struct([field.with_type(self.target(field.type)) for field in fields])
        for is_list, make in ((types.is_list, arrow.list_), (types.is_large_list, arrow.large_list)):
            if is_list(kind):
                return make(kind.value_field.with_type(self.target(kind.value_type)))
        if types.is_fixed_size_list(kind):
            return arrow.list_(kind.value_field.with_type(self.target(kind.value_type)), kind.list_size)
        return kind

    def cast(self, column: Any, target: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return a column cast; a column whose nanoseconds matter becomes ISO text, with all digits."""
        types = self._arrow.types
        if types.is_timestamp(column.type):
            compute = arrow_module("pyarrow.compute", "reading Arrow")
            micros = column.cast(target, safe=False)
            if compute.all(compute.equal(micros.cast(column.type), column)).as_py() is False:
                numbers = column.cast(self._arrow.int64()).to_pylist()
                instant = self._instant(target.tz)
                texts = [None if number is None else str(instant(number)) for number in numbers]
                return self._arrow.array(texts, self._arrow.string())
            return micros
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column.cast(target, safe=False)

    def _instant(self, zone: str | None) -> Convert:
        """Return a function that writes nanoseconds since 1970 as ISO text, with nine digits if it needs them."""
        own_zone = self._arrow.scalar(0, self._arrow.timestamp("us", zone)).as_py().tzinfo
        clock = dt.datetime(1970, 1, 1, tzinfo=None if own_zone is None else dt.UTC)

        def convert(nanoseconds: int) -> str:
            micros, rest = divmod(nanoseconds, 1000)
            moment = clock + dt.timedelta(microseconds=micros)
            return _iso_text(moment if own_zone is None else moment.astimezone(own_zone), rest)

        return convert

    def converter(self, kind: Any) -> Convert | None:  # noqa: ANN401 - pyarrow has no types
        """Return the conversion of the values of a type, or None if there is none."""
        types = self._arrow.types
        if isinstance(kind, self._arrow.BaseExtensionType):
            return None if kind.extension_name == "arrow.uuid" else self.converter(kind.storage_type)
        if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
            return self.converter(kind.value_type)
        if types.is_map(kind):
            return _map_converter(self.converter(kind.item_type))
        if types.is_struct(kind):
            fields = [kind.field(index) for index in range(kind.num_fields)]
            return _struct_converter({field.name: self.converter(field.type) for field in fields})
        if types.is_nested(kind) and hasattr(kind, "value_type"):
            inner = self.converter(kind.value_type)
            return None if inner is None else lambda values: [_each(value, inner) for value in values]
        if self._is_ns_timestamp(kind):
            return self._instant(kind.tz)
        if types.is_time64(kind) and kind.unit == "ns":
            return _time_of_day
        if types.is_duration(kind):
            digits = _DIGITS[kind.unit]
            return lambda value: Decimal(value).scaleb(-digits)
        if types.is_decimal(kind):
            return lambda value: int(value) if value == value.to_integral_value() else value
        if types.is_interval(kind):
            return lambda value: UnreadableValue(f"an interval of months and days has no JSON: {value}")
        if types.is_floating(kind) and self._nan != "reject":
            return lambda value: value if value == value else None  # noqa: PLR0124 - only NaN differs from itself
        is_binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
        return _text_of if is_binary or str(kind) == "binary_view" else None


def _each(value: object, convert: Convert) -> object:
    return None if value is None else convert(value)


def _text_of(value: object) -> object:
    """Return binary data as text if it is UTF-8, else as it is."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _map_converter(item: Convert | None) -> Convert:
    def convert(pairs: Sequence[tuple[object, object]]) -> object:
        found: dict[str, object] = {}
        for key, value in pairs:
            name = _key_text(key)
            if name in found:
                return UnreadableValue(f"a map has the key {name!r} twice")
            found[name] = value if item is None else _each(value, item)
        return found

    return convert


def _key_text(key: object) -> str:
    key = _text_of(key)
    if isinstance(key, str):
        return key
    return orjson.dumps(key, default=str).decode().strip('"')


def _struct_converter(fields: Mapping[str, Convert | None]) -> Convert | None:
    own = {name: convert for name, convert in fields.items() if convert is not None}
    if not own:
        return None

    def convert(value: Mapping[str, object]) -> object:
        return {name: _each(inner, own[name]) if name in own else inner for name, inner in value.items()}

    return convert


def _time_of_day(nanoseconds: int) -> str:
    micros, rest = divmod(nanoseconds, 1000)
    midnight = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return _iso_text((midnight + dt.timedelta(microseconds=micros)).time(), rest)


def _iso_text(moment: dt.datetime | dt.time, nanoseconds: int) -> str:
    """Return ISO text, with nine digits if there are nanoseconds beyond the microseconds."""
    if not nanoseconds:
        return moment.isoformat()
    text = moment.isoformat(timespec="microseconds")
    end = text.index(".") + 7  # after six digits
    return f"{text[:end]}{nanoseconds:03}{text[end:]}"
