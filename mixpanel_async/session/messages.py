"""What goes in at the session's one door and what comes out of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from mixpanel_async.auth import Credential
from mixpanel_async.config import Server

Family: TypeAlias = Literal["ingestion", "query", "export", "schemas", "gdpr", "app"]
# Families whose paths contain no id; those of the others do.
_FIXED_PATHS: Final = frozenset({"ingestion", "query", "export"})
MAX_REPLY_BYTES: Final = 512 * 1024 * 1024


class RateWait(msgspec.Struct, frozen=True):
    """A wait for a rate limit.

    Attributes:
        limit: The limit in words, such as `60 requests per hour`.
        until: Unix time in seconds at which the request may leave.
    """

    limit: str
    until: float


# Called when a wait begins, and with None when it is over.
OnWait: TypeAlias = Callable[[RateWait | None], None]


class RetryRule(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how a call is repeated.

    Attributes:
        max_retries: Tries after the first; None: the client's number.
        first_seconds: Delay before the first retry; None: the documented 2 s with jitter.
        is_exponential: Whether the delay doubles from try to try.
        on_all_errors: Repeat whatever the error is, also where repeating may apply a change twice.
    """

    max_retries: int | None = 4
    first_seconds: float | None = None
    is_exponential: bool = True
    on_all_errors: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, before URL, credentials and rate limiting. Its repr shows no header, query or body.

    Attributes:
        operation: Its name in errors and logs.
        method: HTTP method.
        server: Which of Mixpanel's four servers.
        path: Path on it, or an absolute http(s) URL, which replaces the server.
        query: Query parameters in their order; never shown in logs or errors.
        headers: Further headers.
        body: The body, ready to be sent.
        content_type: Its media type.
        is_authorized: Whether the client's credentials are sent along.
        credential: Sent instead of the client's.
        takes_token: Whether the project token is a credential for it, which errors then say.
        has_project: Whether `project_id` is added from the client where `query` has none.
        has_workspace: The same for `workspace_id`.
        family: Whose rate limits it counts in.
        records: Records or entities in it, for those limits.
        body_bytes: Uncompressed size of the body, for those limits; None: the body's own size.
        timeout_seconds: For each try; None: the settings' value for its family.
        idle_timeout_seconds: Longest wait for the next bytes of the reply. Without `timeout_seconds`, it stands in for
            a timeout of the whole reply, which may then take as long as it arrives.
        is_repeatable: Whether sending it twice is the same as once; None: if the method is GET, HEAD, PUT or DELETE.
        is_redirect_wanted: Whether a redirect is the answer that was asked for; it is returned, and not followed.
        is_rejection_wanted: Whether a reply with status 400 is returned, because it says which records were refused.
        retry: Replaces the client's rule.
        max_reply_bytes: Bound on the inflated body of a good reply.
        max_wait_seconds: Longest wait for its rate limits, `inf` for as long as it takes; None: the settings' value.
        is_bulk: Whether it is a job's, which leaves the next turn to calls that come meanwhile.
        on_wait: Called when a wait for its rate limits begins, and with None when it is over.
    """

    operation: str
    method: str
    server: Server
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    content_type: str | None = None
    is_authorized: bool = True
    credential: Credential | None = None
    takes_token: bool = False
    has_project: bool = False
    has_workspace: bool = False
    family: Family = "app"
    records: int = 0
    body_bytes: int | None = None
    timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    is_repeatable: bool | None = None
    is_redirect_wanted: bool = False
    is_rejection_wanted: bool = False
    retry: RetryRule | None = None
    max_reply_bytes: int = MAX_REPLY_BYTES
    max_wait_seconds: float | None = None
    is_bulk: bool = False
    on_wait: OnWait | None = None

    def __repr__(self) -> str:
        return f"Request({self.operation}: {self.method} {self.path.partition('?')[0]})"

    @property
    def template(self) -> str | None:
        """Its path, if that is the same for every request of its operation; else None."""
        is_fixed = self.family in _FIXED_PATHS and not self.operation.startswith("request")
        return self.path if is_fixed else None

    @property
    def can_repeat(self) -> bool:
        """Whether sending the request twice is the same as sending it once."""
        if self.is_repeatable is not None:
            return self.is_repeatable
        return self.method.upper() in {"GET", "HEAD", "PUT", "DELETE"}


class Reply(msgspec.Struct, frozen=True):
    """A complete reply, its body decompressed. Its repr shows neither headers nor body.

    Attributes:
        status: HTTP status.
        headers: Header names in lower case.
        body: The body; of an error at most 64 KiB.
        is_framed: Whether a length or chunks marked the end of the body, so that a truncated one would have been
            noticed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_framed: bool = True

    def __repr__(self) -> str:
        return f"Reply(HTTP {self.status}, {len(self.body)} bytes)"


def is_framed(headers: Mapping[str, str]) -> bool:
    """Return whether a length or chunks mark the end of a body, so that a truncated body is noticed.

    Args:
        headers: Headers of the reply, their names in lower case.
    """
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


class WireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is sent: with URL, credentials and all headers.

    Its repr shows no header, query or body: frames that hold it end up in error reports.

    Attributes:
        on_sent: Called when the first bytes of the request may have left this machine.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout_seconds: float | None
    max_reply_bytes: int = MAX_REPLY_BYTES
    idle_timeout_seconds: float | None = None
    on_sent: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"WireRequest({self.method} {self.url.partition('?')[0]})"


class StreamReply(Protocol):
    """A reply whose body has not been read yet."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case."""

    @property
    def is_framed(self) -> bool:
        """Whether a length or chunks mark the end of the body, so that a truncated body is noticed."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, not inflated."""

    async def read_error(self) -> bytes:
        """Return the first 64 KiB of the inflated body."""


class Transport(Protocol):
    """Carries bytes to a server and back; decides nothing.

    A transport with an attribute `reports_sent` that is true calls `WireRequest.on_sent`; of any other one it is
    assumed that every request is sent at once.
    """

    async def send(self, request: WireRequest) -> Reply:
        """Send a request once and return the whole reply.

        Raises:
            TransportError: There is no complete reply.
        """

    async def open_stream(self, request: WireRequest) -> StreamReply:
        """Send a request once and return as soon as the reply's head is there.

        Raises:
            TransportError: There is no reply.
        """

    async def close_stream(self, reply: StreamReply) -> None:
        """Give the connection of a stream back, or drop it where its body was not read to the end."""

    async def aclose(self) -> None:
        """Close all connections."""
