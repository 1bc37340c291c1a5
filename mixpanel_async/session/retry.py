"""Backoff, the retry quota and the one retry loop."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

from mixpanel_async import limits
from mixpanel_async.clock import Clock
from mixpanel_async.errors import (
    ApiError,
    MixpanelError,
    RateLimitedError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)
from mixpanel_async.session.messages import Request, RetryRule

_log = logging.getLogger("mixpanel_async")
Uniform: TypeAlias = Callable[[float, float], float]
# (error, attempts so far) -> seconds to wait before the next attempt, or None to give up.
DelayAfter: TypeAlias = Callable[[MixpanelError, int], float | None]


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
    if attempt > (rule.max_retries or 0) or not (rule.on_all_errors or _is_safe(error, request)):
        return None
    if isinstance(error, TransportError) and error.is_stale and attempt == 1:
        return 0.0  # a new connection works; nothing is overloaded
    retry_after = error.retry_after if isinstance(error, ApiError) else None
    if rule.first_seconds is None:
        return backoff_seconds(attempt, uniform, retry_after=retry_after)
    factor = 2 ** min(attempt - 1, 30) if rule.is_exponential else 1
    return max(rule.first_seconds * factor, retry_after or 0.0)


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


class Attempt:
    """One attempt of a retry loop; its `with` block decides whether another one follows.

    Attributes:
        number: Attempts so far, this one included; counts from 1 again after `note_progress`.
    """

    def __init__(self, number: int, delay_after: DelayAfter) -> None:
        self.number = number
        self.error: MixpanelError | None = None
        self.delay: float | None = None
        self._delay_after = delay_after

    def note_progress(self) -> None:
        """Count attempts from here: what failed before has been overcome."""
        self.number = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, MixpanelError):
            return False
        self.error, self.delay = error, self._delay_after(error, self.number)
        return self.delay is not None


class Retrying:
    """The retry loop of every call that has an answer: `async for attempt in Retrying(...): with attempt: ...`.

    An error in the `with` block leads to another attempt after a delay, or leaves the loop as it is.

    Args:
        operation: The call, for the log.
        clock: Waits.
        delay_after: Decides.
    """

    def __init__(self, operation: str, clock: Clock, delay_after: DelayAfter) -> None:
        self._operation = operation
        self._clock = clock
        self._delay_after = delay_after
        self._attempt: Attempt | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        last = self._attempt
        if last is None:
            self._attempt = Attempt(1, self._delay_after)
            return self._attempt
        if last.delay is None:
            raise StopAsyncIteration
        _log.info("%s: attempt %d failed (%s); retry in %.1f s", self._operation, last.number, last.error, last.delay)
        await self._clock.sleep(last.delay)
        self._attempt = Attempt(last.number + 1, self._delay_after)
        return self._attempt
