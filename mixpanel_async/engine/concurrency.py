"""AIMD limit on requests in flight: additive increase, multiplicative decrease."""

from typing import Final

START_CONCURRENCY: Final = 4
_COOLDOWN_SECONDS: Final = 2.0


class Concurrency:
    """Adapts the number of concurrent ingestion requests to the server.

    Args:
        cap: Upper bound.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._allowed = float(min(START_CONCURRENCY, cap))
        self._cut_at = float("-inf")

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return int(self._allowed)

    def note_success(self) -> None:
        """Grow by one for each round of successful requests."""
        self._allowed = min(float(self._cap), self._allowed + 1.0 / self._allowed)

    def note_congestion(self, now: float) -> None:
        """Halve, but only once for requests that were in flight together."""
        if now - self._cut_at >= _COOLDOWN_SECONDS:
            self._allowed = max(1.0, self._allowed / 2)
            self._cut_at = now
