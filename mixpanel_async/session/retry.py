"""When to try again: documented back-off, a shared quota. Pure; the clock's readings are handed in."""

from collections.abc import Callable

from mixpanel_async import limits
from mixpanel_async.errors import (
    ApiError,
    MixpanelError,
    RateLimitedError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)
from mixpanel_async.session.messages import Request, RetryRule

Uniform = Callable[[float, float], float]


def backoff_seconds(attempt: int, uniform: Uniform, *, retry_after: float | None = None) -> float:
    """Return the delay before a retry: 2 s doubling to 60 s, plus 1 to 5 s of jitter, never below `retry_after`.

    Args:
        attempt: Tries made so far, from 1.
        uniform: Source of chance, `uniform(low, high)`.
        retry_after: Seconds that the server asked for.

    Reference: https://developer.mixpanel.com/reference/import-events (rate limits)
    """
    base = min(limits.BACKOFF_MAX_SECONDS, limits.BACKOFF_FIRST_SECONDS * 2.0 ** (min(attempt, 30) - 1))
    jitter = uniform(limits.BACKOFF_JITTER_MIN_SECONDS, limits.BACKOFF_JITTER_MAX_SECONDS)
    return max(base + jitter, retry_after or 0.0)


class RetryQuota:
    """A bucket of tokens that every retry of a client is paid from, so that an outage is not answered with a storm.

    Args:
        capacity: Tokens when full.
        per_second: Tokens that come back with time.
        per_success: Tokens that come back with each request that succeeded.
    """

    def __init__(self, capacity: int, *, per_second: float = 1.0, per_success: float = 0.1) -> None:
        self._capacity = float(capacity)
        self._tokens = float(capacity)
        self._per_second = per_second if capacity else 0.0
        self._per_success = per_success if capacity else 0.0
        self._at: float | None = None

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._per_second)
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token if there is one; return whether there was."""
        self._refill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def reserve(self, now: float, *, max_wait: float = float("inf")) -> float:
        """Take one token, now or in advance; return the seconds until it is there.

        One that would come too late is not taken, and the answer is `inf`: an outage must not run into debt for retries
        that are never made.
        """
        self._refill(now)
        missing = max(0.0, 1.0 - self._tokens)
        wait = 0.0 if not missing else missing / self._per_second if self._per_second else float("inf")
        if wait > max_wait or wait == float("inf"):
            return float("inf")
        self._tokens -= 1.0
        return wait

    def reward(self) -> None:
        """Give back what a success earns."""
        self._tokens = min(self._capacity, self._tokens + self._per_success)


def retry_delay(
    error: MixpanelError, request: Request, rule: RetryRule, attempt: int, uniform: Uniform
) -> float | None:
    """Return the seconds after which a call is repeated, or None if it must not be.

    A call that may not run twice is repeated only where the server certainly did nothing: nothing was sent, or the
    answer was 429 or 503.

    Args:
        error: What the last try ended with.
        request: The call.
        rule: How often and how it may be repeated.
        attempt: Tries made so far, from 1.
        uniform: Source of chance.
    """
    if attempt > rule.max_retries or not (rule.on_all_errors or _is_safe(error, request)):
        return None
    retry_after = error.retry_after if isinstance(error, ApiError) else None
    if rule.first_seconds is None:
        return backoff_seconds(attempt, uniform, retry_after=retry_after)
    factor = 2 ** min(attempt - 1, 30) if rule.is_exponential else 1
    return max(min(limits.BACKOFF_MAX_SECONDS, rule.first_seconds * factor), retry_after or 0.0)


def _is_safe(error: MixpanelError, request: Request) -> bool:
    match error:
        case TransportError():
            return not error.sent or request.can_repeat
        case RateLimitedError() | ServiceUnavailableError():
            return True
        case ServerError():
            return request.can_repeat
        case _:
            return False
