"""The accepted records, in DuckDB.

All methods block and are called on one thread only (see `state.ServerState.run`), so nothing here locks. What is new is
buffered and written to DuckDB in large batches, each in one transaction: when the buffer is full, before every read, on
close, and with a data file before the request is answered. Equal events are looked for before a read.
"""

import pathlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from mixpanel_async.emulator.rules.identity import Clusters, Merge
from mixpanel_async.emulator.rules.intake import EventRow, IdentityLink
from mixpanel_async.emulator.store.documents import Documents
from mixpanel_async.emulator.store.profiles import ProfileKey, Profiles
from mixpanel_async.emulator.store.schema import TABLES, connect

_INSERT_EVENTS = """
INSERT INTO events SELECT *, hash(project, event, time_ms, distinct_id, insert_id), FALSE FROM (SELECT
    unnest(?::BIGINT[]) AS project, unnest(?::BIGINT[]) AS seq, unnest(?::VARCHAR[]) AS event,
    unnest(?::BIGINT[]) AS time_ms, unnest(?::VARCHAR[]) AS distinct_id, unnest(?::VARCHAR[]) AS insert_id,
    unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))
"""
# The hash alone finds the candidates, because it is much faster to scan than the columns it was made of.
_FIND_REPEATED = """
SELECT old.seq, new.seq FROM events old JOIN (SELECT seq, key FROM events WHERE seq >= ?) new
ON old.key = new.key AND old.seq < new.seq WHERE NOT old.superseded
"""
_SUPERSEDE = """
UPDATE events SET superseded = TRUE WHERE seq IN (
    SELECT old.seq FROM (SELECT unnest(?::BIGINT[]) AS old_seq, unnest(?::BIGINT[]) AS new_seq) pair
    JOIN events old ON old.seq = pair.old_seq JOIN events new ON new.seq = pair.new_seq
    WHERE (old.project, old.event, old.time_ms, old.distinct_id, old.insert_id)
        = (new.project, new.event, new.time_ms, new.distinct_id, new.insert_id))
"""
_INSERT_LINKS = """
INSERT INTO identities SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
    unnest(?::VARCHAR[])
"""
_DELETE_USERS = "DELETE FROM users WHERE (project, id) IN (SELECT (unnest(?::BIGINT[]), unnest(?::VARCHAR[])))"
_INSERT_USERS = "INSERT INTO users SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])"
_FLUSH_ROWS = 10_000
_WAITING_ROWS = 100_000  # as many wait only if the disk is full
_COMPARED_ROWS = 100_000  # each comparison reads the keys of all events


