"""The local server: start, stop, and access to what it stored."""

import asyncio
import pathlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self

from aiohttp import web, web_app

from mixpanel_async.emulator.activity import Activity, Rejection, RequestLog
from mixpanel_async.emulator.app.accounts import ACCOUNTS, Accounts
from mixpanel_async.emulator.application import build_app
from mixpanel_async.emulator.faults import FaultPlan
from mixpanel_async.emulator.page.seeds import SeedReport
from mixpanel_async.emulator.projects import Projects
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.routes import seeds
from mixpanel_async.emulator.settings import EmulatorSettings, Limits, projects_of
from mixpanel_async.emulator.state import REQUESTS_KEPT, ServerCounts, ServerState
from mixpanel_async.emulator.store.database import Store
from mixpanel_async.emulator.store.profiles import ProfileKey
from mixpanel_async.errors import InvalidSettingError

_SHUTDOWN_SECONDS = 2.0
_MAX_LINE_BYTES = 131_072  # a GET carries its events in the URL


class Emulator:
    """A local Mixpanel server, for one event loop.

    Args:
        settings: Address, credentials and limits.
        on_request: Called with each request that has ended, on the server's event loop.
        now: Returns the seconds since 1970, for arrival times and for "today" in queries.
        monotonic: Returns monotonic seconds, for the rate limits.
        sleep: Waits for some seconds, for the `delay` and `hang` faults.
    """

    def __init__(
        self,
        settings: EmulatorSettings | None = None,
        *,
        on_request: Callable[[RequestLog], None] | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings or EmulatorSettings()
        self.faults = FaultPlan()
        self.requests: deque[RequestLog] = deque(maxlen=REQUESTS_KEPT)
        self.url = ""
        self._on_request = on_request
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._state: ServerState | None = None
        self._runner: web.AppRunner | None = None

    @property
    def limits(self) -> Limits:
        """The limits in force; they may be changed while the server runs."""
        return self._running().limits

    async def start(self) -> None:
        """Open the store and listen; `url` is set afterwards.

        Raises:
            MissingExtraError: DuckDB is not installed.
            InvalidSettingError: The data file or the projects file is invalid.
            OSError: The port is in use.
            RuntimeError: The server is running already.
        """
        if self._state is not None:
            raise RuntimeError("the local server is running already; call stop() first")
        projects = projects_of(self.settings)
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="emulator-store")
        try:
            loop = asyncio.get_running_loop()
            store = await loop.run_in_executor(executor, Store, self.settings.data)
            accounts = await loop.run_in_executor(executor, store.documents.everywhere, ACCOUNTS)
        except BaseException:
            executor.shutdown(wait=False)
            raise
        self._state = ServerState(
            settings=self.settings,
            projects=projects,
            limits=Limits.of(self.settings),
            now=self._now,
            monotonic=self._monotonic,
            sleep=self._sleep,
            faults=self.faults,
            requests=self.requests,
            store=store,
            executor=executor,
            accounts=Accounts(body for _, body in accounts),
            activity=Activity(self._on_request),
        )
        try:
            await self._state.add_lookup_tables()
            await self._listen(self._state)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End held requests, stop listening and write everything to the store. Safe to call twice."""
        state, self._state = self._state, None
        if state is None:
            return
        state.stopping.set()
        try:
            if self._runner is not None:
                await self._runner.cleanup()
        finally:
            self._runner = None
            _forget_handlers()
            try:
                await state.run(state.store.close)
            finally:
                state.executor.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def projects(self) -> Projects:
        """The projects."""
        return self._running().projects

    async def events(self, *, project: int | None = None) -> list[dict[str, Any]]:
        """Return all stored events in the order of arrival, duplicates included; `time` and `token` are as sent.

        Args:
            project: ID of the project (default: the first one).
        """
        state = self._running()
        return await state.run(partial(state.store.events, self._chosen(project), deduplicated=False))

    async def deduplicated_events(self, *, project: int | None = None) -> list[dict[str, Any]]:
        """Return the newest of stored events with equal event, time, distinct_id and $insert_id.

        Args:
            project: ID of the project (default: the first one).
        """
        state = self._running()
        return await state.run(partial(state.store.events, self._chosen(project), deduplicated=True))

    async def profiles(self, *, project: int | None = None) -> dict[str, dict[str, Any]]:
        """Return the properties of user profiles by distinct_id.

        Args:
            project: ID of the project (default: the first one).
        """
        found = await self._profiles(project)
        return {key.id: properties for key, properties in found.items() if not key.kind}

    async def groups(self, *, project: int | None = None) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the properties of group profiles by group key and group ID.

        Args:
            project: ID of the project (default: the first one).
        """
        found = await self._profiles(project)
        return {(key.kind, key.id): properties for key, properties in found.items() if key.kind}

    async def identities(self, *, project: int | None = None) -> list[tuple[str, str, str]]:
        """Return the links between IDs: event name ($identify, $create_alias or $merge) and the two IDs.

        Args:
            project: ID of the project (default: the first one).
        """
        state = self._running()
        query = "SELECT event, first_id, second_id FROM identities WHERE project = ? ORDER BY seq"
        found = await state.run(partial(state.store.rows, query, [self._chosen(project)]))
        return [(event, first, second) for event, first, second in found]

    async def canonical_ids(self, *, project: int | None = None) -> dict[str, str]:
        """Return the canonical ID of each ID that was merged with others, as queries count users.

        Args:
            project: ID of the project (default: the first one).
        """
        state = self._running()
        query = "SELECT id, canonical FROM users WHERE project = ?"
        return dict(await state.run(partial(state.store.rows, query, [self._chosen(project)])))

    async def lookup_tables(self, *, project: int | None = None) -> dict[str, str]:
        """Return the CSV of lookup tables by ID.

        Args:
            project: ID of the project (default: the first one).
        """
        state = self._running()
        query = "SELECT id, content FROM lookup_tables WHERE project = ?"
        return dict(await state.run(partial(state.store.rows, query, [self._chosen(project)])))

    async def documents(self, kind: str, *, project: int | None = None) -> list[dict[str, Any]]:
        """Return what the app and pipeline APIs have stored of a kind, such as "annotations" or "pipelines".

        Args:
            kind: Kind of the documents.
            project: ID of the project (default: the first one).
        """
        state = self._running()
        found = await state.run(partial(state.store.documents.list, self._chosen(project), kind))
        return [body for _, body in found]

    async def counts(self) -> ServerCounts:
        """Return the counts of stored records and of requests."""
        return await self._running().counts()

    @property
    def rejections(self) -> list[Rejection]:
        """The last rejected records, the newest last."""
        return list(self._running().activity.rejections)

    async def changed(self) -> None:
        """Wait until the next request with records has been handled."""
        await self._running().activity.changed()

    async def seed(self, path: pathlib.Path) -> SeedReport:
        """Store the events and profiles of a file, through the rules of ingestion.

        Records that name no project go to the first one. An event without $insert_id gets one that is the same each
        time, so that a file that is read again adds no event.

        Args:
            path: JSON lines or a JSON array, as exports write them; it may be compressed with gzip.

        Raises:
            InvalidSettingError: The file cannot be read, or is too large.
        """
        state = self._running()
        try:
            content = await state.run(path.read_bytes)
        except OSError as error:
            raise InvalidSettingError(f"the seed file {path} cannot be read: {error.strerror or error}") from error
        try:
            return await seeds.take_seed(state, path.name, content, state.projects.first)
        except RefusalError as error:
            raise InvalidSettingError(f"the seed file {path} cannot be read: {error}") from error

    async def reset(self) -> None:
        """Delete data, log, counters and faults, and restore the limits of the settings."""
        await self._running().reset()

    async def _profiles(self, project: int | None) -> dict[ProfileKey, dict[str, Any]]:
        state, chosen = self._running(), self._chosen(project)
        return await state.run(partial(state.store.profiles.of_project, chosen))

    def _chosen(self, project: int | None) -> int:
        return self.projects.first.id if project is None else project

    async def _listen(self, state: ServerState) -> None:
        # The routes decompress bodies, because they limit the result; aiohttp would not.
        self._runner = web.AppRunner(
            build_app(state),
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            max_line_size=_MAX_LINE_BYTES,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _running(self) -> ServerState:
        if self._state is None:
            raise RuntimeError("the local server is not running; use `async with Emulator()` or call start()")
        return self._state


def _forget_handlers() -> None:
    """Empty aiohttp's cache of handlers with middlewares, which would keep the data of up to 1024 stopped servers.

    It is private. Another application in the process only builds its handlers again.
    """
    cached = getattr(web_app, "_cached_build_middleware", None)
    if cached is not None:
        cached.cache_clear()


async def serve(
    settings: EmulatorSettings,
    *,
    seeds: Sequence[pathlib.Path] = (),
    ready: Callable[[str, list[SeedReport]], None] | None = None,
    on_request: Callable[[RequestLog], None] | None = None,
) -> None:
    """Run a local server until cancelled.

    Args:
        settings: Address, credentials and limits.
        seeds: Files of events and profiles to store first; see `Emulator.seed`.
        ready: Called with the URL and what became of the seeds, once the server listens.
        on_request: Called with each request that has ended, on the server's event loop.

    Raises:
        InvalidSettingError: A file cannot be read.
        MissingExtraError: DuckDB is not installed.
        OSError: The port is taken.

    Example:
        ```python
        import asyncio

        from mixpanel_async.emulator import EmulatorSettings, serve

        server = asyncio.create_task(serve(EmulatorSettings(port=8787), ready=print))
        server.cancel()
        ```
    """
    async with Emulator(settings, on_request=on_request) as emulator:
        reports = [await emulator.seed(path) for path in seeds]
        if ready is not None:
            ready(emulator.url, reports)
        await asyncio.Event().wait()
