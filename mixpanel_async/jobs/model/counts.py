"""Counters of a job, by outcome and reason, and examples of records that were not delivered."""

from collections import Counter
from collections.abc import Iterator

from mixpanel_async.jobs.model.report import RecordError
from mixpanel_async.models import Outcome, Verdict

_MAX_EXAMPLES_OF_A_KIND = 5
_MAX_EXAMPLES = 50
REFUSED = "unauthorized"
# These verdicts are not about the record: once the credential, setting or URL is fixed, the same record is delivered.
# Records with such a verdict count as undelivered and are not dead letters.
ACCESS_REASONS = frozenset({REFUSED, "misconfigured", "not_found"})


class Tally:
    """Counts of records by outcome.

    Attributes:
        read: Records read.
        imported: Records that Mixpanel confirmed.
        duplicates: Records that equal an earlier record.
        rejected: Rejected records, by reason.
        skipped: Records skipped on request, by reason.
        undelivered: Records whose delivery failed or is unknown, by reason.
        changed: Records changed on request, by kind of change; not part of the sum.
        noticed: Records that were read but are unusual, by what is unusual; not part of the sum.
    """

    __slots__ = ("changed", "duplicates", "imported", "noticed", "read", "rejected", "skipped", "undelivered")

    def __init__(self) -> None:
        self.read = 0
        self.imported = 0
        self.duplicates = 0
        self.rejected: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.undelivered: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.noticed: Counter[str] = Counter()

    @property
    def settled(self) -> int:
        """Records that have an outcome."""
        failed = self.rejected.total() + self.undelivered.total()
        return self.imported + self.duplicates + self.skipped.total() + failed

    def count(self, verdict: Verdict, records: int = 1) -> None:
        """Count some records with the same verdict."""
        if not records:
            return
        if verdict.is_delivered:
            self.imported += records
        elif verdict.outcome is Outcome.DUPLICATE:
            self.duplicates += records
        elif verdict.outcome is Outcome.SKIPPED:
            self.skipped[verdict.reason] += records
        elif verdict.outcome is Outcome.REJECTED and verdict.reason not in ACCESS_REASONS:
            self.rejected[verdict.reason] += records
        else:
            self.undelivered[verdict.reason] += records

    def add(self, other: "Tally") -> None:
        """Add the counts of another tally."""
        self.read += other.read
        self.imported += other.imported
        self.duplicates += other.duplicates
        self.rejected.update(other.rejected)
        self.skipped.update(other.skipped)
        self.undelivered.update(other.undelivered)
        self.changed.update(other.changed)
        self.noticed.update(other.noticed)


class Examples:
    """Keeps the first few errors of each kind."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str], list[RecordError]] = {}
        self._kept = 0

    def wants(self, verdict: Verdict) -> bool:
        """Return whether another error of this kind would be kept."""
        kept = len(self._errors.get((verdict.reason, verdict.field), ()))
        return kept < _MAX_EXAMPLES_OF_A_KIND and self._kept < _MAX_EXAMPLES

    def add(self, position: str, verdict: Verdict) -> None:
        """Keep an error, unless there are enough of its kind."""
        if self.wants(verdict):
            self._kept += 1
            error = RecordError(position, verdict.reason, verdict.field, verdict.message)
            self._errors.setdefault((verdict.reason, verdict.field), []).append(error)

    def __iter__(self) -> Iterator[RecordError]:
        for errors in self._errors.values():
            yield from errors
