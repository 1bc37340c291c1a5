"""Any sequence of calls, replies, waits and cancellations: the client does what the reference permits."""

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from typing import get_args

from hypothesis import HealthCheck, Phase
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mixpanel_async import AsyncMixpanel, Outcome, ProjectSecret, Properties, Rates, Receipt, Settings
from mixpanel_async.config import Overflow
from mixpanel_async.errors import BufferFullError, ClientClosedError
from mixpanel_async.models import DeliveryReport
from tests.property.reference import Answer, Entry, Reference
from tests.property.wire import Waiting, Wire
from tests.virtual_time import VirtualClock, VirtualLoop

MAX_BATCH_BYTES = 1_000
MAX_BUFFER_BYTES = 9_000
MAX_CONCURRENCY = 3
RECORD_BYTES = 300  # of one without filler, more or less
TURNS = 60  # of the loop, until nothing moves any more
FAULTS: list[Answer] = [answer for answer in get_args(Answer) if answer != "ok"]
NO_LIMITS = Rates(ingestion_events_per_minute=None, ingestion_bytes_per_minute=None)
PATHS = {"track": "/track", "import": "/import", "twin": "/import", "set": "/engage", "add": "/engage"}


class ClientMachine(RuleBasedStateMachine):
    """A client, its callers, and a server whose replies the machine chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.numbers = itertools.count(1)
        self.calls: dict[int, asyncio.Task[None]] = {}
        self.flushes: list[tuple[asyncio.Task[DeliveryReport], list[Entry]]] = []
        self.refused = 0
        self.is_closed = False

    @initialize(
        overflow=st.sampled_from(["wait", "raise", "drop_newest", "drop_oldest"]),
        is_ordered=st.booleans(),
        deadline=st.sampled_from([20.0, 100.0]),
        max_records=st.sampled_from([1, 3, 10]),
        kinds=st.sets(st.sampled_from(sorted(PATHS)), min_size=1, max_size=3),
        faults=st.sets(st.sampled_from(FAULTS), min_size=1, max_size=3),
    )
    def begin(
        self,
        *,
        overflow: Overflow,
        is_ordered: bool,
        deadline: float,
        max_records: int,
        kinds: set[str],
        faults: set[Answer],
    ) -> None:
        """Create the client, with few kinds of records and faults in each run so that they meet more often."""
        self.kinds, self.faults = sorted(kinds), sorted(faults)
        self.settings = Settings(
            overflow=overflow,
            overflow_wait_seconds=15.0,
            ordered_profiles=is_ordered,
            delivery_deadline_seconds=deadline,
            max_batch_records=max_records,
            max_batch_bytes=MAX_BATCH_BYTES,
            max_buffer_bytes=MAX_BUFFER_BYTES,
            max_concurrency=MAX_CONCURRENCY,
            linger_seconds=1.0,
            total_timeout_seconds=10.0,
            retry_quota=10_000,
            rates=NO_LIMITS,
        )
        self.reference = Reference(self.settings)
        self.wire = Wire(self.reference)
        self.client = AsyncMixpanel(
            "token-of-the-project",
            credentials=ProjectSecret("secret-of-the-project"),
            settings=self.settings,
            transport=self.wire,
            clock=VirtualClock(self.loop),
        )

    def run(self, seconds: float = 0.0) -> None:
        """Advance the time and run everything that is due."""

        async def turn() -> None:
            await asyncio.sleep(seconds)
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    # --- the caller ---

    @rule(data=st.data(), count=st.integers(1, 6), filler=st.sampled_from([0, 60, 350]))
    def make(self, data: st.DataObject, count: int, filler: int) -> None:
        kind = data.draw(st.sampled_from(self.kinds))
        for _ in range(count):
            number = next(self.numbers)
            key = f"twin-{number % 3}" if kind == "twin" else None
            size = filler + RECORD_BYTES
            entry = Entry(number, PATHS[kind], self.loop.time(), size, is_unsafe=kind == "add", key=key)
            before = self.client.stats.buffered_bytes
            if not self.is_closed:
                self.reference.asked(entry)
            self.calls[number] = self.loop.create_task(self.call(entry, kind, "x" * filler))
            self.run()
            if entry.receipt is not None and entry.receipt.outcome is Outcome.DROPPED:
                room = MAX_BUFFER_BYTES - MAX_BATCH_BYTES - 1024
                assert before + size > room * 8 // 9, "a record was dropped though there was room for it"

    async def call(self, entry: Entry, kind: str, filler: str) -> None:
        try:
            receipt = await self.receipt_of(entry, kind, filler)
        except ClientClosedError:
            self.expect(self.is_closed, "an open client says that it is closed")
        except BufferFullError:
            self.expect(self.settings.overflow == "raise", "only one policy raises")
        else:
            self.expect(not self.is_closed, "a closed client takes a record")
            self.reference.admitted(entry, receipt, self.loop.time())
        finally:
            del self.calls[entry.number]
            if entry.receipt is None and entry.number in self.reference.entries:
                self.expect(not entry.tries, f"record {entry.number} was sent, and its maker got no receipt")
                self.reference.withdrawn(entry)

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Note a problem, to be raised in the test and not in a task."""
        if not is_so:
            self.wire.problems.append(otherwise)

    def receipt_of(self, entry: Entry, kind: str, filler: str) -> Coroutine[object, object, Receipt]:
        """Return the call for a kind of record."""
        client = self.client
        properties: Properties = {"n": entry.number, "filler": filler}
        match kind:
            case "track":
                return client.track("user", "Tracked", properties)
            case "import":
                return client.import_event("user", "Imported", properties, time=1_700_000_000)
            case "twin":
                return client.import_event("user", "Twin", properties, time=1_700_000_000, insert_id=entry.key)
            case "set":
                return client.people.set("user", properties)
            case _:
                return client.people.add("user", {"n": entry.number})

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel a waiting call, whose record was never admitted."""
        admitted = self.client.stats.admitted
        number = data.draw(st.sampled_from(sorted(self.calls)))
        self.calls[number].cancel()
        self.run()
        assert number not in self.calls
        assert self.client.stats.admitted >= admitted

    @precondition(lambda self: not self.is_closed)
    @rule()
    def flush(self) -> None:
        entries = [entry for entry in self.reference.entries.values() if entry.receipt is not None]
        self.flushes.append((self.loop.create_task(self.client.flush()), entries))
        self.reference.flushed(self.loop.time())
        self.run()

    @rule(seconds=st.sampled_from([0.4, 1.1, 4.0, 11.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.run(seconds)

    @precondition(lambda self: not self.is_closed and len(self.reference.entries) > 15)
    @rule(timeout=st.sampled_from([0.0, 3.0, 30.0]))
    def close(self, timeout: float) -> None:
        self.is_closed = True
        started = self.loop.time()
        report = self.loop.run_until_complete(self.client.aclose(timeout))
        assert self.loop.time() - started <= timeout + 0.25
        assert report.pending == 0
        assert self.wire.is_closed
        self.run()
        assert not self.calls, "somebody still waits for a closed client"

    # --- the server ---

    @precondition(lambda self: self.wire.waiting)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(self.faults))
        waiting = data.draw(st.sampled_from(self.wire.waiting))
        failed = frozenset[int]()
        if answer == "partial":
            if waiting.path == "/track":
                return  # it gives no verdict for each record
            failed = data.draw(st.frozensets(st.integers(0, len(waiting.numbers) - 1), min_size=1))
        self.answer(waiting, answer, failed)

    @precondition(lambda self: self.wire.waiting)
    @rule(rounds=st.sampled_from([1, 1, 3, 30]))
    def accept(self, rounds: int) -> None:
        for _ in range(rounds):
            if self.wire.waiting:
                self.answer(self.wire.waiting[0], "ok", frozenset())

    def answer(self, waiting: Waiting, answer: Answer, failed: frozenset[int]) -> None:
        waiting.answer.set_result((answer, failed))
        self.run()

    # --- what is always so ---

    @invariant()
    def limits_are_kept(self) -> None:
        assert not self.wire.problems, self.wire.problems
        assert len(self.wire.waiting) <= MAX_CONCURRENCY
        for waiting in self.wire.waiting:
            assert len(waiting.numbers) <= self.settings.max_batch_records
            assert waiting.body_bytes <= MAX_BATCH_BYTES

    @invariant()
    def the_books_add_up(self) -> None:
        stats, entries = self.client.stats, self.reference.entries.values()
        admitted = [entry for entry in entries if entry.receipt is not None]
        assert stats.admitted == len(admitted)
        assert stats.admitted == stats.settled + stats.queued + stats.in_flight
        assert stats.in_flight >= sum(len(waiting.numbers) for waiting in self.wire.waiting)
        for outcome in Outcome:
            told = sum(entry.receipt is not None and entry.receipt.outcome is outcome for entry in admitted)
            assert stats.outcomes[outcome] == told
        assert 0 <= stats.buffered_bytes <= MAX_BUFFER_BYTES
        if not stats.queued and not stats.in_flight:
            assert stats.buffered_bytes == 0
            assert not self.calls, "somebody waits for room in an empty buffer"

    @invariant()
    def outcomes_are_permitted(self) -> None:
        now = self.loop.time()
        for entry in self.reference.entries.values():
            if entry.receipt is None:
                continue
            permitted = self.reference.permitted(entry, now, is_closed=self.is_closed)
            outcome = entry.receipt.outcome
            if outcome is not None and entry.final is None:
                entry.final = outcome  # it never changes again
            assert outcome in permitted, f"{entry} may be {permitted}, not {entry.receipt.verdict}"

    @invariant()
    def nothing_is_applied_twice(self) -> None:
        for entry in self.reference.entries.values():
            assert entry.applied <= 1 or (entry.is_ambiguous and not entry.is_unsafe), entry

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """When nothing is in flight, everything due has been sent; a flush ends exactly with its records."""
        is_full = self.client.stats.buffered_bytes + MAX_BATCH_BYTES + 1024 > MAX_BUFFER_BYTES
        if not self.wire.waiting and not is_full:
            overdue = self.reference.overdue(self.loop.time())
            assert not overdue, f"never sent: {overdue}"
        for task, entries in self.flushes:
            assert task.done() == all(self.reference.has_outcome(entry) for entry in entries)

    def teardown(self) -> None:
        try:
            if hasattr(self, "client"):
                self.end()
        finally:
            self.loop.close()

    def end(self) -> None:
        """Close the client, unless it is closed, and check the counters for the last time."""
        while self.calls:  # one by one: whoever gets the room of another one that leaves is admitted
            next(iter(self.calls.values())).cancel()
            self.run()
        if not self.is_closed:
            self.is_closed = True
            self.loop.run_until_complete(self.client.aclose(0.0))
            self.run()
            self.the_books_add_up()
            self.outcomes_are_permitted()
        assert not asyncio.all_tasks(self.loop)


def test_the_client_keeps_to_its_model() -> None:
    """Whatever is called, replied, cancelled and closed in any order, each record ends as the model permits."""
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(
            ClientMachine,
            settings=profile(
                max_examples=3 * profile().max_examples,
                stateful_step_count=40,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],  # the first failure is told at once; add Phase.shrink to study it
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
