"""Options of a migration."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.reconcile.options import ReconcileOptions

Part: TypeAlias = Literal["schemas", "events", "profiles", "groups", "annotations"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)


class MigrationOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a migration.

    Attributes:
        parts: What to migrate; empty: everything. Groups are migrated only if `groups` names them.
        groups: Group keys, such as `company`, and the IDs that the source project gave them (`data_group_id`).
        simplify_ids: The source has Original ID Merge and the target Simplified ID Merge: events get `$user_id` and
            `$device_id` in place of `$identify`, `$create_alias` and `$merge` events.
        source_timezone: Time zone of the source project if it was made before 2023: the times of its export are local
            seconds. None: they are UTC.
        dry_run: Export and check everything, and write nothing to the target.
        wait_seconds: How long the comparison at the end waits for Mixpanel to show what was imported.
        on_progress: Called with the name of a part, when it begins, and a text when it ends.

    Raises:
        InvalidArgumentError: A part is unknown, `parts` and `groups` contradict each other, or `wait_seconds` is no
            number from 0 on.

    Example:
        ```python
        options = MigrationOptions(parts=["events", "profiles"], simplify_ids=True)
        ```
    """

    parts: Collection[Part] = ()
    groups: Mapping[str, str | int] = {}
    simplify_ids: bool = False
    source_timezone: str | None = None
    dry_run: bool = False
    wait_seconds: float = 300.0
    on_progress: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if isinstance(self.parts, str) or unknown:
            raise InvalidArgumentError(f"parts is invalid: {self.parts!r}; choose from {', '.join(PARTS)}")
        ReconcileOptions(wait_seconds=self.wait_seconds)  # refuses what it cannot wait for before anything is imported
        if self.groups and not self.has("groups"):
            raise InvalidArgumentError("groups is invalid: group keys are named, and `parts` leaves groups out")
        if "groups" in self.parts and not self.groups:
            raise InvalidArgumentError("groups is missing: name each group key and its ID, such as --group company=42")

    def has(self, part: Part) -> bool:
        """Return whether a part is to be migrated."""
        return not self.parts or part in self.parts

    def note(self, text: str) -> None:
        """Report progress."""
        if self.on_progress is not None:
            self.on_progress(text)
