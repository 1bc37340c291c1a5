"""Receipt: the awaitable verdict of one record."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

import msgspec

from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.session.loop_owner import LoopOwner


class Tickets(Protocol):
    """Where the outcomes of a batch's records go."""

    def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Take the outcome of each record: `exceptions` by index, `verdict` for the others."""

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Return the outcomes, by index, of records that their maker finds fault with; the others are sent again."""

    def select(self, indices: Sequence[int]) -> "Tickets":
        """Return the tickets of some records, in that order."""


class Waiter(Protocol):
    """Gets a verdict: a future of asyncio, or one of `concurrent.futures`."""

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, result: Verdict, /) -> None:
        """Take the verdict."""


class Receipt(msgspec.Struct, eq=False, gc=False):
    """A record's receipt: await it for the verdict, or ignore it.

    Awaiting it never raises because of the network: what went wrong is in the verdict. It can be awaited any number of
    times, in the event loop of its client; once it is settled, anywhere.

    Example:
        ```python
        receipt = await mp.track("user-1", "Signed Up")
        verdict = await receipt
        print(verdict.outcome, verdict.message)
        ```
    """

    # A Struct is made in a third of the time of a plain object, and every event gets one.
    _owner: LoopOwner
    _verdict: Verdict | None = None
    _waiters: list[Waiter] | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, or None while the record is queued or in flight."""
        return self._verdict

    @property
    def outcome(self) -> Outcome | None:
        """The verdict's outcome, or None while the record is queued or in flight."""
        return None if self._verdict is None else self._verdict.outcome

    def settle(self, verdict: Verdict) -> None:
        """Set the verdict; called once, by the engine."""
        self._verdict = verdict
        if self._waiters is not None:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(verdict)
            self._waiters = None

    def __await__(self) -> Generator[object, None, Verdict]:
        """Wait for the verdict; cancelling the wait does not affect the record.

        Raises:
            WrongLoopError: The client belongs to another event loop, thread or process, and there is no verdict yet.
        """
        if self._verdict is not None:
            return self._verdict
        self._owner.check()
        waiter: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self.tell(waiter)
        return (yield from waiter)

    def tell(self, waiter: Waiter) -> None:
        """Give the verdict to a future, now or once it is settled."""
        if self._verdict is not None:
            waiter.set_result(self._verdict)
        elif self._waiters is None:
            self._waiters = [waiter]
        else:
            self._waiters.append(waiter)

    def __repr__(self) -> str:
        return f"Receipt({self._verdict.outcome.value if self._verdict else 'pending'})"


class NotedReceipt(Receipt, eq=False, gc=False):
    """The receipt of a record that was changed before it was sent; its verdict says how, if the record is delivered."""

    _field: str = ""
    _message: str = ""

    @classmethod
    def of(cls, owner: LoopOwner, field: str, message: str) -> "NotedReceipt":
        """Return a pending receipt."""
        # A list of waiters, if an empty one: `Receipts.settle` then calls `settle`.
        return cls(owner, None, [], field, message)

    def settle(self, verdict: Verdict) -> None:
        """Set the verdict."""
        if verdict.is_delivered:
            verdict = msgspec.structs.replace(verdict, field=self._field, message=self._message)
        Receipt.settle(self, verdict)


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
                receipt._verdict = verdict  # noqa: SLF001 - `settle`, inlined: it runs for every event
                if receipt._waiters is not None:  # noqa: SLF001
                    receipt.settle(verdict)
        self._receipts = ()

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Return nothing: live records are validated in full before they are sent."""
        del parts, verdict
        return {}

    def select(self, indices: Sequence[int]) -> "Receipts":
        """Return the receipts of some records, in that order."""
        return Receipts([self._receipts[index] for index in indices])
