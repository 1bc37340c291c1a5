"""State of one endpoint and credential: its open batch, its queue, what it may send. A lane says what is due."""

import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from mixpanel_async.auth import Credential
from mixpanel_async.engine.batch import Batch, BatchBuilder
from mixpanel_async.engine.decisions import MIN_SPLIT_BYTES, IngestionPath
from mixpanel_async.engine.receipts import Receipt, Receipts
from mixpanel_async.models import Verdict
from mixpanel_async.session import Request
from mixpanel_async.telemetry import MakeOrigins

_REOPEN_SECONDS: Final = (60.0, 300.0)  # after the first refused credential, and after each one that follows
_GROWTH: Final = 2  # the cap that a 413 taught is doubled after an accepted batch, so that a burst of 413s is forgotten
_MAX_GROW_AFTER: Final = 64  # accepted batches; a true limit costs one refused request in so many
_MAX_REPLY_BYTES: Final = 4 * 1024 * 1024  # 2,000 failed records are named in well under a megabyte


class LaneSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests of a lane have in common; equal specs are the same lane.

    Attributes:
        path: The endpoint.
        credential: Sent with each request; None for endpoints whose records carry the token.
        query: Query parameters.
        has_project: Whether the client's project_id is sent.
        is_gzip: Whether bodies are compressed.
        is_ordered: Whether a batch waits until the one before it has its outcome.
        is_bulk: Whether this is a job's lane, which leaves room for live lanes.
        max_records: Records in a request.
        max_bytes: Uncompressed bytes of a request's body.
        deadline_seconds: From admission to giving up.
        linger_seconds: How long a record may wait for its batch to fill.
    """

    path: IngestionPath
    credential: Credential | None = None
    query: tuple[tuple[str, str], ...] = ()
    has_project: bool = False
    is_gzip: bool = False
    is_ordered: bool = False
    is_bulk: bool = False
    max_records: int = 2000
    max_bytes: int = 2_000_000
    deadline_seconds: float = 300.0
    linger_seconds: float = 0.5


class Lane:
    """The queue of one endpoint and credential.

    Attributes:
        spec: What its requests have in common.
        builder: The batch that is being filled.
        opened_at: Monotonic time at which its first record came.
        ready: Batches that can be sent, those with the nearest deadline first.
        in_flight: Requests in flight.
        held_bytes: Bytes of its records, queued and in flight, and its credit.
        credit: Bytes of the buffer that the lane has reserved, so that not every record has to ask for its own.
        max_bytes: The spec's bound on a body, or less after a 413.
        has_waiters: Whether callers wait for buffer space; later callers queue behind them.
        is_overflowing: Whether a caller waited in vain; until a batch is accepted, or the lane is empty, nobody waits.
        stopped: The outcome of every record, once the credential was refused.
        is_on_trial: Whether the lane was reopened and nothing has been accepted since: one request at a time.
        refuses_all: Whether the last search for bad records found no good one.
    """

    def __init__(self, spec: LaneSpec, make_origins: MakeOrigins | None = None) -> None:
        self.spec = spec
        self.builder: BatchBuilder[Receipt] = BatchBuilder(spec.max_records, spec.max_bytes, Receipts, make_origins)
        self.opened_at = 0.0
        self.ready: deque[Batch] = deque()
        self.in_flight = 0
        self.held_bytes = 0
        self.credit = 0
        self.has_waiters = False
        self.is_overflowing = False
        self.stopped: Verdict | None = None
        self.is_on_trial = False
        self.refuses_all = False
        self._stops = 0
        self._reopen_at = float("inf")
        self._accepted = 0
        self._grow_after = 1
        self._has_grown = False
        self._proven_bytes = 0
        self._delayed: list[tuple[float, int, Batch]] = []
        self._numbers = itertools.count()

    @property
    def max_bytes(self) -> int:
        """Bytes that a new batch may have, as far as is known."""
        return self.builder.max_bytes

    def verdict_or(self, other: Verdict) -> Verdict:
        """Return the outcome that the lane was stopped with, or `other`."""
        return self.stopped or other

    @property
    def operation(self) -> str:
        """Its name in errors."""
        return self.spec.path.strip("/")

    def request(self, batch: Batch, body: bytes, timeout_seconds: float) -> Request:
        """Return the request that carries a batch."""
        headers = {"Content-Encoding": "gzip"} if self.spec.is_gzip else {}
        return Request(
            operation=self.operation,
            method="POST",
            server="ingestion",
            path=self.spec.path,
            query=self.spec.query,
            headers=headers,
            body=body,
            content_type="application/json",
            is_authorized=False,
            credential=self.spec.credential,
            has_project=self.spec.has_project,
            family="ingestion",
            records=len(batch),
            body_bytes=batch.body_bytes,
            timeout_seconds=timeout_seconds,
            max_reply_bytes=_MAX_REPLY_BYTES,
        )

    # --- what replies teach ---

    def note_too_large(self, batch: Batch) -> None:
        """Note a batch that got 413."""
        if batch.body_bytes <= self._proven_bytes:
            self._proven_bytes = 0  # what was accepted before says nothing any more

    def note_accepted(self, batch: Batch) -> None:
        """Learn from a batch that was accepted: the size that is taken after a 413, and that the lane works."""
        self.is_on_trial = self.refuses_all = self.is_overflowing = False
        self._stops = 0
        size, refused = batch.body_bytes, batch.split_from
        cap = max(MIN_SPLIT_BYTES, size)
        # A larger body has been accepted since: then the 413 was not about the size.
        is_lesson = refused is not None and refused > max(cap, self._proven_bytes)
        self._proven_bytes = max(self._proven_bytes, size)
        if is_lesson and size < self.max_bytes:
            if self._has_grown:  # in vain: the next attempt comes later
                self._grow_after = min(_MAX_GROW_AFTER, self._grow_after * 2)
            self._set_cap(cap, has_grown=False)
        elif refused is None and self.max_bytes < self.spec.max_bytes:
            self._accepted += 1
            if self._accepted >= self._grow_after:
                self._set_cap(max(size, self.max_bytes * _GROWTH), has_grown=True)

    def _set_cap(self, cap: int, *, has_grown: bool) -> None:
        self.builder.max_bytes = min(self.spec.max_bytes, cap)
        self._has_grown = has_grown
        self._accepted = 0

    def stop(self, verdict: Verdict, now: float, *, is_final: bool) -> None:
        """Refuse every record with one verdict.

        Args:
            verdict: The outcome.
            now: Monotonic time.
            is_final: Whether only another client can do better; else the lane is tried again later.
        """
        self.stopped = verdict
        delay = _REOPEN_SECONDS[min(self._stops, len(_REOPEN_SECONDS) - 1)]
        self._stops += 1
        self._reopen_at = float("inf") if is_final else now + delay
        self.is_on_trial = False

    def reopen(self, now: float) -> None:
        """Let one request try the credential again, if its time has come: permissions change."""
        if self.stopped is not None and now >= self._reopen_at:
            self.stopped = None
            self.is_on_trial = True

    # --- the queue ---

    def delay(self, batch: Batch, due: float) -> None:
        """Send a batch again, not before `due`."""
        heapq.heappush(self._delayed, (due, next(self._numbers), batch))

    def promote(self, now: float) -> None:
        """Make batches ready whose delay is over."""
        while self._delayed and self._delayed[0][0] <= now:
            self.insert(heapq.heappop(self._delayed)[2])

    def insert(self, batch: Batch) -> None:
        """Make a batch ready again, in front of those with the same or a later deadline."""
        position = 0
        while position < len(self.ready) and self.ready[position].deadline < batch.deadline:
            position += 1
        self.ready.insert(position, batch)

    def next_due(self) -> float:
        """Return the monotonic time at which the lane needs attention if nothing happens before."""
        if self.stopped is not None:
            return float("-inf") if self.ready or self._delayed or self.builder.parts else float("inf")
        due = self.opened_at + self.spec.linger_seconds if self.builder.parts else float("inf")
        if self._delayed:
            due = min(due, self._delayed[0][0])
        if self.ready:
            due = min(due, self.ready[0].deadline)
        return due

    def take(self, now: float) -> Batch | None:
        """Return the batch to send next, or None; one whose deadline has passed is not sent."""
        if (
            not self.ready
            or self.ready[0].deadline <= now
            or self.stopped is not None
            or (self.is_on_trial and self.in_flight)
        ):
            return None
        if self.spec.is_ordered and (self.in_flight or self._delayed):
            return None
        return self.ready.popleft()

    def take_expired(self, now: float) -> Iterator[Batch]:
        """Yield the queued batches whose deadline has passed."""
        while self.ready and self.ready[0].deadline <= now:
            yield self.ready.popleft()

    def take_all(self) -> Iterator[Batch]:
        """Yield every batch that is not in flight, and remove it."""
        while self.ready:
            yield self.ready.popleft()
        while self._delayed:
            yield self._delayed.pop()[2]
