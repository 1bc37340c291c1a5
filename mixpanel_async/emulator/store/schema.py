"""The tables, and the version of their layout in a data file."""

import pathlib
from typing import TYPE_CHECKING

from mixpanel_async.errors import InvalidSettingError, MissingExtraError

if TYPE_CHECKING:
    import duckdb

# To be raised with every change of a table; a file of another version is refused.
_VERSION = 3
TABLES = ("events", "identities", "users", "profiles", "lookup_tables", "documents")
_CREATE = """
CREATE SEQUENCE document_ids;
CREATE SEQUENCE document_order;
CREATE TABLE layout (version INTEGER, compared BIGINT);
CREATE TABLE events (
    project BIGINT, seq BIGINT, event VARCHAR, time_ms BIGINT, distinct_id VARCHAR, insert_id VARCHAR,
    received_ms BIGINT, head VARCHAR, properties VARCHAR, key UBIGINT, superseded BOOLEAN);
CREATE TABLE identities (
    project BIGINT, seq BIGINT, event VARCHAR, first_id VARCHAR, second_id VARCHAR);
CREATE TABLE users (project BIGINT, id VARCHAR, canonical VARCHAR);
CREATE TABLE profiles (
    project BIGINT, kind VARCHAR, id VARCHAR, properties VARCHAR, changed_ms BIGINT, seen_ms BIGINT);
CREATE TABLE lookup_tables (
    project BIGINT, id VARCHAR, name VARCHAR, content VARCHAR, PRIMARY KEY (project, id));
CREATE TABLE documents (
    project BIGINT, kind VARCHAR, id VARCHAR, body VARCHAR, seq BIGINT DEFAULT nextval('document_order'),
    PRIMARY KEY (project, kind, id));
"""


def connect(path: pathlib.Path | None) -> "duckdb.DuckDBPyConnection":
    """Open a data file, or a database in memory, and create the tables that are missing.

    Raises:
        MissingExtraError: DuckDB is not installed.
        InvalidSettingError: The file is not a data file of this version.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("emulator", "the local server") from error
    try:
        # One thread: the server shares its machine with the client under test.
        connection = duckdb.connect(":memory:" if path is None else str(path), config={"threads": 1})
    except duckdb.Error as error:  # missing folder, in use, damaged, of a newer DuckDB, or no database
        raise InvalidSettingError(f"the data file {path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: "duckdb.DuckDBPyConnection", path: pathlib.Path | None) -> None:
    present = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if present:
        if not {"layout", "events"} <= present:
            raise InvalidSettingError(f"the data file {path} is invalid: it is another program's; use another file")
        version = connection.execute("SELECT max(version) FROM layout").fetchone()
        if version != (_VERSION,):
            raise InvalidSettingError(
                f"the data file {path} is invalid: another version of mixpanel-async wrote it;"
                " use another file, or delete it"
            )
        return
    connection.execute(f"BEGIN; {_CREATE} INSERT INTO layout VALUES ({_VERSION}, 0); COMMIT")  # noqa: S608 - constants
