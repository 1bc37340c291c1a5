"""The exceptions of mixpanel_async: one tree, one root, each carrying its facts as attributes.

Delivery trouble is not raised by `track()`: it is data, on the receipt. What is raised is misuse (`UsageError`) and,
from calls that have an answer, `TransportError` and `ApiError`.
"""

from collections.abc import Sequence
from typing import ClassVar


class MixpanelError(Exception):
    """The root of everything that this package raises.

    Attributes:
        retryable: Whether the same call can succeed later without being changed.
    """

    retryable: ClassVar[bool] = False


# --- misuse -----------------------------------------------------------------------------------------------------------


class UsageError(MixpanelError):
    """The caller did something that cannot work, whatever the network does."""


class InvalidArgumentError(UsageError, ValueError):
    """An argument of a call is invalid or contradicts another one."""


class InvalidSettingError(InvalidArgumentError):
    """A setting of a client or mapping is invalid or contradicts another one."""


class MissingColumnsError(InvalidSettingError):
    """A table lacks columns that its mapping names or needs.

    Attributes:
        missing: The columns that the table lacks; `profile` stands for that of the profile's ID.
        columns: The columns that it has.
    """

    def __init__(self, message: str, *, missing: Sequence[str], columns: Sequence[str]) -> None:
        super().__init__(message)
        self.missing = missing
        self.columns = columns


class MissingCredentialsError(UsageError):
    """The call needs a credential, token or project id that the client was not given."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs an optional dependency: pip install "mixpanel-async[{extra}]"')
        self.extra = extra


class ClientClosedError(UsageError):
    """The client was closed; it takes no more records and makes no more calls."""


class WrongLoopError(UsageError):
    """The client was used from another event loop, thread or process than the one it belongs to."""


class BufferFullError(MixpanelError):
    """The buffer was full, and stayed so for as long as the settings allow `track()` to wait.

    Attributes:
        queued_bytes: Bytes that the buffer held.
        limit: The bound that the lane ran into, in bytes.
    """

    retryable = True

    def __init__(self, message: str, *, queued_bytes: int, limit: int) -> None:
        super().__init__(message)
        self.queued_bytes = queued_bytes
        self.limit = limit


# --- records ----------------------------------------------------------------------------------------------------------


class InvalidRecordError(UsageError, ValueError):
    """A record that Mixpanel would refuse.

    Attributes:
        field: The field at fault, for example `properties.time`; empty if it is the whole record.
        message: What is wrong and what to do.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class CannotEncodeError(InvalidRecordError, TypeError):
    """A record that cannot be written as JSON unchanged: NaN, a key that is not a string, an unknown type."""


class RecordTooLargeError(InvalidRecordError):
    """A record above Mixpanel's size limit.

    Attributes:
        size: Bytes of its JSON.
        limit: Bytes allowed.
    """

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(f"the record is {size:,} bytes of JSON, {limit:,} are allowed; shorten or split it")
        self.size = size
        self.limit = limit


class SourceError(MixpanelError):
    """A source of records cannot be read: missing, of an unknown format, or broken."""


class UnreadableEventError(MixpanelError):
    """A line in the middle of an export is not an event; the export was not truncated, and asking again does not help.

    Attributes:
        line: The line, as Mixpanel sent it.
        number: Number of the line in the reply, from 1; blank lines do not count.
    """

    def __init__(self, message: str, *, line: bytes, number: int) -> None:
        super().__init__(message)
        self.line = line
        self.number = number


class UnreadableProfileError(MixpanelError):
    """A profile of an export cannot be read; asking again does not help.

    Attributes:
        profile: The profile, as Mixpanel sent it.
        page: Number of the page, from 0.
        position: Position on the page, from 1.
        distinct_id: Its `$distinct_id`; None if that cannot be read.
    """

    def __init__(self, message: str, *, profile: bytes, page: int, position: int, distinct_id: str | None) -> None:
        super().__init__(message)
        self.profile, self.page, self.position, self.distinct_id = profile, page, position, distinct_id


class OutputError(MixpanelError):
    """A file that a job writes (dead letters, export, checkpoint) cannot be written."""


# --- the network ------------------------------------------------------------------------------------------------------


class TransportError(MixpanelError):
    """No complete reply arrived.

    Attributes:
        sent: False if it is certain that no part of the request left this machine, else True.
        is_stale: Whether an idle connection from the pool turned out to be closed, before a byte of the reply.
    """

    retryable = True

    def __init__(self, message: str, *, sent: bool, is_stale: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.is_stale = is_stale


class ConnectFailedError(TransportError):
    """The server could not be reached: nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class ConnectionLostError(TransportError):
    """The connection broke before the reply was complete."""


class RequestTimeoutError(TransportError):
    """The reply did not arrive in time."""


class TruncatedReplyError(TransportError):
    """A reply ended before it was complete; what was read of it must not be taken for the whole."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=True)


# --- Mixpanel's answers -----------------------------------------------------------------------------------------------


class ApiError(MixpanelError):
    """Mixpanel answered with an error.

    Attributes:
        status: The HTTP status.
        operation: The call that failed, for example `import` or `query.segmentation`.
        message: Mixpanel's own words, cut at 1,000 characters.
        request_id: Mixpanel's id of the request, if the reply had one.
        retry_after: Seconds that the reply asked to wait, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        operation: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        suffix = f" (request {request_id})" if request_id else ""
        super().__init__(f"{operation}: HTTP {status}: {message}{suffix}")
        self.message = message
        self.status = status
        self.operation = operation
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400, 422 and other 4xx: the request itself is wrong; sending it again changes nothing."""


class AccessRefusedError(ApiError):
    """The credential does not allow this; the command line ends with status 3."""


class UnauthorizedError(AccessRefusedError):
    """401: the credential is missing, wrong or revoked."""


class PaymentRequiredError(AccessRefusedError):
    """402: the project's plan does not include this."""


class ForbiddenError(AccessRefusedError):
    """403: the credential is valid but may not do this."""


class NotFoundError(ApiError):
    """404: no such project, table, pipeline or path."""


class PayloadTooLargeError(ApiError):
    """413: the request body is larger than Mixpanel takes."""


class RateLimitedError(ApiError):
    """429 from Mixpanel, or our own governor refusing to wait longer than the settings allow.

    Attributes:
        free_at: Unix time in seconds at which the call is expected to be possible, or None if unknown.
        is_own: Whether our governor refused, before anything was sent.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        request_id: str | None = None,
        retry_after: float | None = None,
        free_at: float | None = None,
        is_own: bool = False,
    ) -> None:
        super().__init__(message, status=429, operation=operation, request_id=request_id, retry_after=retry_after)
        self.free_at = free_at
        self.is_own = is_own


class ServerError(ApiError):
    """408 or 5xx: Mixpanel could not answer now."""

    retryable = True


class ServiceUnavailableError(ServerError):
    """503: Mixpanel turned the request away before doing anything with it."""


class UnexpectedReplyError(ApiError):
    """A reply that does not fit the operation: a redirect, an unknown status, or a body that cannot be read."""
