"""What happened lately: requests, rejected records with their reasons, and a signal for those who wait for a change."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mixpanel_async.emulator.rules.events import DEMANDED

_KEPT: Final = 1000
_BODY_START_BYTES: Final = 4096


@dataclass(kw_only=True)
class RequestLog:
    """One request as the server saw it; listed on arrival and completed while it is served.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        query: Query parameters.
        headers: Headers; of Authorization only the scheme.
        at: Arrival, in seconds since 1970.
        status: HTTP status of the reply; None before the reply, and if the connection was reset.
        records: Records in the body, 0 if it was not decoded.
        bytes: Size of the body as sent.
        body_sha256: Digest of the body as sent, in hexadecimal; None if it was not read completely.
        fault: Kind of the injected fault, if any.
        error: Why the request was refused as a whole; None if it was not.
        seconds: Time from the arrival to the reply; None before the reply.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    status: int | None = None
    records: int = 0
    bytes: int = 0
    body_sha256: str | None = None
    fault: str | None = None
    error: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request that has ended.

    Attributes:
        number: Counts the ended requests of the server, from 1.
        log: What the server saw of it.
        body_start: The first bytes of the body as sent.
    """

    number: int
    log: RequestLog
    body_start: bytes


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """One rejected record.

    Attributes:
        number: Counts the rejections of the server, from 1.
        at: Arrival, in seconds since 1970.
        path: Path of the request.
        field: Dotted name of the invalid field; "" for the whole record.
        message: Why the record was rejected.
        record: The record as sent.
        is_demanded: Whether a fault demanded it.
    """

    number: int
    at: float
    path: str
    field: str
    message: str
    record: Any
    is_demanded: bool = False


class Activity:
    """The last requests and rejections, and a signal for every change. The event loop owns it.

    Args:
        on_request: Called with each request that has ended.

    Attributes:
        epoch: Differs after each start and each reset: the numbers of events, rejections and requests begin again.
        watchers: Open streams of changes.
    """

    def __init__(self, on_request: Callable[[RequestLog], None] | None = None) -> None:
        self.epoch = secrets.token_hex(6)
        self.watchers = 0
        self.exchanges: deque[Exchange] = deque(maxlen=_KEPT)
        self.rejections: deque[Rejection] = deque(maxlen=_KEPT)
        self.ended = 0
        self.rejected = 0
        self._on_request = on_request
        self._waiters: set[asyncio.Future[None]] = set()

    def end(self, log: RequestLog, body: bytes) -> None:
        """Note that a request has ended.

        Args:
            log: What the server saw of it.
            body: The body as sent, as far as it was read.
        """
        self.ended += 1
        self.exchanges.append(Exchange(number=self.ended, log=log, body_start=body[:_BODY_START_BYTES]))
        if self._on_request is not None:
            self._on_request(log)
        self.wake()

    def note(self, path: str, at: float, records: Sequence[Any], failed: Sequence[Mapping[str, Any]]) -> None:
        """Note that the records of a request were stored, rejected or ignored.

        Args:
            path: Path of the request.
            at: Arrival, in seconds since 1970.
            records: The records as sent.
            failed: One entry for each rejected record, as strict mode reports it.
        """
        for entry in failed:
            self.rejected += 1
            self.rejections.append(
                Rejection(
                    number=self.rejected,
                    at=at,
                    path=path,
                    field=entry["field"],
                    message=entry["message"],
                    record=records[entry["index"]],
                    is_demanded=entry["message"] == DEMANDED.message,
                )
            )
        self.wake()

    def wake(self) -> None:
        """Wake those who wait for a change."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def changed(self) -> None:
        """Wait for the next change."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def clear(self) -> None:
        """Forget the requests and rejections, and begin a new epoch."""
        self.epoch = secrets.token_hex(6)
        self.exchanges.clear()
        self.rejections.clear()
        self.ended = self.rejected = 0
        self.wake()
