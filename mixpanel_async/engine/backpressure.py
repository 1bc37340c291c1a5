"""Backpressure: buffer space and the callers waiting for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from mixpanel_async.config import Settings
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.memory_budget import BULK_SHARE, LANE_SHARE, Budget
from mixpanel_async.errors import MixpanelError

_CREDIT_BYTES: Final = 64 * 1024


class _Waiter:
    """A caller that waits for space; the code that frees the space admits it, so that nobody else takes it."""

    __slots__ = ("enter", "future", "lane", "records", "size")

    def __init__(self, lane: Lane, size: int, records: int, enter: Callable[[], None]) -> None:
        self.lane = lane
        self.size = size
        self.records = records
        self.enter = enter
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Backpressure:
    """The memory budget of a client, with a line of waiters for each lane and one for request bodies.

    Args:
        settings: The bounds.
    """

    def __init__(self, settings: Settings) -> None:
        self._budget = Budget(settings)
        self._waiters: dict[Lane, deque[_Waiter]] = {}
        self._body_waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._credited: set[Lane] = set()
        # With a bound on records, every record asks for its own space.
        self._credit_chunk = _CREDIT_BYTES if settings.max_buffer_records is None else 0

    @property
    def held_bytes(self) -> int:
        """Bytes of records and bodies."""
        return self._budget.held_bytes - self._credit_bytes()

    def _credit_bytes(self) -> int:
        return sum(lane.credit for lane in self._credited)

    def fits(self, lane: Lane, size: int, records: int = 1) -> bool:
        """Return whether a lane may hold that much more."""
        share = BULK_SHARE if lane.spec.is_bulk else LANE_SHARE
        return self._budget.fits(lane.held_bytes, size, records, share)

    def lend(self, lane: Lane, size: int) -> bool:
        """Give a lane credit for a record of `size` bytes and, if there is space, for more; return whether it has.

        The caller subtracts the record from `Lane.credit`.
        """
        if lane.has_waiters or lane.stopped is not None:
            return False
        if size <= lane.credit:
            return True
        chunk = max(size, self._credit_chunk)
        if not self.fits(lane, chunk):
            self._take_back_all()
            chunk = size
            if not self.fits(lane, chunk):
                return False
        self.take(lane, chunk)
        lane.credit += chunk
        self._credited.add(lane)
        return True

    def take_back(self, lane: Lane) -> None:
        """End a lane's credit."""
        self._budget.release(lane.credit, 0)
        lane.held_bytes -= lane.credit
        lane.credit = 0
        self._credited.discard(lane)

    def _take_back_all(self) -> None:
        for lane in list(self._credited):
            self.take_back(lane)

    def take(self, lane: Lane, size: int, records: int = 1) -> None:
        """Count admitted records."""
        self._budget.take(size, records)
        lane.held_bytes += size

    def release(self, lane: Lane, batch: Batch) -> None:
        """Count a settled batch out, and admit waiters."""
        self._budget.release(batch.held_bytes, len(batch))
        lane.held_bytes -= batch.held_bytes
        self.drop_body(batch)
        self.admit_waiters()

    async def wait(self, lane: Lane, size: int, records: int, enter: Callable[[], None], seconds: float | None) -> bool:
        """Wait until there is space and `enter` was called; return False on time-out or if the lane was stopped.

        Raises:
            MixpanelError: The error that `turn_away` was called with.
        """
        self._take_back_all()
        waiter = _Waiter(lane, size, records, enter)
        self._waiters.setdefault(lane, deque()).append(waiter)
        lane.has_waiters = True
        asyncio.get_running_loop().call_soon(self.admit_waiters)  # the credit taken back may be enough
        try:
            await asyncio.wait((waiter.future,), timeout=seconds)
        finally:
            if not waiter.future.done():
                self._leave(waiter)
        if not waiter.future.done() or waiter.future.cancelled():
            return False
        waiter.future.result()
        return True

    def _leave(self, waiter: _Waiter) -> None:
        waiters = self._waiters[waiter.lane]
        waiters.remove(waiter)
        if not waiters:
            self._end_line(waiter.lane)
        # One turn of the loop later: callers cancelled together with this one have left by then and are not admitted.
        asyncio.get_running_loop().call_soon(self.admit_waiters)

    def _end_line(self, lane: Lane) -> None:
        del self._waiters[lane]
        lane.has_waiters = False

    def admit_waiters(self) -> None:
        """Admit the waiters that fit now, in their order; bodies come first, because sending them frees space."""
        while self._body_waiters and self._budget.body_fits(self._body_waiters[0][0]):
            size, future = self._body_waiters.popleft()
            if not future.done():
                self._budget.body_bytes += size
                future.set_result(None)
        for lane, waiters in list(self._waiters.items()):
            while waiters and self.fits(lane, waiters[0].size, waiters[0].records):
                waiter = waiters.popleft()
                waiter.enter()
                waiter.future.set_result(None)
            if not waiters:
                self._end_line(lane)

    def turn_away(self, lane: Lane, error: MixpanelError | None) -> None:
        """End a lane's line: its waiters get the error; without an error their wait returns False."""
        waiters = self._waiters.get(lane)
        if waiters is None:
            return
        self._end_line(lane)
        for waiter in waiters:
            if error is None:
                waiter.future.cancel()
            else:
                waiter.future.set_exception(error)
                waiter.future.exception()  # marks it as retrieved, also if the waiter was cancelled meanwhile

    async def reserve_body(self, batch: Batch) -> int:
        """Wait until there is space for the batch's body; return the bytes reserved for it."""
        size = self._budget.body_bound(batch.body_bytes)
        if not self._body_waiters and self._budget.body_fits(size):
            self._budget.body_bytes += size
            return size
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._body_waiters.append((size, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.trim_body(size, 0)
            raise
        return size

    def trim_body(self, reserved: int, size: int) -> None:
        """Give back the reserved bytes that a body did not need."""
        self._budget.body_bytes -= reserved - size
        self.admit_waiters()

    def drop_body(self, batch: Batch) -> None:
        """Drop a batch's body and free its space."""
        if batch.body is not None:
            self._budget.body_bytes -= len(batch.body)
            batch.body = None
            self.admit_waiters()
