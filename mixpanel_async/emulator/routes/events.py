"""/track and /import.

A batch with too many records gets a 413, as one with too many bytes does: both mean "send smaller batches".
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.submission import Submission, may_have_form, read_submission
from mixpanel_async.emulator.http.verdicts import check_reply_parameters, verdict_reply
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, failed_records_reply, imported_reply
from mixpanel_async.emulator.rules.intake import Intake, take_imported, take_tracked
from mixpanel_async.emulator.state import FAULT, LOG, STATE, ServerState


async def import_events(request: web.Request) -> web.StreamResponse:
    """Store a batch of events of any age; strict unless `strict=0`.

    Records in the parameter `data` have the older form: without `strict`, the reply is that of /track, and a missing
    `$insert_id` or distinct_id is filled in.

    Args:
        request: Events as a JSON array, as JSON lines, or in the parameter `data`.

    Raises:
        RefusalError: The credential or the body is invalid, or a limit is exceeded.
    """
    state = request.app[STATE]
    if not may_have_form(request):
        # Before the body is read: a wrong credential must not cost an upload.
        check_credentials(request, project_token=True)
    sent = await read_submission(request, compressible=True)
    if not sent.records:
        raise RefusalError(400, "the body must hold at least one event", facts={"num_records_imported": 0})
    project = check_credentials(request, project_token=True, key=sent.parameters.get("api_key"))
    is_older = sent.is_form and "strict" not in sent.parameters
    check_reply_parameters(sent.parameters)
    admit_batch(request, project, sent)
    take = partial(
        take_imported,
        sent.records,
        project=project,
        arrival=state.now(),
        body_bytes=sent.body_bytes,
        doomed=doomed_indexes(request),
        lenient=is_older,
    )
    intake = await state.run(lambda: _store(state, take()))
    await state.settle()
    state.note_intake(request.path, sent.records, intake.failed)
    if is_older:
        return verdict_reply(sent.parameters, first_error(sent, intake.failed))
    if intake.failed and sent.parameters.get("strict") != "0":
        return failed_records_reply(intake.taken, intake.failed)
    return imported_reply(intake.taken)


async def track(request: web.Request) -> web.StreamResponse:
    """Store a batch of recent events; a success only says that at least one of them was valid.

    Args:
        request: An array, one event, or either in the parameter `data`.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    state = request.app[STATE]
    sent = await read_submission(request, compressible=True)
    check_reply_parameters(sent.parameters)
    admit_batch(request, batch_project(state, _tokens(sent.records)), sent)
    take = partial(
        take_tracked,
        sent.records,
        arrival=state.now(),
        body_bytes=sent.body_bytes,
        project_of=state.projects.of_token,
        fallback_id=_address_id(request, sent.parameters),
        doomed=doomed_indexes(request),
    )
    intake = await state.run(lambda: _store(state, take()))
    await state.settle()
    state.note_intake(request.path, sent.records, intake.failed, intake.ignored)
    if intake.failed and sent.parameters.get("strict") == "1":
        return failed_records_reply(intake.taken, intake.failed)
    return verdict_reply(sent.parameters, first_error(sent, intake.failed))


def admit_batch(request: web.Request, project: Project, sent: Submission) -> None:
    """Check the number of records and the project's rate limits, and log the number.

    Raises:
        RefusalError: With 413, if there are too many records; with 429, if a rate limit is exceeded.
    """
    state = request.app[STATE]
    records = len(sent.records)
    request[LOG].records = records
    if records > state.limits.max_batch_records:
        raise RefusalError(413, f"request exceeds max limit of {state.limits.max_batch_records} records")
    state.admit_ingestion(project, records, sent.body_bytes)


def batch_project(state: ServerState, tokens: Iterable[object]) -> Project:
    """Return the project whose rate limits a batch counts against: that of the first known token."""
    found = (state.projects.of_token(token) for token in tokens if isinstance(token, str))
    return next((project for project in found if project is not None), state.projects.first)


def doomed_indexes(request: web.Request) -> frozenset[int]:
    """Return the indexes of the records that a `partial` fault rejects."""
    fault = request.get(FAULT)
    return frozenset(fault.indexes) if fault is not None and fault.kind == "partial" else frozenset()


def first_error(sent: Submission, failed: list[dict[str, Any]]) -> str | None:
    """Return the first error of a batch without a valid record; None if there is a valid one."""
    if len(failed) < len(sent.records):
        return None
    return str(failed[0]["message"]) if failed else "no records"


def _tokens(records: Iterable[Any]) -> Iterator[object]:
    for record in records:
        properties = record.get("properties") if isinstance(record, dict) else None
        if isinstance(properties, dict):
            yield properties.get("token")


def _store(state: ServerState, intake: Intake) -> Intake:
    state.store.append(intake.rows, intake.links, intake.merges)
    return intake


def _address_id(request: web.Request, parameters: Mapping[str, str]) -> str:
    """Return the distinct_id of events without one: with `ip=1` a hash of the sender's address, else ""."""
    if parameters.get("ip") != "1":
        return ""
    return hashlib.sha256((request.remote or "").encode()).hexdigest()[:32]
