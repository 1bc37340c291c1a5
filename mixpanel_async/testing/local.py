"""The local server in a thread with an event loop of its own."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault, Rejection, RequestLog
from mixpanel_async.testing.events import (
    Event,
    UntrackedError,
    Wanted,
    explain_count,
    explain_missing,
    explain_unexpected,
)

T = TypeVar("T")
_START_SECONDS: Final = 30.0
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_RECORD_PATHS: Final = frozenset({"/track", "/import", "/engage", "/groups"})


class LocalMixpanel:
    """A Mixpanel on this machine that any client can send to.

    It runs in a thread, so its methods may be called from anywhere. Methods that wait (`within`) block the calling
    thread: in a coroutine, await `arrival` instead.

    Args:
        settings: Address, credentials and limits (default: a free port, any token and any credential).

    Attributes:
        token: A project token for clients; the server accepts any unless its settings name one.

    Example:
        ```python
        from mixpanel_async import AsyncMixpanel
        from mixpanel_async.testing import LocalMixpanel

        async with LocalMixpanel() as server, AsyncMixpanel(server.token, base_url=server.url) as mp:
            await mp.track("user-1", "Signed Up", {"plan": "pro"})
            await mp.flush()
            server.assert_tracked("Signed Up", distinct_id="user-1", plan="pro")
        ```
    """

    def __init__(self, settings: EmulatorSettings | None = None) -> None:
        self._emulator = Emulator(settings)
        self.token = self._emulator.settings.token or "local-project-token"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._are_rejections_allowed = False

    @property
    def url(self) -> str:
        """The address of the server: the base URL of a client."""
        return self._emulator.url

    @property
    def environment(self) -> dict[str, str]:
        """The MIXPANEL_* variables with which `AsyncMixpanel.from_env` and the command line use this server."""
        return {
            "MIXPANEL_BASE_URL": self.url,
            "MIXPANEL_TOKEN": self.token,
            "MIXPANEL_PROJECT_ID": str(self._emulator.settings.project_id or 1),
            "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "local-account",
            "MIXPANEL_SERVICE_ACCOUNT_SECRET": "local-secret",
        }

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            MissingExtraError: DuckDB is not installed.
            OSError: The port is in use.
            RuntimeError: The server is running already.
        """
        if self._thread is not None:
            raise RuntimeError("the local server is running already; call stop() first")
        self._started.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="local-mixpanel", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise RuntimeError(f"the local server did not start within {_START_SECONDS:g} s")
        if self._has_failed():
            self.stop()

    def stop(self) -> None:
        """Stop the server and wait until it is stopped. Safe to call twice.

        Raises:
            RuntimeError: It does not stop.
            Exception: What made the server fail, as when it cannot write its data file.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stopped is not None and thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
        thread.join(_START_SECONDS)
        if self._failure is not None:
            raise self._failure
        if thread.is_alive():
            raise RuntimeError(f"the local server did not stop within {_START_SECONDS:g} s")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def events(
        self,
        name: str | None = None,
        /,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, object] | None = None,
        within: float = 0.0,
        **more: object,
    ) -> list[Event]:
        """Return the stored events in the order of arrival, each as `{"event": ..., "properties": {...}}`.

        Args:
            name: Only events of this name.
            distinct_id: Only events of this user.
            properties: Only events with these properties, for names that are no Python names.
            within: Seconds to wait for the first one, if there is none yet.
            more: Only events with these properties.

        Raises:
            RuntimeError: It would wait on a thread that runs an event loop, perhaps that of the client.
        """
        return self._found(_wanted(name, distinct_id, properties, more), within)

    async def arrival(
        self,
        name: str | None = None,
        /,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, object] | None = None,
        within: float = 2.0,
        **more: object,
    ) -> list[Event]:
        """Return the stored events like `events`, and wait for the first one without blocking the event loop.

        Args:
            name: Only events of this name.
            distinct_id: Only events of this user.
            properties: Only events with these properties.
            within: Seconds to wait for the first one.
            more: Only events with these properties.
        """
        wanted = _wanted(name, distinct_id, properties, more)
        return await asyncio.wrap_future(self._submit(self._find(wanted, within)))

    def assert_tracked(
        self,
        name: str,
        /,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, object] | None = None,
        count: int | None = None,
        within: float = 0.0,
        **more: object,
    ) -> Event:
        """Check that an event was tracked, and return the first one.

        Args:
            name: The event's name.
            distinct_id: The user's ID.
            properties: Values of properties, for names that are no Python names.
            count: How many such events there must be (default: at least one).
            within: Seconds to wait for the first one or, with `count`, for as many.
            more: Values of properties.

        Raises:
            UntrackedError: There is no such event, or another number of them; the message shows the nearest one.
        """
        __tracebackhide__ = True
        wanted = _wanted(name, distinct_id, properties, more)
        found = self._found(wanted, within, count or 1)
        if not found and count != 0:
            raise UntrackedError(explain_missing(wanted, self.events(), self.rejections()))
        if count is not None and len(found) != count:
            raise UntrackedError(explain_count(wanted, found, count, self.rejections()))
        return found[0] if found else {}

    def assert_not_tracked(
        self,
        name: str | None = None,
        /,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, object] | None = None,
        **more: object,
    ) -> None:
        """Check that no such event was tracked; without arguments, no event at all.

        Args:
            name: The event's name.
            distinct_id: The user's ID.
            properties: Values of properties, for names that are no Python names.
            more: Values of properties.

        Raises:
            UntrackedError: There is one.
        """
        __tracebackhide__ = True
        wanted = _wanted(name, distinct_id, properties, more)
        if found := self._found(wanted, 0.0):
            raise UntrackedError(explain_unexpected(wanted, found))

    def profiles(self) -> dict[str, dict[str, Any]]:
        """Return the properties of user profiles by distinct_id."""
        return self._call(self._emulator.profiles())

    def groups(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the properties of group profiles by group key and group ID."""
        return self._call(self._emulator.groups())

    def requests(self) -> list[RequestLog]:
        """Return the last requests in the order of arrival."""
        return list(self._emulator.requests)

    def rejections(self) -> list[str]:
        """Return the rejected records and refused requests as text, without those that a fault demanded."""
        records = [
            f"{one.path}: {one.message}: {one.record!r}" for one in self._call(self._rejected()) if not one.is_demanded
        ]
        requests = [
            f"{one.method} {one.path}: the whole request, with HTTP {one.status}: {one.error}"
            for one in self.requests()
            if one.path.rstrip("/") in _RECORD_PATHS
            and one.fault is None
            and one.records == 0
            and one.status is not None
            and one.status >= _BAD_REQUEST
            and one.status != _TOO_MANY
        ]
        return [*records, *requests]

    def allow_rejections(self) -> None:
        """Let a test pass although records were rejected; for the fixture `mixpanel_server`."""
        self._are_rejections_allowed = True

    @property
    def are_rejections_allowed(self) -> bool:
        """Whether `allow_rejections` was called."""
        return self._are_rejections_allowed

    def fail_next(self, times: int = 1, *, path: str = "*", status: int = 503, retry_after: int | None = None) -> None:
        """Make the next requests fail with an HTTP status; for other faults use `inject`.

        Args:
            times: Number of requests.
            path: Path of the requests; shell wildcards are allowed.
            status: The HTTP status.
            retry_after: Value of the header Retry-After, in seconds.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.inject(InjectedFault(path=path, kind="status", status=status, times=times, headers=headers))

    def inject(self, fault: InjectedFault) -> None:
        """Add a fault, such as a reset connection or a reply that never comes."""
        self._call(self._on_loop(lambda: self._emulator.faults.add(fault)))

    def limits(self, **changes: int | None) -> None:
        """Change limits, such as `events_per_minute=100`; `reset` restores them.

        Args:
            changes: New values by the names in `EmulatorSettings`; None for no limit.

        Raises:
            msgspec.ValidationError: A name or a value is invalid.
        """
        self._call(self._on_loop(lambda: self._emulator.limits.change(changes)))

    def reset(self) -> None:
        """Delete all data and faults, and restore the limits."""
        self._are_rejections_allowed = False
        self._call(self._emulator.reset())

    def _found(self, wanted: Wanted, within: float, enough: int = 1) -> list[Event]:
        if within > 0 and _is_in_a_loop():
            raise RuntimeError("this would block the running event loop; use `await server.arrival(...)` to wait")
        return self._call(self._find(wanted, within, enough))

    async def _find(self, wanted: Wanted, within: float, enough: int = 1) -> list[Event]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            changed = asyncio.ensure_future(self._emulator.changed())
            try:
                await asyncio.sleep(0)  # from here on no change is missed
                found = [event for event in await self._emulator.events() if wanted.is_met_by(event)]
                if len(found) >= enough or loop.time() >= deadline:
                    return found
                await asyncio.wait((changed,), timeout=deadline - loop.time())
            finally:
                changed.cancel()

    async def _rejected(self) -> list[Rejection]:
        return list(self._emulator.rejections)

    async def _on_loop(self, act: Callable[[], None]) -> None:
        act()

    def _submit(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        if self._loop is None or self._thread is None:
            work.close()
            raise RuntimeError("the local server is not running; use `with LocalMixpanel()` or call start()")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return self._submit(work).result()

    def _has_failed(self) -> bool:
        return self._failure is not None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._loop = None
            self._started.set()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        async with self._emulator:
            self._loop = asyncio.get_running_loop()
            self._started.set()
            await self._stopped.wait()


def _wanted(
    name: str | None, distinct_id: str | None, properties: Mapping[str, object] | None, more: Mapping[str, object]
) -> Wanted:
    own = {} if distinct_id is None else {"distinct_id": distinct_id}
    return Wanted(name, {**own, **(properties or {}), **more})


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
