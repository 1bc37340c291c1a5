"""Receipts: how the caller of `track()` hears what became of the record."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

import msgspec

from mixpanel_async.models import Outcome, Verdict


class Tickets(Protocol):
    """What the records of a batch are known by to whoever made them."""

    def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Take the outcome of each record: `exceptions` by index, `verdict` for the others."""

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Return the outcomes of the records, by index, that all of them got one verdict for; the others go again."""

    def select(self, indices: Sequence[int]) -> "Tickets":
        """Return the tickets of some records, in that order."""


class Receipt(msgspec.Struct, eq=False, gc=False):
    """A record's receipt: await it for the verdict, or leave it alone.

    It holds no record and no batch, only the verdict once there is one. Awaiting it never raises because of the
    network: what went wrong is in the verdict.

    Example:
        ```python
        receipt = await mp.track("user-1", "Paid", {"amount": 12.5})
        verdict = await receipt
        print(verdict.outcome, verdict.reason, verdict.message)
        ```
    """

    # A Struct is made in a third of the time of a plain object, and a service makes one for every event.
    _verdict: Verdict | None = None
    _waiters: list[asyncio.Future[Verdict]] | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, or None while the record is queued or in flight."""
        return self._verdict

    @property
    def outcome(self) -> Outcome | None:
        """The verdict's outcome, or None while the record is queued or in flight."""
        return None if self._verdict is None else self._verdict.outcome

    def settle(self, verdict: Verdict) -> None:
        """Take the verdict; called once, by the engine."""
        self._verdict = verdict
        if self._waiters is not None:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(verdict)
            self._waiters = None

    def __await__(self) -> Generator[object, None, Verdict]:
        """Wait for the verdict; cancelling the wait leaves the record alone."""
        if self._verdict is not None:
            return self._verdict
        waiter: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        return (yield from waiter)

    def __repr__(self) -> str:
        return f"Receipt({self._verdict.outcome.value if self._verdict else 'pending'})"


class Receipts:
    """The receipts of one batch.

    Args:
        receipts: In the order of the batch's records.
    """

    __slots__ = ("_receipts",)

    def __init__(self, receipts: Sequence[Receipt]) -> None:
        self._receipts = receipts

    def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Give each record its outcome."""
        del parts
        if exceptions:
            for index, receipt in enumerate(self._receipts):
                receipt.settle(exceptions.get(index, verdict))
        else:
            for receipt in self._receipts:
                receipt._verdict = verdict  # noqa: SLF001 - `settle` without the call, for every event
                if receipt._waiters is not None:  # noqa: SLF001
                    receipt.settle(verdict)
        self._receipts = ()

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Find none: the records were encoded here, and each was looked at in full."""
        del parts, verdict
        return {}

    def select(self, indices: Sequence[int]) -> "Receipts":
        """Return the receipts of some records, in that order."""
        return Receipts([self._receipts[index] for index in indices])
