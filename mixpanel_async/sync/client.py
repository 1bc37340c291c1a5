"""`Mixpanel`: the client for synchronous code, such as Django, Flask, Celery and scripts."""

import asyncio
import contextlib
import datetime as dt
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

from mixpanel_async.auth import Credential
from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.config import BaseUrl, Region, Settings
from mixpanel_async.engine.failure_callback import OnFailure, OnFailures
from mixpanel_async.errors import ClientClosedError, UsageError
from mixpanel_async.json_types import Properties, PropertyValue
from mixpanel_async.models import DeliveryReport, Stats, Verdict
from mixpanel_async.sync.runner import Runner
from mixpanel_async.tracking.additions import DefaultProperties, UserId

T = TypeVar("T")
EXIT_SECONDS: Final = 5.0


class ClientOptions(TypedDict, total=False):
    """Options of `Mixpanel`: those of `AsyncMixpanel`.

    Attributes:
        credentials: ServiceAccount, ProjectSecret or OAuthToken.
        project_id: The project's number.
        workspace_id: The workspace's number.
        region: Where the project lives: us, eu or in.
        base_url: One URL that replaces Mixpanel's servers.
        settings: Batching, limits, retries and time-outs.
        on_failure: Called, in the client's thread, with the JSON of each record that was not delivered.
        on_failures: Called, in the client's thread, with those of a batch at once.
    """

    credentials: Credential | None
    project_id: int | None
    workspace_id: int | None
    region: Region | str
    base_url: BaseUrl | None
    settings: Settings | None
    on_failure: OnFailure | None
    on_failures: OnFailures | None


