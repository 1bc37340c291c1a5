"""The status table, the text of errors and Retry-After."""

import datetime as dt
import email.utils

import pytest

from mixpanel_async import errors
from mixpanel_async.session.errors import error_class, read_error, read_retry_after

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
    """Each status is a success or exactly one error."""
    assert error_class(status) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"bad thing","status":"error"}', "bad thing"),
        (b'{"message":"bad thing"}', "bad thing"),
        (b"plain words", "plain words"),
        (b"", "no message"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"error":"the secret s3cret-0123 is wrong"}', "the secret *** is wrong"),
        (b"x" * 5000, "x" * 1000),
    ],
)
def test_messages(body: bytes, message: str) -> None:
    """An error has Mixpanel's own message, limited in length and without secrets."""
    error = read_error(
        400, {"x-request-id": "r-1"}, body, operation="import", now=NOW, max_retry_after=300.0, secrets=["s3cret-0123"]
    )
    assert error is not None
    assert (error.message, error.status, error.operation, error.request_id) == (message, 400, "import", "r-1")
    assert "s3cret-0123" not in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("1.5", 1.5),
        (email.utils.format_datetime(dt.datetime.fromtimestamp(NOW + 90, dt.UTC), usegmt=True), 90.0),
        (email.utils.format_datetime(dt.datetime.fromtimestamp(NOW - 90, dt.UTC), usegmt=True), 0.0),
        ("soon", None),
        ("3600", 300.0),
        ("999999999999", 300.0),
        ("9" * 400, 300.0),
        ("." + "9" * 400, pytest.approx(1.0)),
        (str(int(NOW) + 30), 30.0),
        ("Wed, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999", None),
        ("", None),
        (".", None),
        ("-3", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Retry-After is read as seconds and as a date; nonsense counts as missing; it never raises, and is bounded."""
    assert read_retry_after(header, NOW, 300.0) == seconds


@pytest.mark.parametrize("status", [302, 400, 429, 503])
def test_an_error_carries_no_control_characters(status: int) -> None:
    """The error of a call is shown in terminals and logs: escape sequences of the server's do nothing there."""
    odd = "bad \x1b]0;pwned\x07 \x9b31m\nsecond line"
    headers = {"location": odd} if status == 302 else {}
    error = read_error(
        status, headers, odd.encode(), operation="import", now=NOW, max_retry_after=300.0, secrets=["s3cret-0123"]
    )
    assert error is not None
    assert "bad " in str(error)
    assert str(error).isprintable()
