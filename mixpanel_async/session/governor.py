"""The governor: waits until a request may leave."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Final

from mixpanel_async.clock import Clock
from mixpanel_async.config import Rates
from mixpanel_async.errors import RateLimitedError
from mixpanel_async.session.messages import Family, OnWait, RateWait
from mixpanel_async.session.rate_limits import FamilyLimits, family_limits

_MAX_LATE_SECONDS: Final = 0.1  # a caller that wakes later than this books again: others woke late with it


class Governor:
    """Grants permits to send, one project for one client.

    Args:
        rates: The project's limits.
        clock: Tells the time and waits.
    """

    def __init__(self, rates: Rates, clock: Clock) -> None:
        self._clock = clock
        self._limits = family_limits(rates)
        self._places: dict[Family, asyncio.Semaphore] = {
            "query": asyncio.Semaphore(rates.query_concurrency),
            "export": asyncio.Semaphore(rates.export_concurrency),
        }
        self._bulk_lines: defaultdict[Family, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def permit(
        self,
        family: Family,
        *,
        operation: str,
        records: int = 0,
        body_bytes: int = 0,
        max_wait: float | None = None,
        is_bulk: bool = False,
        on_wait: OnWait | None = None,
    ) -> AsyncIterator[None]:
        """Wait for the family's turn; the place is held until the block is left.

        Args:
            family: Whose limits count.
            operation: The call, for the error.
            records: Records or entities in the request.
            body_bytes: Uncompressed size of its body.
            max_wait: Seconds to wait at most; None: as long as it takes.
            is_bulk: Whether it is a job's: of those only one at a time has a turn to come, so that what is live waits
                behind one of them and not behind all.
            on_wait: Called when a wait for the turn begins, and with None when it is over.

        Raises:
            RateLimitedError: It would take longer; `free_at` says when it is worth another try.
        """
        give_up_at = None if max_wait is None else self._clock.monotonic() + max_wait
        place = self._places.get(family)
        if place is not None:
            await self._take_place(place, operation, max_wait)
        try:
            async with self._bulk_lines[family] if is_bulk else nullcontext():
                await self._wait_turn(self._limits[family], operation, records, body_bytes, give_up_at, on_wait)
            yield
        finally:
            if place is not None:
                place.release()

    async def _take_place(self, place: asyncio.Semaphore, operation: str, max_wait: float | None) -> None:
        if not place.locked():
            await place.acquire()
            return
        try:
            await asyncio.wait_for(place.acquire(), max_wait)
        except TimeoutError:
            raise RateLimitedError(
                f"all places for calls at once were taken for {max_wait:g} s; wait for some of your own to end",
                operation=operation,
                is_own=True,
            ) from None

    async def _wait_turn(  # noqa: PLR0917 - called in one place
        self,
        family: FamilyLimits,
        operation: str,
        records: int,
        body_bytes: int,
        give_up_at: float | None,
        on_wait: OnWait | None,
    ) -> None:
        while True:
            now = self._clock.monotonic()
            reservation = family.reserve(now, records, body_bytes)
            at = reservation.at
            if at <= now:
                return
            try:
                self._check_wait(at - now, at, give_up_at, operation)
                await self._sleep(at - now, reservation.cause, on_wait)
            except BaseException:  # a cancelled caller gives its booking back, too
                reservation.cancel()
                raise
            now = self._clock.monotonic()
            if family.paused_until <= now and now - at <= _MAX_LATE_SECONDS:
                return
            # A 429 paused the family meanwhile, or the loop stalled and everyone woke at once: book again.
            reservation.cancel()

    async def _sleep(self, seconds: float, cause: str, on_wait: OnWait | None) -> None:
        if on_wait is None:
            await self._clock.sleep(seconds)
            return
        on_wait(RateWait(cause, self._clock.time() + seconds))
        try:
            await self._clock.sleep(seconds)
        finally:
            on_wait(None)

    def _check_wait(self, seconds: float, at: float, give_up_at: float | None, operation: str) -> None:
        if give_up_at is not None and at > give_up_at:
            raise RateLimitedError(
                f"the rate limit allows this call in {seconds:.1f} s, longer than it may wait",
                operation=operation,
                retry_after=seconds,
                free_at=self._clock.time() + seconds,
                is_own=True,
            )

    def pause(self, family: Family, seconds: float) -> None:
        """Let nothing of a family leave for `seconds`, because the server said so."""
        self._limits[family].pause(self._clock.monotonic() + seconds)
