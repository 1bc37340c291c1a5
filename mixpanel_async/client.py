"""`AsyncMixpanel`: wires the rooms together and owns their lifetime."""

import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mixpanel_async.actions.namespaces import Catalogue
from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.clock import Clock, SystemClock
from mixpanel_async.config import BaseUrl, Region, Settings, read_region, servers
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.failure_callback import OnFailure
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.env import read_environment
from mixpanel_async.jobs.client_methods import Jobs
from mixpanel_async.models import DeliveryReport, Stats
from mixpanel_async.session import Session, Transport
from mixpanel_async.tracking.events import Tracker
from mixpanel_async.tracking.profiles import Groups, People

if TYPE_CHECKING:
    from mixpanel_async.jobs.exports.events import Export


class AsyncMixpanel(Tracker, Catalogue, Jobs):
    """An asynchronous client for one Mixpanel project.

    It may be entered with `async with` and left in another task, or used plainly and closed with `aclose()`; it belongs
    to the event loop that uses it first.

    Args:
        token: The project token, for /track, /engage and /groups; without other credentials also for /import.
        credentials: ServiceAccount, ProjectSecret or OAuthToken, for everything else.
        project_id: The project's number; calls with a service account need it.
        workspace_id: The workspace's number, where the project has some.
        region: Where the project lives: us, eu or in.
        base_url: One address instead of Mixpanel's four servers, or a mapping from a server's name (ingestion, data,
            query, app) to its address.
        settings: How to batch, bound, pace and give up.
        on_failure: Called with each record that was not delivered, as JSON, and its verdict.
        transport: Replaces aiohttp; for tests.
        clock: Replaces time, sleep and chance; for tests.

    Attributes:
        people: Updates of user profiles.
        groups: Updates of group profiles.

    Raises:
        InvalidSettingError: The region or an address is no good.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        credentials: Credential | None = None,
        project_id: int | None = None,
        workspace_id: int | None = None,
        region: Region | str = Region.US,
        base_url: BaseUrl | None = None,
        settings: Settings | None = None,
        on_failure: OnFailure | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        settings = settings or Settings()
        clock = clock or SystemClock()
        if token is not None:
            ProjectToken(token)  # refuses what cannot be a token, before a record is made with it
        if transport is None:
            from mixpanel_async.session.transport import AiohttpTransport

            transport = AiohttpTransport(settings)
        session = Session(
            transport,
            servers=servers(read_region(region), base_url),
            settings=settings,
            clock=clock,
            credentials=credentials,
            token=token,
            project_id=project_id,
            workspace_id=workspace_id,
        )
        engine = Engine(session, settings, clock, on_failure=on_failure)
        endpoints = LaneSpecs(settings, token=token, credentials=credentials, project_id=project_id)
        Tracker.__init__(self, engine, endpoints, settings, clock)
        Catalogue.__init__(self, session)
        self.people = People(engine, endpoints, settings)
        self.groups = Groups(engine, endpoints, settings)

    @classmethod
    def from_env(
        cls,
        *,
        environ: Mapping[str, str] | None = None,
        settings: Settings | None = None,
        on_failure: OnFailure | None = None,
    ) -> Self:
        """Make a client from environment variables.

        MIXPANEL_TOKEN, MIXPANEL_PROJECT_ID, MIXPANEL_WORKSPACE_ID, MIXPANEL_SERVICE_ACCOUNT_USERNAME,
        MIXPANEL_SERVICE_ACCOUNT_SECRET, MIXPANEL_PROJECT_SECRET, MIXPANEL_OAUTH_TOKEN, MIXPANEL_REGION and
        MIXPANEL_BASE_URL.

        Args:
            environ: Read instead of `os.environ`.
            settings: How to batch, bound, pace and give up.
            on_failure: Called with each record that was not delivered, as JSON, and its verdict.

        Raises:
            InvalidSettingError: A variable cannot be used, or there is more than one credential.
        """
        found = read_environment(os.environ if environ is None else environ)
        return cls(
            found.token,
            credentials=found.credentials,
            project_id=found.project_id,
            workspace_id=found.workspace_id,
            region=found.region,
            base_url=found.base_url,
            settings=settings,
            on_failure=on_failure,
        )

    @cached_property
    def export(self) -> "Export":
        """Raw events, complete or not at all."""
        from mixpanel_async.jobs.exports.events import Export

        return Export(self._session, self._clock, self._settings.max_call_retries)

    @property
    def stats(self) -> Stats:
        """A snapshot of all counters."""
        return self._engine.stats()

    async def flush(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is queued now and wait for its outcomes.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes. What is unsettled then goes on.

        Returns:
            What settled during the call, and how much is pending.

        Raises:
            WrongLoopError: The client belongs to another event loop, thread or process.
        """
        return await self._engine.flush(timeout)

    async def aclose(self, timeout: float | None = None) -> DeliveryReport:
        """Deliver what is left, then give the rest its outcomes and close everything; never hangs.

        Args:
            timeout: Seconds for the delivery; None: the setting `close_timeout_seconds`.

        Returns:
            What settled during the call; nothing is pending afterwards.

        Raises:
            WrongLoopError: The client belongs to another event loop, thread or process.
        """
        return await self._engine.aclose(self._settings.close_timeout_seconds if timeout is None else timeout)

    async def __aenter__(self) -> Self:
        self._engine.check_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        engine = getattr(self, "_engine", None)  # missing where the constructor raised
        if engine is not None and engine.is_started and not engine.is_closed:
            warnings.warn(
                f"{self!r} was never closed; what it still held is lost. Use `async with` or `await aclose()`",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"AsyncMixpanel({self._session!r})"
