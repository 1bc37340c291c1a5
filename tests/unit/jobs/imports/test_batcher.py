"""Batches between a job and the engine."""

import asyncio
from typing import cast

import pytest

from mixpanel_async import Outcome, Verdict
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.jobs.imports.batcher import Batcher
from mixpanel_async.jobs.model.chunks import EncodedChunk
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.state.settlement import PendingChunk, Settlement

ACCEPTED = Verdict(Outcome.ACCEPTED, "ok")


class CancelledEngine:
    """An engine whose caller is cancelled, before or right after the batch was taken in."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes
        self.batches: list[Batch] = []

    async def put(self, lane: Lane, batch: Batch) -> None:
        if self.takes:
            batch.deadline = lane.opened_at + lane.spec.deadline_seconds
            self.batches.append(batch)
        raise asyncio.CancelledError


@pytest.mark.parametrize("takes", [False, True])
async def test_who_is_cancelled_while_waiting_for_room(*, takes: bool) -> None:
    """A batch that was not admitted is given up; a batch that was admitted gets its outcome from the engine."""
    engine, books = CancelledEngine(takes=takes), Settlement()
    outbox: Batcher[PendingChunk] = Batcher(cast("Engine", engine), Lane(LaneSpec(path="/import")), books, 1)
    tally = Tally()
    tally.read = 2
    await outbox.add(EncodedChunk("a", [b"{}", b"{}"], [1, 2], tally))
    with pytest.raises(asyncio.CancelledError):
        await outbox.seal()
    assert books.waiting == (2 if takes else 0)
    for batch in engine.batches:
        batch.tickets.settle(batch.parts, ACCEPTED, {})
    async with asyncio.timeout(1):
        await outbox.drained()
    assert (books.total.imported, dict(books.total.undelivered)) == ((2, {}) if takes else (0, {"cancelled": 2}))
    assert books.is_balanced
