"""Rolling windows and the pacer: when a request may leave. Nothing here waits; the caller passes the time."""

import bisect
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from mixpanel_async.config import Rates
from mixpanel_async.session.messages import Family

# A server counts when a request arrives, we when it leaves: the window is longer by this share, so that a request that
# was slow to arrive and a later one that was fast do not meet in one of the server's windows.
_WINDOW_MARGIN: Final = 0.01
_PACER_BURST_SECONDS: Final = 0.25
_AMOUNTS: Final = ("records", "bytes", "requests")
_PERIODS: Final = {1: "second", 60: "minute", 3600: "hour"}


class Limit(Protocol):
    """One limit."""

    def earliest(self, now: float, amount: int) -> float:
        """Return the first time, not before `now`, at which `amount` fits."""

    def book(self, at: float, amount: int) -> None:
        """Count `amount` at the time `at`."""

    def discard(self, at: float, amount: int) -> None:
        """Remove a booking that was never sent; an expired one is left alone."""

    def described(self, amounts: str) -> str:
        """Return the limit in words; `amounts` is what it counts."""


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

    def described(self, amounts: str) -> str:
        """Return the limit in words."""
        return _in_words(self._limit, amounts, self._seconds)

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
        self._limit = limit
        self._seconds = seconds
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

    def described(self, amounts: str) -> str:
        """Return the limit in words."""
        return _in_words(self._limit, amounts, self._seconds)


def _in_words(limit: int, amounts: str, seconds: float) -> str:
    period = round(seconds / (1 + _WINDOW_MARGIN))
    return f"{limit:,} {amounts} per {_PERIODS.get(period, f'{period} s')}"


class Reservation:
    """One booked request.

    Attributes:
        at: Monotonic time at which the request may leave.
        cause: What makes it wait until then, in words.
    """

    __slots__ = ("_bookings", "at", "cause")

    def __init__(self, at: float, bookings: Sequence[tuple[Limit, int]], cause: str = "") -> None:
        self.at = at
        self.cause = cause
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
        bookings: list[tuple[Limit, int]] = []
        at = max(now, self.paused_until)
        cause: tuple[Limit, str] | None = None
        for group, amount, amounts in zip(self._limits, (records, body_bytes, 1), _AMOUNTS, strict=True):
            for limit in group:
                bookings.append((limit, amount))
                earliest = limit.earliest(at, amount)
                if earliest > at:
                    at, cause = earliest, (limit, amounts)
        if at <= now:
            return Reservation(at, bookings)
        words = "Mixpanel's 429" if cause is None else cause[0].described(cause[1])
        return Reservation(at, bookings, words)

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
