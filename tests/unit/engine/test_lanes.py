"""Lanes: the order of batches, and what is due when."""

from mixpanel_async.auth import ProjectSecret
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.decisions import MIN_SPLIT_BYTES
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.models import Outcome, Verdict
from tests.unit.engine.builders import batch_of, receipt


def batch_due(deadline: float) -> Batch:
    batch = batch_of(1)
    batch.deadline = deadline
    return batch


def lane_of(*batches: Batch, is_ordered: bool = False) -> Lane:
    lane = Lane(LaneSpec(path="/engage", is_ordered=is_ordered, linger_seconds=0.5))
    lane.ready.extend(batches)
    return lane


def test_equal_specs_are_one_lane() -> None:
    """Specs are equal by value, so that calls with the same endpoint, credential and options share a lane."""
    one = LaneSpec(path="/import", credential=ProjectSecret("s"), query=(("strict", "1"),))
    assert one == LaneSpec(path="/import", credential=ProjectSecret("s"), query=(("strict", "1"),))
    assert one != LaneSpec(path="/import", credential=ProjectSecret("t"), query=(("strict", "1"),))
    assert len({one, LaneSpec(path="/import", credential=ProjectSecret("s"), query=(("strict", "1"),))}) == 1


def test_the_nearest_deadline_comes_first() -> None:
    """A batch that is retried goes in front of those with its deadline or a later one."""
    first, second, third = batch_due(10.0), batch_due(20.0), batch_due(30.0)
    lane = lane_of(first, third)
    lane.insert(second)
    again = batch_due(20.0)
    lane.insert(again)
    assert [lane.take(0.0) for _ in range(5)] == [first, again, second, third, None]


def test_a_delayed_batch_waits() -> None:
    """A batch is ready again from the end of its delay, not before."""
    lane, batch = lane_of(), batch_due(100.0)
    lane.delay(batch, 7.0)
    lane.promote(6.9)
    assert lane.take(0.0) is None
    lane.promote(7.0)
    assert lane.take(0.0) is batch


def test_an_ordered_lane_has_one_batch_at_a_time() -> None:
    """An ordered lane sends nothing while a batch is in flight or waits for its retry."""
    lane = lane_of(batch_due(1.0), is_ordered=True)
    lane.in_flight = 1
    assert lane.take(0.0) is None
    lane.in_flight = 0
    lane.delay(batch_due(2.0), 5.0)
    assert lane.take(0.0) is None
    lane.promote(5.0)
    assert lane.take(0.0) is not None


def test_what_is_due_next() -> None:
    """The next moment is the end of lingering, the end of a delay or a deadline, whichever is first."""
    lane = lane_of()
    assert lane.next_due() == float("inf")
    lane.ready.append(batch_due(90.0))
    assert lane.next_due() == 90.0
    lane.delay(batch_due(95.0), 80.0)
    assert lane.next_due() == 80.0
    lane.opened_at = 70.0
    lane.builder.add(b"{}", receipt())
    assert lane.next_due() == 70.5


def test_expired_batches() -> None:
    """Batches whose deadline has come are taken out; the others stay."""
    early, late = batch_due(10.0), batch_due(20.0)
    lane = lane_of(early, late)
    assert list(lane.take_expired(10.0)) == [early]
    assert list(lane.ready) == [late]


def test_everything_is_taken_at_the_end() -> None:
    """At the end a lane gives out what is ready and what is delayed, and is empty."""
    ready, delayed = batch_due(10.0), batch_due(20.0)
    lane = lane_of(ready)
    lane.delay(delayed, 5.0)
    assert list(lane.take_all()) == [ready, delayed]
    assert lane.next_due() == float("inf")


def accepted(body_bytes: int, split_from: int | None = None) -> Batch:
    batch = batch_of(2, body_bytes=body_bytes)
    batch.split_from = split_from
    return batch


def test_the_size_after_a_413() -> None:
    """A size is learned from a half that was accepted; it has a floor, and doubles with what is accepted."""
    lane = lane_of()
    lane.note_accepted(accepted(500_000, split_from=1_000_000))
    assert lane.max_bytes == 500_000
    lane.note_accepted(accepted(100))
    assert lane.max_bytes == 1_000_000
    lane.note_accepted(accepted(100, split_from=100_000))
    assert lane.max_bytes == 1_000_000, "larger bodies were accepted: the 413 was not about the size"
    lane.note_too_large(accepted(500_000))
    lane.note_accepted(accepted(100, split_from=100_000))
    assert lane.max_bytes == MIN_SPLIT_BYTES
    for _ in range(12):
        lane.note_accepted(accepted(MIN_SPLIT_BYTES))
    assert lane.max_bytes == lane.spec.max_bytes


def test_a_true_limit_is_tried_ever_more_rarely() -> None:
    """Each attempt to grow that ends with a 413 doubles the number of batches until the next one, up to 64."""
    lane = lane_of()
    limit, refusals, batches = 400_000, 0, 0
    while refusals < 10:
        batches += 1
        if lane.max_bytes > limit:
            refusals += 1
            lane.note_too_large(accepted(lane.max_bytes))
            for _ in range(2):
                lane.note_accepted(accepted(limit, split_from=lane.max_bytes))
        else:
            lane.note_accepted(accepted(lane.max_bytes))
    for _ in range(60):
        lane.note_accepted(accepted(lane.max_bytes))
        assert lane.max_bytes == limit
    assert batches > 200


def test_a_refused_credential_is_tried_again() -> None:
    """A stopped lane is reopened after a minute, then after five, for one request at a time until one is accepted."""
    verdict = Verdict(Outcome.REJECTED, "unauthorized", "", "401")
    lane = lane_of(batch_due(1000.0), batch_due(2000.0))
    lane.stop(verdict, 0.0, is_final=False)
    lane.reopen(59.0)
    assert lane.take(0.0) is None
    lane.reopen(60.0)
    assert lane.take(0.0) is not None
    lane.in_flight = 1
    assert lane.take(0.0) is None
    lane.stop(verdict, 60.0, is_final=False)
    lane.in_flight = 0
    lane.reopen(359.0)
    assert lane.take(0.0) is None
    lane.reopen(360.0)
    lane.note_accepted(accepted(100))
    assert lane.take(0.0) is not None
    lane.stop(verdict, 400.0, is_final=True)
    lane.insert(batch_due(3000.0))
    lane.reopen(10.0**9)
    assert lane.take(0.0) is None


def test_the_request_of_a_batch() -> None:
    """A request carries the lane's endpoint, query, credential and encoding, and the batch's size for rate limiting."""
    credential = ProjectSecret("s")
    lane = Lane(LaneSpec(path="/import", credential=credential, query=(("strict", "1"),), is_gzip=True))
    batch = batch_of(2)
    request = lane.request(batch, b"compressed", 9.0)
    assert (request.operation, request.path, request.query, request.body) == (
        "import",
        "/import",
        (("strict", "1"),),
        b"compressed",
    )
    assert (request.credential, request.headers) == (credential, {"Content-Encoding": "gzip"})
    assert (request.records, request.body_bytes, request.timeout_seconds) == (2, batch.body_bytes, 9.0)
