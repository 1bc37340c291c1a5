"""Rolling windows, pacing and the limits of each endpoint family."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.clock import SystemClock
from mixpanel_async.config import Rates
from mixpanel_async.session.governor import Governor
from mixpanel_async.session.rate_limits import FamilyLimits, Pacer, RollingWindow, family_limits


@given(
    limit=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), max_size=60),
)
def test_no_window_ever_holds_more(limit: int, steps: list[tuple[float, int]]) -> None:
    """Whatever the requests, no rolling minute exceeds the limit, and no request waits longer than it must."""
    window = RollingWindow(limit, 60.0)
    now = 0.0
    booked: list[tuple[float, int]] = []
    for pause, amount in steps:
        now += pause
        at = window.earliest(now, amount)
        assert at >= now
        window.book(at, amount)
        booked.append((at, min(amount, limit)))
        now = at
    for (start, _), (end, _) in itertools.combinations(booked, 2):
        if end - start < 60.0 - 1e-6:
            assert sum(amount for at, amount in booked if start <= at <= end) <= limit


def test_a_booking_expires_in_time() -> None:
    """A booking counts for exactly its minute; a cancelled one does not count."""
    window = RollingWindow(10, 60.0)
    window.book(0.0, 6)
    window.book(10.0, 4)
    assert window.earliest(20.0, 1) == 60.0
    assert window.earliest(20.0, 7) == 70.0
    window.discard(10.0, 4)
    assert window.earliest(20.0, 4) == 20.0


def test_the_pacer_spreads() -> None:
    """A limit is spread over its time span; a burst of a quarter of a second is part of the limit."""
    pacer = Pacer(60, 59.75)
    times = []
    for _ in range(5):
        at = pacer.earliest(0.0, 1)
        pacer.book(at, 1)
        times.append(at)
    assert times == [0.0, 0.75, 1.75, 2.75, 3.75]


def test_a_pause_holds_a_whole_family() -> None:
    """After a 429 no request of the family is sent before the pause is over, whatever its windows allow."""
    family = FamilyLimits()
    family.pause(30.0)
    assert family.reserve(10.0, 1, 100).at == 30.0
    family.pause(20.0)
    assert family.reserve(10.0, 1, 100).at == 30.0


def test_documented_limits() -> None:
    """By default each family has the limits that Mixpanel documents."""
    families = family_limits(Rates())
    query = families["query"]
    times = [query.reserve(0.0, 0, 0).at for _ in range(61)]
    assert times[59] == 0.0
    assert times[60] == pytest.approx(3636.0)
    export = families["export"]
    assert [export.reserve(0.0, 0, 0).at for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(1.01)]
    assert [families["gdpr"].reserve(0.0, 0, 0).at for _ in range(2)] == [0.0, pytest.approx(1.01)]
    schemas = families["schemas"]
    assert [schemas.reserve(0.0, 4000, 0).at, schemas.reserve(0.0, 1, 0).at] == [0.0, pytest.approx(60.6)]
    assert families["app"].reserve(0.0, 10**9, 10**9).at == 0.0


def test_a_cancelled_reservation_gives_its_place_back_once() -> None:
    """Cancelling twice, or after another caller dropped the expired booking, changes nothing and never raises."""
    family = family_limits(Rates())["gdpr"]
    first, second = family.reserve(0.0, 0, 0), family.reserve(0.0, 0, 0)
    assert [first.at, second.at] == [0.0, pytest.approx(1.01)]
    second.cancel()
    second.cancel()
    assert family.reserve(0.0, 0, 0).at == pytest.approx(1.01)
    late = family.reserve(0.0, 0, 0)
    assert family.reserve(60.0, 0, 0).at == 60.0  # forgets everything that is older
    late.cancel()
    assert family.reserve(60.0, 0, 0).at == pytest.approx(61.01)


class _HandClock(SystemClock):
    """A clock that jumps: who is due by then wakes, however late."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.sleepers: list[tuple[float, asyncio.Event]] = []
        self.monotonic = lambda: self.now

    async def sleep(self, seconds: float) -> None:
        awake = asyncio.Event()
        self.sleepers.append((self.now + seconds, awake))
        await awake.wait()

    async def jump(self, now: float) -> None:
        self.now = now
        for due, awake in self.sleepers:
            if due <= now:
                awake.set()
        await _turns()


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _calls(governor: Governor, left: list[int], count: int) -> list[asyncio.Task[None]]:
    """Start callers of the GDPR family, one a second; each notes when it may leave."""

    async def call(number: int) -> None:
        async with governor.permit("gdpr", operation="gdpr"):
            left.append(number)

    tasks = [asyncio.create_task(call(number)) for number in range(count)]
    await _turns()
    return tasks


async def test_callers_that_wake_late_together_keep_the_limit() -> None:
    """After a stall of the loop, callers whose turns have all passed leave one a second, and not all at once."""
    clock, left = _HandClock(), list[int]()
    tasks = await _calls(Governor(Rates(), clock), left, 4)
    assert left == [0]
    counts = []
    for now in (60.0, 61.1, 62.2):
        await clock.jump(now)
        counts.append(len(left))
    assert counts == [2, 3, 4]
    await asyncio.gather(*tasks)


async def test_a_cancelled_caller_gives_its_turn_back() -> None:
    """The next caller takes the turn of a caller that was cancelled while it waited."""
    clock, left = _HandClock(), list[int]()
    governor = Governor(Rates(), clock)
    first, second = await _calls(governor, left, 2)
    second.cancel()
    await asyncio.wait([first, second])
    (third,) = await _calls(governor, left, 1)
    await clock.jump(1.02)
    await asyncio.wait_for(third, 1)
    assert left == [0, 0]
