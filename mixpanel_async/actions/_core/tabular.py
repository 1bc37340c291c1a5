"""Converts replies to rows, Arrow tables and data frames."""

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.errors import MissingExtraError
from mixpanel_async.models import JSONValue

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001
    import polars  # type: ignore[import-not-found,unused-ignore] # noqa: ICN001
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: ICN001

TableRow: TypeAlias = tuple[JSONValue, ...]


class MissingLibraryError(MissingExtraError):
    """A library is needed and not installed; it is not an extra of this package."""

    def __init__(self, library: str, purpose: str) -> None:
        super().__init__(library, purpose)
        self.args = (f"{purpose} needs a library that is not installed: pip install {library}",)
        self.msg = self.args[0]


class Table(ApiObject, frozen=True):
    """A reply that can be read as rows.

    `columns` are the column names, `rows()` returns plain tuples; `to_arrow()` needs the extra `arrow`, `to_pandas()`
    and `to_polars()` need those libraries.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of each row."""
        return self.__struct_fields__

    def rows(self) -> list[TableRow]:
        """Return the values as plain tuples, one for each point; by default one tuple for the whole object."""
        return [msgspec.structs.astuple(self)]

    def to_arrow(self) -> "pyarrow.Table":
        """Return the rows as a `pyarrow.Table`.

        Raises:
            MissingExtraError: The extra `arrow` is not installed.
        """
        arrow = _library("pyarrow", "to_arrow()")
        rows = self.rows()
        return arrow.table({name: [row[i] for row in rows] for i, name in enumerate(self.columns)})

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the rows as a `pandas.DataFrame`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return _library("pandas", "to_pandas()").DataFrame(self.rows(), columns=list(self.columns))

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a `polars.DataFrame`.

        Raises:
            MissingExtraError: polars is not installed.
        """
        library = _library("polars", "to_polars()")
        found: polars.DataFrame = library.DataFrame(self.rows(), schema=list(self.columns), orient="row")
        return found


def _library(name: str, purpose: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        error = MissingExtraError("arrow", purpose) if name == "pyarrow" else MissingLibraryError(name, purpose)
        raise error from None


def flatten(value: JSONValue) -> list[TableRow]:
    """Return each leaf of nested objects after the keys that lead to it: `(key, ..., key, leaf)`."""
    if not isinstance(value, Mapping):
        return [(value,)]
    return [(key, *rest) for key, inner in value.items() for rest in flatten(inner)]


def even_out(rows: Sequence[TableRow], width: int) -> list[TableRow]:
    """Return rows of equal width; a shorter row gets None after its leading keys.

    Mixpanel returns totals such as `$overall` beside deeper breakdowns.
    """
    tail = 2  # the innermost key and the value stay together at the end
    return [row if len(row) >= width else (*row[:-tail], *[None] * (width - len(row)), *row[-tail:]) for row in rows]
