"""Calls to on_failure."""

import logging

import pytest

from mixpanel_async import Outcome, Verdict
from mixpanel_async.engine.decisions import ACCEPTED
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.engine.failure_callback import Failures
from mixpanel_async.records.encoder import EventEncoder
from tests.unit.engine.builders import batch_of

REJECTED = Verdict(Outcome.REJECTED, "invalid")


def test_only_failed_records_are_reported() -> None:
    """on_failure gets the JSON and the verdict of each record that was not delivered, and of no other."""
    reported: list[tuple[bytes, Verdict]] = []
    failures = Failures(DedupeWindow(10), lambda part, verdict: reported.append((part, verdict)), None)
    batch = batch_of(3)
    failures.tell(batch, ACCEPTED, {1: REJECTED})
    failures.tell(batch_of(2), ACCEPTED, {})
    assert reported == [(batch.parts[1], REJECTED)]


def test_an_exception_does_not_stop_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in on_failure is logged, and the remaining records are still reported."""
    reported: list[bytes] = []

    def fail(part: bytes, _verdict: Verdict) -> None:
        reported.append(part)
        raise RuntimeError("on_failure is broken")

    batch = batch_of(2)
    with caplog.at_level(logging.ERROR, "mixpanel_async"):
        Failures(DedupeWindow(10), fail, None).tell(batch, REJECTED, {})
    assert reported == batch.parts
    assert caplog.text.count("on_failure raised") == 2


@pytest.mark.parametrize(("verdict", "is_new"), [(REJECTED, True), (ACCEPTED, False)])
def test_a_failed_event_may_come_again(verdict: Verdict, *, is_new: bool) -> None:
    """The key of an event that was not delivered is forgotten, so that sending it again is not a duplicate."""
    part, key = EventEncoder(token="tok", max_bytes=1000).encode(
        "E", "u", {"time": 1_749_999_999, "$insert_id": "i"}, 1_750_000_000.0
    )
    assert key is not None
    window = DedupeWindow(10)
    window.is_new(key)
    Failures(window, None, None).note([part], verdict, {})
    assert window.is_new(key) is is_new
