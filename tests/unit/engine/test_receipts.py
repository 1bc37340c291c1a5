"""Receipts."""

import asyncio

import pytest

from mixpanel_async import Outcome, Verdict
from mixpanel_async.engine.receipts import Receipts
from tests.unit.engine.builders import receipt as new_receipt

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")
REJECTED = Verdict(Outcome.REJECTED, "invalid")


async def test_every_waiter_hears() -> None:
    """Any number of tasks may await a receipt, before and after it settles."""
    receipt = new_receipt()
    waiting = [asyncio.ensure_future(receipt) for _ in range(2)]
    await asyncio.sleep(0)  # let both begin to wait
    assert (receipt.verdict, receipt.outcome, repr(receipt)) == (None, None, "Receipt(pending)")
    receipt.settle(ACCEPTED)
    assert await asyncio.gather(*waiting) == [ACCEPTED, ACCEPTED]
    assert await receipt is ACCEPTED
    assert (receipt.outcome, repr(receipt)) == (Outcome.ACCEPTED, "Receipt(accepted)")


async def test_a_cancelled_wait_leaves_the_record_alone() -> None:
    """Cancelling a wait changes neither the record's outcome nor the other waiters."""
    receipt = new_receipt()
    cancelled, waiting = asyncio.ensure_future(receipt), asyncio.ensure_future(receipt)
    await asyncio.sleep(0)  # let both begin to wait
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    receipt.settle(ACCEPTED)
    assert await waiting is ACCEPTED


async def test_the_receipts_of_a_batch() -> None:
    """Each receipt gets its own exception or the common verdict, also where a task awaits it."""
    receipts = [new_receipt() for _ in range(3)]
    waiting = asyncio.ensure_future(receipts[2])
    await asyncio.sleep(0)  # let it begin to wait
    Receipts(receipts).select([0, 1]).settle([b"", b""], ACCEPTED, {1: REJECTED})
    Receipts(receipts).select([2]).settle([b""], ACCEPTED, {})
    assert [receipt.verdict for receipt in receipts] == [ACCEPTED, REJECTED, ACCEPTED]
    assert await waiting is ACCEPTED
