"""Rolling windows, the pacer and the governor: which request may leave, and when.

`RollingWindow`, `Pacer` and `FamilyLimits` do no I/O; the caller passes the time. `Governor` waits.
"""

import asyncio
import bisect
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Final, Protocol

from mixpanel_async.clock import Clock
from mixpanel_async.config import Rates
from mixpanel_async.errors import RateLimitedError
from mixpanel_async.session.messages import Family

# A server counts when a request arrives, we when it leaves: the window is longer by this share, so that a request that
# was slow to arrive and a later one that was fast do not meet in one of the server's windows.
_WINDOW_MARGIN: Final = 0.01
_PACER_BURST_SECONDS: Final = 0.25
_MAX_LATE_SECONDS: Final = 0.1  # a caller that wakes later than this books again: others woke late with it


class Limit(Protocol):
    """One limit."""

    def earliest(self, now: float, amount: int) -> float:
        """Return the first time, not before `now`, at which `amount` fits."""

    def book(self, at: float, amount: int) -> None:
        """Count `amount` at the time `at`."""

    def discard(self, at: float, amount: int) -> None:
        """Remove a booking that was never sent; an expired one is left alone."""


class RollingWindow:
    """At most `limit` in any `seconds`, counted exactly.

    An amount above the whole limit passes when the window is empty; otherwise it would wait for ever.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._booked: list[tuple[float, int]] = []
        self._sum = 0

    def earliest(self, now: float, amount: int) -> float:
        """Return the first time, not before `now` or anything booked, at which `amount` fits."""
        self._forget(now)
        at = max(now, self._booked[-1][0]) if self._booked else now
        excess = self._sum + min(amount, self._limit) - self._limit
        for booked_at, booked in self._booked:
            if excess <= 0 and booked_at + self._seconds > at:
                break
            excess -= booked
            at = max(at, booked_at + self._seconds)
            if excess <= 0:
                break
        return at

    def book(self, at: float, amount: int) -> None:
        """Count `amount` at the time `at`."""
        bisect.insort(self._booked, (at, min(amount, self._limit)))
        self._sum += min(amount, self._limit)

    def discard(self, at: float, amount: int) -> None:
        """Remove a booking that was never sent; an expired one is left alone.

        After a stall of the event loop another caller may have dropped the booking as expired before this one woke.
        """
        entry = (at, min(amount, self._limit))
        index = bisect.bisect_left(self._booked, entry)
        if index < len(self._booked) and self._booked[index] == entry:
            del self._booked[index]
            self._sum -= entry[1]

    def _forget(self, now: float) -> None:
        gone = bisect.bisect_right(self._booked, (now - self._seconds, 2**62))
        if gone:
            self._sum -= sum(amount for _, amount in self._booked[:gone])
            del self._booked[:gone]


class Pacer:
    """Spreads `limit` evenly over `seconds`, with a short burst, so that no window ends in a wall.

    The burst is part of the limit: were it on top, the window would hold everything back at its end, and the burst
    would come again with each window.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._per_second = limit / (seconds + _PACER_BURST_SECONDS)
        self._burst_seconds = _PACER_BURST_SECONDS
        self._due = float("-inf")  # when everything booked so far has been paid for

    def earliest(self, now: float, amount: int) -> float:
        """Return the first time, not before `now`, at which the pace allows more."""
        del amount  # paid for afterwards, so that a batch larger than the burst still goes
        return max(now, self._due - self._burst_seconds)

    def book(self, at: float, amount: int) -> None:
        """Count `amount` at the time `at`."""
        self._due = max(self._due, at) + amount / self._per_second

    def discard(self, at: float, amount: int) -> None:
        """Remove a booking that was never sent."""
        del at
        self._due -= amount / self._per_second


