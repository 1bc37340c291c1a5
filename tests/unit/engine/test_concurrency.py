"""The adaptive limit on requests in flight."""

from mixpanel_async.engine.concurrency import START_CONCURRENCY, Concurrency


def test_it_grows_by_one_each_round() -> None:
    """A round of successes, one for each request in flight, adds one, up to the cap."""
    limit = Concurrency(6)
    assert limit.allowed == START_CONCURRENCY
    for _ in range(START_CONCURRENCY + 1):
        limit.note_success()
    assert limit.allowed == START_CONCURRENCY + 1
    for _ in range(100):
        limit.note_success()
    assert limit.allowed == 6


def test_it_starts_within_its_cap() -> None:
    """A cap below the usual start holds from the first request."""
    assert Concurrency(1).allowed == 1


def test_congestion_halves_it_once() -> None:
    """Requests that fail together halve it once; a later failure halves it again, never below one."""
    limit = Concurrency(8)
    limit.note_congestion(100.0)
    limit.note_congestion(101.9)
    assert limit.allowed == 2
    for now in (102.0, 104.0, 106.0, 108.0):
        limit.note_congestion(now)
    assert limit.allowed == 1
    limit.note_success()
    assert limit.allowed == 2