class Mixpanel:
    """A client that runs `AsyncMixpanel` in a thread of its own.

    It can be used from any thread. The thread starts with the first call, and in a process that was forked it starts
    anew, so that a client that is made before the workers of a pre-fork server is safe. What a parent process has
    queued is the parent's to deliver. At the end of the process, what is queued gets `exit_seconds` to be delivered.
    In a thread that runs an event loop, its blocking calls are refused; use `AsyncMixpanel` there.

    Args:
        token: The project token.
        exit_seconds: Time for delivery at the end of the process (default: 5). A process that is killed delivers
            nothing.
        **options: See `ClientOptions`.

    Raises:
        InvalidSettingError: The token, the region or a URL is invalid.

    Example:
        ```python
        from mixpanel_async.sync import Mixpanel

        client = Mixpanel("project-token")
        client.track("user-1", "Signed Up", {"plan": "pro"})
        client.close()
        ```
    """

    def __init__(
        self, token: str | None = None, *, exit_seconds: float = EXIT_SECONDS, **options: Unpack[ClientOptions]
    ) -> None:
        self._token = token
        self._options = options
        self._defaults: DefaultProperties = {}
        self._exit_seconds = exit_seconds
        self._is_closed = False
        self._lock = threading.RLock()  # reentrant: a signal handler may run in the middle
        self._runner: Runner | None = None
        self._parents: list[Runner] = []  # kept: to free them would close what the parent process uses
        self._make()  # refuses invalid options now, and not in the thread
        reference = weakref.ref(self)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _forget_parent(reference))

    # --- live records ---

    def track(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> "Future[Verdict]":
        """Track an event; return as soon as it is handed over. It waits only if thousands of events wait already.

        Args:
            distinct_id: The user's id; None: the one of `context`.
            event: Name of the event.
            properties: Its properties; do not change them afterwards.
            time: When it happened; None: now.
            insert_id: Its insert id; None: generated.

        Returns:
            A future of the verdict; an invalid event is REJECTED.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            future = client.track("user-1", "Signed Up")
            print(future.result(timeout=10).outcome)
            ```
        """
        return self._running().client.submit(distinct_id, event, properties, time=time, insert_id=insert_id)

    def people_set(self, distinct_id: str | int, properties: Properties) -> Verdict | None:
        """Set properties of a user's profile; return as soon as the update is queued.

        Args:
            distinct_id: The user's id.
            properties: Properties to set.

        Returns:
            The verdict, if the update is invalid; else None: it is on its way.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/profile-set

        Example:
            ```python
            client.people_set("user-1", {"plan": "pro"})
            ```
        """
        return self.call(lambda mp: mp.people.set(distinct_id, properties)).verdict

    def people_set_once(self, distinct_id: str | int, properties: Properties) -> Verdict | None:
        """Set properties of a user's profile that have no value yet; return as soon as the update is queued.

        Args:
            distinct_id: The user's id.
            properties: Properties to set.

        Returns:
            The verdict, if the update is invalid; else None: it is on its way.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/profile-set-property-once

        Example:
            ```python
            client.people_set_once("user-1", {"since": "2026-08-01"})
            ```
        """
        return self.call(lambda mp: mp.people.set_once(distinct_id, properties)).verdict

    def people_increment(self, distinct_id: str | int, properties: Mapping[str, float]) -> Verdict | None:
        """Add numbers to properties of a user's profile; return as soon as the update is queued.

        Args:
            distinct_id: The user's id.
            properties: Numbers to add.

        Returns:
            The verdict, if the update is invalid; else None: it is on its way.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/profile-numerical-add

        Example:
            ```python
            client.people_increment("user-1", {"logins": 1})
            ```
        """
        return self.call(lambda mp: mp.people.add(distinct_id, properties)).verdict

    def people_append(self, distinct_id: str | int, properties: Properties) -> Verdict | None:
        """Append values to list properties of a user's profile; return as soon as the update is queued.

        Args:
            distinct_id: The user's id.
            properties: Values to append.

        Returns:
            The verdict, if the update is invalid; else None: it is on its way.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/profile-append-to-list-property

        Example:
            ```python
            client.people_append("user-1", {"orders": 4711})
            ```
        """
        return self.call(lambda mp: mp.people.append(distinct_id, properties)).verdict

    def people_unset(self, distinct_id: str | int, names: Sequence[str]) -> Verdict | None:
        """Remove properties of a user's profile; return as soon as the update is queued.

        Args:
            distinct_id: The user's id.
            names: Names of the properties.

        Returns:
            The verdict, if the update is invalid; else None: it is on its way.

        Raises:
            ClientClosedError: The client is closed.

        Reference: https://developer.mixpanel.com/reference/profile-delete-property

        Example:
            ```python
            client.people_unset("user-1", ["trial ends"])
            ```
        """
        return self.call(lambda mp: mp.people.unset(distinct_id, names)).verdict

    @property
    def default_properties(self) -> DefaultProperties:
        """Properties of every event, or a function that returns them.

        Example:
            ```python
            client.default_properties = {"app version": "1.4.2"}
            ```
        """
        return self._defaults

    @default_properties.setter
    def default_properties(self, value: DefaultProperties) -> None:
        self._running().client.default_properties = value
        self._defaults = value

    def _make(self) -> AsyncMixpanel:
        client = AsyncMixpanel(self._token, **self._options)
        if self._defaults:
            client.default_properties = self._defaults
        return client

    def context(
        self, distinct_id: UserId = None, *, device_id: str | None = None, **properties: PropertyValue
    ) -> AbstractContextManager[None]:
        """Set the user and properties of events that are tracked inside, in this thread; see `AsyncMixpanel.context`.

        Args:
            distinct_id: The user's id, or a function that returns it, or None, when an event is tracked.
            device_id: The device's id, for Simplified ID Merge. Not with a function.
            **properties: Properties of the events.

        Raises:
            InvalidArgumentError: `device_id` is given together with a function.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            with client.context("user-1", plan="pro"):
                client.track(None, "Page Viewed")
            ```
        """
        return self._running().client.context(distinct_id, device_id=device_id, **properties)

    # --- everything else ---

    def call(self, work: Callable[[AsyncMixpanel], Coroutine[Any, Any, T]], timeout: float | None = None) -> T:
        """Run any call of `AsyncMixpanel` and wait for its result.

        Args:
            work: Called with the asynchronous client, in its thread; returns a coroutine.
            timeout: Seconds to wait at most; None: as long as it takes. Afterwards the call is cancelled.

        Returns:
            What the coroutine returns.

        Raises:
            TimeoutError: It took longer.
            UsageError: An event loop runs in this thread.
            Everything that the call raises.

        Reference: https://developer.mixpanel.com/reference/overview

        Example:
            ```python
            report = client.call(lambda mp: mp.import_events("events.ndjson"))
            ```
        """
        _refuse_loop()
        return self._running().run(work, timeout)

    @property
    def stats(self) -> Stats:
        """A snapshot of all counters.

        Example:
            ```python
            print(client.stats.queued)
            ```
        """

        async def read(client: AsyncMixpanel) -> Stats:
            return client.stats

        return self.call(read)

    def flush(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is queued and wait for its outcomes.

        Args:
            timeout: Seconds to wait at most; delivery continues afterwards.

        Returns:
            What settled during the call, and how much is pending. At the end of the process, in `atexit`: nothing, as
            everything was delivered before.

        Raises:
            ClientClosedError: The client is closed.
            UsageError: An event loop runs in this thread.

        Example:
            ```python
            print(client.flush(timeout=10))
            ```
        """
        _refuse_loop()
        runner = self._running()
        if runner.is_ended:
            return DeliveryReport(outcomes={}, pending=0, duration_seconds=0.0)
        return runner.run(lambda mp: mp.flush(timeout), None)

    def close(self, timeout: float | None = None) -> DeliveryReport | None:
        """Deliver what is left, then close everything; a second call does nothing.

        Args:
            timeout: Seconds for the delivery; None: the setting `close_timeout_seconds`.

        Returns:
            What settled during the call; None if nothing was ever sent or the client is closed.

        Raises:
            UsageError: An event loop runs in this thread, such as the client's own in a callback.

        Example:
            ```python
            client.close()
            ```
        """
        if not self._is_closed:
            _refuse_loop()
        with self._lock:
            runner, self._runner, self._is_closed = self._runner, None, True
        return None if runner is None else runner.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> "Runner":
        runner = self._runner
        if runner is not None:
            return runner
        with self._lock:
            return self._runner or self._start()

    def _start(self) -> "Runner":
        self._check_open()
        runner = Runner(self._make, self._exit_seconds)
        try:
            self._check_open()
        except ClientClosedError:  # a signal handler has closed it meanwhile
            runner.close(None)
            raise
        if self._runner is None:
            self._runner = runner
        else:  # a signal handler has started one meanwhile
            runner.close(None)
        return self._runner

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClientClosedError("the client is closed; make a new one")

    def _forget_parent(self) -> None:
        """Begin anew in a forked process: the thread, its loop and its sockets are the parent's."""
        self._lock = threading.RLock()
        runner, self._runner = self._runner, None
        if runner is not None:
            self._parents.append(runner)

    def __repr__(self) -> str:
        return f"Mixpanel({self._runner.client!r})" if self._runner is not None else "Mixpanel(not started)"


def _refuse_loop() -> None:
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise UsageError("an event loop runs in this thread, which this call would hold; use AsyncMixpanel here")


def _forget_parent(reference: "weakref.ref[Mixpanel]") -> None:
    client = reference()
    if client is not None:
        client._forget_parent()  # noqa: SLF001 - its own hook
