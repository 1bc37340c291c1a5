"""What a migration did."""

from collections.abc import Sequence

import msgspec

from mixpanel_async.jobs.model.report import ImportReport
from mixpanel_async.jobs.reconcile.report import ReconcileReport


class PartReport(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one part; every record that was read has one of the outcomes.

    Attributes:
        part: Name of the part.
        read: Records of the source project.
        written: Records that the target has accepted, now or in an earlier run.
        duplicates: Records that the source has twice.
        skipped: Records that are left out on purpose, such as identity events where IDs are simplified.
        rejected: Records that the target refused; they are in a file of the directory.
        undelivered: Records that did not arrive; the same migration sends them again.
        message: What a person should know.
    """

    part: str
    read: int
    written: int
    duplicates: int = 0
    skipped: int = 0
    rejected: int = 0
    undelivered: int = 0
    message: str = ""

    @classmethod
    def of_imports(cls, part: str, reports: Sequence[ImportReport], *, is_selection: bool = False) -> "PartReport":
        """Return the books of some imports together.

        Args:
            part: Name of the part.
            reports: Their reports.
            is_selection: Whether they pick the events of some names: the others belong to another part.
        """
        others = sum(report.skipped_by.get("event", 0) for report in reports) if is_selection else 0
        return cls(
            part=part,
            read=sum(report.read for report in reports) - others,
            written=sum(report.imported for report in reports),
            duplicates=sum(report.duplicates for report in reports),
            skipped=sum(report.skipped for report in reports) - others,
            rejected=sum(report.rejected for report in reports),
            undelivered=sum(report.undelivered for report in reports),
            message="; ".join(report.error for report in reports if report.error),
        )

    @property
    def is_complete(self) -> bool:
        """Whether the target has everything of this part that it should have."""
        return not (self.rejected or self.undelivered or self.message)


class MigrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a migration.

    Attributes:
        parts: The books of each part, in the order in which they were migrated.
        is_dry_run: Whether nothing was written to the target.
        comparison: How the events of both projects compare at the end; None if no events were migrated.
    """

    parts: Sequence[PartReport]
    is_dry_run: bool
    comparison: ReconcileReport | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything arrived, and both projects have the same events."""
        same = self.comparison is None or self.comparison.is_equal
        return same and all(part.is_complete for part in self.parts)
