"""What became of the records of a pipe, in their order. Pure."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from mixpanel_async.jobs.model.chunks import EncodedChunk, RejectedRecord
from mixpanel_async.jobs.model.report import SKIPPED
from mixpanel_async.models import Outcome, Verdict

_DUPLICATE: Final = Verdict(Outcome.DUPLICATE, "duplicate", "properties.$insert_id", "an equal event was just sent")
_SKIPPED: Final = {
    "event": Verdict(Outcome.DROPPED, SKIPPED, "event", "the mapping's `events` leave it out"),
    "time": Verdict(Outcome.DROPPED, SKIPPED, "properties.time", "the mapping's `from_time`, `to_time` leave it out"),
}


class AckRange:
    """Some records that follow each other.

    Args:
        piece: What they became.
        first: Number of the first one.
        last: Number of the last one.

    Attributes:
        first: Number of the first one.
        verdicts: Their outcomes; None where there is none yet.
        told: How many of them were acknowledged.
    """

    __slots__ = ("first", "told", "verdicts")

    def __init__(self, piece: EncodedChunk, first: int, last: int) -> None:
        self.first = first
        self.told = 0
        # Duplicates are what is neither sent nor left out nor a misfit.
        self.verdicts: list[Verdict | None] = [_DUPLICATE] * (last - first + 1)
        for number in piece.numbers:
            self.verdicts[number - first] = None
        for number, filter_name in piece.skipped.items():
            self.verdicts[number - first] = _SKIPPED[filter_name]
        for misfit in piece.misfits:
            self.verdicts[misfit.number - first] = misfit.verdict


class PipeBooks:
    """Outcomes in the order of the records.

    Args:
        changed: Set when there may be something to acknowledge.
    """

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed
        self._stretches: deque[AckRange] = deque()
        self._last = 0

    def enter(self, piece: EncodedChunk) -> AckRange:
        """Count a piece in."""
        first, last = self._last + 1, self._last if piece.end is None else piece.end.number
        self._last = last
        stretch = AckRange(piece, first, last)
        self._stretches.append(stretch)
        self._changed.set()
        return stretch

    def note(self, name: str, misfit: RejectedRecord) -> None:
        """Do nothing: the verdict is all that is kept."""

    def name_of(self, mark: AckRange) -> str:
        """Return what all records of a pipe are called."""
        del mark
        return "record"

    def settle(self, mark: AckRange, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Keep the outcome of some records."""
        for number in numbers:
            mark.verdicts[number - mark.first] = verdict
        self._changed.set()

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to wait for or to acknowledge."""
        return not self._stretches

    def ready(self) -> Iterator[Verdict]:
        """Yield the outcomes of the records whose predecessors all have theirs, each once."""
        while self._stretches:
            stretch = self._stretches[0]
            while stretch.told < len(stretch.verdicts):
                verdict = stretch.verdicts[stretch.told]
                if verdict is None:
                    return
                stretch.told += 1
                yield verdict
            self._stretches.popleft()
