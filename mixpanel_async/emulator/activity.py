"""What happened lately: rejected records with their reasons, and a signal for those who wait for the next change."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mixpanel_async.emulator.rules.events import DEMANDED

_KEPT: Final = 1000


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
    """The last rejections, and a signal for every change. The event loop owns it."""

    def __init__(self) -> None:
        self.rejections: deque[Rejection] = deque(maxlen=_KEPT)
        self._rejected = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def note(self, path: str, at: float, records: Sequence[Any], failed: Sequence[Mapping[str, Any]]) -> None:
        """Note that the records of a request were stored, rejected or ignored.

        Args:
            path: Path of the request.
            at: Arrival, in seconds since 1970.
            records: The records as sent.
            failed: One entry for each rejected record, as strict mode reports it.
        """
        for entry in failed:
            self._rejected += 1
            self.rejections.append(
                Rejection(
                    number=self._rejected,
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
        """Forget the rejections."""
        self.rejections.clear()
        self.wake()
