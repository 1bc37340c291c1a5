"""Rolling windows for rate limits, exact to the record."""

from collections import deque


class RateWindow:
    """Sums amounts over a time span that ends now.

    Args:
        span_seconds: Length of the window; an amount leaves it exactly this long after it was recorded.
    """

    def __init__(self, span_seconds: float) -> None:
        self._span_seconds = span_seconds
        self._entries: deque[tuple[float, int]] = deque()
        self._total = 0

    def wait_seconds(self, now: float, amount: int, limit: int | None) -> float:
        """Return how long an amount must wait until it fits.

        Args:
            now: Monotonic seconds.
            amount: The amount of the new request.
            limit: The sum that the window may reach; None for no limit.

        Returns:
            Seconds until the amount fits, 0.0 if it fits now. An amount above the limit never fits and must always
            wait for the whole span.
        """
        self._expire(now)
        if limit is None or self._total + amount <= limit:
            return 0.0
        if amount > limit:
            return self._span_seconds
        total = self._total
        for came, size in self._entries:
            total -= size
            if total + amount <= limit:
                return came + self._span_seconds - now
        return 0.0

    def record(self, now: float, amount: int) -> None:
        """Count an accepted amount at the monotonic time `now`."""
        self._entries.append((now, amount))
        self._total += amount

    def _expire(self, now: float) -> None:
        while self._entries and self._entries[0][0] + self._span_seconds <= now:
            self._total -= self._entries.popleft()[1]
