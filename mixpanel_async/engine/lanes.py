"""Lanes: one for each endpoint and credential. Pure: a lane says what is due, others send it."""

import heapq
import itertools
from collections import deque
from collections.abc import Iterator

import msgspec

from mixpanel_async.auth import Credential
from mixpanel_async.engine.batch import Batch, BatchBuilder
from mixpanel_async.engine.decisions import IngestionPath
from mixpanel_async.engine.receipts import Receipt, Receipts
from mixpanel_async.models import Verdict
from mixpanel_async.session import Request


class LaneSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests of a lane have in common; two equal specs are the same lane.

    Attributes:
        path: The endpoint.
        credential: Bound for good; None for endpoints whose records carry the token.
        query: Query parameters.
        has_project: Whether the client's project_id is sent along.
        is_gzip: Whether bodies are compressed.
        is_ordered: Whether a batch waits until the one before it has its outcome.
        is_bulk: Whether this is a job's lane, which leaves room for live ones.
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
        opened_at: When the first record came into it.
        ready: Batches that can be sent, those with the nearest deadline first.
        in_flight: Requests under way.
        held_bytes: Bytes of its records, queued and in flight, and its credit.
        credit: Bytes of room that the lane holds for records to come, so that not each has to ask.
        max_bytes: Like the spec's, or less after a 413.
        has_waiters: Whether somebody waits for room; whoever comes later queues behind.
        stopped: The outcome of everything that comes, once the credential was refused.
    """

    def __init__(self, spec: LaneSpec) -> None:
        self.spec = spec
        self.builder: BatchBuilder[Receipt] = BatchBuilder(spec.max_records, spec.max_bytes, Receipts)
        self.opened_at = 0.0
        self.ready: deque[Batch] = deque()
        self.in_flight = 0
        self.held_bytes = 0
        self.credit = 0
        self.has_waiters = False
        self.stopped: Verdict | None = None
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
        )

    def learn_cap(self, body_bytes: int) -> None:
        """Make no more batches as large as one that was refused for its size."""
        self.builder.max_bytes = min(self.builder.max_bytes, max(1, body_bytes // 2))

    def delay(self, batch: Batch, due: float) -> None:
        """Send a batch again, not before `due`."""
        heapq.heappush(self._delayed, (due, next(self._numbers), batch))

    def promote(self, now: float) -> None:
        """Put batches whose delay is over among the others."""
        while self._delayed and self._delayed[0][0] <= now:
            self.insert(heapq.heappop(self._delayed)[2])

    def insert(self, batch: Batch) -> None:
        """Make a batch ready that was ready before: in front of those with its deadline or a later one."""
        place = 0
        while place < len(self.ready) and self.ready[place].deadline < batch.deadline:
            place += 1
        self.ready.insert(place, batch)

    def next_due(self) -> float:
        """Return the monotonic time at which something is to be done here without anything happening before."""
        due = self.opened_at + self.spec.linger_seconds if self.builder.parts else float("inf")
        if self._delayed:
            due = min(due, self._delayed[0][0])
        if self.ready:
            due = min(due, self.ready[0].deadline)
        return due

    def take(self) -> Batch | None:
        """Return the batch to send next, or None."""
        if not self.ready or (self.spec.is_ordered and (self.in_flight or self._delayed)):
            return None
        return self.ready.popleft()

    def take_expired(self, now: float) -> Iterator[Batch]:
        """Yield the waiting batches whose time is over."""
        while self.ready and self.ready[0].deadline <= now:
            yield self.ready.popleft()

    def take_all(self) -> Iterator[Batch]:
        """Yield every batch that is not in flight, and leave the lane empty."""
        while self.ready:
            yield self.ready.popleft()
        while self._delayed:
            yield self._delayed.pop()[2]
