"""The ledger's counters."""

from mixpanel_async import Outcome, Verdict
from mixpanel_async.engine.ledger import Ledger

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")
REJECTED = Verdict(Outcome.REJECTED, "invalid")
DUPLICATE = Verdict(Outcome.DUPLICATE, "duplicate")


def is_balanced(ledger: Ledger) -> bool:
    return ledger.admitted == sum(ledger.outcomes.values()) + ledger.queued + ledger.in_flight


def test_every_record_is_counted_once() -> None:
    """From admission to outcome, retry included, the counters add up after every step."""
    ledger = Ledger()
    generation = ledger.admit(3)
    assert (ledger.admitted, ledger.queued, is_balanced(ledger)) == (3, 3, True)
    ledger.launch(3)
    assert (ledger.queued, ledger.in_flight, is_balanced(ledger)) == (0, 3, True)
    ledger.requeue(3)
    assert (ledger.queued, ledger.in_flight, is_balanced(ledger)) == (3, 0, True)
    ledger.launch(3)
    ledger.settle(3, generation, ACCEPTED, {1: REJECTED}, in_flight=True)
    ledger.refuse(DUPLICATE)
    assert {outcome: count for outcome, count in ledger.outcomes.items() if count} == {
        Outcome.ACCEPTED: 2,
        Outcome.REJECTED: 1,
        Outcome.DUPLICATE: 1,
    }
    assert (ledger.admitted, ledger.queued, ledger.in_flight, is_balanced(ledger)) == (4, 0, 0, True)


def test_a_queued_batch_can_settle() -> None:
    """A batch that never left the queue, because it expired, is taken from the queued ones."""
    ledger = Ledger()
    ledger.settle(2, ledger.admit(2), REJECTED, {}, in_flight=False)
    assert (ledger.queued, ledger.in_flight, is_balanced(ledger)) == (0, 0, True)


def test_generations() -> None:
    """A flush waits for the records of its generation and those before it, and for no later one."""
    ledger = Ledger()
    first = ledger.admit(2)
    assert ledger.next_generation() == first
    second = ledger.admit(5)
    assert (ledger.pending(first), ledger.pending(second)) == (2, 7)
    ledger.settle(1, first, ACCEPTED, {}, in_flight=False)
    assert (ledger.pending(first), ledger.pending(second)) == (1, 6)
    ledger.settle(1, first, ACCEPTED, {}, in_flight=False)
    assert (ledger.pending(first), ledger.pending(second)) == (0, 5)


def test_reports() -> None:
    """A report counts what happened since its mark, with the latest ten failures; a duplicate is not a failure."""
    ledger = Ledger()
    ledger.refuse(REJECTED)
    mark = ledger.mark(100.0)
    ledger.settle(2, ledger.admit(3), ACCEPTED, {}, in_flight=False)
    ledger.refuse(DUPLICATE)
    failures = [Verdict(Outcome.EXPIRED, str(number)) for number in range(12)]
    for failure in failures:
        ledger.refuse(failure)
    report = ledger.report_since(mark, 101.5)
    assert report.outcomes == {Outcome.ACCEPTED: 2, Outcome.DUPLICATE: 1, Outcome.EXPIRED: 12}
    assert (report.pending, report.duration_seconds) == (1, 1.5)
    assert report.failures == failures[2:]
    assert ledger.report_since(ledger.mark(102.0), 102.0).outcomes == {}
