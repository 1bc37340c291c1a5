"""A job's books: every record that was read is on one line of them. Pure."""

from collections import Counter
from collections.abc import Iterator

from mixpanel_async.jobs.model.report import RecordError
from mixpanel_async.models import Outcome, Verdict

_MAX_EXAMPLES_OF_A_KIND = 5
_MAX_EXAMPLES = 50
# Verdicts that say nothing of the record: whoever repairs the credential, setting or address sends it again.
REFUSED = "unauthorized"
ACCESS_REASONS = frozenset({REFUSED, "misconfigured", "not_found"})


class Tally:
    """Counts of records by what became of them.

    Attributes:
        read: Records read.
        imported: Records that Mixpanel confirmed.
        duplicates: Records that equal an earlier one.
        rejected: Records refused, by reason.
        skipped: Records left out on purpose, by reason.
        undelivered: Records whose delivery failed or is not known, by reason.
        changed: Records that were repaired as the caller asked for, by what was done; no part of the sum.
    """

    __slots__ = ("changed", "duplicates", "imported", "read", "rejected", "skipped", "undelivered")

    def __init__(self) -> None:
        self.read = 0
        self.imported = 0
        self.duplicates = 0
        self.rejected: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.undelivered: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()

    @property
    def settled(self) -> int:
        """Records whose outcome is clear."""
        failed = self.rejected.total() + self.undelivered.total()
        return self.imported + self.duplicates + self.skipped.total() + failed

    def count(self, verdict: Verdict, records: int = 1) -> None:
        """Count the outcome of some records."""
        if not records:
            return
        if verdict.is_delivered:
            self.imported += records
        elif verdict.outcome is Outcome.DUPLICATE:
            self.duplicates += records
        elif verdict.outcome is Outcome.REJECTED and verdict.reason not in ACCESS_REASONS:
            self.rejected[verdict.reason] += records
        else:
            self.undelivered[verdict.reason] += records

    def add(self, other: "Tally") -> None:
        """Count what another tally counted."""
        self.read += other.read
        self.imported += other.imported
        self.duplicates += other.duplicates
        self.rejected.update(other.rejected)
        self.skipped.update(other.skipped)
        self.undelivered.update(other.undelivered)
        self.changed.update(other.changed)


class Examples:
    """Keeps the first faults of each kind."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], list[RecordError]] = {}
        self._kept = 0

    def wants(self, verdict: Verdict) -> bool:
        """Return whether one more fault of this kind would be kept."""
        kept = len(self._faults.get((verdict.reason, verdict.field), ()))
        return kept < _MAX_EXAMPLES_OF_A_KIND and self._kept < _MAX_EXAMPLES

    def add(self, position: str, verdict: Verdict) -> None:
        """Keep a fault, if there are not enough of its kind."""
        if self.wants(verdict):
            self._kept += 1
            fault = RecordError(position, verdict.reason, verdict.field, verdict.message)
            self._faults.setdefault((verdict.reason, verdict.field), []).append(fault)

    def __iter__(self) -> Iterator[RecordError]:
        for faults in self._faults.values():
            yield from faults
