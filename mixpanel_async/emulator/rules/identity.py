"""Which IDs belong to one user: clusters of IDs, each with one canonical ID."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mixpanel_async.emulator.projects import IdMerge

_DEVICE = "$device:"
UserKey = tuple[int, str]  # the project's ID, and an ID of a user


class Merge(NamedTuple):
    """Two IDs of one user.

    Attributes:
        project: The project's ID.
        keeper: The ID whose canonical ID stays.
        joiner: The ID that joins it.
        is_forced: Whether `joiner` brings all IDs of its cluster along. Otherwise, an ID that belongs to a cluster
            already is not merged again.
    """

    project: int
    keeper: str
    joiner: str
    is_forced: bool


class EventUser(NamedTuple):
    """The user of an event.

    Attributes:
        distinct_id: The user's ID.
        device: The ID of the user before it was known, which the event merges; None if it merges nothing.
    """

    distinct_id: str
    device: str | None


def event_user(properties: Mapping[str, Any], id_merge: IdMerge) -> EventUser:
    """Return the user of an event with `$user_id` or `$device_id`.

    With Simplified ID Merge the user is `$user_id`, else the device, whatever distinct_id says, and an event with both
    merges them. With Original ID Merge they only replace a missing distinct_id.
    """
    user, device, distinct_id = (_text(properties.get(name)) for name in ("$user_id", "$device_id", "distinct_id"))
    if id_merge == "original":
        return EventUser(distinct_id or user or device or "", None)
    device = f"{_DEVICE}{device.removeprefix(_DEVICE)}" if device else None
    return EventUser(user or device or distinct_id or "", device if user else None)


class Clusters:
    """Clusters of IDs. An ID that was never merged is its own canonical ID and takes no memory.

    Args:
        known: Projects, IDs and their canonical IDs, as `changed` reported them before.
    """

    def __init__(self, known: Iterable[tuple[int, str, str]] = ()) -> None:
        self._canonical: dict[UserKey, str] = {}
        self._members: dict[UserKey, list[str]] = {}
        self.changed: set[UserKey] = set()
        for project, one, canonical in known:
            self._canonical[project, one] = canonical
            self._members.setdefault((project, canonical), []).append(one)

    def canonical(self, project: int, one: str) -> str:
        """Return the canonical ID of an ID."""
        return self._canonical.get((project, one), one)

    def members(self, project: int, ids: Iterable[str]) -> set[str]:
        """Return all IDs of the users of some IDs."""
        found = {self.canonical(project, one) for one in ids}
        return found.union(*(self._members.get((project, one), ()) for one in found))

    def merge(self, merge: Merge) -> str | None:
        """Merge two IDs.

        Returns:
            The ID that was canonical until now and is not anymore; None if nothing changed.
        """
        project, keeper, joiner, is_forced = merge
        kept, joined = self.canonical(project, keeper), self.canonical(project, joiner)
        if kept == joined or (not is_forced and (project, joiner) in self._canonical):
            return None
        members = self._members.setdefault((project, kept), [kept])
        self._canonical[project, kept] = kept
        self.changed.add((project, kept))
        moved = self._members.pop((project, joined), [joined])
        members.extend(moved)
        for one in moved:
            self._canonical[project, one] = kept
            self.changed.add((project, one))
        return joined

    def clear(self) -> None:
        """Forget all merges."""
        self._canonical.clear()
        self._members.clear()
        self.changed.clear()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
