"""Runs one query on a lake, which can read nothing else and write nothing. Blocks."""

import contextlib
import datetime as dt
import decimal
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mixpanel_async.actions._core.pivot import unique_names
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.lake.views import connect, duckdb_module, files_of, quoted
from mixpanel_async.json_types import JSONValue

if TYPE_CHECKING:
    import duckdb

_FETCHED_ROWS: Final = 1000
_INT64: Final = range(-(2**63), 2**64)


class LakeResult:
    """The rows of a query.

    Args:
        connection: The connection.
        query: The query; it is checked here, and runs when its rows are read.

    Attributes:
        columns: Names of the columns; a name that is there twice gets a number.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", query: str) -> None:
        relation = connection.sql(query)
        self._connection = connection
        self._query = query
        self.columns = tuple(unique_names(relation.columns, ()))
        self._is_json = [str(kind) == "JSON" for kind in relation.types]

    def rows(self) -> Iterator[tuple[JSONValue, ...]]:
        """Yield the rows as they are read, with values of JSON; text of the type JSON stays JSON.

        Raises:
            InvalidArgumentError: The query fails at a row.
        """
        with _explained():
            self._connection.execute(self._query)
            while rows := self._connection.fetchmany(_FETCHED_ROWS):
                for row in rows:
                    yield tuple(map(_plain, row, self._is_json))

    def interrupt(self) -> None:
        """End the query that runs now; may be called by another thread."""
        self._connection.interrupt()

    def batches(self, rows: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return a reader of Arrow batches.

        Args:
            rows: Number of rows in each.

        Raises:
            InvalidArgumentError: The query fails.
        """
        with _explained():
            relation: Any = self._connection.sql(self._query)  # the method has had several names
            read = relation.to_arrow_reader if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader
            return read(rows)


@contextlib.contextmanager
def lake_query(directory: str | os.PathLike[str], query: str) -> Iterator[LakeResult]:
    """Run one SELECT on a lake, with the views of `open_lake`.

    Args:
        directory: The lake.
        query: The SELECT; also DESCRIBE, SUMMARIZE and SHOW TABLES.

    Raises:
        InvalidArgumentError: The query is not one SELECT, or it fails.
        SourceError: The directory is missing or not a lake.
        MissingExtraError: DuckDB is not installed.
    """
    select = _one_select(query)
    files = files_of(os.fspath(directory))
    with connect(files) as connection:
        allowed = ", ".join(map(quoted, files.paths))
        for setting in (f"allowed_paths = [{allowed}]", "enable_external_access = false", "lock_configuration = true"):
            connection.execute(f"SET {setting}")
        with _explained():
            # As a subquery: at the top level, a WITH may contain statements that write.
            result = LakeResult(connection, f"FROM (\n{select}\n)")
        yield result


def _one_select(query: str) -> str:
    module = duckdb_module("sql")
    try:
        statements = module.extract_statements(query)
    except module.Error as error:
        raise InvalidArgumentError(f"the query is invalid: {_words(error)}") from None
    if len(statements) != 1 or statements[0].type.name != "SELECT":
        kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
        raise InvalidArgumentError(
            f"the query is invalid: it is {kinds}; give one SELECT, which reads the tables events and events_raw"
        )
    for start, _ in module.tokenize(query):
        if query.encode()[start:].startswith(b";"):  # the end of the one statement
            return query.encode()[:start].decode()
    return query


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    module = duckdb_module("sql")
    try:
        yield
    except module.Error as error:
        raise InvalidArgumentError(f"the query fails: {_words(error)}") from None
    except RuntimeError as error:
        if "interrupted" in str(error).lower():  # what DuckDB makes of an interrupt
            raise KeyboardInterrupt from None
        raise


def _words(error: Exception) -> str:
    """Return the message of DuckDB without the picture of the query."""
    text = str(error).partition("\n\nLINE ")[0]
    return " ".join(text.split())


def _plain(value: object, is_json: bool = False) -> JSONValue:
    """Return a value of DuckDB as one of JSON."""
    if value is None or isinstance(value, str | bool):
        return msgspec.Raw(value.encode()) if is_json and isinstance(value, str) else value
    if isinstance(value, int):
        return value if value in _INT64 else str(value)
    if isinstance(value, float):
        return value
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):  # as text where a float would lose digits
        return float(value) if decimal.Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    return str(value)  # a UUID or an interval, for example
