"""The jobs of a client. What they need is imported when one runs: importing the package stays cheap."""

import asyncio
import os
from typing import TYPE_CHECKING

from mixpanel_async.jobs.mapping import RecordMapping
from mixpanel_async.jobs.report import ImportReport

if TYPE_CHECKING:
    from mixpanel_async.clock import Clock
    from mixpanel_async.config import Settings
    from mixpanel_async.engine.endpoints import Endpoints
    from mixpanel_async.engine.engine import Engine
    from mixpanel_async.jobs.events import Parts
    from mixpanel_async.jobs.formats import Format
    from mixpanel_async.jobs.importer import OnProgress
    from mixpanel_async.jobs.sources import EventSource
    from mixpanel_async.session import Session


class Jobs:
    """Whole files and streams, as jobs of the client that this is a part of."""

    _engine: "Engine"
    _session: "Session"
    _endpoints: "Endpoints"
    _settings: "Settings"
    _clock: "Clock"

    async def import_events(
        self,
        source: "EventSource",
        *,
        format: "Format | None" = None,  # noqa: A002 - the word that everybody uses
        delimiter: str | None = None,
        mapping: RecordMapping | None = None,
        checkpoint: "str | os.PathLike[str] | None" = None,
        dead_letters: "str | os.PathLike[str] | None" = None,
        dry_run: bool = False,
        probe: bool = False,
        concurrency: int | None = None,
        on_progress: "OnProgress | None" = None,
        stop: asyncio.Event | None = None,
    ) -> ImportReport:
        """Import events from a file or an iterable over strict /import, and account for each of them.

        Events are checked against Mixpanel's documented rules before they are sent. Lines that are right go out as the
        bytes that they are. Nothing is repaired or left out unless `mapping` asks for it.

        Args:
            source: Path of a file (NDJSON, CSV or TSV, plain or gzip; "-" is standard input), of a directory, or a
                pattern; several of them; a file object; or an iterable or async iterable of events: mappings such as
                `{"event": ..., "properties": {...}}`, or their JSON as bytes.
            format: `ndjson`, `csv` or `tsv`; None: found out by name or content.
            delimiter: What stands between the cells of a table.
            mapping: How flat records, as in a CSV file, become events; None: by columns called event, time,
                distinct_id and $insert_id.
            checkpoint: File that is kept up to date while the job runs: when the job is run again after it was stopped
                or killed, it goes on behind what has settled. It belongs to these files and this mapping.
            dead_letters: File to which each record that was not delivered is appended, as a line of JSON with its
                place, the reason and the record; `replay_dead_letters` sends what was repaired.
            dry_run: Do everything but the sending.
            probe: Send a request without records first, to hear at once of a wrong address or credential.
            concurrency: Requests of this job at once; None: as many as the client makes.
            on_progress: Called a few times a second, and at the end.
            stop: Set it to end the job early: what was read is delivered and reported, the rest is left.

        Returns:
            What became of every record, with examples of what was wrong.

        Raises:
            SourceError: The source cannot be opened. One that breaks off later is told in the report.
            InvalidSetting: An option is out of range, a column that the mapping names is not there, or the checkpoint
                belongs to another source or mapping.
            OutputError: The checkpoint or the dead letters cannot be written.
            AccessRefused: `probe` was asked for, and the credential is refused.
            TransportError: `probe` was asked for, and the server does not answer.
            MissingCredentials: The client has neither credential nor token, or no project_id for its credential.
            ClientClosed: The client was closed while the job ran.
            WrongLoop: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        from mixpanel_async.jobs.events import import_events
        from mixpanel_async.jobs.importer import JobOptions

        options = JobOptions(
            is_dry_run=dry_run,
            probes=probe,
            checkpoint=None if checkpoint is None else os.fspath(checkpoint),
            dead_letters=None if dead_letters is None else os.fspath(dead_letters),
            concurrency=concurrency,
            on_progress=on_progress,
            stop=stop,
        )
        return await import_events(self._parts(), source, options, told=format, delimiter=delimiter, mapping=mapping)

    async def replay_dead_letters(
        self,
        path: "str | os.PathLike[str]",
        *,
        mapping: RecordMapping | None = None,
        dead_letters: "str | os.PathLike[str] | None" = None,
        dry_run: bool = False,
        probe: bool = False,
        concurrency: int | None = None,
        on_progress: "OnProgress | None" = None,
        stop: asyncio.Event | None = None,
    ) -> ImportReport:
        """Send events from a file of dead letters that were repaired, or whose reason is gone.

        A letter's `record` is sent as it stands there. Where it is a row of a table, `mapping` makes an event of it.

        Args:
            path: Dead letters that an import wrote.
            mapping: The import's mapping.
            dead_letters: File for what still fails; another one than `path`.
            dry_run: Do everything but the sending.
            probe: Send a request without records first, to hear at once of a wrong address or credential.
            concurrency: Requests of this job at once; None: as many as the client makes.
            on_progress: Called a few times a second, and at the end.
            stop: Set it to end the job early.

        Returns:
            What became of every letter.

        Raises:
            SourceError: The file cannot be opened.
            InvalidSetting: An option is out of range.
            OutputError: The dead letters cannot be written.
            MissingCredentials: The client has neither credential nor token, or no project_id for its credential.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        from mixpanel_async.jobs.events import replay_dead_letters
        from mixpanel_async.jobs.importer import JobOptions

        options = JobOptions(
            is_dry_run=dry_run,
            probes=probe,
            dead_letters=None if dead_letters is None else os.fspath(dead_letters),
            concurrency=concurrency,
            on_progress=on_progress,
            stop=stop,
        )
        return await replay_dead_letters(self._parts(), os.fspath(path), options, mapping=mapping)

    def _parts(self) -> "Parts":
        from mixpanel_async.jobs.events import Parts

        return Parts(self._engine, self._session, self._endpoints, self._settings, self._clock)
