"""Settlement of a job."""

import tracemalloc

import pytest

from mixpanel_async import Outcome, Verdict
from mixpanel_async.jobs.model.chunks import EncodedChunk, Position
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.state.settlement import Settlement

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")
LOST = Verdict(Outcome.UNKNOWN, "answer_lost")


def piece(number: int, records: int = 1) -> EncodedChunk:
    tally = Tally()
    tally.read = records
    return EncodedChunk(
        "a", [b"{}"] * records, range(number, number + records), tally, (), Position(0, number + records - 1)
    )


@pytest.mark.parametrize("records", [1, 2])
def test_an_undelivered_record_costs_no_memory_for_those_behind_it(records: int) -> None:
    """The position stays before an undelivered record, and chunks that settle after it use no memory."""
    books = Settlement()
    books.settle(books.enter(piece(1)), ACCEPTED, (1,))
    lost = books.enter(piece(2, records))
    behind = books.enter(piece(4))
    books.settle(lost, LOST, (2,))
    tracemalloc.start()
    try:
        for number in range(5, 5_005):
            books.settle(books.enter(piece(number)), ACCEPTED, (number,))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100_000
    books.settle(behind, ACCEPTED, (4,))
    if records > 1:
        books.settle(lost, ACCEPTED, (3,))
    assert (books.position, books.settled.imported, books.settled.read) == (Position(0, 1), 1, 1)
    assert books.total.imported == 5_001 + records
    assert not books.is_settled
    assert books.is_balanced
    assert books.waiting == 0
