"""The session's pure parts: statuses, Retry-After, back-off, quota, limits."""

import datetime as dt
import email.utils
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import errors
from mixpanel_async.config import Rates
from mixpanel_async.session.errors import error_class, read_error, read_retry_after
from mixpanel_async.session.messages import Request, RetryRule
from mixpanel_async.session.rate_limits import FamilyLimits, Pacer, RollingWindow, family_limits
from mixpanel_async.session.retry import RetryQuota, backoff_seconds, retry_delay

NOW = 1_750_000_000.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, None) for status in (200, 201, 204)],
        *[(status, errors.UnexpectedReplyError) for status in (100, 301, 302, 307, 308, 600)],
        *[(status, errors.BadRequestError) for status in (400, 405, 409, 422)],
        (401, errors.UnauthorizedError),
        (402, errors.PaymentRequiredError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (413, errors.PayloadTooLargeError),
        (429, errors.RateLimitedError),
        *[(status, errors.ServerError) for status in (408, 500, 502, 504, 599)],
        (503, errors.ServiceUnavailableError),
    ],
)
def test_the_table_of_statuses(status: int, kind: type[errors.ApiError] | None) -> None:
    """Each status is a success or exactly one error, and nobody else looks at statuses."""
    assert error_class(status) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"bad thing","status":"error"}', "bad thing"),
        (b'{"message":"bad thing"}', "bad thing"),
        (b"plain words", "plain words"),
        (b"", "no message"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"error":"the secret s3cret is wrong"}', "the secret *** is wrong"),
        (b"x" * 5000, "x" * 1000),
    ],
)
def test_messages(body: bytes, message: str) -> None:
    """An error tells Mixpanel's own words, bounded, without our secrets."""
    error = read_error(400, {"x-request-id": "r-1"}, body, operation="import", now=NOW, secrets=["s3cret"])
    assert error is not None
    assert (error.message, error.status, error.operation, error.request_id) == (message, 400, "import", "r-1")
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("1.5", 1.5),
        (email.utils.format_datetime(dt.datetime.fromtimestamp(NOW + 90, dt.UTC), usegmt=True), 90.0),
        (email.utils.format_datetime(dt.datetime.fromtimestamp(NOW - 90, dt.UTC), usegmt=True), 0.0),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Retry-After is read as seconds and as a date; nonsense counts as missing."""
    assert read_retry_after(header, NOW) == seconds


def lowest(low: float, _high: float) -> float:
    return low


def highest(_low: float, high: float) -> float:
    return high


def test_backoff() -> None:
    """2 s doubling to 60 s, plus 1 to 5 s; Retry-After is a minimum, not a wish."""
    low = [backoff_seconds(attempt, lowest) for attempt in range(1, 8)]
    high = [backoff_seconds(attempt, highest) for attempt in range(1, 8)]
    assert low == [3, 5, 9, 17, 33, 61, 61]
    assert high == [7, 9, 13, 21, 37, 65, 65]
    assert backoff_seconds(1, lowest, retry_after=100) == 100
    assert backoff_seconds(10_000, lowest) == 61


def test_quota() -> None:
    """The quota lets a burst through, then no more than time and successes earn."""
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
FAIL = {"status": 500, "operation": "x"}


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
def test_what_is_repeated(error: errors.MixpanelError, repeats_get: bool, repeats_post: bool) -> None:
    """A call that may not run twice is repeated only where nothing was done; a 400 never is."""
    rule = RetryRule()
    assert (retry_delay(error, GET, rule, 1, lowest) is not None) == repeats_get
    assert (retry_delay(error, POST, rule, 1, lowest) is not None) == repeats_post


def test_rules_of_one_call() -> None:
    """A call can have its own count, delay and reasons."""
    error = errors.BadRequestError("?", status=400, operation="x")
    rule = RetryRule(max_retries=3, first_seconds=0.5, on_all_errors=True)
    delays = [retry_delay(error, POST, rule, attempt, lowest) for attempt in range(1, 5)]
    assert delays == [0.5, 1.0, 2.0, None]
    flat = RetryRule(max_retries=2, first_seconds=0.5, is_exponential=False, on_all_errors=True)
    assert [retry_delay(error, POST, flat, attempt, lowest) for attempt in (1, 2)] == [0.5, 0.5]


@given(
    limit=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), max_size=60),
)
def test_no_window_ever_holds_more(limit: int, steps: list[tuple[float, int]]) -> None:
    """Whatever comes when, no rolling minute holds more than the limit, and nothing waits longer than it must."""
    window = RollingWindow(limit, 60.0)
    now = 0.0
    booked: list[tuple[float, int]] = []
    for pause, amount in steps:
        now += pause
        at = window.earliest(now, amount)
        assert at >= now
        window.book(at, amount)
        booked.append((at, min(amount, limit)))
        now = at
    for (start, _), (end, _) in itertools.combinations(booked, 2):
        if end - start < 60.0 - 1e-6:
            assert sum(amount for at, amount in booked if start <= at <= end) <= limit


def test_a_window_lets_go_in_time() -> None:
    """What was booked counts for exactly its minute; a cancelled booking counts not at all."""
    window = RollingWindow(10, 60.0)
    window.book(0.0, 6)
    window.book(10.0, 4)
    assert window.earliest(20.0, 1) == 60.0
    assert window.earliest(20.0, 7) == 70.0
    window.cancel(10.0, 4)
    assert window.earliest(20.0, 4) == 20.0


def test_the_pacer_spreads() -> None:
    """A limit is spread over its time, with a quarter of a second's worth in hand that is part of the limit."""
    pacer = Pacer(60, 59.75)
    times = []
    for _ in range(5):
        at = pacer.earliest(0.0, 1)
        pacer.book(at, 1)
        times.append(at)
    assert times == [0.0, 0.75, 1.75, 2.75, 3.75]


def test_a_pause_holds_a_whole_family() -> None:
    """After a 429 nothing of the family leaves before the pause is over, whatever its windows say."""
    family = FamilyLimits()
    family.pause(30.0)
    assert family.book(10.0, 1, 100) == 30.0
    family.pause(20.0)
    assert family.book(10.0, 1, 100) == 30.0


def test_documented_limits() -> None:
    """By default each family has the limits that Mixpanel documents."""
    families = family_limits(Rates())
    query = families["query"]
    times = [query.book(0.0, 0, 0) for _ in range(61)]
    assert times[59] == 0.0
    assert times[60] == pytest.approx(3636.0)
    export = families["export"]
    assert [export.book(0.0, 0, 0) for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(1.01)]
    assert [families["gdpr"].book(0.0, 0, 0) for _ in range(2)] == [0.0, pytest.approx(1.01)]
    schemas = families["schemas"]
    assert [schemas.book(0.0, 4000, 0), schemas.book(0.0, 1, 0)] == [0.0, pytest.approx(60.6)]
    assert families["app"].book(0.0, 10**9, 10**9) == 0.0
