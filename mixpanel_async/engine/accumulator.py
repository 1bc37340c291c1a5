"""The queue: admission, memory, waiting, settling. It keeps the books; it sends nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine import decisions
from mixpanel_async.engine.backpressure import Backpressure
from mixpanel_async.engine.batch import COMMA_BYTES, Batch
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.engine.failure_callback import Failures, OnFailure
from mixpanel_async.engine.flush_waiters import Flushes
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.engine.ledger import Ledger
from mixpanel_async.engine.memory_budget import has_share
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import BufferFullError, ClientClosedError
from mixpanel_async.models import Outcome, Verdict

_NO_EXCEPTIONS: Final[Mapping[int, Verdict]] = {}


class Accumulator:
    """All lanes of a client.

    Args:
        settings: Limits and the overflow policy.
        clock: Tells the time.
        wake: Called when there is something new to send or to wait for.
        on_failure: Hears of each record that was not delivered, with its JSON.
    """

    def __init__(
        self, settings: Settings, clock: Clock, wake: Callable[[], None], on_failure: OnFailure | None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wake = wake
        self._lanes: dict[LaneSpec, Lane] = {}
        self._turns: deque[Lane] = deque()
        self.room = Backpressure(settings)
        self._dedupe = DedupeWindow(settings.dedupe_window_records)
        self._failures = Failures(self._dedupe, on_failure)
        self.ledger = Ledger()
        self._flushes = Flushes(self.ledger)
        self.is_closed = False

    def lane(self, spec: LaneSpec) -> Lane:
        """Return the lane of a spec."""
        lane = self._lanes.get(spec)
        if lane is None:
            lane = self._lanes[spec] = Lane(spec)
            self._turns.append(lane)
        return lane

    @property
    def unsealed(self) -> int:
        """Records in batches that are being filled; the ledger counts a batch when it is sealed."""
        return sum(len(lane.builder.parts) for lane in self._lanes.values())

    def offer(self, lane: Lane, part: bytes) -> Receipt | None:
        """Take a record in if the lane's credit and the open batch have room for it; else return None.

        This is the path of nearly every event; everything else is in `admit`.
        """
        builder = lane.builder
        size = len(part)
        body_bytes = builder.body_bytes + size + COMMA_BYTES
        if size > lane.credit or body_bytes > builder.max_bytes:
            return None
        lane.credit -= size
        builder.body_bytes = body_bytes
        receipt = Receipt()
        builder.tickets.append(receipt)
        builder.parts.append(part)
        count = len(builder.parts)
        if count == 1:
            self._open(lane)
        if count >= builder.max_records:
            self._seal_builder(lane)
        return receipt

    async def admit(
        self, lane: Lane, part: bytes, receipt: Receipt, *, key: bytes | None = None, is_unsafe: bool = False
    ) -> None:
        """Take a record in as the overflow policy says; the receipt tells what became of it.

        Args:
            lane: Where it goes.
            part: Its JSON.
            receipt: Settled with its outcome.
            key: What it shares with equal records; None if it cannot have any.
            is_unsafe: Whether it must not be applied twice.

        Raises:
            BufferFullError: There was no room, and the policy is to raise.
            ClientClosedError: The client was closed, before or while this waited.
        """
        if self.is_closed:
            raise ClientClosedError("the client is closed; records made now have nowhere to go")
        if lane.stopped is not None:
            self.refuse(receipt, part, lane.stopped)
        elif key is None:
            await self._admit(lane, part, receipt, is_unsafe=is_unsafe)
        elif self._dedupe.is_new(key):
            try:
                await self._admit(lane, part, receipt, is_unsafe=is_unsafe)
            except BaseException:
                self._dedupe.forget(key)  # it may come again, and must not pass for a duplicate then
                raise
        else:
            self.refuse(receipt, part, decisions.DUPLICATE)

    async def _admit(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool) -> None:
        if self.room.lend(lane, len(part)):
            lane.credit -= len(part)
            self._add(lane, part, receipt, is_unsafe=is_unsafe)
            return
        if self._settings.overflow == "raise":
            raise BufferFullError(
                f"the buffer has no room for {len(part):,} bytes more; raise max_buffer_bytes or slow down",
                queued_bytes=self.room.held_bytes,
                limit=self._settings.max_buffer_bytes,
            )
        if self._settings.overflow == "wait":

            def enter() -> None:
                self._enter(lane, part, receipt, is_unsafe=is_unsafe)

            if not await self.room.wait(lane, len(part), 1, enter, self._settings.overflow_wait_seconds):
                self.refuse(receipt, part, lane.verdict_or(decisions.DROPPED))
        elif self._settings.overflow == "drop_newest" or not self._drop_oldest(lane, len(part)):
            self.refuse(receipt, part, decisions.DROPPED)
        else:
            self._enter(lane, part, receipt, is_unsafe=is_unsafe)

    async def put(self, lane: Lane, batch: Batch) -> None:
        """Take a whole batch in, waiting for room as long as it takes.

        Raises:
            ClientClosedError: The client was closed, before or while this waited.
        """
        if self.is_closed:
            raise ClientClosedError("the client is closed; records made now have nowhere to go")
        if lane.stopped is None:
            size = batch.parts_bytes
            if not lane.has_waiters and self.room.fits(lane, size, len(batch)):
                self._enter_batch(lane, batch)
                return
            if await self.room.wait(lane, size, len(batch), lambda: self._enter_batch(lane, batch), None):
                return
        self._enter_batch(lane, batch)
        lane.ready.remove(batch)
        self.settle(lane, batch, lane.verdict_or(decisions.DROPPED), in_flight=False)

    def refuse(self, receipt: Receipt, part: bytes, verdict: Verdict) -> None:
        """Count a record in and out again: its outcome is clear."""
        self.ledger.refuse(verdict)
        receipt.settle(verdict)
        if verdict.outcome is not Outcome.DUPLICATE:
            self._failures.note((part,), verdict, _NO_EXCEPTIONS)

    def _enter(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool) -> None:
        self.room.take(lane, len(part))
        self._add(lane, part, receipt, is_unsafe=is_unsafe)

    def _add(self, lane: Lane, part: bytes, receipt: Receipt, *, is_unsafe: bool) -> None:
        if not lane.builder.parts:
            self._open(lane)
        for batch in lane.builder.add(part, receipt, is_unsafe=is_unsafe):
            self._seal(lane, batch)
        if len(lane.builder.parts) == 1:
            self._open(lane)

    def _open(self, lane: Lane) -> None:
        """Note when a batch got its first record: its linger time and its deadline begin."""
        lane.opened_at = self._clock.monotonic()
        self._wake()

    def _enter_batch(self, lane: Lane, batch: Batch) -> None:
        self.room.take(lane, batch.parts_bytes, len(batch))
        lane.opened_at = self._clock.monotonic()
        self._seal(lane, batch)

    def _seal(self, lane: Lane, batch: Batch) -> None:
        batch.generation = self.ledger.admit(len(batch))
        batch.deadline = lane.opened_at + lane.spec.deadline_seconds
        lane.ready.append(batch)
        self._wake()

    def _drop_oldest(self, lane: Lane, size: int) -> bool:
        """Give up the lane's oldest batches that were never sent until `size` fits; return whether it does."""
        while not self.room.fits(lane, size):
            if not lane.ready:
                self._seal_builder(lane)
            if not lane.ready or lane.ready[0].attempts:
                return False
            self.settle(lane, lane.ready.popleft(), decisions.DROPPED, in_flight=False)
        return True

    def tick(self, now: float) -> None:
        """Seal what lingered long enough, bring delayed batches back, give up those whose time is over."""
        for lane in self._lanes.values():
            if lane.builder.parts and lane.opened_at + lane.spec.linger_seconds <= now:
                self._seal_builder(lane)
            lane.promote(now)
            for batch in lane.take_expired(now):
                self.settle(lane, batch, decisions.give_up(batch, None), in_flight=False)

    def next_due(self) -> float:
        """Return the monotonic time of the next `tick` that does something."""
        return min((lane.next_due() for lane in self._lanes.values()), default=float("inf"))

    def take(self, free: int) -> tuple[Lane, Batch] | None:
        """Return the batch to send next, the lanes taking turns.

        Args:
            free: How many requests may be begun; a busy lane leaves the last ones to others.
        """
        for _ in range(len(self._turns)):
            lane = self._turns[0]
            self._turns.rotate(-1)
            batch = lane.take() if has_share(lane.in_flight, 1, free) else None
            if batch is not None:
                lane.in_flight += 1
                self.ledger.launch(len(batch))
                return lane, batch
        return None

    def put_back(self, lane: Lane, batch: Batch, *, due: float) -> None:
        """Queue a batch again whose request ended without an outcome."""
        self.ledger.requeue(len(batch))
        # Its body is made again, the same bytes: kept, those that wait for a retry would hold the room that the next
        # ones wait for with every place for a request.
        self.room.drop_body(batch)
        lane.delay(batch, due)
        self._wake()

    def split(self, lane: Lane, batch: Batch) -> None:
        """Queue a batch that was too large as two."""
        self.ledger.requeue(len(batch))
        lane.learn_cap(batch.body_bytes)
        self.room.drop_body(batch)
        for half in reversed(batch.halves()):
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
        """Give every record of a batch its outcome and its room back."""
        self.ledger.settle(len(batch), batch.generation, verdict, exceptions, in_flight=in_flight)
        self._failures.tell(batch, verdict, exceptions)
        self.room.release(lane, batch)
        self._flushes.look()

    def stop(self, lane: Lane, verdict: Verdict) -> None:
        """Settle everything that waits in a lane, and everything that will come, with one verdict."""
        lane.stopped = verdict
        self.room.take_back(lane)
        self.room.turn_away(lane, None)
        self._empty(lane, lambda batch: decisions.stopped(batch, verdict))

    def close(self, verdict_of: Callable[[Batch], Verdict]) -> None:
        """Settle everything that is not in flight, and let nobody in any more."""
        self.refuse_all()
        for lane in self._lanes.values():
            self._empty(lane, verdict_of)

    def refuse_all(self) -> None:
        """Let nobody in any more, those who wait included."""
        self.is_closed = True
        for lane in self._lanes.values():
            self.room.take_back(lane)
            self.room.turn_away(lane, ClientClosedError("the client was closed while this record waited for room"))

    def _empty(self, lane: Lane, verdict_of: Callable[[Batch], Verdict]) -> None:
        self._seal_builder(lane)
        for batch in lane.take_all():
            self.settle(lane, batch, verdict_of(batch), in_flight=False)

    def _seal_builder(self, lane: Lane) -> None:
        for batch in lane.builder.seal():
            self._seal(lane, batch)

    def flush(self) -> "asyncio.Future[None]":
        """Seal every batch; return a future that is done when all that was admitted before has settled."""
        for lane in self._lanes.values():
            self._seal_builder(lane)
        return self._flushes.wait_for(self.ledger.next_generation())
