"""Lanes of open and sealed batches; admission; settlement. It sends nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from functools import partial
from typing import Final

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine import decisions
from mixpanel_async.engine.backpressure import Backpressure
from mixpanel_async.engine.batch import COMMA_BYTES, Batch
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.engine.delivery_log import DeliveryLog
from mixpanel_async.engine.failure_callback import Failures, OnFailure, OnFailures
from mixpanel_async.engine.flush_waiters import Flushes
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.engine.ledger import Ledger
from mixpanel_async.engine.memory_budget import RECORD_OVERHEAD_BYTES, has_share
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import BufferFullError, ClientClosedError
from mixpanel_async.models import Verdict
from mixpanel_async.session.loop_owner import LoopOwner
from mixpanel_async.telemetry import ClientTelemetry

_MAX_SETTLED_RECORDS: Final = 8_000  # at once; some 3 ms of the event loop
_NO_EXCEPTIONS: Final[Mapping[int, Verdict]] = {}


class Accumulator:
    """All lanes of a client.

    Args:
        settings: Limits and the overflow policy.
        clock: Tells the time.
        wake: Called when there is something new to send or to wait for.
        failures: Called with the JSON of each record that was not delivered, and its verdict, one by one or by batch.
        owner: The event loop that receipts can be awaited in.
        telemetry: Gets the time that batches took; None: nothing does.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        wake: Callable[[], None],
        failures: tuple[OnFailure | None, OnFailures | None],
        owner: LoopOwner,
        *,
        telemetry: ClientTelemetry | None = None,
    ) -> None:
        self._owner = owner
        self._telemetry = telemetry
        self._settings = settings
        self._clock = clock
        self._wake = wake
        self._lanes: dict[LaneSpec, Lane] = {}
        self._turns: deque[Lane] = deque()
        self.backpressure = Backpressure(settings)
        self._dedupe = DedupeWindow(settings.dedupe_window_records)
        self._failures = Failures(self._dedupe, *failures)
        self.log = DeliveryLog()
        self.ledger = Ledger()
        self._flushes = Flushes(self.ledger)
        self.replaced_tokens = 0
        self.is_closed = False
        self._is_given_up = False

    def lane(self, spec: LaneSpec) -> Lane:
        """Return the lane of a spec."""
        lane = self._lanes.get(spec)
        if lane is None:
            make_origins = None if self._telemetry is None else self._telemetry.origins
            lane = self._lanes[spec] = Lane(spec, make_origins)
            self._turns.append(lane)
        return lane

    def note_replaced_tokens(self, path: str, records: int) -> None:
        """Count records whose own token was replaced by the client's."""
        self.replaced_tokens += records
        self.log.note_replaced_tokens(path, records)
        self.log.write(self._clock.monotonic(), self.ledger.queued)
        self._wake()

    @property
    def unsealed(self) -> int:
        """Records in batches that are being filled; the ledger counts a batch when it is sealed."""
        # A copy, made at once: telemetry asks in threads of its own.
        return sum(len(lane.builder.parts) for lane in tuple(self._lanes.values()))

    def offer(self, lane: Lane, part: bytes) -> Receipt | None:
        """Queue a record if that is possible at once, and in the loop of the client; else return None: call `admit`.

        Nearly every event comes this way; everything else is in `admit`. The lines below are `BatchBuilder.add`, copied
        because a call costs a tenth of what an event may cost; a test compares both.
        """
        builder = lane.builder
        size = len(part)
        body_bytes = builder.body_bytes + size + COMMA_BYTES
        size += RECORD_OVERHEAD_BYTES
        if size > lane.credit or body_bytes > builder.max_bytes or not self._owner.is_home():
            return None
        lane.credit -= size
        builder.body_bytes = body_bytes
        receipt = Receipt(self._owner)
        builder.tickets.append(receipt)
        builder.parts.append(part)
        count = len(builder.parts)
        if count == 1:
            self._open(lane)
        if count >= builder.look_at and builder.look():
            self._seal_builder(lane)
        return receipt

    async def admit(
        self,
        lane: Lane,
        part: bytes,
        receipt: Receipt,
        *,
        key: bytes | None = None,
        is_unsafe: bool = False,
        waits: bool = True,
    ) -> None:
        """Queue a record as the overflow policy says.

        Args:
            lane: The lane of its endpoint.
            part: Its JSON.
            receipt: Settled with its outcome.
            key: Its dedupe key; None if no other record can be equal.
            is_unsafe: Whether it must not be applied twice.
            waits: Whether this may wait for space; if not, it never suspends, and a full buffer drops the record.

        Raises:
            BufferFullError: The buffer is full and the policy is to raise.
            ClientClosedError: The client was closed, before or while this waited.
        """
        if self.is_closed:
            raise ClientClosedError("the client is closed; make a new one to send records")
        if lane.stopped is not None:
            lane.reopen(self._clock.monotonic())
        if lane.stopped is not None:
            self.refuse(receipt, part, lane.stopped, lane.spec.path)
        elif key is None:
            await self._admit(lane, part, receipt, is_unsafe=is_unsafe, waits=waits)
        elif self._dedupe.is_new(key):
            is_admitted = False
            try:
                is_admitted = await self._admit(lane, part, receipt, is_unsafe=is_unsafe, waits=waits)
            finally:
                if not is_admitted:
                    self._dedupe.forget(key)  # the caller may send it again, and it must not count as a duplicate then
        else:
            self.refuse(receipt, part, decisions.DUPLICATE, lane.spec.path)

    async def _admit(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool, waits: bool) -> bool:
        """Queue a record or drop it; return whether it was queued."""
        size = len(part) + RECORD_OVERHEAD_BYTES
        if self.backpressure.lend(lane, size):
            lane.credit -= size
            self._add(lane, part, receipt, is_unsafe=is_unsafe)
            return True
        if self._settings.overflow == "raise":
            raise BufferFullError(
                f"the buffer has no space for {size:,} more bytes; raise max_buffer_bytes or send more slowly",
                queued_bytes=self.backpressure.held_bytes,
                limit=self._settings.max_buffer_bytes,
            )
        if self._settings.overflow == "wait" and not waits:
            self.refuse(receipt, part, decisions.DROPPED, lane.spec.path)
            return False
        if self._settings.overflow == "wait":
            enter: Callable[[], None] = partial(self._enter, lane, part, receipt, is_unsafe=is_unsafe)
            if self._telemetry is not None:  # it is called in another task, and the record belongs to this one
                enter = partial(copy_context().run, enter)
            # One caller waits in vain, not each: a request handler must not be held again and again in an outage.
            seconds = 0.0 if lane.is_overflowing else self._settings.overflow_wait_seconds
            if await self.backpressure.wait(lane, size, 1, enter, seconds):
                return True
            lane.is_overflowing = True
            self.refuse(receipt, part, lane.verdict_or(decisions.DROPPED), lane.spec.path)
            return False
        if self._settings.overflow == "drop_newest" or not self._drop_oldest(lane, size):
            self.refuse(receipt, part, decisions.DROPPED, lane.spec.path)
            return False
        self._enter(lane, part, receipt, is_unsafe=is_unsafe)
        return True

    async def put(self, lane: Lane, batch: Batch) -> None:
        """Queue a whole batch, waiting for buffer space as long as it takes.

        Raises:
            ClientClosedError: The client was closed, before or while this waited.
        """
        if self.is_closed:
            raise ClientClosedError("the client is closed; make a new one to send records")
        if self._telemetry is not None and batch.origins is None:
            batch.origins = self._telemetry.origins()
            batch.origins.note()
        if lane.stopped is not None:
            lane.reopen(self._clock.monotonic())
        if lane.stopped is None:
            size = batch.held_bytes
            if not lane.has_waiters and self.backpressure.fits(lane, size, len(batch)):
                self._enter_batch(lane, batch)
                return
            if await self.backpressure.wait(lane, size, len(batch), lambda: self._enter_batch(lane, batch), None):
                return
        self._enter_batch(lane, batch)
        lane.ready.remove(batch)
        self.settle(lane, batch, lane.verdict_or(decisions.DROPPED), in_flight=False)

    def refuse(self, receipt: Receipt, part: bytes, verdict: Verdict, path: str) -> None:
        """Count a record that has its outcome at once."""
        self.ledger.refuse(verdict)
        receipt.settle(verdict)
        if verdict.outcome.is_failure:
            self._failures.report(part, verdict)
            self._note_lost(path, verdict, 1)

    def _enter(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool) -> None:
        self.backpressure.take(lane, len(part) + RECORD_OVERHEAD_BYTES)
        self._add(lane, part, receipt, is_unsafe=is_unsafe)

    def _add(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool) -> None:
        if not lane.builder.parts:
            self._open(lane)
        for batch in lane.builder.add(part, receipt, is_unsafe=is_unsafe):
            self._seal(lane, batch)
        if len(lane.builder.parts) == 1:
            self._open(lane)

    def _open(self, lane: Lane) -> None:
        """Start the linger time and the deadline of a batch with its first record."""
        lane.opened_at = self._clock.monotonic()
        self._wake()

    def _enter_batch(self, lane: Lane, batch: Batch) -> None:
        self.backpressure.take(lane, batch.held_bytes, len(batch))
        lane.opened_at = self._clock.monotonic()
        self._seal(lane, batch)

    def _seal(self, lane: Lane, batch: Batch) -> None:
        batch.generation = self.ledger.admit(len(batch))
        # Records that come just after the loop stalled join a batch that should have been sealed long before; they get
        # their whole time as well.
        opened_at = max(lane.opened_at, self._clock.monotonic() - lane.spec.linger_seconds)
        batch.deadline = opened_at + lane.spec.deadline_seconds
        lane.ready.append(batch)
        self._wake()

    def _drop_oldest(self, lane: Lane, size: int) -> bool:
        """Drop the lane's oldest batches that were never sent until `size` fits; return whether it does."""
        while not self.backpressure.fits(lane, size):
            if not lane.ready:
                self._seal_builder(lane)
            if not lane.ready or lane.ready[0].attempts:
                return False
            self.settle(lane, lane.ready.popleft(), decisions.DROPPED, in_flight=False)
        return True

    def tick(self, now: float) -> None:
        """Seal batches that lingered, make delayed ones ready, settle expired and stopped ones, write due messages.

        Settles a bounded number of records: when an outage ends 400,000 of them at once, other tasks get their turns.
        """
        budget = _MAX_SETTLED_RECORDS
        for lane in self._lanes.values():
            if lane.builder.parts and lane.opened_at + lane.spec.linger_seconds <= now:
                self._seal_builder(lane)
            lane.promote(now)
            if lane.stopped is not None:
                verdict_of = partial(decisions.stopped, verdict=lane.stopped)
                budget = self._settle_some(lane, lane.take_all(), verdict_of, budget)
            else:
                budget = self._settle_some(lane, lane.take_expired(now), decisions.give_up, budget)
        self.log.write(now, self.ledger.queued)

    def _settle_some(
        self, lane: Lane, batches: Iterator[Batch], verdict_of: Callable[[Batch], Verdict], budget: int
    ) -> int:
        """Settle batches until `budget` records are; return what is left of it."""
        while budget > 0 and (batch := next(batches, None)) is not None:
            budget -= len(batch)
            self.settle(lane, batch, verdict_of(batch), in_flight=False)
        return budget

    def next_due(self) -> float:
        """Return the monotonic time of the next `tick` that does something."""
        lanes = min((lane.next_due() for lane in self._lanes.values()), default=float("inf"))
        return min(lanes, self.log.next_due())

    def take(self, free: int) -> tuple[Lane, Batch] | None:
        """Return the batch to send next; the lanes take turns.

        Args:
            free: How many requests may start; a busy lane leaves the last ones to others.
        """
        if self._is_given_up:
            return None
        now = self._clock.monotonic()
        for _ in range(len(self._turns)):
            lane = self._turns[0]
            self._turns.rotate(-1)
            batch = lane.take(now) if has_share(lane.in_flight, 1, free) else None
            if batch is not None:
                lane.in_flight += 1
                self.ledger.launch(len(batch))
                return lane, batch
        return None

    def put_back(self, lane: Lane, batch: Batch, *, due: float) -> None:
        """Queue a batch again whose request ended without an outcome."""
        self.ledger.requeue(len(batch))
        # The body is made again, from the same bytes: kept bodies of batches that wait for a retry would take the space
        # that the requests in flight need.
        self.backpressure.drop_body(batch)
        lane.delay(batch, due)
        self._wake()

    def split(self, lane: Lane, batch: Batch, *, is_too_large: bool = False) -> None:
        """Queue a batch again as two halves."""
        self.ledger.requeue(len(batch))
        self.backpressure.drop_body(batch)
        if is_too_large:
            lane.note_too_large(batch)
        for half in reversed(batch.halves()):
            if is_too_large:
                half.split_from = batch.body_bytes
            lane.insert(half)
        self._wake()

    def settle(
        self,
        lane: Lane,
        batch: Batch,
        verdict: Verdict,
        exceptions: Mapping[int, Verdict] = _NO_EXCEPTIONS,
        *,
        in_flight: bool,
    ) -> None:
        """Give every record of a batch its outcome, and its space back."""
        self.ledger.settle(len(batch), batch.generation, verdict, exceptions, in_flight=in_flight)
        self._failures.tell(batch, verdict, exceptions)
        if self._telemetry is not None:
            seconds = self._clock.monotonic() - (batch.deadline - lane.spec.deadline_seconds)
            self._telemetry.note_settled(lane.spec.path, verdict.outcome.value, seconds)
        if not lane.spec.is_bulk:  # a job reports its own
            for one in exceptions.values():
                self._note_lost(lane.spec.path, one, 1)
            self._note_lost(lane.spec.path, verdict, len(batch) - len(exceptions))
        self.backpressure.release(lane, batch)
        if not lane.held_bytes:
            lane.is_overflowing = False
        self._flushes.look()

    def stop(self, lane: Lane, verdict: Verdict, *, is_final: bool) -> None:
        """Settle everything that is queued in a lane, and what comes, with one verdict; `tick` does it in slices."""
        lane.stop(verdict, self._clock.monotonic(), is_final=is_final)
        self.backpressure.take_back(lane)
        self.backpressure.turn_away(lane, None)
        self._seal_builder(lane)
        self._wake()

    def give_up_some(self) -> bool:
        """Settle a slice of what is queued as given up, and send nothing more; return whether more is left."""
        self.refuse_all()
        self._is_given_up = True
        budget = _MAX_SETTLED_RECORDS
        for lane in self._lanes.values():
            self._seal_builder(lane)
            budget = self._settle_some(lane, lane.take_all(), decisions.give_up, budget)
        return budget <= 0

    def refuse_all(self) -> None:
        """Admit no more records; callers that wait for space get ClientClosedError."""
        self.is_closed = True
        for lane in self._lanes.values():
            self.backpressure.take_back(lane)
            self.backpressure.turn_away(
                lane, ClientClosedError("the client was closed while this record waited for buffer space")
            )

    def note_accepted(self, lane: Lane, batch: Batch) -> None:
        """Note a batch that was accepted."""
        lane.note_accepted(batch)
        self.log.note_accepted(lane.spec.path, self._clock.monotonic())

    def _note_lost(self, path: str, verdict: Verdict, records: int) -> None:
        if records and verdict.outcome.is_failure:
            self.log.note_lost(path, verdict, records)
            self._wake()

    def _seal_builder(self, lane: Lane) -> None:
        for batch in lane.builder.seal():
            self._seal(lane, batch)

    def flush(self) -> "asyncio.Future[None]":
        """Seal every batch; return a future that completes when all records admitted so far have settled."""
        for lane in self._lanes.values():
            self._seal_builder(lane)
        return self._flushes.wait_for(self.ledger.next_generation())
