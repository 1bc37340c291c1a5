"""Keeps the definitions of flags up to date."""

import asyncio
import contextvars
import logging
import math
from typing import Final

import msgspec

from mixpanel_async.clock import Clock
from mixpanel_async.errors import AccessRefusedError, ApiError, MixpanelError, UsageError
from mixpanel_async.flags.definitions import split_reply
from mixpanel_async.flags.evaluation import FlagSet, compile_flags
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.flags.models import FlagsChange, FlagsStatus, OnChange
from mixpanel_async.flags.requests import definitions_request
from mixpanel_async.session import Reply, Session

_log = logging.getLogger("mixpanel_async")
_NOT_MODIFIED: Final = 304
_FIRST_RETRY_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 0.1  # for a cancelled request to end
_JITTER: Final = (0.9, 1.1)  # so that the processes of a deployment do not ask all at once


class Poller:
    """Requests the definitions again and again; a failure keeps the ones that it has.

    Attributes:
        flags: The latest definitions.
        status: How far they are loaded.

    Args:
        session: The client's session.
        clock: Time, sleep and randomness.
        poll_seconds: Seconds between two requests.
        timeout_seconds: Longest time for a reply.
        log: Logs bad definitions.
    """

    def __init__(
        self, session: Session, clock: Clock, *, poll_seconds: float, timeout_seconds: float, log: LogOnce
    ) -> None:
        self.flags = FlagSet()
        self.status = FlagsStatus()
        self._session = session
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._timeout_seconds = timeout_seconds
        self._log = log
        self._listeners: list[OnChange] = []
        self._is_decided = asyncio.Event()  # there are definitions, or waiting for them is of no use
        self._refusal: MixpanelError | None = None
        self._etag: str | None = None
        self._body: bytes | None = None
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to poll, in the running loop."""
        # In an empty context: polls belong to no trace, and to no request that happened to be the first.
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="mixpanel_async.flags", context=contextvars.Context()
        )

    async def ready(self, timeout: float | None) -> bool:
        """Wait for the first definitions, `timeout` seconds at most; return whether there are some.

        Raises:
            MixpanelError: There will be none: the credential is missing or refused.
        """
        await self._clock.wait(self._is_decided, math.inf if timeout is None else timeout)
        if not self.status.is_ready and self._refusal is not None:
            raise self._refusal
        return self.status.is_ready

    def listen(self, listener: OnChange) -> None:
        """Call a function at every change from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: OnChange) -> None:
        """Stop calling a function."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def aclose(self) -> None:
        """Stop polling; the definitions stay."""
        self._is_decided.set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,), timeout=_CLOSE_SECONDS)

    async def _run(self) -> None:
        while True:
            wait = await self._poll()
            await self._clock.sleep(wait)

    async def _poll(self) -> float:
        """Request the definitions once; return the seconds until the next request."""
        retry_after = 0.0
        try:
            request = definitions_request(self._session, self._etag, self._timeout_seconds)
            await self._take(await self._session.send(request))
        except ApiError as error:
            if error.status == _NOT_MODIFIED and self.status.is_ready:
                self._note_success()
            else:
                retry_after = error.retry_after or 0.0
                self._note_failure(error)
        except Exception as error:  # whatever it is, the task must go on
            self._note_failure(error)
        regular = self._poll_seconds
        if not self.status.is_ready:
            regular = min(regular, _FIRST_RETRY_SECONDS * 2.0 ** min(self._failures - 1, 30))
        return max(retry_after, regular * self._clock.uniform(*_JITTER))

    async def _take(self, reply: Reply) -> None:
        if reply.body != self._body:
            old = self.flags
            new = await asyncio.to_thread(_read, reply.body, old)
            self._body = reply.body
            self.flags = new
            for name, problem in new.bad.items():
                self._log.warn(f"flag {name} {problem}", f"the definition of the flag {name} is bad: {problem}")
            changed = new.changed_since(old)
            if changed and self.status.is_ready:
                self._tell(FlagsChange("changed", changed))
        self._etag = reply.headers.get("etag")
        self._note_success()

    def _note_success(self) -> None:
        was_good = self.status.is_ready and not self.status.is_stale
        self._failures = 0
        self._refusal = None
        self.status = FlagsStatus(
            flags=len(self.flags.flags), is_ready=True, loaded_at=self._clock.time(), bad_flags=self.flags.bad
        )
        self._is_decided.set()
        if not was_good:
            self._tell(FlagsChange("ready", sorted(self.flags.flags)))

    def _note_failure(self, error: Exception) -> None:
        self._failures += 1
        message = self._session.redacted(str(error) or type(error).__name__)
        is_ready = self.status.is_ready
        self.status = msgspec.structs.replace(self.status, is_stale=is_ready, error=message)
        if isinstance(error, UsageError | AccessRefusedError) and not is_ready:
            self._refusal = error
            self._is_decided.set()
        if self._failures == 1:  # of a row
            kept = "the ones that it has stay in use" if is_ready else "every flag has its fallback"
            _log.warning("the definitions of feature flags were not loaded, %s: %s", kept, message)
            self._tell(FlagsChange("stale" if is_ready else "error", message=message))

    def _tell(self, change: FlagsChange) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:  # a callback may raise anything
                _log.exception("a listener of feature flags raised")


def _read(body: bytes, old: FlagSet) -> FlagSet:
    """Return the flags of a reply; on a thread, because a thousand flags take some milliseconds.

    Raises:
        ValueError: The reply has no definitions.
    """
    return compile_flags(split_reply(body), old)
