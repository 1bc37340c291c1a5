"""`import_events`: puts a job together for whatever the caller has, and runs it."""

import msgspec

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.endpoints import Endpoints
from mixpanel_async.engine.engine import Engine
from mixpanel_async.errors import InvalidSetting
from mixpanel_async.jobs.encoding import EventEncoding
from mixpanel_async.jobs.event_rules import max_event_bytes
from mixpanel_async.jobs.formats import FORMATS, Format
from mixpanel_async.jobs.importer import ImportJob, JobOptions
from mixpanel_async.jobs.mapper import EventMapper
from mixpanel_async.jobs.mapping import RecordMapping
from mixpanel_async.jobs.probe import probe
from mixpanel_async.jobs.report import ImportReport
from mixpanel_async.jobs.sources import EventSource, Source, open_source
from mixpanel_async.jobs.window import EventWindow
from mixpanel_async.session import Session


class Parts(msgspec.Struct, frozen=True):
    """What a job runs on, all of it the client's.

    Attributes:
        engine: Delivers.
        session: Reaches the server before a job begins.
        endpoints: Knows the lane.
        settings: Limits.
        clock: Time.
    """

    engine: Engine
    session: Session
    endpoints: Endpoints
    settings: Settings
    clock: Clock


async def import_events(
    parts: Parts,
    source: EventSource,
    options: JobOptions,
    *,
    told: Format | None,
    delimiter: str | None,
    mapping: RecordMapping | None,
) -> ImportReport:
    """Run an import of events; the client's `import_events` says how."""
    _check(told, options.concurrency)
    opened = open_source(source, told, delimiter)
    try:
        await opened.open()
        encoding = _encoding(parts, opened, mapping)
        lane = None if options.is_dry_run else parts.engine.lane(parts.endpoints.events(is_bulk=True))
        if lane is not None and options.probes:
            await probe(parts.session, lane.spec)
        job = ImportJob(
            opened,
            encoding.encode,
            engine=parts.engine,
            lane=lane,
            settings=parts.settings,
            clock=parts.clock,
            options=options,
        )
        return await job.run()
    finally:
        await opened.aclose()


def _encoding(parts: Parts, source: Source, mapping: RecordMapping | None) -> EventEncoding:
    mapper = None
    if mapping is not None or source.is_table:
        mapper = EventMapper(mapping or RecordMapping())
        if source.columns:
            mapper.check_fields(list(source.columns))
    return EventEncoding(
        EventWindow(parts.settings.dedupe_window_records),
        parts.clock.time,
        max_event_bytes(parts.settings.max_batch_bytes),
        mapper,
    )


def _check(told: str | None, concurrency: int | None) -> None:
    if told is not None and told not in FORMATS:
        raise InvalidSetting(f"format is {told!r}; choose one of {', '.join(FORMATS)}")
    if concurrency is not None and concurrency < 1:
        raise InvalidSetting(f"concurrency is {concurrency}; it must be at least 1")
