"""The accepted records, in DuckDB.

All methods block and are called on one thread only (see `state.ServerState.run`), so nothing here locks. New events are
buffered in memory and written to DuckDB in large batches: when the buffer is full, before every read and on close.
"""

import pathlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from mixpanel_async.emulator.rules.intake import EventRow, IdentityLink
from mixpanel_async.errors import MissingExtraError

if TYPE_CHECKING:
    import duckdb

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq BIGINT, event VARCHAR, time_ms BIGINT, distinct_id VARCHAR, insert_id VARCHAR,
    received_ms BIGINT, head VARCHAR, properties VARCHAR);
CREATE TABLE IF NOT EXISTS identities (event VARCHAR, first_id VARCHAR, second_id VARCHAR);
CREATE TABLE IF NOT EXISTS profiles (key VARCHAR PRIMARY KEY, properties VARCHAR);
CREATE TABLE IF NOT EXISTS lookup_tables (id VARCHAR PRIMARY KEY, content VARCHAR);
"""
_INSERT_EVENTS = """
INSERT INTO events SELECT
    unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
    unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])
"""
DEDUPLICATED = """(
    SELECT * FROM events
    QUALIFY row_number() OVER (PARTITION BY event, time_ms, distinct_id, insert_id ORDER BY seq DESC) = 1)"""
_FLUSH_ROWS = 10_000

ProfileKey = tuple[str, ...]


class Store:
    """The accepted events, identity links, profiles, groups and lookup tables.

    `profiles` maps a key to properties: (distinct_id,) of a user, (group_key, group_id) of a group.

    Args:
        path: DuckDB file, created if missing (default: in memory).

    Raises:
        MissingExtraError: DuckDB is not installed.
    """

    def __init__(self, path: pathlib.Path | None) -> None:
        self._connection = _connect(path)
        self._connection.execute(_SCHEMA)
        self._buffer: list[EventRow] = []
        self._changed_profiles: set[ProfileKey] = set()
        self._next_seq = self._scalar("SELECT coalesce(max(seq) + 1, 0) FROM events")
        self._links: int = self._scalar("SELECT count(*) FROM identities")
        self.events_stored: int = self._scalar("SELECT count(*) FROM events")
        stored = self._connection.execute("SELECT key, properties FROM profiles").fetchall()
        self.profiles: dict[ProfileKey, dict[str, Any]] = {
            tuple(orjson.loads(key)): orjson.loads(properties) for key, properties in stored
        }

    def append(self, rows: Iterable[EventRow], links: Sequence[IdentityLink]) -> None:
        """Add events, in the order of arrival, and links between IDs."""
        before = len(self._buffer)
        self._buffer.extend(rows)
        self.events_stored += len(self._buffer) - before
        if links:
            columns = [list(column) for column in zip(*links, strict=True)]
            self._connection.execute(
                "INSERT INTO identities SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
                columns,
            )
            self._links += len(links)
        if len(self._buffer) >= _FLUSH_ROWS:
            self._write_events()

    def touch_profile(self, key: ProfileKey) -> None:
        """Note that the profile with this key was created, changed or deleted in `profiles`."""
        self._changed_profiles.add(key)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run an SQL query with parameters over everything accepted so far."""
        self._write_events()
        return self._connection.execute(query, list(parameters)).fetchall()

    def last_seq(self) -> int:
        """Return the sequence number of the newest event, -1 if there is none."""
        return self._next_seq + len(self._buffer) - 1

    def counts(self) -> dict[str, int]:
        """Return the counts of stored records, by table."""
        users = sum(len(key) == 1 for key in self.profiles)
        return {
            "events": self.events_stored,
            "identities": self._links,
            "profiles": users,
            "groups": len(self.profiles) - users,
            "lookup_tables": self._scalar("SELECT count(*) FROM lookup_tables"),
        }

    def events(self, *, deduplicated: bool) -> list[dict[str, Any]]:
        """Return all events in the order of arrival.

        Args:
            deduplicated: Return only the newest of events with equal event, time, distinct_id and $insert_id.
        """
        source = DEDUPLICATED if deduplicated else "events"
        found = self.rows(f"SELECT event, head, properties FROM {source} ORDER BY seq")  # noqa: S608 - two constants
        return [
            {"event": event, "properties": {**orjson.loads(properties), **orjson.loads(head)}}
            for event, head, properties in found
        ]

    def put_lookup_table(self, table_id: str, content: str) -> None:
        """Store the CSV of a lookup table, replacing an earlier one."""
        self._connection.execute("INSERT OR REPLACE INTO lookup_tables VALUES (?, ?)", [table_id, content])

    def delete_lookup_table(self, table_id: str) -> bool:
        """Delete a lookup table; return whether it existed."""
        return bool(self.rows("DELETE FROM lookup_tables WHERE id = ? RETURNING id", [table_id]))

    def flush(self) -> None:
        """Write everything to DuckDB."""
        self._write_events()
        self._write_profiles()

    def clear(self) -> None:
        """Delete everything."""
        self._buffer.clear()
        self._changed_profiles.clear()
        self.profiles.clear()
        self.events_stored = self._links = self._next_seq = 0
        for table in ("events", "identities", "profiles", "lookup_tables"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the four constants above

    def close(self) -> None:
        """Write everything to DuckDB and close it."""
        self.flush()
        self._connection.close()

    def _write_events(self) -> None:
        if not self._buffer:
            return
        seqs = list(range(self._next_seq, self._next_seq + len(self._buffer)))
        columns = [list(column) for column in zip(*self._buffer, strict=True)]
        self._connection.execute(_INSERT_EVENTS, [seqs, *columns])
        self._next_seq += len(self._buffer)
        self._buffer = []

    def _write_profiles(self) -> None:
        keys = list(self._changed_profiles)
        if not keys:
            return
        names = [orjson.dumps(key).decode() for key in keys]
        self._connection.execute("DELETE FROM profiles WHERE key IN (SELECT unnest(?::VARCHAR[]))", [names])
        kept = [(name, self.profiles[key]) for name, key in zip(names, keys, strict=True) if key in self.profiles]
        self._connection.execute(
            "INSERT INTO profiles SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
            [[name for name, _ in kept], [orjson.dumps(properties).decode() for _, properties in kept]],
        )
        self._changed_profiles.clear()

    def _scalar(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return 0 if row is None else int(row[0])


def _connect(path: pathlib.Path | None) -> "duckdb.DuckDBPyConnection":
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("emulator", "the local server") from error
    # One thread: the server shares its machine with the client under test.
    return duckdb.connect(":memory:" if path is None else str(path), config={"threads": 1})
