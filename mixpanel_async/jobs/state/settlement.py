"""Which records of a running job have settled, and up to which position all of them have."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mixpanel_async.jobs.model.chunks import EncodedChunk, Notice, Position, RejectedRecord
from mixpanel_async.jobs.model.counts import ACCESS_REASONS, Examples, Tally
from mixpanel_async.models import Outcome, Verdict

OnReject: TypeAlias = Callable[[str, RejectedRecord], None]


class PendingChunk:
    """An encoded chunk whose records are not all settled.

    Attributes:
        name: Name of the source, for messages.
        tally: Outcomes of the chunk's records so far.
        waiting: Number of records without an outcome.
        end: Position after the chunk.
    """

    __slots__ = ("end", "name", "tally", "waiting")

    def __init__(self, chunk: EncodedChunk) -> None:
        self.name = chunk.name
        self.tally = chunk.tally
        self.waiting = len(chunk.parts)
        self.end = chunk.end


class Settlement:
    """Counts the outcomes of a job's records and tracks the position up to which all have settled.

    At every instant, records read = records settled + records waiting.

    Args:
        settled: Counts of earlier runs.
        position: Position where the earlier runs ended.
        on_reject: Called with each record that was not delivered, before it is counted.

    Attributes:
        total: Counts of all records.
        settled: Counts of the chunks before `position`, all of which have settled.
        position: Where a later run must start reading.
        examples: The first few errors of each kind.
        notices: The first few records of each kind that are unusual.
        waiting: Number of records in batches without an outcome.
        refusal: The verdict that every record gets now because of the credential, a setting or the URL; or None.
    """

    def __init__(
        self, settled: Tally | None = None, position: Position | None = None, on_reject: OnReject | None = None
    ) -> None:
        self.settled = settled or Tally()
        self.total = Tally()
        self.total.add(self.settled)
        self.position = position or Position()
        self._on_reject = on_reject
        self.examples = Examples()  # by kind: a file of one million equal errors must not hide the other kinds
        self.notices = Examples()
        self.waiting = 0
        self.refusal: Verdict | None = None
        self._open: deque[PendingChunk] = deque()
        self._is_stuck = False

    def enter(self, chunk: EncodedChunk) -> PendingChunk:
        """Count a chunk in, with the outcomes that it already has; its rejects were noted before."""
        pending = PendingChunk(chunk)
        self.total.add(chunk.tally)
        self.waiting += pending.waiting
        if not self._is_stuck:
            self._open.append(pending)
            self._advance()
        return pending

    def note_reject(self, name: str, reject: RejectedRecord) -> None:
        """Report a record that was not delivered; call this before `settle` counts it.

        The order matters: `settle` may advance the position, and a checkpoint must not pass a dead letter that was
        not handed to the journal.
        """
        if self._on_reject is not None and reject.verdict.reason not in ACCESS_REASONS:
            self._on_reject(name, reject)
        if self.examples.wants(reject.verdict):
            self.examples.add(position_text(name, reject.number), reject.verdict)

    def note(self, name: str, notice: Notice, tally: Tally) -> None:
        """Count a notice of a chunk; call this before the chunk is entered."""
        tally.noticed[notice.kind] += 1
        self.show(name, notice)

    def show(self, name: str, notice: Notice) -> None:
        """Keep a notice as an example."""
        position = position_text(name, notice.number) if notice.number else name
        self.notices.add(position, Verdict(Outcome.ACCEPTED, notice.kind, "", notice.message))

    def source_name(self, pending: PendingChunk) -> str:
        """Return the name of the source of a chunk."""
        return pending.name

    def settle(self, pending: PendingChunk, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Count the outcome of some records of a chunk."""
        records = len(numbers)
        pending.tally.count(verdict, records)
        self.total.count(verdict, records)
        pending.waiting -= records
        self.waiting -= records
        # One such verdict is enough to stop: every later record would get it as well.
        if verdict.reason in ACCESS_REASONS and verdict.outcome is Outcome.REJECTED:
            self.refusal = verdict
        self._advance()

    def _advance(self) -> None:
        """Move the position over settled chunks, up to the first chunk with an undelivered record.

        A later run reads again from that chunk, so the position never passes it. The chunks after it need not be
        kept: an import with one undelivered record at its start would otherwise hold every later chunk in memory.
        """
        while self._open and not self._open[0].waiting and not self._open[0].tally.undelivered:
            pending = self._open.popleft()
            self.settled.add(pending.tally)
            if pending.end is not None:
                self.position = pending.end
        if self._open and self._open[0].tally.undelivered:
            self._is_stuck = True
            self._open.clear()

    @property
    def is_settled(self) -> bool:
        """Whether every record has an outcome and none has to be sent again."""
        return not self._open and not self._is_stuck

    @property
    def is_balanced(self) -> bool:
        """Whether every record that was read has an outcome or is waiting for it."""
        return self.total.read == self.total.settled + self.waiting


def position_text(name: str, number: int) -> str:
    """Return the position of a record as `name:number`, for messages."""
    return f"{name}:{number}"
