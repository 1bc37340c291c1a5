"""Batches, and the one batching rule: one by one, in bulk, and on the fast path of the accumulator."""

import asyncio
import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import Outcome, Settings, Verdict
from mixpanel_async.clock import SystemClock
from mixpanel_async.engine.accumulator import Accumulator
from mixpanel_async.engine.batch import COMMA_BYTES, Batch, BatchBuilder, body_size
from mixpanel_async.engine.body import join_body
from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.engine.receipts import Receipt, Receipts
from mixpanel_async.session.loop_owner import LoopOwner
from tests.unit.engine.builders import batch_of, receipt

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")
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
        batches += builds.add(part, receipt(), is_unsafe=index in unsafe)
    return [*batches, *builds.seal()]


@given(PARTS, LIMITS, st.frozensets(st.integers(0, 40)), st.integers(0, 40))
def test_extending_gives_the_batches_of_adding(
    parts: list[bytes], max_records: int, unsafe: frozenset[int], cut: int
) -> None:
    """However many records come at once, the batches are those of records that come one by one."""
    ranges: list[tuple[int, int]] = []

    def make_tickets(tickets: list[tuple[int, int]]) -> Receipts:
        ranges.extend(tickets)
        return Receipts([receipt() for start, end in tickets for _ in range(start, end)])

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
    """The inlined fast path of the accumulator takes what fits, and seals where the builder would."""
    assert shape(asyncio.run(_offered(parts, max_records))) == shape(one_by_one(parts, max_records))


async def _offered(parts: list[bytes], max_records: int) -> list[Batch]:
    owner = LoopOwner()
    owner.check()
    accumulator = Accumulator(Settings(), SystemClock(), lambda: None, (None, None), owner)
    lane = accumulator.lane(LaneSpec(path="/track", max_records=max_records, max_bytes=MAX_BYTES))
    lane.credit = 1_000_000
    batches: list[Batch] = []
    for part in parts:
        is_fit = lane.builder.body_bytes + len(part) + COMMA_BYTES <= MAX_BYTES
        is_taken = accumulator.offer(lane, part) is not None
        assert is_taken == is_fit
        if not is_taken:
            batches += lane.builder.add(part, receipt())
        batches += lane.ready
        lane.ready.clear()
    batches += lane.builder.seal()
    return batches


def test_a_record_that_fits_only_alone_gets_a_batch_of_its_own() -> None:
    """After a 413 the limit may be smaller than a record; the record is still sent, alone."""
    builds = builder(10)
    builds.max_bytes = 1
    batches = builds.extend([b"xx", b"yy"], lambda _start, _end: receipt())
    assert [len(batch) for batch in [*batches, *builds.seal()]] == [1, 1]


@given(sizes=st.lists(st.integers(1, 40), max_size=60), max_records=st.integers(1, 10), max_bytes=st.integers(42, 120))
def test_no_batch_exceeds_a_limit(sizes: Sequence[int], max_records: int, max_bytes: int) -> None:
    """Every record is in one batch, in order; no batch exceeds a limit, and none is sealed before it must be."""
    builder: BatchBuilder[Receipt] = BatchBuilder(max_records, max_bytes, Receipts)
    sealed: list[Batch] = []
    for size in sizes:
        sealed += builder.add(b"x" * size, receipt())
    sealed += builder.seal()
    assert [len(part) for batch in sealed for part in batch.parts] == sizes
    for batch, following in itertools.zip_longest(sealed, sealed[1:]):
        assert batch.body_bytes == body_size(batch.parts) == len(join_body(batch.parts)) <= max_bytes
        assert len(batch) <= max_records
        if following is not None:
            larger = body_size([*batch.parts, following.parts[0]])
            assert len(batch) == max_records or larger > max_bytes
    assert len(builder) == 0
    assert not builder.seal()


def test_the_builder_notes_unsafe_records() -> None:
    """A sealed batch knows which of its records must not be applied twice, by their index in it."""
    builder: BatchBuilder[Receipt] = BatchBuilder(2, 1000, Receipts)
    assert builder.add(b"{}", receipt()) == ()
    (first,) = builder.add(b"{}", receipt(), is_unsafe=True)
    assert builder.add(b"{}", receipt(), is_unsafe=True) == ()
    (second,) = builder.seal()
    assert (first.unsafe, second.unsafe) == (frozenset({1}), frozenset({0}))


def test_a_part_of_a_batch_keeps_its_history() -> None:
    """A selection keeps deadline, generation, attempts and doubts, re-numbers unsafe records and has no body."""
    batch = batch_of(4, unsafe=frozenset({1, 3}))
    batch.deadline, batch.generation, batch.attempts, batch.mismatches = 7.0, 3, 2, 1
    batch.is_ambiguous, batch.body = True, b"body"
    some = batch.select([3, 0])
    assert some.parts == [batch.parts[3], batch.parts[0]]
    assert some.unsafe == {0}
    assert (some.deadline, some.generation, some.attempts, some.mismatches) == (7.0, 3, 2, 1)
    assert (some.is_ambiguous, some.is_in_request, some.body) == (True, False, None)


def test_halves() -> None:
    """The halves hold every record once, in order, and each settles its own receipts."""
    receipts = [receipt() for _ in range(3)]
    parts = [b"1", b"2", b"3"]
    first, second = Batch(parts, Receipts(receipts), body_size(parts)).halves()
    assert (first.parts, second.parts) == ([b"1"], [b"2", b"3"])
    second.tickets.settle(second.parts, ACCEPTED, {})
    assert [receipt.outcome for receipt in receipts] == [None, Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_sizes() -> None:
    """A batch's sizes are those of its JSON array and of its records alone."""
    assert (body_size([]), body_size([b"1"]), body_size([b"1", b"22"])) == (2, 3, 6)
    assert batch_of(3).parts_bytes == sum(map(len, batch_of(3).parts))
