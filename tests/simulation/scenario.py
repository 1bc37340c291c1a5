"""One seed: a client with random settings, callers that come and go, a shutdown, and an audit of all records."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from mixpanel_async import AsyncMixpanel, Outcome, ProjectSecret, Properties, Rates, Receipt, Settings
from mixpanel_async.errors import BufferFullError, ClientClosedError
from tests.simulation.world import Plan, World
from tests.virtual_time import VirtualClock, VirtualLoop, run_virtually

FAULTS = [
    *("connect_failed", "reset_unsent", "reset_before", "reset_after", "hang", "hang_applied"),
    *("garbage", "mismatch", "429", "429_after", "503", "502", "500", "408", "504"),
    *("applied_500", "applied_504", "bad_request", "redirect"),
    *("stall", "odd_retry_after", "413_burst", "400_burst", "html_200", "html_403", "html_404", "html_503"),
]
UNSAFE_KINDS = {"add", "append", "union"}
PROFILE_KINDS = {"set", *UNSAFE_KINDS}
SHUTDOWN_GRACE_SECONDS = 0.25
LARGE_SHARE = 0.2  # of the seeds has large records and batches


@dataclass
class Made:
    """A record that a caller tracked."""

    number: int
    kind: str
    caller: int
    receipt: Receipt
    made_at: float
    settled_at: float | None = None


@dataclass
class Audit:
    """The result of a seed."""

    seed: int
    problems: list[str] = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    steps: int = 0


class Scenario:
    """Everything that one seed determines."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.settings = self._settings()
        self.world = World(random.Random(seed + 1), self._plan())
        self.made: list[Made] = []
        self.audit = Audit(seed)
        self.numbers = iter(range(1, 10**9))
        self.close_timeout = self.random.choice([0.0, 0.5, 5.0, 60.0, 600.0, 600.0, 3600.0])
        self.closed_after = float("nan")
        self.closed_at = float("inf")

    def _settings(self) -> Settings:
        pick = self.random.choice
        settings = Settings(
            track_via=pick(["track", "import"]),
            max_batch_records=pick([1, 3, 10, 50]),
            max_group_batch_records=pick([1, 7]),
            max_batch_bytes=pick([1_000, 2_500, 8_000]),
            linger_seconds=pick([0.0, 0.05, 1.0]),
            max_buffer_bytes=pick([32_000, 60_000, 1_000_000]),
            max_buffer_records=pick([None, None, 40]),
            overflow=pick(["wait", "raise", "drop_newest", "drop_oldest"]),
            overflow_wait_seconds=pick([0.0, 1.0, 30.0]),
            delivery_deadline_seconds=pick([3.0, 30.0, 300.0]),
            dedupe_window_records=pick([0, 5, 1000]),
            max_concurrency=pick([1, 4, 20]),
            retry_quota=pick([0, 5, 100]),
            ordered_profiles=pick([False, True]),
            replay_unsafe_updates=pick([False, False, True]),
            gzip_level=pick([0, 1]),
            total_timeout_seconds=pick([1.0, 10.0]),
            rates=Rates(ingestion_events_per_minute=pick([None, 300, 100_000])),
        )
        if self.random.random() < LARGE_SHARE:  # a 413 splits only a batch of more than 32 KiB
            return msgspec.structs.replace(settings, max_batch_bytes=60_000, max_buffer_bytes=1_000_000)
        return settings

    def _plan(self) -> Plan:
        share = self.random.choice([0, 5, 15, 30, 60])
        chosen = self.random.sample(FAULTS, k=self.random.randint(1, 6))
        weights = {"ok": 100 - share, **dict.fromkeys(chosen, max(1, share // len(chosen)) if share else 0)}
        return Plan(
            weights=weights,
            latency=self.random.choice([(0.0, 0.0), (0.01, 0.2), (0.5, 3.0)]),
            events_per_minute=self.random.choice([None, None, 310]),
            body_cap=self.random.choice([None, None, 700]),
            poison=frozenset(self.random.sample(range(1, 200), k=self.random.choice([0, 0, 20]))),
            dead_paths=frozenset(self.random.choice([(), (), (), ("/import",), ("/engage",)])),
        )

    async def run(self) -> Audit:
        """Play the seed and return the audit."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        client = AsyncMixpanel(
            "token-of-the-project",
            credentials=ProjectSecret("secret-of-the-project"),
            settings=self.settings,
            transport=self.world,
            clock=VirtualClock(loop, self.seed),
        )
        loop.after_step = lambda: self._check_books(client)
        await self._play(client)
        loop.after_step = None
        self._audit_end(client)
        self.audit.faults.update(self.world.faults)
        return self.audit

    async def _play(self, client: AsyncMixpanel) -> None:
        callers = [asyncio.create_task(self._caller(client, index)) for index in range(self.random.randint(1, 6))]
        victims = [task for task in callers if self.random.random() < 0.2]
        for task in victims:
            await asyncio.sleep(self.random.uniform(0, 3))
            task.cancel()
        if self.random.random() < 0.3:
            await asyncio.wait(callers, timeout=self.random.uniform(0, 20))
        else:
            await asyncio.wait(callers)
        if self.random.random() < 0.3:
            await client.flush(self.random.choice([0.0, 1.0, 100.0]))
        await self._close(client)
        await asyncio.gather(*callers, return_exceptions=True)

    async def _close(self, client: AsyncMixpanel) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.closed_at = started + self.close_timeout
        closing = asyncio.create_task(client.aclose(self.close_timeout))
        closing.add_done_callback(lambda _: setattr(self, "closed_after", loop.time() - started))
        if self.random.random() < 0.1:
            await asyncio.sleep(self.random.uniform(0, 1))
            self.closed_at = min(self.closed_at, loop.time())
            closing.cancel()
        await asyncio.wait([closing])

    async def _caller(self, client: AsyncMixpanel, index: int) -> None:
        for _ in range(self.random.randint(1, 120)):
            if self.random.random() < 0.2:
                await asyncio.sleep(self.random.choice([0.0, 0.01, 0.5, 5.0]))
            if "stall" in self.world.plan.weights and self.random.random() < 0.01:
                self.world.stall()
            try:
                await self._make(client, index)
            except (BufferFullError, ClientClosedError):
                continue

    async def _make(self, client: AsyncMixpanel, index: int) -> None:
        number = next(self.numbers)
        kind = self.random.choice(["track", "track", "import", "set", "add", "append", "union", "group", "repeat"])
        made_at = asyncio.get_running_loop().time()
        who = f"user-{index}"
        filler = "x" * self.random.choice([0, 10, 200] if self.settings.max_batch_bytes < 60_000 else [10, 4_000])
        clock = 1_750_000_000 + int(made_at)
        match kind:
            case "track":
                receipt = await client.track(who, "Tracked", {"n": number, "filler": filler})
            case "import":
                receipt = await client.import_event(who, "Imported", {"n": number, "filler": filler}, time=clock)
            case "repeat":
                twin: Properties = {"n": number, "filler": filler}
                receipt = await client.import_event(
                    who, "Repeated", twin, time=1_600_000_000, insert_id=f"twin-{index}"
                )
            case "set":
                receipt = await client.people.set(who, {"n": number, "filler": filler})
            case "add":
                receipt = await client.people.add(who, {"n": number})
            case "append":
                receipt = await client.people.append(who, {"n": number})
            case "union":
                receipt = await client.people.union(who, {"n": [number]})
            case _:
                receipt = await client.groups.set("company", who, {"n": number})
        made = Made(number, kind, index, receipt, made_at)
        self.made.append(made)

    def _check_books(self, client: AsyncMixpanel) -> None:
        """Check the invariants after every step of the loop."""
        self.audit.steps += 1
        stats = client.stats
        if stats.admitted != stats.settled + stats.queued + stats.in_flight or min(stats.queued, stats.in_flight) < 0:
            self._problem(f"the books do not add up: {stats}")
        if not 0 <= stats.buffered_bytes <= self.settings.max_buffer_bytes:
            self._problem(f"{stats.buffered_bytes} bytes are held, {self.settings.max_buffer_bytes} are allowed")
        for made in self.made:
            if made.settled_at is None and made.receipt.verdict is not None:
                made.settled_at = asyncio.get_running_loop().time()

    def _problem(self, text: str) -> None:
        if len(self.audit.problems) < 20:
            self.audit.problems.append(text)

    def _audit_end(self, client: AsyncMixpanel) -> None:
        stats = client.stats
        self.audit.outcomes.update(stats.outcomes)
        if stats.queued or stats.in_flight or stats.buffered_bytes:
            self._problem(f"something is left after the end: {stats}")
        # A loop that does not run cannot close in time.
        if self.closed_after > self.close_timeout + SHUTDOWN_GRACE_SECONDS + self.world.stalled_seconds:
            self._problem(f"closing took {self.closed_after:.2f} s of {self.close_timeout} s")
        for text in self.world.problems:
            self._problem(text)
        if not self.world.is_closed:
            self._problem("the transport was left open")
        self._audit_records()
        self._audit_requests()
        self._audit_order()

    def _audit_records(self) -> None:
        applied = self.world.applied
        for made in self.made:
            verdict = made.receipt.verdict
            if verdict is None:
                self._problem(f"record {made.number} has no outcome")
                continue
            times = applied.get(made.number, 0)
            match verdict.outcome:
                case Outcome.ACCEPTED | Outcome.UNVERIFIED if not times:
                    self._problem(f"record {made.number} ({made.kind}) counts as delivered and never arrived")
                case Outcome.EXPIRED | Outcome.DROPPED | Outcome.DUPLICATE if times:
                    self._problem(f"record {made.number} ({made.kind}) is {verdict} and arrived")
                case _:
                    pass
            if times > 1 and made.kind in UNSAFE_KINDS and not self.settings.replay_unsafe_updates:
                self._problem(f"{made.kind} {made.number} was applied {times} times")
            self._audit_deadline(made)
        for number, spellings in self.world.bytes_of.items():
            if len(spellings) > 1:
                self._problem(f"record {number} was sent with different bytes: {spellings}")

    def _audit_deadline(self, made: Made) -> None:
        if made.settled_at is None:
            return
        waited = made.settled_at - made.made_at
        verdict = made.receipt.verdict
        # After a failed try whose next one would come too late, giving up at once is right.
        is_given_up = verdict is not None and verdict.reason == "deadline" and "last try" not in verdict.message
        if is_given_up and made.settled_at < self.closed_at and waited < self.settings.delivery_deadline_seconds / 2:
            self._problem(f"record {made.number} was given up {waited:.1f} s after it was made")
        slack = self.settings.overflow_wait_seconds + 1.0 + self.world.stalled_seconds
        if waited > self.settings.delivery_deadline_seconds + slack:
            self._problem(f"record {made.number} settled {waited:.1f} s after it was made")

    def _audit_requests(self) -> None:
        settings = self.settings
        for sent in self.world.requests:
            most = settings.max_group_batch_records if sent.path == "/groups" else settings.max_batch_records
            if len(sent.parts) > most or sent.body_bytes > settings.max_batch_bytes:
                self._problem(f"a request of {len(sent.parts)} records and {sent.body_bytes} bytes to {sent.path}")
            if sent.path in {"/engage", "/groups"} and not sent.wire.startswith(b"["):
                self._problem(f"a compressed body went to {sent.path}")
        if self.world.most_under_way > settings.max_concurrency:
            self._problem(f"{self.world.most_under_way} requests at once")
        self._audit_quota()
        self._audit_window()

    def _audit_quota(self) -> None:
        """Every retry uses up the quota, except after a 429."""
        asked = sum(1 for sent in self.world.requests if sent.status == 429)
        tries: Counter[bytes] = Counter(sent.wire for sent in self.world.requests)
        retries = sum(count - 1 for count in tries.values())
        successes = sum(1 for sent in self.world.requests if sent.status == 200)
        requests = self.world.requests
        seconds = requests[-1].at - requests[0].at if requests else 0.0
        allowed = self.settings.retry_quota + (seconds + successes * 0.1 if self.settings.retry_quota else 0)
        if retries - asked > allowed + 1:
            self._problem(f"{retries} retries, {asked} of them after 429, in {seconds:.0f} s; {allowed:.0f} allowed")

    def _audit_window(self) -> None:
        limit = self.settings.rates.ingestion_events_per_minute
        if limit is None:
            return
        sent = self.world.requests
        first = 0
        held = 0
        for request in sent:
            held += len(request.parts)
            while sent[first].at <= request.at - 60:
                held -= len(sent[first].parts)
                first += 1
            if held > limit:
                self._problem(f"{held} records within a minute, {limit} are allowed")
                return

    def _audit_order(self) -> None:
        """In ordered mode, the updates of one caller were applied in their order."""
        if not self.settings.ordered_profiles:
            return
        caller_of = {made.number: made.caller for made in self.made if made.kind in PROFILE_KINDS}
        latest: dict[int, int] = {}
        for number in dict.fromkeys(self.world.order):
            caller = caller_of.get(number)
            if caller is None:
                continue
            if number < latest.get(caller, 0):
                self._problem(f"update {number} was applied after {latest[caller]}")
            latest[caller] = number


def play(seed: int) -> Audit:
    """Run one seed in virtual time."""
    return run_virtually(Scenario(seed).run())
