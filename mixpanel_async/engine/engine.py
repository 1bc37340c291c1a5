"""The engine: owns the root task, and everything in it from the first record to the last outcome."""

import asyncio
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import anyio

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine import decisions
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.failure_callback import OnFailure
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.engine.sender import Offload, Sender
from mixpanel_async.errors import ClientClosedError, WrongLoopError
from mixpanel_async.models import DeliveryReport, Stats, Verdict
from mixpanel_async.session import Session

_log = logging.getLogger("mixpanel_async")
_GRACE_SECONDS = 0.1  # for cancelled requests to end, and again for connections to close
_YIELD_MASK = 127
# Asked for every event. Until 3.11 asking for the loop is a system call; there the thread stands for it, and the loop
# itself is looked at a few hundred events later.
_here: Callable[[], object] = asyncio.get_running_loop if sys.version_info >= (3, 12) else threading.get_ident


class Engine:
    """Takes records, gives receipts, delivers.

    It starts with the first record, in the loop that is running then, and belongs to that loop until it is closed.

    Args:
        session: The way out; closed with the engine.
        settings: How to batch, bound, pace and give up.
        clock: Time, sleep and chance.
        on_failure: Hears of each record that was not delivered, with its JSON.
        offload: Runs compression; None: on one thread of the engine's own.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        clock: Clock,
        *,
        on_failure: OnFailure | None = None,
        offload: Offload | None = None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._executor: ThreadPoolExecutor | None = None
        self._root: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: object = None
        self._pid = 0
        self._admissions = 0
        self._closing: asyncio.Task[DeliveryReport] | None = None
        self._queue = Accumulator(settings, clock, self._wake, on_failure)
        self._sender = Sender(self._queue, session, settings, clock, offload or self._on_thread)

    @property
    def is_started(self) -> bool:
        """Whether there is a root task, that is, something to close."""
        return self._root is not None

    @property
    def is_closed(self) -> bool:
        """Whether records are refused."""
        return self._queue.is_closed

    def lane(self, spec: LaneSpec) -> Lane:
        """Return the lane of a spec."""
        return self._queue.lane(spec)

    def offer(self, lane: Lane, part: bytes) -> Receipt | None:
        """Take a record in if that is possible at once; else None, and `admit` is to be called.

        Raises:
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        if _here() != self._home:
            self.check_loop()
        return self._queue.offer(lane, part)

    async def admit(self, lane: Lane, part: bytes, *, key: bytes | None = None, is_unsafe: bool = False) -> Receipt:
        """Take a record in; waits where the buffer is full, and else now and then for one turn of the loop.

        Raises:
            BufferFullError: There was no room, and the policy is to raise.
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        self.check_loop()
        receipt = Receipt()
        await self._queue.admit(lane, part, receipt, key=key, is_unsafe=is_unsafe)
        self._admissions += 1
        if key is None or not self._admissions & _YIELD_MASK:
            await asyncio.sleep(0)  # a caller that never waits lets the loop turn
        return receipt

    async def refuse(self, part: bytes, verdict: Verdict) -> Receipt:
        """Count a record that local validation refused; return its receipt, settled."""
        self.check_loop()
        if self._queue.is_closed:
            raise ClientClosedError("the client is closed; records made now have nowhere to go")
        receipt = Receipt()
        self._queue.refuse(receipt, part, verdict)
        return receipt

    async def put(self, lane: Lane, batch: Batch) -> None:
        """Take a whole batch in, waiting for room as long as it takes.

        Raises:
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        self.check_loop()
        await self._queue.put(lane, batch)

    def stats(self) -> Stats:
        """Return a snapshot of all counters."""
        ledger, counts, unsealed = self._queue.ledger, self._session.counts, self._queue.unsealed
        return Stats(
            admitted=ledger.admitted + unsealed,
            outcomes=dict(ledger.outcomes),
            queued=ledger.queued + unsealed,
            in_flight=ledger.in_flight,
            buffered_bytes=self._queue.room.held_bytes,
            requests=counts.requests,
            retries=counts.retries,
            sent_bytes=counts.sent_bytes,
            rate_limited=counts.rate_limited,
        )

    async def flush(self, timeout: float | None) -> DeliveryReport:
        """Send what is queued now and wait for its outcomes, `timeout` seconds at most.

        Raises:
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        self.check_loop()
        return await self._drain(timeout)

    async def aclose(self, timeout: float) -> DeliveryReport:
        """Deliver what is left, `timeout` seconds at most; then give the rest its outcomes and close everything.

        Raises:
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        if self._root is not None:
            self.check_loop()
        if self._closing is None:
            self._queue.refuse_all()
            self._closing = asyncio.create_task(self._close(timeout), name="mixpanel_async.close")
        elif not (await asyncio.wait((self._closing,), timeout=timeout))[0]:
            self._end_root()  # this call has less time than the one before it
        try:
            return await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            if not self._closing.done():
                self._end_root()  # the caller has no time left: what is queued gets its outcome now
                with anyio.CancelScope(shield=True):
                    await asyncio.wait((self._closing,), timeout=3 * _GRACE_SECONDS)
            raise

    def check_loop(self) -> None:
        """Start on first use; afterwards refuse every loop, thread and process but the first.

        Raises:
            WrongLoopError: This is another one, or none.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoopError("no event loop is running here; call this from async code") from None
        if loop is self._loop and os.getpid() == self._pid and self._home is not None:
            return
        if self._loop is None:
            self._start(loop)
        elif os.getpid() != self._pid:
            raise WrongLoopError("this client was made before a fork; make a new one in the child process")
        else:
            raise WrongLoopError(
                "this client belongs to another event loop or thread; make one in each loop, or use "
                f"asyncio.run_coroutine_threadsafe (now in thread {threading.current_thread().name!r})"
            )

    # --- the root task ---

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._home = _here()
        self._pid = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget_home, weakref.ref(self)))
        if not self._queue.is_closed:
            self._root = loop.create_task(self._main(), name="mixpanel_async.engine")

    async def _main(self) -> None:
        try:
            await self._sender.run()
        except Exception:
            _log.exception("the engine failed; what is queued cannot be delivered any more")
        finally:
            self._queue.close(lambda batch: decisions.give_up(batch, None))

    def _wake(self) -> None:
        self._sender.wake()

    async def _drain(self, timeout: float | None) -> DeliveryReport:
        mark = self._queue.ledger.mark(self._clock.monotonic())
        done = self._queue.flush()
        try:
            await asyncio.wait((done,), timeout=timeout)
        finally:
            done.cancel()
        return self._queue.ledger.report_since(mark, self._clock.monotonic())

    async def _close(self, timeout: float) -> DeliveryReport:
        mark = self._queue.ledger.mark(self._clock.monotonic())
        if self._root is not None:
            await self._drain(timeout)
            self._end_root()
            await asyncio.wait((self._root,), timeout=_GRACE_SECONDS)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        with anyio.move_on_after(_GRACE_SECONDS):
            await self._session.aclose()
        return self._queue.ledger.report_since(mark, self._clock.monotonic())

    def _end_root(self) -> None:
        if self._root is not None:
            self._root.cancel()

    async def _on_thread(self, compress: Callable[[], bytes]) -> bytes:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "mixpanel_async-gzip")
        return await asyncio.get_running_loop().run_in_executor(self._executor, compress)


def _forget_home(engine: "weakref.ref[Engine]") -> None:
    """Make a child process's copy of an engine look again at where it is."""
    mine = engine()
    if mine is not None:
        mine._home = None  # noqa: SLF001 - the engine's own hook
