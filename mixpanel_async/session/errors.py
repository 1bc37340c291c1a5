"""HTTP status -> exception; Retry-After."""

import email.utils
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from mixpanel_async.errors import (
    ApiError,
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    PayloadTooLargeError,
    PaymentRequiredError,
    RateLimitedError,
    ServerError,
    ServiceUnavailableError,
    UnauthorizedError,
    UnexpectedReplyError,
)
from mixpanel_async.redaction import printable, redact

_MAX_MESSAGE_CHARACTERS: Final = 1000
_MAX_DIGITS: Final = 40  # float() of a longer number is infinite
_MIN_UNIX_TIME: Final = 1_000_000_000  # a wait of 31 years is a moment since 2001
_REQUEST_ID_HEADERS: Final = ("x-request-id", "x-mp-request-id", "x-cloud-trace-context")

_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    401: UnauthorizedError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    408: ServerError,
    413: PayloadTooLargeError,
    429: RateLimitedError,
    503: ServiceUnavailableError,
}
_BY_HUNDRED: Final[Mapping[int, type[ApiError] | None]] = {2: None, 4: BadRequestError, 5: ServerError}


class _ErrorBody(msgspec.Struct, frozen=True):
    error: str | None = None
    message: str | None = None


def error_class(status: int) -> type[ApiError] | None:
    """Return the error that a status stands for, or None if it is a success."""
    return _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, UnexpectedReplyError)


def read_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    operation: str,
    now: float,
    max_retry_after: float,
    secrets: Iterable[str],
) -> ApiError | None:
    """Return the error that a reply is, or None if it is a success.

    Args:
        status: HTTP status.
        headers: Header names in lower case.
        body: At most 64 KiB of the body.
        operation: The call, for the message.
        now: Unix time in seconds, to read a Retry-After that is a date.
        max_retry_after: Bound on Retry-After, in seconds.
        secrets: Strings that are replaced wherever the reply repeats them.
    """
    kind = error_class(status)
    if kind is None:
        return None
    message = printable(redact(_read_message(body), secrets)[:_MAX_MESSAGE_CHARACTERS])
    if "location" in headers and kind is UnexpectedReplyError:
        message = f"redirected to {printable(redact(headers['location'], secrets))}; redirects are not followed"
    request_id = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)
    retry_after = read_retry_after(headers.get("retry-after"), now, max_retry_after)
    if kind is RateLimitedError:
        return RateLimitedError(
            message,
            operation=operation,
            request_id=request_id,
            retry_after=retry_after,
            free_at=None if retry_after is None else now + retry_after,
        )
    return kind(message, status=status, operation=operation, request_id=request_id, retry_after=retry_after)


def is_redirect(error: ApiError, headers: Mapping[str, str]) -> bool:
    """Return whether a reply that is an error to most calls is a redirect."""
    return isinstance(error, UnexpectedReplyError) and "location" in headers


def _read_message(body: bytes) -> str:
    try:
        decoded = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", errors="replace").strip() or "no message"
    return decoded.error or decoded.message or body.decode("utf-8", errors="replace").strip()


def read_retry_after(value: str | None, now: float, max_seconds: float) -> float | None:
    """Return the seconds that a Retry-After header asks to wait; None if it cannot be read. Never raises.

    Args:
        value: The header: seconds, an HTTP date, or Unix time in seconds, as some gateways send it.
        now: Unix time in seconds.
        max_seconds: Bound on the result: one invalid header must not stop delivery for days.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        seconds = float(value[:_MAX_DIGITS])
        if seconds >= _MIN_UNIX_TIME:
            seconds -= now
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):  # OverflowError: a year or a zone with twenty digits
            return None
    return min(max(0.0, seconds), max_seconds)
