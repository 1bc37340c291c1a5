"""Pending flush() calls."""

from mixpanel_async import Outcome, Verdict
from mixpanel_async.engine.flush_waiters import Flushes
from mixpanel_async.engine.ledger import Ledger

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")


async def test_a_flush_ends_with_its_generation() -> None:
    """A flush is done when every record admitted before it has settled; later records do not hold it."""
    ledger = Ledger()
    flushes = Flushes(ledger)
    first = ledger.admit(1)
    waiting = flushes.wait_for(ledger.next_generation())
    second = ledger.admit(1)
    ledger.settle(1, second, ACCEPTED, {}, in_flight=False)
    flushes.look()
    assert not waiting.done()
    ledger.settle(1, first, ACCEPTED, {}, in_flight=False)
    flushes.look()
    assert waiting.done()


async def test_a_flush_of_nothing_is_done_at_once() -> None:
    """A flush with nothing to wait for does not wait for the next event."""
    ledger = Ledger()
    assert Flushes(ledger).wait_for(ledger.next_generation()).done()


async def test_a_cancelled_flush_is_forgotten() -> None:
    """A flush whose caller was cancelled does not disturb the others."""
    ledger = Ledger()
    flushes = Flushes(ledger)
    generation = ledger.admit(1)
    cancelled, waiting = flushes.wait_for(generation), flushes.wait_for(generation)
    cancelled.cancel()
    ledger.settle(1, generation, ACCEPTED, {}, in_flight=False)
    flushes.look()
    assert waiting.done()
