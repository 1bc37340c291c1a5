"""The sender: takes what the queue says is due, sends it, and carries out what `delivery.decide` answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import anyio
import msgspec
from anyio.abc import TaskGroup

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine import decisions
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.body import gzip_body, join_body
from mixpanel_async.engine.concurrency import Concurrency
from mixpanel_async.engine.decisions import Decision, Retry, Settle, Split, Stop
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import MixpanelError, RateLimitedError
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_log = logging.getLogger("mixpanel_async")
_MIN_TIMEOUT_SECONDS: Final = 0.05  # a request that has a permit is not refused a try for being late by a hair
Offload: TypeAlias = Callable[[Callable[[], bytes]], Awaitable[bytes]]


class Sender:
    """Keeps as many requests under way as there is work, room and permission for.

    Args:
        queue: What there is to send.
        session: The way out.
        settings: Concurrency and compression.
        clock: Time and chance.
        offload: Runs compression off the loop.
    """

    def __init__(
        self, queue: Accumulator, session: Session, settings: Settings, clock: Clock, offload: Offload
    ) -> None:
        self._queue = queue
        self._session = session
        self._settings = settings
        self._clock = clock
        self._offload = offload
        self._concurrency = Concurrency(settings.max_concurrency)
        self._under_way = 0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look again at what is due."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; every batch then under way gets its outcome."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._wake.clear()
                self._queue.tick(self._clock.monotonic())
                self._start(tasks)
                await self._clock.wait(self._wake, self._queue.next_due() - self._clock.monotonic())

    def _start(self, tasks: TaskGroup) -> None:
        while (free := self._concurrency.allowed - self._under_way) > 0:
            taken = self._queue.take(free)
            if taken is None:
                return
            self._under_way += 1
            tasks.start_soon(self._deliver, *taken)

    async def _deliver(self, lane: Lane, batch: Batch) -> None:
        """Try a batch once; whatever happens, it leaves with an outcome or back into the queue."""
        try:
            body, error = await self._try(lane, batch)
            decision = decisions.decide(lane.spec.path, batch, body, error)
        except asyncio.CancelledError:
            self._queue.settle(lane, batch, decisions.give_up(batch, None), in_flight=True)
            raise
        except Exception as problem:
            _log.exception("delivery to %s failed in an unexpected way", lane.spec.path)
            verdict = Verdict(Outcome.UNKNOWN, "internal", "", f"{type(problem).__name__}: {problem}")
            self._queue.settle(lane, batch, verdict, in_flight=True)
        else:
            self._carry_out(lane, batch, decision, error)
        finally:
            self._under_way -= 1
            lane.in_flight -= 1
            self._wake.set()

    async def _try(self, lane: Lane, batch: Batch) -> tuple[bytes, MixpanelError | None]:
        """Send a batch once; return the reply's body and what the status table or the transport made of it."""
        body = await self._body(lane, batch)
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
                batch.is_in_request = True
                timeout = min(self._settings.total_timeout_seconds, max(_MIN_TIMEOUT_SECONDS, self._time_left(batch)))
                reply = await self._session.attempt(lane.request(batch, body, timeout), is_retry=batch.attempts > 1)
        except MixpanelError as error:
            return b"", error
        return reply.body, self._session.error_of(reply, lane.operation)

    def _time_left(self, batch: Batch) -> float:
        return max(0.0, batch.deadline - self._clock.monotonic())

    async def _body(self, lane: Lane, batch: Batch) -> bytes:
        if batch.body is None:
            reserved = await self._queue.room.reserve_body(batch)
            try:
                if lane.spec.is_gzip:
                    parts, level = batch.parts, self._settings.gzip_level
                    batch.body = await self._offload(lambda: gzip_body(parts, level))
                else:
                    batch.body = join_body(batch.parts)
            finally:
                self._queue.room.trim_body(reserved, len(batch.body or b""))
        return batch.body

    def _carry_out(self, lane: Lane, batch: Batch, decision: Decision, error: MixpanelError | None) -> None:
        batch.is_in_request = False
        if error is None:
            self._session.quota.reward()
            self._concurrency.note_success()
        elif isinstance(error, RateLimitedError) and error.is_own:
            self._queue.settle(lane, batch, decisions.give_up(batch, error), in_flight=True)
            return
        match decision:
            case Settle(verdict, exceptions):
                shown = {index: self._without_secrets(one) for index, one in exceptions.items()}
                self._settle(lane, batch, self._without_secrets(verdict), shown)
            case Split() if lane.stopped is not None:
                self._queue.settle(lane, batch, decisions.stopped(batch, lane.stopped), in_flight=True)
            case Split():
                self._queue.split(lane, batch)
            case Stop(cause, verdict):
                _log.error("%s: everything for this endpoint is refused: %s", lane.spec.path, cause)
                self._queue.settle(lane, batch, decisions.stopped(batch, verdict), in_flight=True)
                self._queue.stop(lane, verdict)
            case Retry() as retry:
                self._retry(lane, batch, retry)

    def _without_secrets(self, verdict: Verdict) -> Verdict:
        """Return a verdict in which a server that repeats what it was sent tells no secret."""
        message = self._session.redacted(verdict.message) if verdict.message else ""
        return verdict if message == verdict.message else msgspec.structs.replace(verdict, message=message)

    def _settle(self, lane: Lane, batch: Batch, verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Settle a batch; where all were refused for the faults of some, the others wait to be sent again."""
        faults = {} if exceptions else batch.tickets.find_faults(batch.parts, verdict)
        if not faults:
            self._queue.settle(lane, batch, verdict, exceptions, in_flight=True)
            return
        self._queue.room.drop_body(batch)
        bad, good = sorted(faults), decisions.without(batch, frozenset(faults))
        own = {new: faults[old] for new, old in enumerate(bad)}
        self._queue.settle(lane, batch.select(bad), verdict, own, in_flight=True)
        if not good:
            return
        rest = batch.select(good)
        if lane.stopped is None:
            self._queue.put_back(lane, rest, due=self._clock.monotonic())
        else:
            self._queue.settle(lane, rest, decisions.stopped(rest, lane.stopped), in_flight=True)

    def _retry(self, lane: Lane, batch: Batch, retry: Retry) -> None:
        now = self._clock.monotonic()
        batch.mismatches += isinstance(retry.error, decisions.MismatchError)
        if retry.is_congestion:
            self._concurrency.note_congestion(now)
        if retry.is_ambiguous and batch.unsafe and not self._settings.replay_unsafe_updates:
            rest = self._settle_unsafe(lane, batch, retry.error)
            if rest is None:
                return
            batch = rest
        batch.is_ambiguous = batch.is_ambiguous or retry.is_ambiguous
        delay = backoff_seconds(batch.attempts, self._clock.uniform, retry_after=retry.retry_after)
        if retry.is_pause:
            self._session.governor.pause("ingestion", delay)
        elif lane.stopped is None:
            delay += self._session.quota.reserve(now, max_wait=batch.deadline - now - delay)
        if lane.stopped is not None:
            self._queue.settle(lane, batch, decisions.stopped(batch, lane.stopped), in_flight=True)
            return
        if now + delay >= batch.deadline:
            self._queue.settle(lane, batch, decisions.give_up(batch, retry.error), in_flight=True)
            return
        _log.info("%s: %d records again in %.1f s: %s", lane.spec.path, len(batch), delay, retry.error)
        self._queue.put_back(lane, batch, due=now + delay)

    def _settle_unsafe(self, lane: Lane, batch: Batch, error: MixpanelError) -> Batch | None:
        """Settle the updates that must not be applied twice as UNKNOWN; return a batch of the others, if any."""
        verdict = decisions.lost_answer(error)
        others = decisions.without(batch, batch.unsafe)
        if not others:
            self._queue.settle(lane, batch, verdict, in_flight=True)
            return None
        self._queue.room.drop_body(batch)
        self._queue.settle(lane, batch.select(sorted(batch.unsafe)), verdict, in_flight=True)
        return batch.select(others)
