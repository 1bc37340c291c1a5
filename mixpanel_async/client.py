"""`AsyncMixpanel`: builds the parts of a client, owns their lifetime and lists every public method."""

import contextlib
import datetime as dt
import os
import warnings
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar, Unpack, cast, overload

import msgspec

from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.clock import Clock, SystemClock
from mixpanel_async.config import BaseUrl, ForeignToken, Region, Settings, checked_number, read_region, servers
from mixpanel_async.engine.context import Context
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.failure_callback import OnFailure, OnFailures
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.env import is_disabled, read_environment, with_proxy
from mixpanel_async.errors import ClientClosedError, InvalidArgumentError
from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
from mixpanel_async.jobs.model.report import Ack, ImportReport
from mixpanel_async.json_types import JSONValue, Properties, PropertyValue
from mixpanel_async.loading import load
from mixpanel_async.models import DeliveryReport, Stats, Verdict
from mixpanel_async.records.values import ValueConverter
from mixpanel_async.session import Session, Transport
from mixpanel_async.session.lazy_transport import LazyTransport
from mixpanel_async.tracking.additions import DefaultProperties, UserId
from mixpanel_async.tracking.bound_user import BoundUser, with_device
from mixpanel_async.tracking.event_route import finished
from mixpanel_async.tracking.events import Events
from mixpanel_async.tracking.outgoing import OutgoingEvent
from mixpanel_async.tracking.profiles import Groups, People
from mixpanel_async.tracking.thread_inbox import ThreadInbox

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mixpanel_async.actions._core.params import Date
    from mixpanel_async.actions.annotations import Annotations
    from mixpanel_async.actions.experiments.client import Experiments
    from mixpanel_async.actions.feature_flags.client import FeatureFlags
    from mixpanel_async.actions.gdpr import Gdpr
    from mixpanel_async.actions.ingest.client import Ingest
    from mixpanel_async.actions.lookup_tables import LookupTables
    from mixpanel_async.actions.pipelines.client import Pipelines
    from mixpanel_async.actions.projects import Projects
    from mixpanel_async.actions.query.client import Query
    from mixpanel_async.actions.raw_request import RequestOptions, ResponseType
    from mixpanel_async.actions.schemas import Schemas
    from mixpanel_async.actions.service_accounts import ServiceAccounts
    from mixpanel_async.actions.warehouse.client import Warehouse
    from mixpanel_async.flags.client import FlagEvaluators
    from mixpanel_async.jobs.arguments import ImportArguments
    from mixpanel_async.jobs.encoding.mappings import Transform
    from mixpanel_async.jobs.exports.events import Export
    from mixpanel_async.jobs.options import JobArguments, JobOptions
    from mixpanel_async.jobs.pipe.job import PipeSource
    from mixpanel_async.jobs.reconcile.options import ReconcileArguments
    from mixpanel_async.jobs.reconcile.report import ReconcileReport
    from mixpanel_async.jobs.sources.detection import Format
    from mixpanel_async.jobs.sources.iterables import Record
    from mixpanel_async.jobs.sources.open import EventSource

# A group of calls is an attribute, which cannot await its module; these take longest.
_GROUPS: Final = (
    "mixpanel_async.actions.raw_request",
    "mixpanel_async.actions.query.client",
    "mixpanel_async.jobs.exports.events",
)
_JOBS: Final = "mixpanel_async.jobs.run"
P = TypeVar("P")  # the position of a pipe's record


