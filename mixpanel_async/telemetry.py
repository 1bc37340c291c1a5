"""What the client tells about itself while it works: protocols that `mixpanel_async.otel` implements.

`Settings.telemetry` takes an implementation. Nothing here knows OpenTelemetry.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, runtime_checkable

import msgspec

from mixpanel_async.models import Stats


class Origins(Protocol):
    """The traces in which the records of a batch were made, as many as are kept."""

    def note(self) -> bool:
        """Note the trace that is current; return whether another one would be kept as well."""


MakeOrigins: TypeAlias = Callable[[], Origins]


class WireAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request that is about to be sent, without anything secret.

    Attributes:
        operation: The call, such as `track` or `query.segmentation`.
        method: HTTP method.
        url: The URL without user, password, query and fragment.
        template: Its path, if that is the same for every request of the operation; else None.
        resends: How often the request was sent before.
        records: Records in it.
        body_bytes: Bytes of its body, as sent.
        origins: Where the records of a batch were made; None: the request belongs to the call that is being made.
    """

    operation: str
    method: str
    url: str
    template: str | None
    resends: int
    records: int
    body_bytes: int
    origins: Origins | None


class AttemptSpan(Protocol):
    """The time from sending a request to the end of its reply; leaving the block ends it."""

    def current(self) -> AbstractContextManager[None]:
        """Return a block in which the request is sent."""

    def note_status(self, status: int) -> None:
        """Take the status of the reply."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ClientTelemetry(Protocol):
    """Follows one client. Its methods do not raise."""

    def origins(self) -> Origins:
        """Return a place for the origins of the next batch."""

    def begin(self, attempt: WireAttempt) -> AttemptSpan:
        """Follow a request."""

    def note_settled(self, path: str, outcome: str, seconds: float) -> None:
        """Take the outcome of a batch, and the seconds since its first record was admitted."""

    def close(self) -> None:
        """Take the counters for the last time: the client is closed."""


class Observed(Protocol):
    """A client, as far as telemetry sees it; to be kept by a weak reference only."""

    @property
    def stats(self) -> Stats:
        """A snapshot of all counters; may be taken in any thread."""


@runtime_checkable
class Telemetry(Protocol):
    """What `Settings.telemetry` takes: follows any number of clients."""

    def connect(self, client: Observed, *, buffer_bytes: int) -> ClientTelemetry:
        """Begin to follow a client.

        Args:
            client: The client.
            buffer_bytes: Bytes that its buffer holds at most.
        """


class NoSpan:
    """The span of a client without telemetry."""

    def current(self) -> AbstractContextManager[None]:
        """Return a block that does nothing."""
        return nullcontext()

    def note_status(self, status: int) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


NO_SPAN: Final = NoSpan()
