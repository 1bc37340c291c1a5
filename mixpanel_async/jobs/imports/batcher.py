"""From pieces to batches, and from outcomes to the books."""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, Generic, Protocol, TypeVar

from mixpanel_async.engine.batch import BRACKETS_BYTES, COMMA_BYTES, Batch
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Tickets
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.jobs.model.chunks import EncodedChunk, RejectedRecord
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.records.parsing import is_readable
from mixpanel_async.records.rejection import malformed

M = TypeVar("M")
_REFUSED: Final = "refused"
_NEVER: Final = float("inf")  # the deadline of a batch that no queue has taken in
_UNREADABLE: Final = malformed("no valid JSON for Mixpanel; look for numbers that are too large")


class AnyBooks(Protocol[M]):
    """Who hears of pieces and of what became of their records."""

    def enter(self, piece: EncodedChunk) -> M:
        """Count a piece in; return what its records are known by from then on."""

    def note(self, name: str, misfit: RejectedRecord) -> None:
        """Hear of a record that was not delivered, before it is counted."""

    def settle(self, mark: M, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Count the outcome of some records of a piece."""

    def name_of(self, mark: M) -> str:
        """Return the name of the source that a piece came from."""


class _Slot:
    """One of the batches on their way; it is free when all of its records have settled, in how many parts ever."""

    __slots__ = ("waiting",)

    def __init__(self, records: int) -> None:
        self.waiting = records


class JobTickets(Generic[M]):
    """Where the records of a batch came from: a few stretches of numbers, no object for each record.

    Args:
        segments: For each piece that the batch has records of, the piece and their numbers.
        slot: The batch as it was put.
        outbox: Hears of outcomes.
    """

    __slots__ = ("_outbox", "_segments", "_slot")

    def __init__(self, segments: Sequence[tuple[M, Sequence[int]]], slot: _Slot, outbox: "Batcher[M]") -> None:
        self._segments = segments
        self._slot = slot
        self._outbox = outbox

    def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Write the outcomes into the books."""
        books = self._outbox.books
        start = 0
        for mark, numbers in self._segments:
            end = start + len(numbers)
            own = sorted(index for index in exceptions if start <= index < end)
            for index in range(start, end) if not verdict.is_delivered else own:
                one = exceptions.get(index, verdict)
                if not one.is_delivered:
                    books.note(books.name_of(mark), RejectedRecord(numbers[index - start], one, parts[index]))
            for index in own:
                books.settle(mark, exceptions[index], (numbers[index - start],))
            gone = frozenset(own)
            rest = [n for index, n in enumerate(numbers, start) if index not in gone] if own else numbers
            if rest:
                books.settle(mark, verdict, rest)
            start = end
        self._segments = ()
        self._outbox.note_settled(self._slot, len(parts))

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Find the records that cannot be read, where a request was refused as a whole.

        The fast lane does not look into every corner of a line: a number such as 1e999 is found only here.
        """
        if verdict.reason != _REFUSED:
            return {}
        return {index: _UNREADABLE for index, part in enumerate(parts) if not is_readable(part)}

    def select(self, indices: Sequence[int]) -> Tickets:
        """Return the tickets of some records, in that order."""
        every = [(mark, number) for mark, numbers in self._segments for number in numbers]
        segments: list[tuple[M, list[int]]] = []
        for mark, number in (every[index] for index in indices):
            if not segments or segments[-1][0] is not mark:
                segments.append((mark, []))
            segments[-1][1].append(number)
        return JobTickets(segments, self._slot, self._outbox)


class Batcher(Generic[M]):
    """Packs records into batches that are as full as they may be, and hands them to the engine.

    Args:
        engine: Delivers.
        lane: Where to.
        books: Hear of pieces and outcomes.
        max_batches: Batches on their way at once, or None for as many as memory allows.

    Attributes:
        books: Hear of outcomes.
        sealed: Batches made.
    """

    def __init__(self, engine: Engine, lane: Lane, books: AnyBooks[M], max_batches: int | None = None) -> None:
        self.books = books
        self._engine = engine
        self._lane = lane
        self._max_batches = max_batches
        self._batches = 0
        self._puts = 0
        self.sealed = 0
        self._changed = asyncio.Event()
        self._clear()

    def _clear(self) -> None:
        self._parts: list[bytes] = []
        self._segments: list[tuple[M, Sequence[int]]] = []
        self._unsafe: set[int] = set()
        self._body_bytes = BRACKETS_BYTES - COMMA_BYTES

    async def add(self, piece: EncodedChunk) -> None:
        """Take a piece in; waits while there is no room."""
        mark = self.books.enter(piece)
        for batch in self._pack(mark, piece):
            await self._put(batch)

    async def seal(self) -> None:
        """Send what is collected, full or not."""
        for batch in self._seal():
            await self._put(batch)

    async def drained(self) -> None:
        """Wait until every batch that was put has its outcomes."""
        while self._batches:
            self._changed.clear()
            await self._changed.wait()

    def note_settled(self, slot: _Slot, records: int) -> None:
        """Count records that have their outcomes."""
        slot.waiting -= records
        if not slot.waiting:
            self._batches -= 1
            self._changed.set()

    @property
    def is_putting(self) -> bool:
        """Whether somebody waits for room."""
        return self._puts > 0

    def _pack(self, mark: M, piece: EncodedChunk) -> list[Batch]:
        sealed: list[Batch] = []
        parts, numbers, unsafe = piece.parts, piece.numbers, frozenset(piece.unsafe)
        start = 0
        while start < len(parts):
            room = self._lane.spec.max_records - len(self._parts)
            taken = parts[start : start + room]
            size = sum(map(len, taken)) + COMMA_BYTES * len(taken)
            if self._body_bytes + size > self._lane.max_bytes:
                taken = taken[: self._fitting(taken)]
                size = sum(map(len, taken)) + COMMA_BYTES * len(taken)
            if taken:
                if unsafe:
                    shift = len(self._parts) - start
                    self._unsafe |= {shift + i for i in range(start, start + len(taken)) if i in unsafe}
                self._parts += taken
                self._segments.append((mark, numbers[start : start + len(taken)]))
                self._body_bytes += size
                start += len(taken)
            if not taken or len(self._parts) >= self._lane.spec.max_records:
                sealed += self._seal()
        return sealed

    def _fitting(self, parts: Sequence[bytes]) -> int:
        """Return how many of the parts fit into the batch that is being filled; an empty one takes any record."""
        ends = list(accumulate(len(part) + COMMA_BYTES for part in parts))
        fitting = bisect_right(ends, self._lane.max_bytes - self._body_bytes)
        return fitting or (0 if self._parts else 1)

    def _seal(self) -> list[Batch]:
        if not self._parts:
            return []
        tickets = JobTickets(self._segments, _Slot(len(self._parts)), self)
        batch = Batch(self._parts, tickets, self._body_bytes, frozenset(self._unsafe))
        self._clear()
        self.sealed += 1
        return [batch]

    async def _put(self, batch: Batch) -> None:
        self._puts += 1
        try:
            await self._put_in_turn(batch)
        finally:
            self._puts -= 1

    async def _put_in_turn(self, batch: Batch) -> None:
        while self._max_batches is not None and self._batches >= self._max_batches:
            self._changed.clear()
            await self._changed.wait()
        self._batches += 1
        try:
            await self._engine.put(self._lane, batch)
        except BaseException as error:
            # Who waits for room may be let in and cancelled in the same turn: then the batch is the queue's.
            if batch.deadline == _NEVER:
                reason = "closed" if isinstance(error, ClientClosedError) else "cancelled"
                batch.tickets.settle(batch.parts, Verdict(Outcome.DROPPED, reason, "", str(error)), {})
            raise
