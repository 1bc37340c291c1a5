"""The accepted records, in DuckDB.

All methods block and are called on one thread only (see `state.ServerState.run`), so nothing here locks. New events are
buffered and written to DuckDB in large batches: when the buffer is full, before every read, on close, and with a data
file before the request is answered.
"""

import pathlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from mixpanel_async.emulator.rules.intake import EventRow, IdentityLink
from mixpanel_async.emulator.store.documents import Documents
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
_FLUSH_ROWS = 10_000


class ProfileKey(NamedTuple):
    """The key of a profile: `kind` is "" for a user, and the group key for a group."""

    project: int
    kind: str
    id: str


class Store:
    """The accepted events, identity links, profiles, groups, lookup tables and documents.

    `profiles` has the properties of all profiles, and `seen_ms` when they were last updated, in milliseconds since
    1970; both are changed by `put_profile` only.

    Args:
        path: DuckDB file, created if missing (default: in memory).

    Raises:
        MissingExtraError: DuckDB is not installed.
        InvalidSettingError: The file is not a data file of this version.
    """

    def __init__(self, path: pathlib.Path | None) -> None:
        self._connection = connect(path)
        self._is_file = path is not None
        self._buffer: list[EventRow] = []
        self._changed_profiles: set[ProfileKey] = set()
        self._next_seq = self._scalar("SELECT coalesce(max(seq) + 1, 0) FROM events")
        self._next_link = self._scalar("SELECT coalesce(max(seq) + 1, 0) FROM identities")
        self.profiles: dict[ProfileKey, dict[str, Any]] = {}
        self.seen_ms: dict[ProfileKey, int] = {}
        self._read_profiles()
        self.documents = Documents(self._connection)

    def append(self, rows: Iterable[EventRow], links: Sequence[IdentityLink]) -> None:
        """Add events, in the order of arrival, and links between IDs."""
        self._buffer.extend(rows)
        if links:
            seqs = list(range(self._next_link, self._next_link + len(links)))
            projects, *rest = [list(column) for column in zip(*links, strict=True)]
            self._connection.execute(
                "INSERT INTO identities SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[]),"
                " unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
                [projects, seqs, *rest],
            )
            self._next_link += len(links)
        if self._is_file or len(self._buffer) >= _FLUSH_ROWS:
            self._write_events()

    def put_profile(self, key: ProfileKey, properties: dict[str, Any] | None, seen_ms: int | None) -> None:
        """Create, replace or delete a profile.

        Args:
            key: Its key.
            properties: The new properties; None deletes the profile.
            seen_ms: When the user or group was seen, in milliseconds since 1970; None changes nothing.
        """
        self._changed_profiles.add(key)
        if properties is None:
            self.profiles.pop(key, None)
            self.seen_ms.pop(key, None)
            return
        self.profiles[key] = properties
        if seen_ms is not None:
            self.seen_ms[key] = seen_ms

    def settle_profiles(self) -> None:
        """Write the changed profiles, if there is a data file."""
        if self._is_file:
            self._write_profiles()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run an SQL query with parameters over everything accepted so far."""
        self.flush()
        return self._connection.execute(query, list(parameters)).fetchall()

    def last_seq(self) -> int:
        """Return the sequence number of the newest event, -1 if there is none."""
        return self._next_seq + len(self._buffer) - 1

    def counts(self) -> dict[str, int]:
        """Return the counts of stored records of all projects, by table."""
        users = sum(key.kind == "" for key in self.profiles)
        return {
            "events": self.last_seq() + 1,
            "identities": self._next_link,
            "profiles": users,
            "groups": len(self.profiles) - users,
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

    def put_lookup_table(self, project: int, table_id: str, content: str) -> None:
        """Store the CSV of a lookup table, replacing an earlier one."""
        self._connection.execute(
            "INSERT OR REPLACE INTO lookup_tables VALUES (?, ?, ?, ?)", [project, table_id, table_id, content]
        )

    def delete_lookup_table(self, project: int, table_id: str) -> bool:
        """Delete a lookup table; return whether it existed."""
        return bool(
            self.rows("DELETE FROM lookup_tables WHERE project = ? AND id = ? RETURNING id", [project, table_id])
        )

    def flush(self) -> None:
        """Write everything to DuckDB."""
        self._write_events()
        self._write_profiles()

    def clear(self) -> None:
        """Delete everything."""
        self._buffer.clear()
        self._changed_profiles.clear()
        self.profiles.clear()
        self.seen_ms.clear()
        self._next_seq = self._next_link = 0
        for table in TABLES:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants

    def close(self) -> None:
        """Write everything to DuckDB and close it."""
        self.flush()
        self._connection.close()

    def _write_events(self) -> None:
        if not self._buffer:
            return
        first = self._next_seq
        seqs = list(range(first, first + len(self._buffer)))
        projects, *columns = [list(column) for column in zip(*self._buffer, strict=True)]
        self._connection.execute("BEGIN")
        try:
            self._connection.execute(_INSERT_EVENTS, [projects, seqs, *columns])
            repeated = self._connection.execute(_FIND_REPEATED, [first]).fetchall()
            if repeated:
                pairs = [list(column) for column in zip(*repeated, strict=True)]
                self._connection.execute(_SUPERSEDE, pairs)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._next_seq += len(self._buffer)
        self._buffer = []

    def _read_profiles(self) -> None:
        stored = self._connection.execute("SELECT project, kind, id, properties, changed_ms FROM profiles").fetchall()
        for project, kind, profile_id, properties, changed_ms in stored:
            self.put_profile(ProfileKey(project, kind, profile_id), orjson.loads(properties), changed_ms)
        self._changed_profiles.clear()

    def _write_profiles(self) -> None:
        changed = self._changed_profiles
        if not changed:
            return
        kept = [
            (*key, orjson.dumps(self.profiles[key]).decode(), self.seen_ms.get(key))
            for key in changed
            if key in self.profiles
        ]
        projects, kinds, ids = (list(column) for column in zip(*changed, strict=True))
        self._connection.execute("BEGIN")
        try:
            self._connection.execute(
                "DELETE FROM profiles WHERE (project, kind, id) IN"
                " (SELECT (unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])))",
                [projects, kinds, ids],
            )
            if kept:
                self._connection.execute(
                    "INSERT INTO profiles SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),"
                    " unnest(?::VARCHAR[]), unnest(?::BIGINT[])",
                    [list(column) for column in zip(*kept, strict=True)],
                )
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        changed.clear()

    def _scalar(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return 0 if row is None else int(row[0])