class Store:
    """The accepted events, identity links, profiles, groups, lookup tables and documents.

    Args:
        path: DuckDB file, created if missing (default: in memory).

    Raises:
        MissingExtraError: DuckDB is not installed.
        InvalidSettingError: The file is not a data file of this version.
    """

    def __init__(self, path: pathlib.Path | None) -> None:
        self._connection = connect(path)
        self.is_file = path is not None
        self._rows: list[EventRow] = []
        self._links: list[IdentityLink] = []
        self._compared = self._scalar("SELECT compared FROM layout")
        # The newest events may have been erased: their numbers are not given again.
        self._next_seq = max(self._scalar("SELECT coalesce(max(seq) + 1, 0) FROM events"), self._compared)
        self._next_link = self._scalar("SELECT coalesce(max(seq) + 1, 0) FROM identities")
        self.users = Clusters(self._connection.execute("SELECT project, id, canonical FROM users").fetchall())
        self.profiles = Profiles(self._connection)
        self.documents = Documents(self._connection)

    def append(self, rows: Iterable[EventRow], links: Sequence[IdentityLink], merges: Iterable[Merge]) -> None:
        """Add events, in the order of arrival, links between IDs, and what they merge.

        Raises:
            duckdb.Error: Events that wait for a write still cannot be written; nothing was added.
        """
        if len(self._rows) >= _WAITING_ROWS:
            self.flush()
        self._rows.extend(rows)
        self._links.extend(links)
        for merge in merges:
            gone = self.users.merge(merge)
            if gone is not None:
                project, canonical = merge.project, self.users.canonical(merge.project, merge.keeper)
                self.profiles.merge(ProfileKey(project, "", canonical), ProfileKey(project, "", gone))
        if not self.is_file and len(self._rows) >= _FLUSH_ROWS:
            self.flush()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run an SQL query with parameters over everything accepted so far."""
        self._prepare_read()
        return self._connection.execute(query, list(parameters)).fetchall()

    def query(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Run an SQL query over everything accepted so far, for a limited time.

        Raises:
            TimeoutError: It took longer than `seconds`.
        """
        import duckdb

        self._prepare_read()
        # DuckDB only looks for an interruption; another thread must ask for it.
        timer = threading.Timer(seconds, self._connection.interrupt)
        timer.start()
        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.InterruptException as error:
            raise TimeoutError from error
        finally:
            timer.cancel()

    def last_seq(self) -> int:
        """Return the sequence number of the newest event, -1 if there is none."""
        return self._next_seq + len(self._rows) - 1

    def counts(self) -> dict[str, int]:
        """Return the counts of stored records of all projects, by table."""
        return {
            "events": self._scalar("SELECT count(*) FROM events") + len(self._rows),
            "identities": self._next_link + len(self._links),
            "profiles": sum(key.kind == "" for key in self.profiles),
            "groups": sum(key.kind != "" for key in self.profiles),
            "lookup_tables": self._scalar("SELECT count(*) FROM lookup_tables"),
        }

    def events(self, project: int, *, deduplicated: bool) -> list[dict[str, Any]]:
        """Return all events of a project in the order of arrival.

        Args:
            project: The project's ID.
            deduplicated: Return only the newest of events with equal event, time, distinct_id and $insert_id.
        """
        condition = "AND NOT superseded" if deduplicated else ""
        query = f"SELECT event, head, properties FROM events WHERE project = ? {condition} ORDER BY seq"  # noqa: S608
        return [
            {"event": event, "properties": {**orjson.loads(properties), **orjson.loads(head)}}
            for event, head, properties in self.rows(query, [project])
        ]

    def records_of(self, project: int, distinct_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return the events, then the profiles of some users, whichever of their IDs are given."""
        members = self.users.members(project, distinct_ids)
        found = self.rows(
            "SELECT event, head, properties FROM events WHERE project = ? AND NOT superseded"
            " AND distinct_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY seq",
            [project, sorted(members)],
        )
        events = [
            {"event": event, "properties": {**orjson.loads(properties), **orjson.loads(head)}}
            for event, head, properties in found
        ]
        profiles = [(one, self.profiles.get(ProfileKey(project, "", one))) for one in sorted(members)]
        return [
            *events,
            *({"$distinct_id": one, "$properties": found.properties} for one, found in profiles if found is not None),
        ]

    def erase(self, project: int, distinct_ids: Iterable[str], now_ms: int) -> None:
        """Delete the events and profiles of some users, whichever of their IDs are given."""
        members = self.users.members(project, distinct_ids)
        self.flush()
        self._connection.execute(
            "DELETE FROM events WHERE project = ? AND distinct_id IN (SELECT unnest(?::VARCHAR[]))",
            [project, sorted(members)],
        )
        for one in members:
            self.profiles.put(ProfileKey(project, "", one), None, now_ms, None)
        self.flush()

    def add_lookup_tables(self, project: int, tables: Mapping[str, str]) -> None:
        """Create empty lookup tables, by ID and name; those that exist stay."""
        for table_id, name in tables.items():
            self._connection.execute(
                "INSERT OR IGNORE INTO lookup_tables VALUES (?, ?, ?, '')", [project, table_id, name]
            )

    def replace_lookup_table(self, project: int, table_id: str, content: str) -> bool:
        """Store the CSV of a lookup table, replacing an earlier one; return whether the table exists."""
        replaced = "UPDATE lookup_tables SET content = ? WHERE project = ? AND id = ? RETURNING id"
        return bool(self.rows(replaced, [content, project, table_id]))

    def delete_lookup_table(self, project: int, table_id: str) -> bool:
        """Delete a lookup table; return whether it existed."""
        return bool(
            self.rows("DELETE FROM lookup_tables WHERE project = ? AND id = ? RETURNING id", [project, table_id])
        )

    def flush(self) -> None:
        """Write everything to DuckDB, in one transaction."""
        if not (self._rows or self._links or self.users.changed or self.profiles.changed):
            return
        with self._transaction():
            self._write_events()
            self._write_identities()
            self.profiles.write()
        self._next_seq += len(self._rows)
        self._next_link += len(self._links)
        self._rows, self._links = [], []
        self.users.changed.clear()
        self.profiles.changed.clear()
        if self._next_seq - self._compared >= _COMPARED_ROWS:
            self._mark_superseded()

    def clear(self) -> None:
        """Delete everything."""
        self._rows, self._links = [], []
        self._next_seq = self._next_link = self._compared = 0
        self.users.clear()
        self.profiles.clear()
        with self._transaction():
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            self._connection.execute("UPDATE layout SET compared = 0")

    def close(self) -> None:
        """Write everything to DuckDB and close it."""
        self.flush()
        self._connection.close()

    def _prepare_read(self) -> None:
        self.flush()
        if self._compared < self._next_seq:
            self._mark_superseded()

    def _mark_superseded(self) -> None:
        """Mark the earlier of equal events, among those that are new since the last time and all before."""
        with self._transaction():
            repeated = self._connection.execute(_FIND_REPEATED, [self._compared]).fetchall()
            if repeated:
                self._connection.execute(_SUPERSEDE, [list(column) for column in zip(*repeated, strict=True)])
            self._connection.execute("UPDATE layout SET compared = ?", [self._next_seq])
        self._compared = self._next_seq

    def _write_events(self) -> None:
        if not self._rows:
            return
        first = self._next_seq
        seqs = list(range(first, first + len(self._rows)))
        projects, *columns = [list(column) for column in zip(*self._rows, strict=True)]
        self._connection.execute(_INSERT_EVENTS, [projects, seqs, *columns])

    def _write_identities(self) -> None:
        if self._links:
            seqs = list(range(self._next_link, self._next_link + len(self._links)))
            projects, *columns = [list(column) for column in zip(*self._links, strict=True)]
            self._connection.execute(_INSERT_LINKS, [projects, seqs, *columns])
        if self.users.changed:
            changed = [(project, one, self.users.canonical(project, one)) for project, one in self.users.changed]
            columns = [list(column) for column in zip(*changed, strict=True)]
            self._connection.execute(_DELETE_USERS, columns[:2])
            self._connection.execute(_INSERT_USERS, columns)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _scalar(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return 0 if row is None else int(row[0])
