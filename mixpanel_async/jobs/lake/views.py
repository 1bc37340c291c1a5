"""The tables of a lake in DuckDB. Blocks."""

import importlib
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mixpanel_async.errors import MissingExtraError, SourceError
from mixpanel_async.redaction import shown

if TYPE_CHECKING:
    import duckdb

MANIFEST: Final = "_manifest.json"
ARRIVAL: Final = "mp_processing_time_ms"
_NO_FILES: Final = """
SELECT NULL::VARCHAR AS event, NULL::TIMESTAMPTZ AS time, NULL::VARCHAR AS distinct_id, NULL::VARCHAR AS insert_id,
    NULL::VARCHAR AS properties, NULL::DATE AS date WHERE false
"""
# Times are UTC, without a zone: DuckDB's functions for zones are an extension.
_RAW: Final = """
CREATE VIEW events_raw AS
SELECT event, make_timestamp(epoch_us(time)) AS time, distinct_id, insert_id, properties::JSON AS properties,
    * EXCLUDE (event, time, distinct_id, insert_id, properties)
FROM ({files})
"""
# What Mixpanel does as a rule: of events with equal name, user, $insert_id and day, the one that arrived last. The hash
# only makes the choice the same each time; made before, it spares DuckDB to hold all properties.
_EVENTS: Final = """
CREATE VIEW events AS SELECT * EXCLUDE (__arrived, __hash)
FROM (SELECT *, {arrival} AS __arrived, hash(properties) AS __hash FROM events_raw)
QUALIFY insert_id IS NULL OR row_number() OVER (
    PARTITION BY event, distinct_id, insert_id, date ORDER BY __arrived DESC NULLS LAST, time DESC, __hash) = 1
"""


class _Entry(msgspec.Struct):
    file: str
    rows: int


class _Manifest(msgspec.Struct):
    days: dict[str, _Entry]


class LakeFiles(msgspec.Struct, frozen=True):
    """The files of a lake.

    Attributes:
        paths: Paths of the files, in the order of the days.
        rows: Number of events, with duplicates.
    """

    paths: Sequence[str]
    rows: int


def duckdb_module(what: str) -> Any:  # noqa: ANN401 - a module
    """Return DuckDB.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module("duckdb")
    except ImportError:
        raise MissingExtraError("lake", what) from None


def files_of(directory: str) -> LakeFiles:
    """Return the files of a lake, as its manifest names them: a file that it does not name is not complete.

    Raises:
        SourceError: The directory is missing or not a lake.
    """
    name, root = shown(directory), pathlib.Path(directory)
    try:
        manifest = msgspec.json.decode((root / MANIFEST).read_bytes(), type=_Manifest)
    except FileNotFoundError:
        raise SourceError(
            f"{name} is not a lake: it has no {MANIFEST}; create one with mixpanel-async sync-export"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror or error}") from None
    except msgspec.MsgspecError as error:
        raise SourceError(f"{name} is not a lake: {MANIFEST} is damaged: {error}") from None
    ordered = sorted(manifest.days.items())
    others = [entry.file for day, entry in ordered if entry.file != f"date={day}/events.parquet"]
    if others:
        raise SourceError(
            f"{name} is not a lake: its manifest names {others[0][:80]!r}; name a directory that sync-export wrote"
        )
    return LakeFiles([str((root / entry.file).absolute()) for _, entry in ordered], sum(e.rows for _, e in ordered))


def open_lake(directory: str | os.PathLike[str]) -> "duckdb.DuckDBPyConnection":
    """Open a lake that `export.sync` wrote, for queries with DuckDB; needs the extra `lake`.

    The connection has two views. `events_raw` has every event that Mixpanel sent. `events` has one event of each name,
    distinct_id, $insert_id and day, as Mixpanel's deduplication leaves them: as a rule the one that arrived last. Their
    columns are event, time (UTC), distinct_id, insert_id, properties (JSON), the chosen properties and date.

    DuckDB blocks: in asynchronous code, call it with `asyncio.to_thread`. The files are opened when a query runs.

    Args:
        directory: The lake.

    Raises:
        SourceError: The directory is missing or not a lake.
        MissingExtraError: DuckDB is not installed.

    Example:
        ```python
        await mp.export.sync("lake", "2023-11-14", "2023-11-15")
        with open_lake("lake") as lake:
            print(lake.execute("SELECT event, count(*) FROM events GROUP BY event").fetchall())
        ```
    """
    files = files_of(os.fspath(directory))
    return connect(files)


def connect(files: LakeFiles) -> "duckdb.DuckDBPyConnection":
    """Return a connection with the views of some files.

    Raises:
        SourceError: A file is missing or damaged.
        MissingExtraError: DuckDB is not installed.
    """
    module = duckdb_module("querying a lake")
    settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(pathlib.Path(tempfile.gettempdir()) / f"mixpanel-lake-{os.getpid()}"),
    }
    connection: duckdb.DuckDBPyConnection = module.connect(":memory:", config=settings)
    try:
        connection.execute(_RAW.format(files=_reading(files.paths)))
        names = [row[0] for row in connection.execute("DESCRIBE events_raw").fetchall()]
        arrival = f'"{ARRIVAL}"' if ARRIVAL in names else f"TRY_CAST(properties->>'$.{ARRIVAL}' AS BIGINT)"
        connection.execute(_EVENTS.format(arrival=arrival))
    except module.Error as error:
        connection.close()
        raise SourceError(f"cannot read the lake: {str(error).splitlines()[0]}; run sync-export again") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(paths: Sequence[str]) -> str:
    if not paths:
        return _NO_FILES
    listed = ", ".join(quoted(path) for path in paths)
    # Days that were written with other columns have null in those that they lack.
    options = "union_by_name = true, hive_partitioning = true, hive_types = {'date': DATE}"
    return f"SELECT * FROM read_parquet([{listed}], {options})"  # noqa: S608 - quoted


def quoted(text: str) -> str:
    """Return text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