class AsyncMixpanel:
    """An asynchronous client for one Mixpanel project.

    Enter it with `async with`, or use it directly and call `aclose()`. It belongs to the event loop that uses it
    first.

    Args:
        token: The project token, for /track, /engage and /groups; without other credentials also for /import.
        credentials: ServiceAccount, ProjectSecret or OAuthToken, for everything else.
        project_id: The project's number; calls with a service account need it.
        workspace_id: The workspace's number, if the project has workspaces.
        region: Where the project lives: us, eu or in, or a server there, such as api-eu or data-eu.mixpanel.
        base_url: One URL that replaces Mixpanel's four servers, or a mapping from a server's name (ingestion, data,
            query, app) to its URL.
        settings: Batching, limits, retries and time-outs.
        on_failure: Called with the JSON of each record that was not delivered, and its verdict.
        on_failures: Called once for each batch, with a list of what `on_failure` is called with.
        transport: Replaces aiohttp; for tests.
        clock: Replaces time, sleep and randomness; for tests.

    Attributes:
        people: Updates of user profiles.
        groups: Updates of group profiles.

    Raises:
        InvalidSettingError: The token, the region or a URL is invalid.

    Example:
        ```python
        async with AsyncMixpanel("project-token") as mp:
            await mp.track("user-1", "Signed Up", {"plan": "pro"})
        ```
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
        on_failures: OnFailures | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        settings = settings or Settings()
        if is_disabled(os.environ):
            settings = msgspec.structs.replace(settings, enabled=False)
        clock = clock or SystemClock()
        if token is not None:
            ProjectToken(token)  # rejects an invalid token before a record is made with it
        if transport is None:
            transport = LazyTransport(settings)
        telemetry = settings.telemetry
        session = Session(
            transport,
            servers=servers(read_region(region), base_url),
            settings=settings,
            clock=clock,
            credentials=credentials,
            token=token,
            project_id=checked_number("project_id", project_id),
            workspace_id=checked_number("workspace_id", workspace_id),
            telemetry=None if telemetry is None else telemetry.connect(self, buffer_bytes=settings.max_buffer_bytes),
        )
        engine = Engine(session, settings, clock, on_failure=on_failure, on_failures=on_failures)
        lanes = LaneSpecs(settings, token=token, credentials=credentials, project_id=project_id)
        self._context = context = Context(session, engine, lanes, settings, clock, ValueConverter.of(settings))
        self._session = session
        self._engine = engine
        self._events = Events(context)
        self._inbox = ThreadInbox(
            session.owner, self._events.take, settings.overflow_wait_seconds, keeps_context=telemetry is not None
        )
        self.people = People(context)
        self.groups = Groups(context)

    @classmethod
    def from_env(
        cls,
        *,
        environ: Mapping[str, str] | None = None,
        settings: Settings | None = None,
        on_failure: OnFailure | None = None,
    ) -> Self:
        """Make a client from environment variables.

        Reads MIXPANEL_TOKEN, MIXPANEL_PROJECT_ID, MIXPANEL_WORKSPACE_ID, MIXPANEL_SERVICE_ACCOUNT_USERNAME,
        MIXPANEL_SERVICE_ACCOUNT_SECRET, MIXPANEL_PROJECT_SECRET, MIXPANEL_OAUTH_TOKEN, MIXPANEL_REGION and
        MIXPANEL_BASE_URL. Empty variables count as not set. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY choose a
        proxy, unless the settings do.

        Args:
            environ: Read instead of `os.environ`.
            settings: Batching, limits, retries and time-outs.
            on_failure: Called with the JSON of each record that was not delivered, and its verdict.

        Raises:
            MissingCredentialsError: Neither a token nor a credential is set.
            InvalidSettingError: A variable is invalid, or more than one credential is set.

        Example:
            ```python
            async with AsyncMixpanel.from_env() as mp:
                await mp.track("user-1", "Signed Up")
            ```
        """
        environ = os.environ if environ is None else environ
        found = read_environment(environ)
        found.check()
        settings = with_proxy(settings, environ, servers(found.region, found.base_url))
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

    # --- live records ---

    async def track(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Track an event; return as soon as it is queued.

        Neither the network nor the data makes this call raise. To learn the outcome, await the receipt.

        Args:
            distinct_id: The user's id; an integer is sent as its decimal digits. None: the one of `context`. "" for an
                event without a user.
            event: Name of the event.
            properties: Up to 250 properties with JSON values; not changed. May contain `time` and `$insert_id`. A
                `token` that is not the client's is replaced; see `Settings.foreign_token`.
            time: When the event happened: Unix seconds, Unix milliseconds or an aware datetime. None: now. With
                `track_via="track"` at most five days ago.
            insert_id: 1 to 36 characters of A-Z, a-z, 0-9 and -. Events with equal event, time, distinct_id and
                insert_id are one event. None: generated.

        Returns:
            The receipt. The outcome of an event that Mixpanel would refuse is REJECTED, with field and message.

        Raises:
            MissingCredentialsError: The client has no token, or no credential for /import.
            BufferFullError: The buffer is full and `Settings.overflow` is "raise".
            InvalidRecordError: The event is invalid and `Settings.on_bad_record` is "raise".
            ClientClosedError: The client is closed.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            receipt = await mp.track("user-1", "Signed Up", {"plan": "pro"})
            verdict = await receipt
            ```
        """
        receipt = self._events.track_route.offer(distinct_id, event, properties, time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    async def import_event(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Import an event of any age over strict /import, which gives each event its own verdict.

        Args:
            distinct_id: The user's id; an integer is sent as its decimal digits. None: the one of `context`. "" for an
                event without a user.
            event: Name of the event.
            properties: Up to 251 properties with JSON values; not changed. May contain `time` and `$insert_id`. A
                `token` that is not the client's is replaced; see `Settings.foreign_token`.
            time: When the event happened, from 1971 on: Unix seconds, Unix milliseconds or an aware datetime. Required
                here or in the properties; there is no default.
            insert_id: 1 to 36 characters of A-Z, a-z, 0-9 and -. None: generated; a repeated import of the event is
                then not recognised.

        Returns:
            The receipt. The outcome of an event that Mixpanel would refuse is REJECTED, with field and message.

        Raises:
            MissingCredentialsError: The client has neither a credential nor a token, or no project_id for its
                credential.
            BufferFullError: The buffer is full and `Settings.overflow` is "raise".
            InvalidRecordError: The event is invalid and `Settings.on_bad_record` is "raise".
            ClientClosedError: The client is closed.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            receipt = await mp.import_event("user-1", "Signed Up", time=1700000000, insert_id="signup-1")
            ```
        """
        receipt = self._events.import_route.offer(distinct_id, event, properties, time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    def track_nowait(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Track an event without waiting for anything, for callbacks and synchronous code in the client's loop.

        It does what `track` does, with one difference: where `track` waits for space in a full buffer, the outcome is
        DROPPED at once.

        Args:
            distinct_id: The user's id; None: the one of `context`.
            event: Name of the event.
            properties: Its properties.
            time: When it happened; None: now.
            insert_id: Its insert id; None: generated.

        Raises:
            The same as `track`.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            receipt = mp.track_nowait("user-1", "Signed Up", {"plan": "pro"})
            ```
        """
        return finished(self._events.track_route.offer(distinct_id, event, properties, time, insert_id, False))

    def submit(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> "Future[Verdict]":
        """Track an event from any thread; the client must have been entered in its event loop.

        If 10,000 events wait for the loop, the call waits too, `Settings.overflow_wait_seconds` at most. `flush` and
        `aclose` include what was submitted before.

        Args:
            distinct_id: The user's id; None: the one of `context` in this thread.
            event: Name of the event.
            properties: Its properties; do not change them afterwards.
            time: When it happened; None: now.
            insert_id: Its insert id; None: generated.

        Returns:
            A future of the verdict. Do not wait for it in the loop's own thread.

        Raises:
            ClientClosedError: The client, or its loop, is closed.
            WrongLoopError: The client was not used in an event loop so far, or was made before a fork.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            import asyncio

            future = mp.submit("user-1", "Signed Up")
            print(await asyncio.wrap_future(future))
            ```
        """
        distinct_id, properties = self._events.add_surroundings(distinct_id, properties)
        moment = self._context.clock.time() if time is None else time
        return self._inbox.put(OutgoingEvent(distinct_id, event, properties, moment, insert_id))

    @property
    def default_properties(self) -> DefaultProperties:
        """Properties of every event of `track` and `import_event`, or a function that returns them; the event's win.

        Example:
            ```python
            mp.default_properties = {"app version": "1.4.2"}
            ```
        """
        return self._events.default_properties

    @default_properties.setter
    def default_properties(self, value: DefaultProperties) -> None:
        self._events.default_properties = value

    def context(
        self, distinct_id: UserId = None, *, device_id: str | None = None, **properties: PropertyValue
    ) -> AbstractContextManager[None]:
        """Set the user and properties of events that are tracked inside, in this task and in those it starts.

        Contexts can be nested: the inner one wins, and properties of an event win over both. An event gets the user if
        its own `distinct_id` is None.

        Args:
            distinct_id: The user's id, or a function that returns it, or None, when an event is tracked.
            device_id: The device's id, for Simplified ID Merge: events get `$device_id`, and `$user_id` if the user is
                given. Not with a function.
            **properties: Properties of the events.

        Raises:
            InvalidArgumentError: `device_id` is given together with a function.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            with mp.context("user-1", plan="pro"):
                await mp.track(None, "Page Viewed")
            ```
        """
        if callable(distinct_id):
            if device_id is not None:
                raise InvalidArgumentError("device_id needs a distinct_id that is known; give the id, not a function")
            return self._events.surround(distinct_id, properties)
        own = with_device(distinct_id, device_id, properties)
        if distinct_id is None and device_id is not None:
            distinct_id = f"$device:{device_id}"
        return self._events.surround(distinct_id, own)

    def for_user(
        self, distinct_id: str | int, *, device_id: str | None = None, **properties: PropertyValue
    ) -> BoundUser:
        """Return the calls of this client for one user.

        Args:
            distinct_id: The user's id.
            device_id: The device's id, for Simplified ID Merge: events get `$device_id` and `$user_id`, which merges
                the two.
            **properties: Properties of every event.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            user = mp.for_user("user-1", plan="pro")
            await user.track("Signed Up")
            await user.set({"plan": "pro"})
            ```
        """
        return BoundUser(self._events, self.people, distinct_id, with_device(distinct_id, device_id, properties))

    def for_device(self, device_id: str, **properties: PropertyValue) -> BoundUser:
        """Return the calls of this client for a device whose user is not known, for Simplified ID Merge.

        Args:
            device_id: The device's id; the distinct_id is `$device:` and this id.
            **properties: Properties of every event.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            await mp.for_device("7f3c2a").track("Page Viewed")
            ```
        """
        return BoundUser(self._events, self.people, f"$device:{device_id}", with_device(None, device_id, properties))

    async def identify(self, identified_id: str | int, anon_id: str) -> Receipt:
        """Link an anonymous id to a user's id (Original ID Merge projects).

        Args:
            identified_id: The user's id.
            anon_id: A UUID of version 4 that is not linked yet.

        Returns:
            The receipt; its outcome is REJECTED if an id is invalid.

        Raises:
            MissingCredentialsError: The client has no token.
            InvalidRecordError: An id is invalid and `Settings.on_bad_record` is "raise".

        Reference: https://developer.mixpanel.com/reference/create-identity

        Example:
            ```python
            await mp.identify("user-1", "0f8fad5b-d9cb-469f-a165-70867728950e")
            ```
        """
        return await self._events.identify(identified_id, anon_id)

    async def alias(self, distinct_id: str | int, alias: str | int) -> Receipt:
        """Give a user's id another name; an alias belongs to one id (Original ID Merge projects).

        Args:
            distinct_id: The existing id.
            alias: The new id.

        Returns:
            The receipt; its outcome is REJECTED if an id is invalid.

        Raises:
            MissingCredentialsError: The client has no token.
            InvalidRecordError: An id is invalid and `Settings.on_bad_record` is "raise".

        Reference: https://developer.mixpanel.com/reference/identity-create-alias

        Example:
            ```python
            await mp.alias("user-1", "ann@example.com")
            ```
        """
        return await self._events.alias(distinct_id, alias)

    async def merge(self, distinct_id: str | int, other_distinct_id: str | int) -> Receipt:
        """Merge two ids into one user, over strict /import (Original ID Merge projects).

        Args:
            distinct_id: The first id.
            other_distinct_id: The second id.

        Returns:
            The receipt; its outcome is REJECTED if an id is invalid or both ids are equal.

        Raises:
            MissingCredentialsError: The client has no credential for /import.
            InvalidRecordError: An id is invalid and `Settings.on_bad_record` is "raise".

        Reference: https://developer.mixpanel.com/reference/identity-merge

        Example:
            ```python
            await mp.merge("user-1", "user-2")
            ```
        """
        return await self._events.merge(distinct_id, other_distinct_id)

    # --- jobs ---

    async def import_events(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: RecordMapping | None = None,
        transform: "Transform | None" = None,
        **job: "Unpack[ImportArguments]",
    ) -> ImportReport:
        """Import events from files or an iterable over strict /import, and report the outcome of each.

        Events are checked against Mixpanel's documented rules before they are sent. Valid NDJSON lines are sent
        unchanged. Nothing is repaired or dropped unless `mapping` asks for it.

        Delivery of a record is retried for a day, whatever `Settings.delivery_deadline_seconds` says, so that the
        import survives an outage. `stop` waits for the requests in flight; to end the job at once, cancel it.

        Args:
            source: A path or URL (`s3://...`, `https://...`; needs the extra `remote`) of a file (NDJSON, JSON array,
                CSV, TSV or Parquet, plain or compressed; "-" is standard input), a directory or a pattern; a list of
                them; a file object; a table in memory (Arrow, pandas, Polars, DuckDB; needs the extra `arrow`), read as
                Parquet is; or an iterable or async iterable of events: mappings such as
                `{"event": ..., "properties": {...}}`, or their JSON as bytes. An iterable must yield a new mapping each
                time: hundreds of them are held before they are encoded.
            format: `ndjson`, `json`, `csv`, `tsv` or `parquet`; None: detected from the name or content.
            delimiter: Column delimiter of a table; None: a tab for tsv, else detected from the header.
            mapping: How flat records, such as CSV rows, become events; None: by the columns event, time, distinct_id
                and $insert_id. A mapping can also rename, drop, scrub, flatten and filter, and read the exports of
                other products: `RecordMapping(vendor="amplitude")`.
            transform: Called with each event as a dict, after the mapping; returns an event, several events, or None to
                skip it. Each returned event counts as a record. An exception rejects the record. If the source text of
                the function changes, the checkpoint is refused.
            **job: See `FileOptions`: quote, escape, encoding, null, columns, repair_text, records_path, nan. See
                `JobOptions`: checkpoint, dead_letters, exact_dedupe, foreign_token, dry_run, probe, concurrency,
                on_progress, stop.

        Returns:
            The counts of all outcomes, with examples of errors.

        Raises:
            SourceError: The source cannot be opened. A later error of the source is in the report.
            InvalidArgumentError: An option is invalid, the job would write to a file that it reads, or the checkpoint
                belongs to another source, project or mapping.
            InvalidSettingError: The table lacks a column of the mapping.
            OutputError: The checkpoint, the dead letters or the store of exact dedupe cannot be written.
            AccessRefusedError: `probe` is set and the credential is refused.
            TransportError: `probe` is set and the server does not answer.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.
            ClientClosedError: The client was closed while the job ran.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            report = await mp.import_events("events.ndjson.gz", checkpoint="events.checkpoint")
            print(report.read, report.imported, report.rejected)
            ```
        """
        await load(_JOBS)
        from mixpanel_async.jobs.arguments import split_arguments
        from mixpanel_async.jobs.run import import_events

        files, options = split_arguments(job, format=format, delimiter=delimiter)
        return await import_events(
            self._context,
            source,
            options,
            files=files,
            mapping=mapping,
            transform=transform,
        )

    async def import_profiles(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: UpdateMapping | None = None,
        **job: "Unpack[ImportArguments]",
    ) -> ImportReport:
        """Import user profile updates over /engage; otherwise like `import_events`.

        Records are updates in Mixpanel's format, such as `{"$distinct_id": "ann", "$set": {...}}`, or profiles as
        returned by the query API, with `$properties`; `$token` is filled in. Rows of a table set properties.

        Args:
            source: As in `import_events`.
            format: As in `import_events`.
            delimiter: As in `import_events`.
            mapping: How rows become updates; None: the column distinct_id is the ID, all others are set. With
                `UpdateMapping(vendor="amplitude")`, how the exports of another product do.
            **job: As in `import_events`, except exact_dedupe. With a checkpoint, $add, $append, $union and $remove are
                rejected, because a resumed import may send them twice.

        Raises:
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update

        Example:
            ```python
            report = await mp.import_profiles("profiles.ndjson")
            ```
        """
        return await self._import_updates(source, format, delimiter, mapping, job, is_group=False)

    async def import_groups(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: UpdateMapping | None = None,
        **job: "Unpack[ImportArguments]",
    ) -> ImportReport:
        """Import group profile updates over /groups; otherwise like `import_profiles`.

        Args:
            source: As in `import_events`.
            format: As in `import_events`.
            delimiter: As in `import_events`.
            mapping: How rows become updates; it sets the group key.
            **job: As in `import_profiles`.

        Raises:
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/group-batch-update

        Example:
            ```python
            report = await mp.import_groups("companies.ndjson")
            ```
        """
        return await self._import_updates(source, format, delimiter, mapping, job, is_group=True)

    async def _import_updates(
        self,
        source: "EventSource",
        file_format: "Format | None",
        delimiter: str | None,
        mapping: UpdateMapping | None,
        job: "ImportArguments",
        *,
        is_group: bool,
    ) -> ImportReport:
        await load(_JOBS)
        from mixpanel_async.jobs.arguments import split_arguments
        from mixpanel_async.jobs.run import import_updates

        files, options = split_arguments(job, format=file_format, delimiter=delimiter)
        return await import_updates(
            self._context,
            source,
            options,
            files=files,
            mapping=mapping or UpdateMapping(),
            is_group=is_group,
        )

    @overload
    def pipe(
        self,
        source: "AsyncIterable[tuple[P, Record]] | Iterable[tuple[P, Record]]",
        *,
        mapping: RecordMapping | None = None,
        foreign_token: ForeignToken | None = None,
        concurrency: int | None = None,
        max_unacknowledged: int = 100_000,
    ) -> AsyncGenerator[Ack[P]]: ...

    @overload
    def pipe(
        self,
        source: "AsyncIterable[Record] | Iterable[Record]",
        *,
        mapping: RecordMapping | None = None,
        foreign_token: ForeignToken | None = None,
        concurrency: int | None = None,
        max_unacknowledged: int = 100_000,
    ) -> AsyncGenerator[Ack[int]]: ...

    def pipe(
        self,
        source: "PipeSource",
        *,
        mapping: RecordMapping | None = None,
        foreign_token: ForeignToken | None = None,
        concurrency: int | None = None,
        max_unacknowledged: int = 100_000,
    ) -> AsyncGenerator[Ack[object]]:
        """Deliver events from a source that may never end; yield an acknowledgement for each, in the source's order.

        A record is acknowledged when it and all records before it have their outcome, so its position can be committed
        upstream. The source is read only as fast as Mixpanel accepts records and the caller takes acknowledgements. To
        leave the loop early, close the generator (`contextlib.aclosing`), which leaves nothing running; records that
        were not acknowledged may or may not have been delivered.

        Args:
            source: Iterable or async iterable of events, or of pairs of a position and an event; events are mappings
                such as `{"event": ..., "properties": {...}}`, a new one each time, or their JSON as bytes.
            mapping: How flat records become events; None: the records are events.
            foreign_token: What becomes of an event with a project token that is not the client's: `replace` or
                `reject`; None: what the client's settings say.
            concurrency: Maximum number of requests in flight; None: the client's limit.
            max_unacknowledged: Maximum number of records that were read and not acknowledged.

        Yields:
            Each record's position (or its number, from 1) and verdict: delivered, DUPLICATE, REJECTED, or SKIPPED by
                the mapping.

        Raises:
            InvalidArgumentError: `concurrency` or `max_unacknowledged` is not an integer of at least 1, or
                `foreign_token` is unknown.
            AccessRefusedError: The credential is refused.
            SourceError: The source raised CancelledError; its other errors are raised unchanged.
            MixpanelError: A valid record was not delivered; it and the records after it are not acknowledged.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.
            ClientClosedError: The client was closed.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            import contextlib

            events = [
                (7, {"event": "Paid", "properties": {"time": 1700000000, "distinct_id": "user-1"}}),
                (8, {"event": "Paid", "properties": {"time": 1700000001, "distinct_id": "user-2"}}),
            ]
            async with contextlib.aclosing(mp.pipe(events)) as acks:
                async for ack in acks:
                    print("commit", ack.offset, ack.verdict.outcome)
            ```
        """
        from mixpanel_async.jobs.options import JobOptions, check_count

        check_count("max_unacknowledged", max_unacknowledged)
        return self._acks(
            source, mapping, JobOptions(concurrency=concurrency, foreign_token=foreign_token), max_unacknowledged
        )

    async def _acks(
        self, source: "PipeSource", mapping: RecordMapping | None, options: "JobOptions", max_unacknowledged: int
    ) -> AsyncGenerator[Ack[object]]:
        from mixpanel_async.jobs.run import open_pipe

        # Checked here: the pipe's own tasks would report it as a record that was not delivered.
        self._engine.check_loop()
        if self._engine.is_closed:
            raise ClientClosedError("the client is closed; make a new one to send records")
        pipe = open_pipe(
            self._context,
            source,
            mapping=mapping,
            options=options,
            max_unacknowledged=max_unacknowledged,
        )
        async with contextlib.aclosing(pipe.acks()) as acks:
            async for ack in acks:
                yield ack

    async def replay_dead_letters(
        self, path: "str | os.PathLike[str]", *, mapping: RecordMapping | None = None, **job: "Unpack[JobArguments]"
    ) -> ImportReport:
        """Resend the events of a dead letter file after their records were fixed.

        The `record` of each dead letter is sent. If it is a row of a table, `mapping` turns it into an event.

        Args:
            path: Dead letters that an import of events wrote; those of profiles and groups cannot be replayed.
            mapping: The mapping of the import.
            **job: As in `import_events`; `dead_letters` receives what is rejected again, and must be another file.

        Returns:
            The counts of all outcomes.

        Raises:
            SourceError: The file cannot be opened.
            InvalidArgumentError: An option is invalid, or the job would write to the file that it reads.
            OutputError: The dead letters cannot be written.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            report = await mp.replay_dead_letters("dead-letters.ndjson", dead_letters="still-rejected.ndjson")
            ```
        """
        await load(_JOBS)
        from mixpanel_async.jobs.options import JobOptions
        from mixpanel_async.jobs.run import replay_dead_letters

        return await replay_dead_letters(self._context, os.fspath(path), JobOptions(**job), mapping=mapping)

    async def reconcile(
        self,
        source: "EventSource",
        from_date: "Date",
        to_date: "Date",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: RecordMapping | None = None,
        transform: "Transform | None" = None,
        **options: "Unpack[ReconcileArguments]",
    ) -> "ReconcileReport":
        """Compare the events of a source with those that Mixpanel has, after an import; needs the extra `lake`.

        Both sides are matched by the key of Mixpanel's deduplication: name, distinct_id, $insert_id and day. What
        Mixpanel changes by itself is not a difference: text cut at 255 characters, times without milliseconds,
        `1.0` for `1`, properties that it adds (`mp_...`, `$...`), and IDs that it merged. Memory is bounded; both
        sides are kept in temporary files.

        Args:
            source: Everything that `import_events` takes.
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive.
            format: As in `import_events`.
            delimiter: As in `import_events`.
            mapping: The mapping of the import, which makes the same `$insert_id`s.
            transform: The transform function of the import.
            **options: See `ReconcileOptions`: events, where, ignore, project_timezone, allow_unexpected, wait_seconds,
                output, temp_dir, on_progress. See `FileOptions`: quote, escape, encoding, null, columns, repair_text,
                records_path, nan.

        Returns:
            The counts of missing, unexpected and different events, with examples; `is_equal` sums them up.

        Raises:
            SourceError: The source cannot be read to its end.
            InvalidArgumentError: A date or an option is invalid.
            OutputError: The output or a temporary file cannot be written.
            MissingExtraError: DuckDB or pyarrow is not installed.
            ApiError: Mixpanel refused the export.
            TransportError: The export was not complete in any attempt.

        Reference: https://developer.mixpanel.com/reference/raw-event-export

        Example:
            ```python
            await mp.import_events("events.ndjson")
            report = await mp.reconcile("events.ndjson", "2023-11-14", "2023-11-14", wait_seconds=600)
            print(report.is_equal, report.missing, report.different, report.unexpected)
            ```
        """
        await load("mixpanel_async.jobs.reconcile.run")
        from mixpanel_async.jobs.reconcile.options import split_options
        from mixpanel_async.jobs.reconcile.run import reconcile

        files, own = split_options(options, format=format, delimiter=delimiter)
        return await reconcile(
            self._context,
            source,
            from_date,
            to_date,
            options=own,
            files=files,
            mapping=mapping,
            transform=transform,
        )

    # --- the API, one group for each family ---

    @cached_property
    def annotations(self) -> "Annotations":
        """Annotations of reports, and their tags."""
        from mixpanel_async.actions.annotations import Annotations

        return Annotations(self._session)

    @cached_property
    def experiments(self) -> "Experiments":
        """Experiments."""
        from mixpanel_async.actions.experiments.client import Experiments

        return Experiments(self._session)

    @cached_property
    def feature_flags(self) -> "FeatureFlags":
        """Feature flags: evaluation and management."""
        from mixpanel_async.actions.feature_flags.client import FeatureFlags

        return FeatureFlags(self._session)

    @cached_property
    def flags(self) -> "FlagEvaluators":
        """Feature flags for code, evaluated in this process or by Mixpanel; `feature_flags` manages them."""
        from mixpanel_async.flags.client import FlagEvaluators

        return FlagEvaluators(self._context, self.track_nowait)

    @cached_property
    def gdpr(self) -> "Gdpr":
        """Retrieval and deletion of a user's data."""
        from mixpanel_async.actions.gdpr import Gdpr

        return Gdpr(self._session)

    @cached_property
    def ingest(self) -> "Ingest":
        """One request to /track, /import, /engage or /groups, with Mixpanel's own answer."""
        from mixpanel_async.actions.ingest.client import Ingest

        context = self._context
        return Ingest(self._session, context.settings.foreign_token, self._engine.note_replaced_tokens, context.values)

    @cached_property
    def lookup_tables(self) -> "LookupTables":
        """Lookup tables: list, replace, delete."""
        from mixpanel_async.actions.lookup_tables import LookupTables

        return LookupTables(self._session)

    @cached_property
    def pipelines(self) -> "Pipelines":
        """Data pipelines."""
        from mixpanel_async.actions.pipelines.client import Pipelines

        return Pipelines(self._session)

    @cached_property
    def projects(self) -> "Projects":
        """The projects that the credential can see."""
        from mixpanel_async.actions.projects import Projects

        return Projects(self._session)

    @cached_property
    def query(self) -> "Query":
        """Reports, profiles, cohorts, JQL."""
        from mixpanel_async.actions.query.client import Query

        return Query(self._session)

    @cached_property
    def schemas(self) -> "Schemas":
        """Lexicon schemas."""
        from mixpanel_async.actions.schemas import Schemas

        return Schemas(self._session)

    @cached_property
    def service_accounts(self) -> "ServiceAccounts":
        """Service accounts of the organisation."""
        from mixpanel_async.actions.service_accounts import ServiceAccounts

        return ServiceAccounts(self._session)

    @cached_property
    def warehouse(self) -> "Warehouse":
        """Warehouse connectors."""
        from mixpanel_async.actions.warehouse.client import Warehouse

        return Warehouse(self._session)

    @cached_property
    def export(self) -> "Export":
        """Raw exports of events and profiles; each is complete or raises."""
        from mixpanel_async.jobs.exports.events import Export

        return Export(self._session, self._context.clock, self._context.settings.max_call_retries)

    # --- any request ---

    @overload
    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        response: Literal["json"] = "json",
        **options: "Unpack[RequestOptions]",
    ) -> JSONValue: ...

    @overload
    async def request(
        self, method: str, path_or_url: str, *, response: Literal["text"], **options: "Unpack[RequestOptions]"
    ) -> str: ...

    @overload
    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        response: Literal["bytes", "binary"],
        **options: "Unpack[RequestOptions]",
    ) -> bytes: ...

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        response: "ResponseType" = "json",
        **options: "Unpack[RequestOptions]",
    ) -> JSONValue:
        """Send any request through the client's pool, credentials, retries and rate limits.

        Args:
            method: HTTP method.
            path_or_url: A path such as `/api/app/me`, or a whole URL; only Mixpanel's servers, of every region, and the
                client's base URL get the credentials.
            response: What the reply becomes: decoded JSON (None if it is empty), text, or bytes (`"binary"` is the
                same).
            **options: See `mixpanel_async.actions.RequestOptions`.

        Raises:
            InvalidArgumentError: Options are unknown, of no use, or contradict each other.
            ApiError: Mixpanel refused.
            TransportError: No complete reply arrived.
            UnexpectedReplyError: The reply is no JSON, and `response` says it is.

        Reference: https://developer.mixpanel.com/reference/overview

        Example:
            ```python
            me = await mp.request("GET", "/api/app/me")
            ```
        """
        from mixpanel_async.actions.raw_request import request

        # The overloads are the promise; which one it is, is known only at run time.
        return await request(self._session, method, path_or_url, response=cast("Literal['json']", response), **options)

    # --- lifetime ---

    @property
    def stats(self) -> Stats:
        """A snapshot of all counters.

        Example:
            ```python
            stats = mp.stats
            print(stats.queued, stats.in_flight)
            ```
        """
        return self._engine.stats(self._context.values.repaired_texts)

    async def flush(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is queued now and wait for its outcomes.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes. Delivery continues afterwards.

        Returns:
            What settled during the call, and how much is pending.

        Raises:
            WrongLoopError: The client belongs to another event loop, thread or process.

        Example:
            ```python
            await mp.track("user-1", "Signed Up")
            report = await mp.flush(timeout=10)
            print(report)
            ```
        """
        self._engine.check_loop()
        self._inbox.take_all()
        return await self._engine.flush(timeout)

    async def aclose(self, timeout: float | None = None) -> DeliveryReport:
        """Deliver what is left, then give the rest its outcomes and close everything; never hangs.

        Args:
            timeout: Seconds for the delivery; None: the setting `close_timeout_seconds`.

        Returns:
            What settled during the call; nothing is pending afterwards.

        Raises:
            WrongLoopError: The client belongs to another event loop, thread or process.

        Example:
            ```python
            report = await mp.aclose(timeout=10)
            print(report)
            ```
        """
        if self._engine.is_started and not self._engine.is_closed:
            self._engine.check_loop()
            self._inbox.close()
        if "flags" in self.__dict__:
            await self.flags.aclose()
        return await self._engine.aclose(self._context.settings.close_timeout_seconds if timeout is None else timeout)

    async def __aenter__(self) -> Self:
        self._engine.check_loop()
        for module in _GROUPS:
            await load(module)
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
