"""Rolling windows: how much was let in within the last so many seconds, to the last record."""

from collections import deque


class RateWindow:
    """Adds up amounts over a span of time that ends now.

    Args:
        span_seconds: Length of the window; an amount leaves it exactly this long after it came.
    """

    def __init__(self, span_seconds: float) -> None:
        self._span_seconds = span_seconds
        self._entries: deque[tuple[float, int]] = deque()
        self._total = 0

    def wait_seconds(self, now: float, amount: int, limit: int | None) -> float:
        """Say how long an amount has to wait until it fits.

        Args:
            now: Monotonic seconds.
            amount: What is to be let in.
            limit: What the window may hold; None lets everything in.

        Returns:
            Seconds until the amount fits, 0.0 if it fits now. An amount above the limit itself never fits and is
            always told to wait the whole span.
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
        """Count an amount that was let in.

        Args:
            now: Monotonic seconds.
            amount: What was let in.
        """
        self._entries.append((now, amount))
        self._total += amount

    def _expire(self, now: float) -> None:
        while self._entries and self._entries[0][0] + self._span_seconds <= now:
            self._total -= self._entries.popleft()[1]