class Reservation:
    """One booked request.

    Attributes:
        at: Monotonic time at which the request may leave.
    """

    __slots__ = ("_bookings", "at")

    def __init__(self, at: float, bookings: Sequence[tuple[Limit, int]]) -> None:
        self.at = at
        self._bookings = bookings
        for limit, amount in bookings:
            limit.book(at, amount)

    def cancel(self) -> None:
        """Give the booking back, because the request was not sent; a second call does nothing."""
        bookings, self._bookings = self._bookings, ()
        for limit, amount in bookings:
            limit.discard(self.at, amount)


class FamilyLimits:
    """All limits of one family, and its pause after a 429.

    Args:
        records: Limits on records.
        body_bytes: Limits on uncompressed bytes.
        requests: Limits on requests.
    """

    def __init__(
        self, *, records: Sequence[Limit] = (), body_bytes: Sequence[Limit] = (), requests: Sequence[Limit] = ()
    ) -> None:
        self._limits = (tuple(records), tuple(body_bytes), tuple(requests))
        self.paused_until = float("-inf")

    def reserve(self, now: float, records: int, body_bytes: int) -> Reservation:
        """Book a request for the earliest time at which it may leave."""
        amounts = (records, body_bytes, 1)
        bookings = [(limit, amount) for group, amount in zip(self._limits, amounts, strict=True) for limit in group]
        at = max(now, self.paused_until)
        for limit, amount in bookings:
            at = max(at, limit.earliest(at, amount))
        return Reservation(at, bookings)

    def pause(self, until: float) -> None:
        """Let nothing leave before `until`."""
        self.paused_until = max(self.paused_until, until)


def _window(limit: int | None, seconds: float) -> list[Limit]:
    return [] if limit is None else [RollingWindow(limit, seconds * (1 + _WINDOW_MARGIN))]


def _paced(limit: int | None, seconds: float) -> list[Limit]:
    if limit is None:
        return []
    return [*_window(limit, seconds), Pacer(limit, seconds * (1 + _WINDOW_MARGIN))]


def family_limits(rates: Rates) -> Mapping[Family, FamilyLimits]:
    """Return the limits of each family."""
    return {
        "ingestion": FamilyLimits(
            records=_paced(rates.ingestion_events_per_minute, 60),
            body_bytes=_paced(rates.ingestion_bytes_per_minute, 60),
            requests=_window(rates.ingestion_requests_per_hour, 3600),
        ),
        "query": FamilyLimits(requests=_window(rates.query_per_hour, 3600)),
        "export": FamilyLimits(requests=_window(rates.export_per_hour, 3600) + _window(rates.export_per_second, 1)),
        "schemas": FamilyLimits(
            records=_window(rates.schemas_entities_per_minute, 60), requests=_window(rates.schemas_per_minute, 60)
        ),
        "gdpr": FamilyLimits(requests=_window(rates.gdpr_per_second, 1)),
        "app": FamilyLimits(),
    }


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
        self._bulk_line = asyncio.Lock()

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

        Raises:
            RateLimitedError: It would take longer; `free_at` says when it is worth another try.
        """
        give_up_at = None if max_wait is None else self._clock.monotonic() + max_wait
        place = self._places.get(family)
        if place is not None:
            await self._take_place(place, operation, max_wait)
        try:
            async with self._bulk_line if is_bulk else nullcontext():
                await self._wait_turn(self._limits[family], operation, records, body_bytes, give_up_at)
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

    async def _wait_turn(
        self, family: FamilyLimits, operation: str, records: int, body_bytes: int, give_up_at: float | None
    ) -> None:
        while True:
            now = self._clock.monotonic()
            reservation = family.reserve(now, records, body_bytes)
            at = reservation.at
            if at <= now:
                return
            try:
                self._check_wait(at - now, at, give_up_at, operation)
                await self._clock.sleep(at - now)
            except BaseException:  # a cancelled caller gives its booking back, too
                reservation.cancel()
                raise
            now = self._clock.monotonic()
            if family.paused_until <= now and now - at <= _MAX_LATE_SECONDS:
                return
            # A 429 paused the family meanwhile, or the loop stalled and everyone woke at once: book again.
            reservation.cancel()

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
