"""One batching rule: records one by one, in bulk, and on the fast path of the accumulator."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import Settings
from mixpanel_async.clock import SystemClock
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import Batch, BatchBuilder, body_size
from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.engine.receipts import Receipt, Receipts

MAX_BYTES = 60
PARTS = st.lists(st.integers(1, MAX_BYTES - 2).map(lambda size: b"x" * size), max_size=40)
LIMITS = st.integers(1, 7)


def builder(max_records: int) -> BatchBuilder[Receipt]:
    return BatchBuilder(max_records, MAX_BYTES, Receipts)


def shape(batches: Sequence[Batch]) -> list[tuple[list[bytes], int, frozenset[int]]]:
    return [(list(batch.parts), batch.body_bytes, batch.unsafe) for batch in batches]


def one_by_one(parts: Sequence[bytes], max_records: int, unsafe: frozenset[int] = frozenset()) -> list[Batch]:
    builds = builder(max_records)
    batches: list[Batch] = []
    for index, part in enumerate(parts):
        batches += builds.add(part, Receipt(), is_unsafe=index in unsafe)
    return [*batches, *builds.seal()]


@given(PARTS, LIMITS, st.frozensets(st.integers(0, 40)), st.integers(0, 40))
def test_extending_gives_the_batches_of_adding(
    parts: list[bytes], max_records: int, unsafe: frozenset[int], cut: int
) -> None:
    """However many records come at once, the batches are those of records that come one by one."""
    ranges: list[tuple[int, int]] = []

    def make_tickets(tickets: list[tuple[int, int]]) -> Receipts:
        ranges.extend(tickets)
        return Receipts([Receipt() for start, end in tickets for _ in range(start, end)])

    builds: BatchBuilder[tuple[int, int]] = BatchBuilder(max_records, MAX_BYTES, make_tickets)
    batches = builds.extend(parts[:cut], lambda start, end: (start, end), unsafe)
    later = frozenset(index - cut for index in unsafe if index >= cut)
    batches += builds.extend(parts[cut:], lambda start, end: (start + cut, end + cut), later)
    batches += builds.seal()
    assert shape(batches) == shape(one_by_one(parts, max_records, unsafe))
    assert [index for start, end in ranges for index in range(start, end)] == list(range(len(parts)))
    assert all(batch.body_bytes == body_size(batch.parts) <= MAX_BYTES for batch in batches)


@given(PARTS, LIMITS)
def test_offering_gives_the_batches_of_adding(parts: list[bytes], max_records: int) -> None:
    """The inlined fast path of the accumulator seals where the builder would."""
    accumulator = Accumulator(Settings(), SystemClock(), lambda: None, None)
    lane = accumulator.lane(LaneSpec(path="/track", max_records=max_records, max_bytes=MAX_BYTES))
    lane.credit = 1_000_000
    batches: list[Batch] = []
    for part in parts:
        if accumulator.offer(lane, part) is None:
            batches += lane.ready
            lane.ready.clear()
            batches += lane.builder.add(part, Receipt())
        batches += lane.ready
        lane.ready.clear()
    batches += lane.builder.seal()
    assert shape(batches) == shape(one_by_one(parts, max_records))


def test_a_record_that_fits_only_alone_gets_a_batch_of_its_own() -> None:
    """After a 413 the limit may be smaller than a record; the record is still sent, alone."""
    builds = builder(10)
    builds.max_bytes = 1
    batches = builds.extend([b"xx", b"yy"], lambda _start, _end: Receipt())
    assert [len(batch) for batch in [*batches, *builds.seal()]] == [1, 1]
