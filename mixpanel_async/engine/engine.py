"""Public face of the engine and its root task: offer, admit, flush, aclose."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.failure_callback import OnFailure, OnFailures
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.engine.receipts import NotedReceipt, Receipt
from mixpanel_async.engine.sender import Offload, Sender
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.loading import load
from mixpanel_async.models import DeliveryReport, Stats, Verdict
from mixpanel_async.records.tokens import REPLACED
from mixpanel_async.session import Session

_log = logging.getLogger("mixpanel_async")
_ANYIO_BACKEND = "anyio._backends._asyncio"  # anyio imports it on first use
_GRACE_SECONDS = 0.1  # for cancelled requests to end, and again for connections to close
_GRACE_PER_RECORD_SECONDS = 5e-6  # settling takes a fraction of it
_YIELD_MASK = 127


class Engine:
    """Takes records, returns receipts, delivers.

    It starts with the first record and belongs to the event loop that is running then.

    Attributes:
        offer: `Accumulator.offer`.

    Args:
        session: Sends requests; closed with the engine.
        settings: Batching, limits and deadlines.
        clock: Time, sleep and randomness.
        on_failure: Called with the JSON of each record that was not delivered, and its verdict.
        on_failures: Called with those of a batch at once.
        offload: Runs compression; None: on one thread of the engine's own.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        clock: Clock,
        *,
        on_failure: OnFailure | None = None,
        on_failures: OnFailures | None = None,
        offload: Offload | None = None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._executor: ThreadPoolExecutor | None = None
        self._root: asyncio.Task[None] | None = None
        self._owner = session.owner
        self._admissions = 0
        self._closing: asyncio.Task[DeliveryReport] | None = None
        self._accumulator = Accumulator(
            settings, clock, self._wake, (on_failure, on_failures), self._owner, telemetry=session.telemetry
        )
        self.offer = self._accumulator.offer  # not a method here: a call more would cost for every event
        self._sender = Sender(self._accumulator, session, settings, clock, offload or self._on_thread)

    @property
    def is_started(self) -> bool:
        """Whether there is a root task, that is, something to close."""
        return self._root is not None

    @property
    def is_closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._closing is not None

    def lane(self, spec: LaneSpec) -> Lane:
        """Return the lane of a spec."""
        return self._accumulator.lane(spec)

    async def admit(
        self,
        lane: Lane,
        part: bytes,
        *,
        key: bytes | None = None,
        is_unsafe: bool = False,
        replaced_token: str = "",
        waits: bool = True,
    ) -> Receipt:
        """Queue a record; wait if the buffer is full, and otherwise for one turn of the loop now and then.

        Args:
            lane: The lane of its endpoint.
            part: Its JSON.
            key: Its dedupe key; None if no other record can be equal.
            is_unsafe: Whether it must not be applied twice.
            replaced_token: Name of the field whose token was replaced by the client's, if one was.
            waits: Whether this may wait; if not, it never suspends, and a full buffer drops the record.

        Raises:
            BufferFullError: The buffer is full and the policy is to raise.
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        self.check_loop()
        receipt = NotedReceipt.of(self._owner, replaced_token, REPLACED) if replaced_token else Receipt(self._owner)
        await self._accumulator.admit(lane, part, receipt, key=key, is_unsafe=is_unsafe, waits=waits)
        self._admissions += 1
        if replaced_token:
            self.note_replaced_tokens(lane.spec.path, 1)
        if waits and (key is None or not self._admissions & _YIELD_MASK):
            await asyncio.sleep(0)  # a caller in a tight loop never waits: other tasks need a turn
        return receipt

    async def refuse(self, part: bytes, verdict: Verdict, path: str) -> Receipt:
        """Count a record that failed validation; return its receipt, settled."""
        self.check_loop()
        if self._accumulator.is_closed:
            raise ClientClosedError("the client is closed; make a new one to send records")
        receipt = Receipt(self._owner)
        self._accumulator.refuse(receipt, part, verdict, path)
        return receipt

    def note_replaced_tokens(self, path: str, records: int) -> None:
        """Count records whose own token was replaced by the client's; the log says so once a minute."""
        self._accumulator.note_replaced_tokens(path, records)

    async def put(self, lane: Lane, batch: Batch) -> None:
        """Queue a whole batch, waiting for buffer space as long as it takes.

        Raises:
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another loop, thread or process.
        """
        self.check_loop()
        await self._accumulator.put(lane, batch)

    def stats(self, repaired_texts: int = 0) -> Stats:
        """Return a snapshot of all counters; `repaired_texts` were counted before the records came here."""
        ledger, counts, unsealed = self._accumulator.ledger, self._session.counts, self._accumulator.unsealed
        return Stats(
            admitted=ledger.admitted + unsealed,
            outcomes=dict(ledger.outcomes),
            queued=ledger.queued + unsealed,
            in_flight=ledger.in_flight,
            buffered_bytes=self._accumulator.backpressure.held_bytes,
            requests=counts.requests,
            retries=counts.retries,
            sent_bytes=counts.sent_bytes,
            rate_limited=counts.rate_limited,
            replaced_tokens=self._accumulator.replaced_tokens,
            repaired_texts=repaired_texts,
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
        if self._closing is not None and self._closing.done():
            return self._closing.result()
        if self._root is not None:
            self.check_loop()
        self._owner.is_closed = True
        if self._closing is None:
            self._accumulator.refuse_all()
            self._closing = asyncio.create_task(self._close(timeout), name="mixpanel_async.close")
        elif not (await asyncio.wait((self._closing,), timeout=timeout))[0]:
            self._end_root()  # this call has less time than the earlier one
        try:
            return await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            if not self._closing.done():
                self._end_root()  # the caller was cancelled: queued records get their outcomes now
                with anyio.CancelScope(shield=True):
                    await asyncio.wait((self._closing,), timeout=3 * _GRACE_SECONDS)
            raise

    def check_loop(self) -> None:
        """Start on first use; afterwards refuse every other loop, thread and process.

        Raises:
            WrongLoopError: This is another loop, thread or process, or no loop is running.
            ClientClosedError: This is another loop, and the client was closed.
        """
        self._owner.check()
        if self._root is None and not self._accumulator.is_closed:
            self._root = asyncio.get_running_loop().create_task(self._main(), name="mixpanel_async.engine")

    # --- the root task ---

    async def _main(self) -> None:
        try:
            await load(_ANYIO_BACKEND)
            await self._sender.run()
        except asyncio.CancelledError:
            if self._closing is None:
                self._note_abandoned()
            raise
        except Exception:
            _log.exception("the engine failed; queued records cannot be delivered any more")
        finally:
            await self._give_up_rest()

    def _note_abandoned(self) -> None:
        lost = self._accumulator.ledger.queued + self._accumulator.unsealed + self._sender.cancelled_records
        if not lost:
            return
        _log.warning(
            "%d records are lost: the event loop ended before the client was closed; use `async with` or `aclose()`",
            lost,
        )

    async def _give_up_rest(self) -> None:
        """Settle what is queued, in slices: 400,000 records at once would hold the loop for a tenth of a second."""
        try:
            while self._accumulator.give_up_some():  # noqa: ASYNC110 - not a poll: others get a turn between slices
                await asyncio.sleep(0)
        finally:  # cancelled once more: the rest at once
            while self._accumulator.give_up_some():
                pass
            self._accumulator.log.write_rest()

    def _wake(self) -> None:
        self._sender.wake()

    async def _drain(self, timeout: float | None) -> DeliveryReport:
        mark = self._accumulator.ledger.mark(self._clock.monotonic())
        done = self._accumulator.flush()
        try:
            await asyncio.wait((done,), timeout=timeout)
        finally:
            done.cancel()
        return self._accumulator.ledger.report_since(mark, self._clock.monotonic())

    async def _close(self, timeout: float) -> DeliveryReport:
        mark = self._accumulator.ledger.mark(self._clock.monotonic())
        if self._root is not None:
            await self._drain(timeout)
            self._end_root()
            grace = _GRACE_SECONDS + _GRACE_PER_RECORD_SECONDS * self._accumulator.ledger.queued
            await asyncio.wait((self._root,), timeout=grace)
        else:
            self._accumulator.log.write_rest()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        with anyio.move_on_after(_GRACE_SECONDS):
            await self._session.aclose()
        return self._accumulator.ledger.report_since(mark, self._clock.monotonic())

    def _end_root(self) -> None:
        if self._root is not None:
            self._root.cancel()

    async def _on_thread(self, compress: Callable[[], bytes]) -> bytes:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "mixpanel_async-gzip")
        return await asyncio.get_running_loop().run_in_executor(self._executor, compress)
