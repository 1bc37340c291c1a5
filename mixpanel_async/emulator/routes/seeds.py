"""Files of records that fill the server, at the start or dropped on the page: through the rules of ingestion."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web

from mixpanel_async.emulator.http.request_body import decompress, read_body
from mixpanel_async.emulator.page.heads import shown
from mixpanel_async.emulator.page.seeds import (
    BadLine,
    SeedReport,
    completed_event,
    completed_update,
    kind_of,
    records_of,
)
from mixpanel_async.emulator.page.selection import read_number
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.profiles import apply_updates
from mixpanel_async.emulator.rules.intake import Intake, take_imported
from mixpanel_async.emulator.state import STATE, ServerState

MAX_SEED_BYTES: Final = 256_000_000
_BATCH: Final = 2000
_GZIP_MAGIC: Final = b"\x1f\x8b"


async def post_seed(request: web.Request) -> web.StreamResponse:
    """Store the records of a file, which is the body; the parameter `name` names it, `project` its project.

    Raises:
        RefusalError: With 413, if the file is too large; with 400, if its compression is malformed.
    """
    state = request.app[STATE]
    project_id = read_number(request.query, "project")
    project = state.projects.first if project_id is None else state.projects.of_id(project_id)
    if project is None:
        raise RefusalError(404, "there is no such project")
    body = await read_body(request, MAX_SEED_BYTES)
    report = await take_seed(state, shown(request.query.get("name", "")) or "file", body, project)
    return json_reply(msgspec.to_builtins(report))


async def take_seed(state: ServerState, name: str, content: bytes, project: Project) -> SeedReport:
    """Store the records of a file.

    Args:
        state: The server.
        name: Name of the file, for the report.
        content: JSON lines or a JSON array of events and profiles; it may be compressed with gzip.
        project: The project of records that name none.

    Raises:
        RefusalError: The file is too large, or its compression is malformed.
    """
    encoding = "gzip" if content.startswith(_GZIP_MAGIC) else ""
    plain = await state.run(partial(decompress, content, encoding, MAX_SEED_BYTES))
    records = await state.run(partial(records_of, plain))
    report = SeedReport(name=name)
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        failed, ignored = await state.run(partial(_take, state, batch, start, project, report))
        await state.settle()
        state.note_intake(f"(file) {name}", batch, failed, ignored)
        report.rejected += len(failed)
        report.ignored += ignored
    return report


def _take(
    state: ServerState, records: Sequence[Any], start: int, project: Project, report: SeedReport
) -> tuple[list[dict[str, Any]], int]:
    """Store a batch; runs of one kind keep their order. Return the failed records and the number of ignored ones."""
    failed: list[dict[str, Any]] = []
    ignored = done = 0
    for kind, run in itertools.groupby(records, kind_of):
        batch = list(run)
        missed: list[dict[str, Any]]
        if kind == "event":
            intake = _take_events(state, batch, start + done, project)
            report.events += intake.taken
            missed = intake.failed
        elif kind == "unknown":
            missed = [{"index": index, "field": "", "message": _unknown(one)} for index, one in enumerate(batch)]
        else:
            token = project.token or "seed"
            updates = [completed_update(one, token) for one in batch]
            missed, strange = apply_updates(state, updates, owner=kind, doomed=frozenset())
            report.profiles += len(batch) - len(missed) - strange
            ignored += strange
        failed += [{**entry, "index": entry["index"] + done} for entry in missed]
        done += len(batch)
    return failed, ignored


def _take_events(state: ServerState, records: Sequence[Any], start: int, project: Project) -> Intake:
    intake = take_imported(
        [completed_event(record, start + index) for index, record in enumerate(records)],
        project=project,
        arrival=state.now(),
        body_bytes=MAX_SEED_BYTES,
        doomed=frozenset(),
        lenient=True,
    )
    state.store.append(intake.rows, intake.links, intake.merges)
    return intake


def _unknown(record: object) -> str:
    if isinstance(record, BadLine):
        return "the line is not JSON"
    return "the record is neither an event nor a profile: it has neither 'event', '$distinct_id' nor '$group_key'"
