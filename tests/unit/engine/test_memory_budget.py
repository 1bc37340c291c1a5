"""The byte budget and the share that each lane may take of it."""

from mixpanel_async import Settings
from mixpanel_async.engine.memory_budget import BULK_SHARE, LANE_SHARE, Budget, has_share

SETTINGS = Settings(max_batch_bytes=2_000_000, max_buffer_bytes=64_000_000)


def test_shares() -> None:
    """A lane may hold eight times what it leaves free, a job's lane as much; an idle one takes what there is."""
    assert has_share(0, 100, 100)
    assert has_share(700, 100, 200)
    assert not has_share(701, 100, 200)
    assert has_share(0, 10, 10, BULK_SHARE)
    assert has_share(90, 10, 110, BULK_SHARE)
    assert not has_share(91, 10, 110, BULK_SHARE)


def test_a_stuck_lane_leaves_room() -> None:
    """However many lanes are full, the next one still gets a record in."""
    budget = Budget(SETTINGS)
    for _ in range(5):
        held = 0
        assert budget.fits(held, 1000, 1, LANE_SHARE)
        while budget.fits(held, 1000, 1, LANE_SHARE):
            budget.take(1000, 1)
            held += 1000
    assert budget.record_bytes <= budget.max_record_bytes


def test_records_and_bodies_share_one_bound() -> None:
    """Records leave an eighth to bodies; bodies may fill the rest, and releasing either makes room again."""
    budget = Budget(SETTINGS)
    assert budget.max_record_bytes == 56_000_000
    budget.take(56_000_000, 1)
    assert not budget.fits(0, 1, 1, LANE_SHARE)
    assert budget.body_fits(8_000_000)
    assert not budget.body_fits(8_000_001)
    budget.body_bytes += 8_000_000
    assert budget.held_bytes == 64_000_000
    budget.release(56_000_000, 1)
    budget.body_bytes += 56_000_000
    assert not budget.fits(0, 1, 1, LANE_SHARE)
    budget.body_bytes = 0
    assert budget.fits(0, 56_000_000, 1, LANE_SHARE)


def test_a_small_buffer_has_room_for_a_body() -> None:
    """However small the buffer is, the body of a full batch fits beside the records."""
    budget = Budget(Settings(max_batch_bytes=2_000_000, max_buffer_bytes=8_000_000))
    budget.take(budget.max_record_bytes, 1)
    assert budget.body_fits(Budget.body_bound(2_000_000))


def test_a_bound_on_records() -> None:
    """max_buffer_records bounds the count, but a single request for more is let in when nothing else is held."""
    budget = Budget(Settings(max_buffer_records=10))
    assert budget.fits(0, 100, 20, LANE_SHARE)
    budget.take(100, 9)
    assert budget.fits(100, 1, 1, LANE_SHARE)
    assert not budget.fits(100, 1, 2, LANE_SHARE)
    budget.release(100, 9)
    assert budget.fits(0, 1, 20, LANE_SHARE)
