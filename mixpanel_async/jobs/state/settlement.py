"""The books of a running job: totals, examples, and how far everything has settled. Pure."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mixpanel_async.jobs.model.chunks import EncodedChunk, Position, RejectedRecord
from mixpanel_async.jobs.model.counts import ACCESS_REASONS, Examples, Tally
from mixpanel_async.models import Outcome, Verdict

OnMisfit: TypeAlias = Callable[[str, RejectedRecord], None]


class PendingChunk:
    """What remains of a piece while its records are on their way.

    Attributes:
        name: Of the source, for people.
        tally: What became of its records so far.
        waiting: Records without an outcome.
        end: Where reading goes on after the piece.
    """

    __slots__ = ("end", "name", "tally", "waiting")

    def __init__(self, piece: EncodedChunk) -> None:
        self.name = piece.name
        self.tally = piece.tally
        self.waiting = len(piece.parts)
        self.end = piece.end


class Settlement:
    """Counts what became of each record.

    At every instant the records that were read are the settled ones and those that wait.

    Args:
        settled: What earlier runs did.
        place: Where they ended.
        on_misfit: Hears of each record that was not delivered, before it is counted.

    Attributes:
        total: Everything.
        settled: What belongs to the pieces before `place`, all of which have settled.
        place: From where a later run has to read again.
        examples: The first faults of each kind.
        waiting: Records in batches without an outcome.
        refusal: The verdict that all records get by now, because of the credential, a setting or the address; or None.
    """

    def __init__(
        self, settled: Tally | None = None, place: Position | None = None, on_misfit: OnMisfit | None = None
    ) -> None:
        self.settled = settled or Tally()
        self.total = Tally()
        self.total.add(self.settled)
        self.place = place
        self._on_misfit = on_misfit
        self.examples = Examples()
        self.waiting = 0
        self.refusal: Verdict | None = None
        self._open: deque[PendingChunk] = deque()
        self._is_stuck = False

    def enter(self, piece: EncodedChunk) -> PendingChunk:
        """Count a piece in; its own tally says what is clear already."""
        mark = PendingChunk(piece)
        self.total.add(piece.tally)
        self.waiting += mark.waiting
        for misfit in piece.misfits:
            self.note(piece.name, misfit)
        if not self._is_stuck:
            self._open.append(mark)
            self._advance()
        return mark

    def note(self, name: str, misfit: RejectedRecord) -> None:
        """Hear of a record that was not delivered, before it is counted."""
        if self._on_misfit is not None and misfit.verdict.reason not in ACCESS_REASONS:
            self._on_misfit(name, misfit)
        if self.examples.wants(misfit.verdict):
            self.examples.add(position(name, misfit.number), misfit.verdict)

    def name_of(self, mark: PendingChunk) -> str:
        """Return the name of the source that a piece came from."""
        return mark.name

    def settle(self, mark: PendingChunk, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Count the outcome of some records of a piece."""
        records = len(numbers)
        mark.tally.count(verdict, records)
        self.total.count(verdict, records)
        mark.waiting -= records
        self.waiting -= records
        if verdict.reason in ACCESS_REASONS and verdict.outcome is Outcome.REJECTED:
            self.refusal = verdict
        self._advance()

    def _advance(self) -> None:
        """Move the place over the pieces that have settled; nothing moves over what is to be sent again.

        Where it stands in front of such a piece it stays, and no piece behind needs to be known.
        """
        while self._open and not self._open[0].waiting and not self._open[0].tally.undelivered:
            mark = self._open.popleft()
            self.settled.add(mark.tally)
            if mark.end is not None:
                self.place = mark.end
        if self._open and self._open[0].tally.undelivered:
            self._is_stuck = True
            self._open.clear()

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits, and nothing is to be sent again."""
        return not self._open and not self._is_stuck

    @property
    def is_balanced(self) -> bool:
        """Whether every record that was read waits or has its outcome."""
        return self.total.read == self.total.settled + self.waiting


def position(name: str, number: int) -> str:
    """Return where a record stands, for people."""
    return f"{name}:{number}"
