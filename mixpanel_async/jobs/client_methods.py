"""The jobs of a client. What they need is imported when one runs: importing the package stays cheap."""

import contextlib
import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Unpack

from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
from mixpanel_async.jobs.model.report import Ack, ImportReport

if TYPE_CHECKING:
    from mixpanel_async.clock import Clock
    from mixpanel_async.config import Settings
    from mixpanel_async.engine.engine import Engine
    from mixpanel_async.engine.lane_specs import LaneSpecs
    from mixpanel_async.jobs.encoding.mappings import Transform
    from mixpanel_async.jobs.options import JobArguments
    from mixpanel_async.jobs.pipe.job import PipeSource
    from mixpanel_async.jobs.run import Parts
    from mixpanel_async.jobs.sources.detection import Format
    from mixpanel_async.jobs.sources.open import EventSource
    from mixpanel_async.session import Session


class Jobs:
    """Whole files and streams, as jobs of the client that this is a part of."""

    _engine: "Engine"
    _session: "Session"
    _endpoints: "LaneSpecs"
    _settings: "Settings"
    _clock: "Clock"

    async def import_events(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: RecordMapping | None = None,
        transform: "Transform | None" = None,
        **job: "Unpack[JobArguments]",
    ) -> ImportReport:
        """Import events from files or an iterable over strict /import, and account for each of them.

        Events are checked against Mixpanel's documented rules before they are sent. Lines that are right go out as the
        bytes that they are. Nothing is repaired or left out unless `mapping` asks for it.

        Records have a day to be delivered from when they were read, not `Settings.delivery_deadline_seconds`: an outage
        is outlived. `stop` waits for what is on its way; to end the job at once, cancel it.

        Args:
            source: Path or address (`s3://...`, `https://...`, with the extra `remote`) of a file (NDJSON, JSON array,
                CSV, TSV or Parquet, plain or compressed; "-" is standard input), of a directory, or a pattern; several
                of them; a file object; or an iterable or async iterable of events: mappings such as
                `{"event": ..., "properties": {...}}`, or their JSON as bytes. An iterable yields a new mapping each
                time: some hundreds of them are kept before they are encoded, and one that is changed meanwhile is
                delivered as it is then.
            format: `ndjson`, `json`, `csv`, `tsv` or `parquet`; None: found out by name or content.
            delimiter: What stands between the cells of a table.
            mapping: How flat records, as in a CSV file, become events; None: by columns called event, time,
                distinct_id and $insert_id. It can also rename, drop, scrub, flatten and filter.
            transform: Called with each event (after the mapping) as a dict; returns an event, several, or None to leave
                it out. What it makes of one record counts as that many records. One that raises rejects the record. A
                checkpoint belongs to its source text: when that has changed, the import is not gone on with.
            **job: See `mixpanel_async.jobs.options.JobArguments`: checkpoint, dead_letters, exact_dedupe,
                dry_run, probe, concurrency, on_progress, stop.

        Returns:
            What became of every record, with examples of what was wrong.

        Raises:
            SourceError: The source cannot be opened. One that breaks off later is told in the report.
            InvalidSettingError: An option is out of range, a column that the mapping names is not there, a file to be
                written is one that is read, or the checkpoint belongs to another source, project or mapping.
            OutputError: The checkpoint, the dead letters or what exact dedupe keeps cannot be written.
            AccessRefusedError: `probe` was asked for, and the credential is refused.
            TransportError: `probe` was asked for, and the server does not answer.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.
            ClientClosedError: The client was closed while the job ran.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        from mixpanel_async.jobs.options import read_options
        from mixpanel_async.jobs.run import import_events

        options = read_options(job)
        return await import_events(
            self._parts(),
            source,
            options,
            told=format,
            delimiter=delimiter,
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
        **job: "Unpack[JobArguments]",
    ) -> ImportReport:
        """Import updates of user profiles over /engage; as `import_events` otherwise.

        Records are updates as Mixpanel spells them, such as `{"$distinct_id": "ann", "$set": {...}}`, or profiles as
        the query API gives them, with `$properties`; `$token` is filled in. Rows of a table set properties.

        Args:
            source: As in `import_events`.
            format: As in `import_events`.
            delimiter: As in `import_events`.
            mapping: How rows become updates; None: by a column distinct_id, all others being set.
            **job: As in `import_events`, but for exact_dedupe. With a checkpoint, $add, $append, $union and $remove are
                refused, because a later run may send what this one sent.

        Raises:
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update
        """
        return await self._import_updates(source, format, delimiter, mapping, job, is_group=False)

    async def import_groups(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: UpdateMapping | None = None,
        **job: "Unpack[JobArguments]",
    ) -> ImportReport:
        """Import updates of group profiles over /groups; as `import_profiles` otherwise.

        Args:
            source: As in `import_events`.
            format: As in `import_events`.
            delimiter: As in `import_events`.
            mapping: How rows become updates; it names the group key.
            **job: As in `import_profiles`.

        Raises:
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/group-batch-update
        """
        return await self._import_updates(source, format, delimiter, mapping, job, is_group=True)

    async def _import_updates(
        self,
        source: "EventSource",
        told: "Format | None",
        delimiter: str | None,
        mapping: UpdateMapping | None,
        job: "JobArguments",
        *,
        is_group: bool,
    ) -> ImportReport:
        from mixpanel_async.jobs.options import read_options
        from mixpanel_async.jobs.run import import_updates

        return await import_updates(
            self._parts(),
            source,
            read_options(job),
            told=told,
            delimiter=delimiter,
            mapping=mapping or UpdateMapping(),
            is_group=is_group,
        )

    def pipe(
        self,
        source: "PipeSource",
        *,
        mapping: RecordMapping | None = None,
        concurrency: int | None = None,
        max_unacknowledged: int = 100_000,
    ) -> AsyncGenerator[Ack]:
        """Deliver events from a source that may never end; yield an acknowledgement for each, in the source's order.

        An acknowledgement comes when the record and all records before it have their outcome: what it names can be
        committed upstream. The source is read no faster than Mixpanel takes records and acknowledgements are taken. To
        leave the loop early, close the generator (`contextlib.aclosing`), which leaves nothing running; what was not
        acknowledged may or may not have been delivered.

        Args:
            source: Iterable or async iterable of events, or of pairs of a position and an event; events are mappings
                such as `{"event": ..., "properties": {...}}`, a new one each time, or their JSON as bytes.
            mapping: How flat records become events; None: the records are events.
            concurrency: Requests of this pipe at once; None: as many as the client makes.
            max_unacknowledged: Records read and not acknowledged at once.

        Yields:
            For each record its position (else its number, from 1) and its verdict: delivered, duplicate, rejected, or
                left out by the mapping.

        Raises:
            InvalidSettingError: An option is out of range.
            AccessRefusedError: The credential is refused.
            SourceError: The source raised CancelledError on its own; other errors of it are raised as they are.
            MixpanelError: A record was not delivered for no fault of its own; it and those after it are not
                acknowledged.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.
            ClientClosedError: The client was closed.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        from mixpanel_async.jobs.options import check_count

        check_count("concurrency", 1 if concurrency is None else concurrency)
        check_count("max_unacknowledged", max_unacknowledged)
        return self._acks(source, mapping, concurrency, max_unacknowledged)

    async def _acks(
        self, source: "PipeSource", mapping: RecordMapping | None, concurrency: int | None, max_unacknowledged: int
    ) -> AsyncGenerator[Ack]:
        from mixpanel_async.jobs.run import open_pipe

        pipe = open_pipe(
            self._parts(),
            source,
            mapping=mapping,
            concurrency=concurrency,
            max_unacknowledged=max_unacknowledged,
        )
        async with contextlib.aclosing(pipe.acks()) as acks:
            async for ack in acks:
                yield ack

    async def replay_dead_letters(
        self, path: "str | os.PathLike[str]", *, mapping: RecordMapping | None = None, **job: "Unpack[JobArguments]"
    ) -> ImportReport:
        """Send events from a file of dead letters that were repaired, or whose reason is gone.

        A letter's `record` is sent as it stands there. Where it is a row of a table, `mapping` makes an event of it.

        Args:
            path: Dead letters that an import of events wrote; those of profiles and groups are not taken.
            mapping: The import's mapping.
            **job: As in `import_events`; `dead_letters` is for what still fails, and another file than `path`.

        Returns:
            What became of every letter.

        Raises:
            SourceError: The file cannot be opened.
            InvalidSettingError: An option is out of range, or a file to be written is the one that is read.
            OutputError: The dead letters cannot be written.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        from mixpanel_async.jobs.options import read_options
        from mixpanel_async.jobs.run import replay_dead_letters

        return await replay_dead_letters(self._parts(), os.fspath(path), read_options(job), mapping=mapping)

    def _parts(self) -> "Parts":
        from mixpanel_async.jobs.run import Parts

        return Parts(self._engine, self._session, self._endpoints, self._settings, self._clock)
