"""Builds the source, encoder, lane and journal of a job and runs it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mixpanel_async.auth import ProjectToken
from mixpanel_async.config import ForeignToken
from mixpanel_async.engine.batch import BRACKETS_BYTES
from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.errors import InvalidArgumentError, InvalidSettingError, SourceError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.event_checks import max_event_bytes
from mixpanel_async.jobs.encoding.events import EventEncoding
from mixpanel_async.jobs.encoding.mappings import Transform
from mixpanel_async.jobs.encoding.updates import UpdateEncoding
from mixpanel_async.jobs.imports.job import ImportJob
from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
from mixpanel_async.jobs.model.chunks import Chunk, Encode, EncodedChunk
from mixpanel_async.jobs.model.report import ImportReport
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.pipe.job import Pipe, PipeSource
from mixpanel_async.jobs.preflight import probe
from mixpanel_async.jobs.sources.base import Source
from mixpanel_async.jobs.sources.open import EventSource, open_source
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.state.checkpoint import JobIdentity, Target, token_fingerprint
from mixpanel_async.jobs.state.dead_letters import repaired_records
from mixpanel_async.jobs.state.function_fingerprint import function_fingerprint
from mixpanel_async.jobs.state.journal import Journal
from mixpanel_async.records.tokens import TokenRule, without_tokens
from mixpanel_async.records.values import ValueConverter
from mixpanel_async.redaction import shown
from mixpanel_async.time_slice import Steps

if TYPE_CHECKING:
    from mixpanel_async.jobs.dedupe.disk_store import DedupeStore

T = TypeVar("T")


class Plan(msgspec.Struct, frozen=True):
    """What a job reads, and what becomes of it.

    Attributes:
        source: What the job reads.
        encode: Encodes a chunk, in steps.
        spec: Lane to deliver on; None for a dry run.
        fingerprint: Text that differs where the records become something else, for the checkpoint.
        function: The transform function, for the checkpoint.
        redact: Returns what a dead letter may hold of a record (default: of an event).
    """

    source: Source
    encode: Encode
    spec: LaneSpec | None
    fingerprint: str
    function: Transform | None = None
    redact: Callable[[bytes], bytes] | None = None


async def import_events(
    context: Context,
    source: EventSource,
    options: JobOptions,
    *,
    files: FileOptions,
    mapping: RecordMapping | None,
    transform: Transform | None,
) -> ImportReport:
    """Run `AsyncMixpanel.import_events`."""
    tokens = event_tokens(context, options)
    encoding = event_encoding(context, mapping, tokens, transform=transform)
    opened = open_source(source, files, encoding.check_columns, encoding.columns)
    fingerprint = f"events|{files.fingerprint()}|{mapping.fingerprint() if mapping is not None else ''}"
    return await run_plan(
        context, Plan(opened, encoding.encode, _spec(context, options), fingerprint, transform), options
    )


def open_pipe(
    context: Context,
    source: PipeSource,
    *,
    mapping: RecordMapping | None,
    options: JobOptions,
    max_unacknowledged: int,
) -> Pipe:
    """Return the pipe of `AsyncMixpanel.pipe`."""
    encoding = event_encoding(context, mapping, event_tokens(context, options))
    if encoding.holds_several:
        raise InvalidSettingError(
            "vendor is invalid: its records hold several events, and a pipe acknowledges one at a time; import files"
        )
    return Pipe(
        source,
        encoding.encode,
        engine=context.engine,
        lane=context.engine.lane(context.lanes.events(is_bulk=True)),
        settings=context.settings,
        clock=context.clock,
        max_batches=options.concurrency,
        max_unacknowledged=max_unacknowledged,
    )


async def replay_dead_letters(
    context: Context, path: str, options: JobOptions, *, mapping: RecordMapping | None
) -> ImportReport:
    """Run `AsyncMixpanel.replay_dead_letters`."""
    encoding = event_encoding(context, mapping, event_tokens(context, options), keeps_events=True)
    opened = open_source(path, FileOptions(format="ndjson"), encoding.check_columns)
    fingerprint = f"replay|{mapping.fingerprint() if mapping is not None else ''}"

    def encode(chunk: Chunk) -> Steps[EncodedChunk]:
        repaired = yield from repaired_records(chunk)
        return (yield from encoding.encode(repaired))

    return await run_plan(context, Plan(opened, encode, _spec(context, options), fingerprint), options)


async def import_updates(
    context: Context,
    source: EventSource,
    options: JobOptions,
    *,
    files: FileOptions,
    mapping: UpdateMapping,
    is_group: bool,
) -> ImportReport:
    """Run `AsyncMixpanel.import_profiles` or `import_groups`."""
    if options.exact_dedupe:
        raise InvalidArgumentError(
            "exact_dedupe is invalid: profile updates have no $insert_id to recognise duplicates by; omit it"
        )
    if is_group and mapping.vendor is not None:
        raise InvalidArgumentError("vendor is invalid: the presets have no properties of groups; omit it")
    if not options.dry_run:
        context.lanes.token_for("an import of profiles")
    encoding = UpdateEncoding(
        TokenRule(_policy(context, options), context.lanes.token, field="$token", takes_tokens=True),
        context.settings.max_batch_bytes - BRACKETS_BYTES,
        mapping,
        is_group=is_group,
        may_repeat=options.checkpoint is not None,
        values=ValueConverter.of(context.settings, is_exact=True),
    )
    opened = open_source(source, files, encoding.check_columns)
    spec = None
    if not options.dry_run:
        spec = context.lanes.groups(is_bulk=True) if is_group else context.lanes.people(is_bulk=True)
    fingerprint = f"{'groups' if is_group else 'profiles'}|{files.fingerprint()}|{mapping.fingerprint()}"
    redact = without_tokens(context.lanes.token, is_update=True)
    return await run_plan(context, Plan(opened, encoding.encode, spec, fingerprint, redact=redact), options)


def _policy(context: Context, options: JobOptions) -> ForeignToken:
    return options.foreign_token or context.settings.foreign_token


def event_tokens(context: Context, options: JobOptions) -> TokenRule:
    """Return what becomes of the project token that an event has itself.

    Raises:
        InvalidArgumentError: The token should be kept.
    """
    if options.foreign_token == "keep":  # noqa: S105 - a policy
        raise InvalidArgumentError(
            'foreign_token is invalid: "keep" does not work for events, which /import delivers to the project of the '
            "credential; choose replace or reject"
        )
    return TokenRule(_policy(context, options), context.lanes.token, field="properties.token", takes_tokens=False)


def event_encoding(
    context: Context,
    mapping: RecordMapping | None,
    tokens: TokenRule,
    *,
    keeps_events: bool = False,
    transform: Transform | None = None,
    window: int | None = None,
) -> EventEncoding:
    """Return the encoding of an import of events.

    Args:
        context: The parts of the client.
        mapping: Turns flat records into events.
        tokens: What becomes of an event's own token.
        keeps_events: Whether records that are events already stay unchanged.
        transform: Turns each event into zero or more events.
        window: Number of events among which duplicates are found; None: the client's setting.
    """
    return EventEncoding(
        EventWindow(context.settings.dedupe_window_records if window is None else window),
        context.clock.time,
        max_event_bytes(context.settings.max_batch_bytes),
        tokens,
        mapping,
        keeps_events=keeps_events,
        transform=transform,
        values=ValueConverter.of(context.settings, is_exact=True),
    )


def _spec(context: Context, options: JobOptions) -> LaneSpec | None:
    return None if options.dry_run else context.lanes.events(is_bulk=True)


async def run_plan(context: Context, plan: Plan, options: JobOptions) -> ImportReport:
    """Run a job and return its report.

    Raises:
        WrongLoopError: The client belongs to another event loop.
    """
    context.engine.check_loop()  # before a record is looked at: none of them is at fault
    journal: Journal | None = None
    try:
        # Everything that can be invalid is checked before a request is sent and before a file is written.
        await _unless_stopped(_check_written(plan.source, options), options)
        job_identity = JobIdentity()
        if options.checkpoint:
            job_identity = await _unless_stopped(_identify(context, plan, options), options)
        store = _dedupe_store(options)
        journal = Journal(
            options.dead_letters_path,
            options.checkpoint_path,
            job_identity,
            plan.source.names,
            store,
            redact=plan.redact or without_tokens(context.lanes.token),
        )
        start = await journal.read()
        await _unless_stopped(plan.source.open(start.position), options)
        if plan.spec is not None and options.probe and context.settings.is_sending:
            await _unless_stopped(probe(context, plan.spec), options, "the server had answered")
        await journal.open()
        job = ImportJob(
            plan.source,
            plan.encode,
            engine=context.engine,
            lane=None if plan.spec is None else context.engine.lane(plan.spec),
            settings=context.settings,
            clock=context.clock,
            options=options,
            journal=journal,
            start=start,
            store=store,
        )
        return await job.run()
    finally:
        await plan.source.aclose()
        if journal is not None:
            await journal.aclose()


async def _unless_stopped(
    work: Coroutine[object, object, T], options: JobOptions, goal: str = "the source was open"
) -> T:
    """Return the result of work that may never end: on a pipe that nobody writes to, for example.

    Args:
        work: The work.
        options: Options of the job.
        goal: What the work is for, in the past.

    Raises:
        SourceError: The job was stopped first.
    """
    if options.stop is None:
        return await work
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(options.stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise SourceError(f"stopped before {goal}; nothing was sent")
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.wait((task, stopped))


def _dedupe_store(options: JobOptions) -> "DedupeStore | None":
    if not options.exact_dedupe:
        return None
    from mixpanel_async.jobs.dedupe.disk_store import DedupeStore

    return DedupeStore(options.checkpoint_path)


async def _identify(context: Context, plan: Plan, options: JobOptions) -> JobIdentity:
    found = await plan.source.identify()
    return JobIdentity(
        sources=found.files,
        groups=found.groups,
        target=Target() if plan.spec is None else _target(context, plan.spec),
        mapping=plan.fingerprint + (f"|{policy}" if (policy := _policy(context, options)) != "replace" else ""),
        function=function_fingerprint(plan.function),
        exact_dedupe=options.exact_dedupe,
    )


def _target(context: Context, spec: LaneSpec) -> Target:
    project, token = context.session.project_id, context.lanes.token
    is_by_token = spec.credential is None or isinstance(spec.credential, ProjectToken)
    return Target(
        url=f"{context.session.address('ingestion')}{spec.path}",
        project_id="" if project is None else str(project),
        token=token_fingerprint(token) if token and is_by_token else "",
    )


async def _check_written(source: Source, options: JobOptions) -> None:
    """Check that a job does not write to a file that it reads."""
    for path in options.written_files:
        if await source.is_reading(path):
            raise InvalidArgumentError(f"{shown(path)} is invalid: the import reads this file; name another one")
