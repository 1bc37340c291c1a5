"""State shared by the routes: settings, store and its thread, limits, faults and request log."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from aiohttp import web

from mixpanel_async.emulator.activity import Activity, RequestLog
from mixpanel_async.emulator.app.accounts import Accounts
from mixpanel_async.emulator.faults import FaultPlan, InjectedFault
from mixpanel_async.emulator.projects import Project, Projects
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.rolling_window import RateWindow
from mixpanel_async.emulator.settings import EmulatorSettings, Limits
from mixpanel_async.emulator.store.database import Store
from mixpanel_async.emulator.store.profiles import Profile

Result = TypeVar("Result")

REQUESTS_KEPT = 10_000
QUERY_SECONDS = 30.0
_MAX_SQL_CHARACTERS = 1_000_000
_MINUTE_SECONDS = 60.0
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class ServerCounts:
    """Counts of stored records and of requests.

    Attributes:
        events: Stored events, duplicates included.
        identities: Stored links between IDs.
        profiles: User profiles.
        groups: Group profiles.
        lookup_tables: Lookup tables.
        requests: Received requests, without those to the server's own pages.
        rejected: Records that validation rejected.
        ignored: Records of /track that were neither rejected nor stored.
        in_flight_peak: Maximum number of concurrent ingestion requests.
    """

    events: int
    identities: int
    profiles: int
    groups: int
    lookup_tables: int
    requests: int
    rejected: int
    ignored: int
    in_flight_peak: int


@dataclass
class ServerTally:
    """Counters that are not in the store."""

    requests: int = 0
    rejected: int = 0
    ignored: int = 0


@dataclass
class Concurrency:
    """Concurrent requests of one kind: how many there are, and how many there were at most."""

    now: int = 0
    peak: int = 0

    @contextmanager
    def one_more(self, limit: int | None) -> Iterator[None]:
        """Count one request while it is served.

        Raises:
            RefusalError: With 429, if as many as `limit` are being served.
        """
        if limit is not None and self.now >= limit:
            raise rate_refusal(1.0)
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            yield
        finally:
            self.now -= 1


@dataclass
class InFlight:
    """The requests that are being served, by kind."""

    ingestion: Concurrency = field(default_factory=Concurrency)
    query: Concurrency = field(default_factory=Concurrency)
    export: Concurrency = field(default_factory=Concurrency)


@dataclass
class Windows:
    """One rolling window for each rate limit of a project."""

    events: RateWindow = field(default_factory=lambda: RateWindow(_MINUTE_SECONDS))
    bytes: RateWindow = field(default_factory=lambda: RateWindow(_MINUTE_SECONDS))
    query: RateWindow = field(default_factory=lambda: RateWindow(_HOUR_SECONDS))
    export: RateWindow = field(default_factory=lambda: RateWindow(_HOUR_SECONDS))
    schemas: RateWindow = field(default_factory=lambda: RateWindow(_MINUTE_SECONDS))
    schema_entities: RateWindow = field(default_factory=lambda: RateWindow(_MINUTE_SECONDS))
    gdpr: RateWindow = field(default_factory=lambda: RateWindow(1.0))
    export_burst: RateWindow = field(default_factory=lambda: RateWindow(1.0))


class SharedWrite:
    """A write for all requests that were accepted before it started.

    Args:
        flush: Writes, on the store's thread.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self.is_started = False
        self.done: asyncio.Future[None]

    def run(self) -> None:
        """Write."""
        # Set before the write: a request that was accepted later than this needs another one.
        self.is_started = True
        self._flush()


class QuerySession(NamedTuple):
    """The result of a profile query, which its pages are taken from.

    Attributes:
        project: The project's ID.
        expires: When it is forgotten, in seconds since 1970.
        found: IDs and profiles; None where there is no profile.
    """

    project: int
    expires: float
    found: list[tuple[str, Profile | None]]


