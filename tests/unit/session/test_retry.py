"""Back-off, the retry quota, and which errors are retried."""

import pytest

from mixpanel_async import errors
from mixpanel_async.session.messages import Request, RetryRule
from mixpanel_async.session.retry import RetryQuota, backoff_seconds, retry_delay


def lowest(low: float, _high: float) -> float:
    return low


def highest(_low: float, high: float) -> float:
    return high


def test_backoff() -> None:
    """2 s doubling to 60 s, plus 1 to 5 s; Retry-After is a lower bound."""
    low = [backoff_seconds(attempt, lowest) for attempt in range(1, 8)]
    high = [backoff_seconds(attempt, highest) for attempt in range(1, 8)]
    assert low == [3, 5, 9, 17, 33, 61, 61]
    assert high == [7, 9, 13, 21, 37, 65, 65]
    assert backoff_seconds(1, lowest, retry_after=100) == 100
    assert backoff_seconds(10_000, lowest) == 61


def test_quota() -> None:
    """The quota allows a burst, then only what time and successes add."""
    quota = RetryQuota(3)
    assert [quota.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert quota.take(1.0)
    assert not quota.take(1.5)
    for _ in range(6):
        quota.reward()
    assert quota.take(1.5)
    assert [RetryQuota(2).reserve(0.0), RetryQuota(0).reserve(0.0)] == [0.0, float("inf")]
    queued = RetryQuota(1)
    assert [queued.reserve(0.0) for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]


GET = Request(operation="get", method="GET", server="app", path="/")


POST = Request(operation="create", method="POST", server="app", path="/")


@pytest.mark.parametrize(
    ("error", "repeats_get", "repeats_post"),
    [
        (errors.ConnectFailedError("?"), True, True),
        (errors.ConnectionLostError("?", sent=False), True, True),
        (errors.ConnectionLostError("?", sent=True), True, False),
        (errors.RequestTimeoutError("?", sent=True), True, False),
        (errors.RateLimitedError("?", operation="x"), True, True),
        (errors.ServiceUnavailableError("?", status=503, operation="x"), True, True),
        (errors.ServerError("?", status=500, operation="x"), True, False),
        (errors.BadRequestError("?", status=400, operation="x"), False, False),
        (errors.UnauthorizedError("?", status=401, operation="x"), False, False),
    ],
)
def test_what_is_retried(error: errors.MixpanelError, repeats_get: bool, repeats_post: bool) -> None:
    """A call that is not safe to retry is retried only if it had no effect; a 400 never is."""
    rule = RetryRule()
    assert (retry_delay(error, GET, rule, 1, lowest) is not None) == repeats_get
    assert (retry_delay(error, POST, rule, 1, lowest) is not None) == repeats_post


def test_rules_of_one_call() -> None:
    """A call can have its own number of retries, delays and conditions."""
    error = errors.BadRequestError("?", status=400, operation="x")
    rule = RetryRule(max_retries=3, first_seconds=0.5, on_all_errors=True)
    delays = [retry_delay(error, POST, rule, attempt, lowest) for attempt in range(1, 5)]
    assert delays == [0.5, 1.0, 2.0, None]
    flat = RetryRule(max_retries=2, first_seconds=0.5, is_exponential=False, on_all_errors=True)
    assert [retry_delay(error, POST, flat, attempt, lowest) for attempt in (1, 2)] == [0.5, 0.5]
