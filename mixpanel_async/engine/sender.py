"""Sends the batches that are due, and carries out what `decisions.decide` returns."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import anyio
import msgspec
from anyio.abc import TaskGroup

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine import decisions
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import Batch, Bisection
from mixpanel_async.engine.body import gzip_body, join_body
from mixpanel_async.engine.concurrency import Concurrency
from mixpanel_async.engine.decisions import Bisect, Decision, Retry, Settle, Split, Stop
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import MixpanelError, RateLimitedError, TransportError, UsageError
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.redaction import printable
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_log = logging.getLogger("mixpanel_async")
_MIN_TIMEOUT_SECONDS: Final = 0.05  # a request that has its permit is sent even if its deadline is a moment away
# While a server asks to wait, a request goes out this often all the same: the header may have been a proxy's mistake.
_PROBE_SECONDS: Final = 60.0
Offload: TypeAlias = Callable[[Callable[[], bytes]], Awaitable[bytes]]


class Sender:
    """Keeps as many requests in flight as there is work, buffer space and permission for.

    Args:
        accumulator: Holds the batches.
        session: Sends requests.
        settings: Concurrency and compression.
        clock: Time and randomness.
        offload: Runs compression off the loop.

    Attributes:
        cancelled_records: Records whose request was cancelled with the sender.
    """

    def __init__(
        self, accumulator: Accumulator, session: Session, settings: Settings, clock: Clock, offload: Offload
    ) -> None:
        self._accumulator = accumulator
        self._session = session
        self._settings = settings
        self._clock = clock
        self._offload = offload
        self._concurrency = Concurrency(settings.max_concurrency)
        self._active = 0
        self._wake = asyncio.Event()
        self.cancelled_records = 0

    def wake(self) -> None:
        """Look again at what is due."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; every batch in flight then gets its outcome."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._wake.clear()
                self._accumulator.tick(self._clock.monotonic())
                self._start(tasks)
                await self._clock.wait(self._wake, self._accumulator.next_due() - self._clock.monotonic())

    def _start(self, tasks: TaskGroup) -> None:
        while (free := self._concurrency.allowed - self._active) > 0:
            taken = self._accumulator.take(free)
            if taken is None:
                return
            self._active += 1
            tasks.start_soon(self._deliver, *taken)

    async def _deliver(self, lane: Lane, batch: Batch) -> None:
        """Send a batch once; in any case it leaves with an outcome or goes back into its lane."""
        error = None
        try:
            if self._settings.is_sending:
                status, body, error = await self._attempt(lane, batch)
                is_bulk = lane.spec.is_bulk
                decision = decisions.decide(lane.spec.path, batch, body, error, status=status, is_bulk=is_bulk)
            else:
                decision = await self._withhold(lane, batch)
        except asyncio.CancelledError:
            self.cancelled_records += len(batch)
            self._accumulator.settle(lane, batch, decisions.give_up(batch), in_flight=True)
            raise
        except Exception as problem:
            _log.exception("delivery to %s failed in an unexpected way", lane.spec.path)
            verdict = Verdict(Outcome.UNKNOWN, "internal", "", f"{type(problem).__name__}: {problem}")
            self._accumulator.settle(lane, batch, verdict, in_flight=True)
        else:
            self._carry_out(lane, batch, decision, error)
        finally:
            self._active -= 1
            lane.in_flight -= 1
            self._wake.set()

    async def _attempt(self, lane: Lane, batch: Batch) -> tuple[int, bytes, MixpanelError | None]:
        """Send a batch once; return the reply's status and body, and the error of the status table or the transport.

        Without a reply, they are 0 and empty.
        """
        await self._make_body(lane, batch)
        permit = self._session.governor.permit(
            "ingestion",
            operation=lane.operation,
            records=len(batch),
            body_bytes=batch.body_bytes,
            max_wait=self._time_left(batch),
            is_bulk=lane.spec.is_bulk,
        )
        try:
            async with permit:
                batch.attempts += 1
                timeout = min(self._settings.total_timeout_seconds, max(_MIN_TIMEOUT_SECONDS, self._time_left(batch)))
                request = lane.request(batch, batch.body or b"", timeout)
                reply = await self._session.attempt(
                    request,
                    resends=batch.attempts - 1,
                    on_sent=lambda: _note_sent(batch),
                    origins=batch.origins,
                )
        except MixpanelError as error:
            return 0, b"", error
        return reply.status, reply.body, self._session.error_of(reply, lane.operation)

    async def _withhold(self, lane: Lane, batch: Batch) -> Decision:
        """Print a batch if the settings say so; send nothing."""
        if not self._settings.enabled:
            return Settle(decisions.DISABLED, {})
        lines = [self._session.redacted(part.decode(errors="replace")) for part in batch.parts]
        text = "".join(f"POST {lane.spec.path} {line}\n" for line in lines)
        await asyncio.to_thread(sys.stdout.write, text)
        return Settle(decisions.DRY_RUN, {})

    def _time_left(self, batch: Batch) -> float:
        return max(0.0, batch.deadline - self._clock.monotonic())

    async def _make_body(self, lane: Lane, batch: Batch) -> None:
        if batch.body is not None:
            return
        reserved = await self._accumulator.backpressure.reserve_body(batch)
        try:
            if lane.spec.is_gzip:
                parts, level = batch.parts, self._settings.gzip_level
                batch.body = await self._offload(lambda: gzip_body(parts, level))
            else:
                batch.body = join_body(batch.parts)
        finally:
            self._accumulator.backpressure.trim_body(reserved, len(batch.body or b""))

    def _carry_out(self, lane: Lane, batch: Batch, decision: Decision, error: MixpanelError | None) -> None:
        batch.is_in_request = False
        if error is None:
            self._session.quota.reward()
            self._concurrency.note_success()
        elif isinstance(error, RateLimitedError) and error.is_own:
            # Its turn would come after its deadline, which it keeps: nothing expires early.
            batch.last_error = error
            self._accumulator.put_back(lane, batch, due=batch.deadline)
            return
        match decision:
            case Settle(verdict, exceptions):
                if verdict.is_delivered:
                    self._note_accepted(lane, batch)
                shown = {index: self._without_secrets(one) for index, one in exceptions.items()}
                self._settle(lane, batch, self._without_secrets(verdict), shown)
            case Split():
                self._accumulator.split(lane, batch, is_too_large=True)
            case Bisect(verdict):
                self._bisect(lane, batch, self._without_secrets(verdict))
            case Stop(cause, verdict):
                _log.error("%s: every record for this endpoint is refused: %s", lane.spec.path, cause)
                self._accumulator.settle(lane, batch, decisions.stopped(batch, verdict), in_flight=True)
                self._accumulator.stop(lane, verdict, is_final=isinstance(cause, UsageError))
            case Retry() as retry:
                self._retry(lane, batch, retry)

    def _note_accepted(self, lane: Lane, batch: Batch) -> None:
        if batch.bisection is not None:
            batch.bisection.note_good()
        self._accumulator.note_accepted(lane, batch)

    def _without_secrets(self, verdict: Verdict) -> Verdict:
        """Return a verdict without the secrets and control characters in the server's words."""
        if not (verdict.message or verdict.field):
            return verdict
        field, message = printable(verdict.field), printable(self._session.redacted(verdict.message))
        return msgspec.structs.replace(verdict, field=field, message=message)

    def _settle(self, lane: Lane, batch: Batch, verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        self._end_bisection(lane, batch)
        self._accumulator.settle(lane, batch, verdict, exceptions, in_flight=True)

    def _bisect(self, lane: Lane, batch: Batch, verdict: Verdict) -> None:
        """Find the records for which a whole request was refused, so that they cost no other record."""
        faults = batch.tickets.find_faults(batch.parts, verdict)
        if faults:
            self._settle_faults(lane, batch, verdict, faults)
            return
        search = batch.bisection or Bisection(is_short=lane.refuses_all)
        if search.requests_left <= 1:
            if search.is_undecided(batch):
                # The rest may still be accepted; then it is this part that has a bad record.
                # A part that is sent again is a retry like any other.
                now = self._clock.monotonic()
                delay = self._paid(batch, backoff_seconds(batch.attempts, self._clock.uniform), now)
                self._accumulator.put_back(lane, batch, due=min(now + delay, batch.deadline))
            else:
                self._settle(lane, batch, decisions.stopped(batch, verdict), {})
            return
        batch.bisection = search
        search.requests_left -= 2
        search.open_parts += 1
        self._accumulator.split(lane, batch)

    def _end_bisection(self, lane: Lane, batch: Batch) -> None:
        search = batch.bisection
        if search is None:
            return
        search.open_parts -= 1
        if not search.open_parts:
            lane.refuses_all = not search.has_good

    def _settle_faults(self, lane: Lane, batch: Batch, verdict: Verdict, faults: Mapping[int, Verdict]) -> None:
        """Settle the records that their maker finds fault with; the others are sent again."""
        self._accumulator.backpressure.drop_body(batch)
        bad, good = sorted(faults), decisions.without(batch, frozenset(faults))
        own = {new: faults[old] for new, old in enumerate(bad)}
        self._accumulator.settle(lane, batch.select(bad), verdict, own, in_flight=True)
        if good:
            self._accumulator.put_back(lane, batch.select(good), due=self._clock.monotonic())

    def _retry(self, lane: Lane, batch: Batch, retry: Retry) -> None:
        now = self._clock.monotonic()
        batch.last_error = retry.error
        batch.mismatches += isinstance(retry.error, decisions.MismatchError)
        batch.foreign_replies += retry.is_foreign
        batch.split_from = None  # what is accepted after a wait says nothing about the size that was refused before
        if not _is_stale(batch, retry):  # nothing fails: servers close idle connections all the time
            self._accumulator.log.note_failed(lane.spec.path, self._session.redacted(str(retry.error)), now)
        if retry.is_congestion:
            self._concurrency.note_congestion(now)
        if retry.is_ambiguous and batch.unsafe and not self._settings.replay_unsafe_updates:
            rest = self._settle_unsafe(lane, batch, retry.error)
            if rest is None:
                return
            batch = rest
        batch.is_ambiguous = batch.is_ambiguous or retry.is_ambiguous
        delay = self._delay(batch, retry, now)
        # What cannot be sent again before its deadline waits for it: nothing expires early.
        due = min(now + delay, batch.deadline)
        _log.info("%s: retry of %d records in %.1f s: %s", lane.spec.path, len(batch), due - now, retry.error)
        self._accumulator.put_back(lane, batch, due=due)

    def _delay(self, batch: Batch, retry: Retry, now: float) -> float:
        if _is_stale(batch, retry):
            return 0.0  # the server closed an idle connection: a new one works, and nothing is overloaded
        retry_after = None if retry.retry_after is None else min(retry.retry_after, _PROBE_SECONDS)
        delay = backoff_seconds(batch.attempts, self._clock.uniform, retry_after=retry_after)
        if retry.is_pause:
            self._session.governor.pause("ingestion", delay)
            return delay
        return self._paid(batch, delay, now)

    def _paid(self, batch: Batch, delay: float, now: float) -> float:
        """Return a delay, longer where the retry quota has no token yet for the retry; `inf` if it has none in time."""
        return delay + self._session.quota.reserve(now, max_wait=batch.deadline - now - delay)

    def _settle_unsafe(self, lane: Lane, batch: Batch, error: MixpanelError) -> Batch | None:
        """Settle the updates that must not be applied twice as UNKNOWN; return a batch of the others, if any."""
        verdict = decisions.lost_answer(error)
        others = decisions.without(batch, batch.unsafe)
        if not others:
            self._settle(lane, batch, verdict, {})
            return None
        self._accumulator.backpressure.drop_body(batch)
        self._accumulator.settle(lane, batch.select(sorted(batch.unsafe)), verdict, in_flight=True)
        return batch.select(others)


def _is_stale(batch: Batch, retry: Retry) -> bool:
    """Return whether the first attempt met an idle connection that the server had closed."""
    return isinstance(retry.error, TransportError) and retry.error.is_stale and batch.attempts == 1


def _note_sent(batch: Batch) -> None:
    batch.is_in_request = True
