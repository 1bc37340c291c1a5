"""Releases the verdicts of a pipe's records in the order of the source."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from mixpanel_async.jobs.model.chunks import EncodedChunk, RejectedRecord
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.records.tokens import REPLACED

_DUPLICATE: Final = Verdict(Outcome.DUPLICATE, "duplicate", "properties.$insert_id", "an equal event was just sent")
_SKIPPED: Final = {
    "event": Verdict(Outcome.SKIPPED, "event", "event", "the mapping's `events` do not include this event"),
    "time": Verdict(Outcome.SKIPPED, "time", "properties.time", "outside the mapping's `from_time` and `to_time`"),
}


class AckRange:
    """The verdicts of consecutive records.

    Args:
        chunk: The encoded chunk of the records.
        first: Number of the first record.
        last: Number of the last record.

    Attributes:
        first: Number of the first record.
        verdicts: The records' verdicts; None while there is none.
        replaced: Numbers of the records whose own token was replaced by the client's.
        acknowledged: Number of records that were acknowledged.
    """

    __slots__ = ("acknowledged", "first", "replaced", "verdicts")

    def __init__(self, chunk: EncodedChunk, first: int, last: int) -> None:
        self.first = first
        self.acknowledged = 0
        self.replaced = frozenset(chunk.replaced)
        # A record that is neither sent nor skipped nor rejected is a duplicate.
        self.verdicts: list[Verdict | None] = [_DUPLICATE] * (last - first + 1)
        for number in chunk.numbers:
            self.verdicts[number - first] = None
        for number, filter_name in chunk.skipped.items():
            verdict = _SKIPPED.get(filter_name) or Verdict(Outcome.SKIPPED, filter_name, "", "no event of the vendor's")
            self.verdicts[number - first] = verdict
        for reject in chunk.rejects:
            self.verdicts[reject.number - first] = reject.verdict


class OrderedAcks:
    """Collects verdicts and yields them in the order of the records.

    Args:
        changed: Set when a verdict may be ready.
    """

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed
        self._ranges: deque[AckRange] = deque()
        self._last = 0

    def enter(self, chunk: EncodedChunk) -> AckRange:
        """Append the records of a chunk."""
        first, last = self._last + 1, self._last if chunk.end is None else chunk.end.number
        self._last = last
        ack_range = AckRange(chunk, first, last)
        self._ranges.append(ack_range)
        self._changed.set()
        return ack_range

    def note_reject(self, name: str, reject: RejectedRecord) -> None:
        """Do nothing: the acknowledgement carries the verdict, and the caller has the record."""

    def source_name(self, pending: AckRange) -> str:
        """Return the name of the source, the same for all records of a pipe."""
        del pending
        return "record"

    def settle(self, pending: AckRange, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Store the verdict of some records."""
        for number in numbers:  # in any order: batches overtake each other
            is_told = number in pending.replaced and verdict.is_delivered
            pending.verdicts[number - pending.first] = _replaced(verdict) if is_told else verdict
        self._changed.set()

    @property
    def is_settled(self) -> bool:
        """Whether every record was acknowledged."""
        return not self._ranges

    def ready(self) -> Iterator[Verdict]:
        """Yield, once each, the verdicts of records before which no record is without one."""
        while self._ranges:
            ack_range = self._ranges[0]
            while ack_range.acknowledged < len(ack_range.verdicts):
                verdict = ack_range.verdicts[ack_range.acknowledged]
                if verdict is None:
                    return
                ack_range.acknowledged += 1
                yield verdict
            self._ranges.popleft()


def _replaced(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, field="properties.token", message=REPLACED)
