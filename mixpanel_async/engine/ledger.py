"""Counters: admitted = outcomes + queued + in flight."""

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from mixpanel_async.models import DeliveryReport, Outcome, Verdict

_MAX_FAILURES: Final = 10


class LedgerMark(msgspec.Struct, frozen=True):
    """The counters at one moment, for a report of what happened since."""

    at: float
    outcomes: Mapping[Outcome, int]
    failed: int


class Ledger:
    """Counts records; at every instant `admitted == sum(outcomes.values()) + queued + in_flight`."""

    def __init__(self) -> None:
        self.admitted = 0
        self.queued = 0
        self.in_flight = 0
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.generation = 0
        self._failed = 0
        self._failures: deque[tuple[int, Verdict]] = deque(maxlen=_MAX_FAILURES)
        self._open: dict[int, int] = {}

    def admit(self, records: int) -> int:
        """Count a sealed batch; return its generation, which a later flush waits for."""
        self.admitted += records
        self.queued += records
        self._open[self.generation] = self._open.get(self.generation, 0) + records
        return self.generation

    def refuse(self, verdict: Verdict) -> None:
        """Count a record that has its outcome on admission."""
        self.admitted += 1
        self._count(verdict, 1)

    def launch(self, records: int) -> None:
        """Count records whose request starts."""
        self.queued -= records
        self.in_flight += records

    def requeue(self, records: int) -> None:
        """Count records whose request ended without an outcome."""
        self.in_flight -= records
        self.queued += records

    def settle(
        self, records: int, generation: int, verdict: Verdict, exceptions: Mapping[int, Verdict], *, in_flight: bool
    ) -> None:
        """Count the outcomes of a batch."""
        if in_flight:
            self.in_flight -= records
        else:
            self.queued -= records
        self._count(verdict, records - len(exceptions))
        for exception in exceptions.values():
            self._count(exception, 1)
        left = self._open[generation] - records
        if left:
            self._open[generation] = left
        else:
            del self._open[generation]

    def _count(self, verdict: Verdict, records: int) -> None:
        if records:
            self.outcomes[verdict.outcome] += records
            if verdict.outcome.is_failure:
                self._failed += 1
                self._failures.append((self._failed, verdict))

    def next_generation(self) -> int:
        """Begin a new generation; return the one that ended."""
        self.generation += 1
        return self.generation - 1

    def pending(self, generation: int) -> int:
        """Return the unsettled records of a generation and those before it."""
        return sum(count for number, count in self._open.items() if number <= generation)

    def mark(self, now: float) -> LedgerMark:
        """Return the counters as they are at monotonic time `now`."""
        return LedgerMark(now, dict(self.outcomes), self._failed)

    def report_since(self, mark: LedgerMark, now: float) -> DeliveryReport:
        """Return what happened from a mark to monotonic time `now`."""
        return DeliveryReport(
            outcomes={o: n - mark.outcomes[o] for o, n in self.outcomes.items() if n != mark.outcomes[o]},
            pending=self.queued + self.in_flight,
            duration_seconds=now - mark.at,
            failures=[verdict for number, verdict in self._failures if number > mark.failed],
        )
