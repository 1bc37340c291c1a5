"""How many ingestion requests may be under way at once. Pure; additive increase, multiplicative decrease."""

from typing import Final

START_CONCURRENCY: Final = 4
_COOLDOWN_SECONDS: Final = 2.0


class Concurrency:
    """Adapts to what the server takes.

    Args:
        cap: Never more than this at once.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._allowed = float(min(START_CONCURRENCY, cap))
        self._cut_at = float("-inf")

    @property
    def allowed(self) -> int:
        """Requests that may be under way now."""
        return int(self._allowed)

    def note_success(self) -> None:
        """Grow by one for each round of successes."""
        self._allowed = min(float(self._cap), self._allowed + 1.0 / self._allowed)

    def note_congestion(self, now: float) -> None:
        """Halve, but once only for requests that were under way together."""
        if now - self._cut_at >= _COOLDOWN_SECONDS:
            self._allowed = max(1.0, self._allowed / 2)
            self._cut_at = now