@dataclass(kw_only=True)
class ServerState:
    """State shared by the routes. The event loop owns it; only `store` belongs to the executor's one thread."""

    settings: EmulatorSettings
    projects: Projects
    limits: Limits
    now: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    faults: FaultPlan
    requests: deque[RequestLog]
    store: Store
    executor: ThreadPoolExecutor
    accounts: Accounts
    activity: Activity = field(default_factory=Activity)
    tally: ServerTally = field(default_factory=ServerTally)
    in_flight: InFlight = field(default_factory=InFlight)
    windows: dict[int, Windows] = field(default_factory=dict)
    write: SharedWrite | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    query_sessions: dict[str, QuerySession] = field(default_factory=dict)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run blocking work on the store's thread: one call at a time, in the order of the calls."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    async def settle(self) -> None:
        """With a data file, write what was accepted before the reply is sent; concurrent requests share one write."""
        if not self.store.is_file:
            return
        write = self.write
        if write is None or write.is_started:
            write = self.write = SharedWrite(self.store.flush)
            write.done = asyncio.ensure_future(self.run(write.run))
        # A request that is cancelled must not cancel the write of the others.
        await asyncio.shield(write.done)

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query that may take long on the store's thread.

        Raises:
            RefusalError: With 400, if it is too large or takes too long.
        """
        if len(sql) > _MAX_SQL_CHARACTERS:  # to bind it cannot be interrupted
            raise RefusalError(400, "the query is too large; give fewer names, steps or simpler expressions")
        try:
            return await self.run(partial(self.store.query, sql, QUERY_SECONDS))
        except TimeoutError as error:
            raise RefusalError(
                400, f"the query took longer than {QUERY_SECONDS:g} s; give fewer days, a limit or a simpler expression"
            ) from error

    async def add_lookup_tables(self) -> None:
        """Create the lookup tables that the projects name."""
        for project in self.projects:
            await self.run(partial(self.store.add_lookup_tables, project.id, project.lookup_tables or {}))

    async def counts(self) -> ServerCounts:
        """Return the counts of stored records and of requests."""
        stored = await self.run(self.store.counts)
        tally = self.tally
        return ServerCounts(
            **stored,
            requests=tally.requests,
            rejected=tally.rejected,
            ignored=tally.ignored,
            in_flight_peak=self.in_flight.ingestion.peak,
        )

    async def reset(self) -> None:
        """Delete data, log, counters and faults, and restore the limits of the settings."""
        await self.run(self.store.clear)
        await self.add_lookup_tables()
        self.faults.clear()
        self.requests.clear()
        self.query_sessions.clear()
        self.activity.clear()
        self.accounts.clear()
        self.tally = ServerTally()
        self.in_flight.ingestion.peak = self.in_flight.ingestion.now
        self.windows.clear()
        self.limits = Limits.of(self.settings)

    def note_intake(
        self, path: str, records: Sequence[Any], failed: Sequence[Mapping[str, Any]], ignored: int = 0
    ) -> None:
        """Count the rejected and ignored records of a request, and tell those who wait for a change.

        Args:
            path: Path of the request.
            records: The records as sent.
            failed: One entry for each rejected record, as strict mode reports it.
            ignored: Records that were neither rejected nor stored.
        """
        self.tally.rejected += len(failed)
        self.tally.ignored += ignored
        self.activity.note(path, self.now(), records, failed)

    def admit_ingestion(self, project: Project, records: int, body_bytes: int) -> None:
        """Count a batch against the rate limits of a rolling minute.

        Args:
            project: The project of the batch.
            records: Records in the batch.
            body_bytes: Uncompressed bytes of the batch.

        Raises:
            RefusalError: The batch exceeds a limit; nothing is counted.
        """
        now = self.monotonic()
        windows = self.windows_of(project)
        events, sizes = windows.events, windows.bytes
        wait_seconds = max(
            events.wait_seconds(now, records, self.limits.events_per_minute),
            sizes.wait_seconds(now, body_bytes, self.limits.bytes_per_minute),
        )
        if wait_seconds > 0:
            raise rate_refusal(wait_seconds)
        events.record(now, records)
        sizes.record(now, body_bytes)

    def windows_of(self, project: Project) -> Windows:
        """Return the rolling windows of a project."""
        return self.windows.setdefault(project.id, Windows())

    def admit_call(self, window: RateWindow, limit: int | None, amount: int = 1) -> None:
        """Count one call, or the amount of what it does, against the limit of a window.

        Raises:
            RefusalError: The call exceeds the limit; nothing is counted.
        """
        now = self.monotonic()
        wait_seconds = window.wait_seconds(now, amount, limit)
        if wait_seconds > 0:
            raise rate_refusal(wait_seconds)
        window.record(now, amount)


def rate_refusal(wait_seconds: float) -> RefusalError:
    """Return the error for a request over a rate limit; the same request fits in `wait_seconds`."""
    return RefusalError(429, "rate limit exceeded: back off and send again", retry_after_seconds=wait_seconds)


STATE = web.AppKey("STATE", ServerState)
PROJECT = web.RequestKey("PROJECT", Project)  # set by check_credentials
BODY = web.RequestKey("BODY", bytes)
LOG = web.RequestKey("LOG", RequestLog)
FAULT = web.RequestKey("FAULT", InjectedFault)
