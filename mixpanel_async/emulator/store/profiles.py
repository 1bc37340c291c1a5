"""The profiles of users and groups: in memory, and in the database once they are written."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    import duckdb

_DELETE = """
DELETE FROM profiles WHERE (project, kind, id) IN
    (SELECT (unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])))
"""
_INSERT = """
INSERT INTO profiles SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
    unnest(?::BIGINT[]), unnest(?::BIGINT[])
"""
_LAST_SEEN = "$last_seen"
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, written without an offset


class ProfileKey(NamedTuple):
    """The key of a profile: `kind` is "" for a user, and the group key for a group."""

    project: int
    kind: str
    id: str


class Profile(NamedTuple):
    """A profile, which is replaced and never changed in place.

    Attributes:
        properties: The properties.
        changed_ms: When it was changed, in milliseconds since 1970.
        seen_ms: When its user was seen, in milliseconds since 1970; None if never, and for a group.
    """

    properties: dict[str, Any]
    changed_ms: int
    seen_ms: int | None

    def with_last_seen(self) -> dict[str, Any]:
        """Return the properties as queries see them: with `$last_seen`, in UTC."""
        if self.seen_ms is None or _LAST_SEEN in self.properties:
            return self.properties
        seen = _EPOCH + dt.timedelta(milliseconds=self.seen_ms)
        return {**self.properties, _LAST_SEEN: seen.isoformat(timespec="seconds")}


class Profiles:
    """All profiles.

    Args:
        connection: The database; used on the store's thread only.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._profiles: dict[ProfileKey, Profile] = {}
        self.changed: set[ProfileKey] = set()
        stored = connection.execute("SELECT project, kind, id, properties, changed_ms, seen_ms FROM profiles")
        for project, kind, profile_id, properties, changed_ms, seen_ms in stored.fetchall():
            read = orjson.loads(properties)
            profile = Profile({name: read[name] for name in read if name != _LAST_SEEN}, changed_ms, seen_ms)
            if profile.with_last_seen() != read:  # a sender has set its own $last_seen
                profile = Profile(read, changed_ms, seen_ms)
            self._profiles[ProfileKey(project, kind, profile_id)] = profile

    def __iter__(self) -> Iterator[ProfileKey]:
        return iter(self._profiles)

    def get(self, key: ProfileKey) -> Profile | None:
        """Return a profile; None if there is none."""
        return self._profiles.get(key)

    def of_project(self, project: int) -> dict[ProfileKey, dict[str, Any]]:
        """Return the properties of all profiles of a project."""
        return {key: dict(one.properties) for key, one in self._profiles.items() if key.project == project}

    def put(self, key: ProfileKey, properties: dict[str, Any] | None, changed_ms: int, seen_ms: int | None) -> None:
        """Create, replace or delete a profile.

        Args:
            key: Its key.
            properties: The new properties; None deletes the profile.
            changed_ms: The time, in milliseconds since 1970.
            seen_ms: When its user was seen, in milliseconds since 1970; None keeps what is known.
        """
        self.changed.add(key)
        if properties is None:
            self._profiles.pop(key, None)
            return
        if seen_ms is None and key in self._profiles:
            seen_ms = self._profiles[key].seen_ms
        self._profiles[key] = Profile(properties, changed_ms, seen_ms)

    def merge(self, kept: ProfileKey, gone: ProfileKey) -> None:
        """Move the properties of a profile to another one, whose own properties stay."""
        moved = self._profiles.pop(gone, None)
        if moved is None:
            return
        self.changed.add(gone)
        own = self._profiles.get(kept, Profile({}, moved.changed_ms, moved.seen_ms))
        self.put(kept, {**moved.properties, **own.properties}, max(moved.changed_ms, own.changed_ms), own.seen_ms)

    def write(self) -> None:
        """Write what changed to the database."""
        if not self.changed:
            return
        self._connection.execute(_DELETE, [list(column) for column in zip(*self.changed, strict=True)])
        kept = [
            (*key, orjson.dumps(profile.with_last_seen()).decode(), profile.changed_ms, profile.seen_ms)
            for key in self.changed
            if (profile := self._profiles.get(key)) is not None
        ]
        if kept:
            self._connection.execute(_INSERT, [list(column) for column in zip(*kept, strict=True)])

    def clear(self) -> None:
        """Forget all profiles, without writing that."""
        self._profiles.clear()
        self.changed.clear()
