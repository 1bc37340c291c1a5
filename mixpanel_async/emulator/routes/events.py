"""POST /track and POST /import.

A batch with too many records gets a 413, as one with too many bytes does: both mean "send smaller batches".
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_json, decode_lines, decode_records, decompress, read_body
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, failed_records_reply, imported_reply, verdict_reply
from mixpanel_async.emulator.rules.intake import Intake, take_imported, take_tracked
from mixpanel_async.emulator.state import FAULT, LOG, STATE, ServerState

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


async def post_import(request: web.Request) -> web.StreamResponse:
    """Store a batch of events of any age; strict unless `strict=0`.

    Args:
        request: Events as a JSON array or as JSON lines.

    Raises:
        RefusalError: The credential or the body is invalid, or a limit is exceeded.
    """
    state = request.app[STATE]
    project = check_credentials(request, project_token=True)
    body = await read_body(request, state.limits.max_batch_bytes)
    encoding = request.headers.get("Content-Encoding", "").lower()
    decode = partial(_decode_import, body, encoding, request.content_type, state.limits.max_batch_bytes)
    records, body_bytes = await state.run(decode)
    admit_batch(request, project, len(records), body_bytes)
    take = partial(
        take_imported,
        records,
        project=project.id,
        arrival=state.now(),
        body_bytes=body_bytes,
        doomed=doomed_indexes(request),
    )
    intake = await state.run(lambda: _store(state, take()))
    state.tally.rejected += len(intake.failed)
    if intake.failed and request.query.get("strict") != "0":
        return failed_records_reply(intake.taken, intake.failed)
    return imported_reply(intake.taken)


async def post_track(request: web.Request) -> web.StreamResponse:
    """Store a batch of recent events; a success only says that at least one of them was valid.

    Args:
        request: An array, one event, or a form with either in `data`.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    state = request.app[STATE]
    body = await read_body(request, state.limits.max_batch_bytes)
    encoding = request.headers.get("Content-Encoding", "").lower()
    decode = partial(_decode_track, body, encoding, request.content_type, state.limits.max_batch_bytes)
    records, body_bytes = await state.run(decode)
    admit_batch(request, batch_project(state, _tokens(records)), len(records), body_bytes)
    take = partial(
        take_tracked,
        records,
        arrival=state.now(),
        body_bytes=body_bytes,
        project_of=state.projects.id_of_token,
        fallback_id=_address_id(request),
        doomed=doomed_indexes(request),
    )
    intake = await state.run(lambda: _store(state, take()))
    state.tally.rejected += len(intake.failed)
    state.tally.ignored += intake.ignored
    if intake.failed and request.query.get("strict") == "1":
        return failed_records_reply(intake.taken, intake.failed)
    all_failed = len(intake.failed) == len(records)
    error = (intake.failed[0]["message"] if records else "no records") if all_failed else None
    return _track_reply(request, error)


def admit_batch(request: web.Request, project: Project, records: int, body_bytes: int) -> None:
    """Check the number of records and the project's rate limits, and log the number.

    Raises:
        RefusalError: With 413, if there are too many records; with 429, if a rate limit is exceeded.
    """
    state = request.app[STATE]
    request[LOG].records = records
    if records > state.limits.max_batch_records:
        raise RefusalError(413, f"request exceeds max limit of {state.limits.max_batch_records} records")
    state.admit_ingestion(project, records, body_bytes)


def batch_project(state: ServerState, tokens: Iterable[object]) -> Project:
    """Return the project whose rate limits a batch counts against: that of the first known token."""
    found = (state.projects.of_token(token) for token in tokens if isinstance(token, str))
    return next((project for project in found if project is not None), state.projects.first)


def doomed_indexes(request: web.Request) -> frozenset[int]:
    """Return the indexes of the records that a `partial` fault rejects."""
    fault = request.get(FAULT)
    return frozenset(fault.indexes) if fault is not None and fault.kind == "partial" else frozenset()


def _tokens(records: Iterable[Any]) -> Iterator[object]:
    for record in records:
        properties = record.get("properties") if isinstance(record, dict) else None
        if isinstance(properties, dict):
            yield properties.get("token")


def _store(state: ServerState, intake: Intake) -> Intake:
    state.store.append(intake.rows, intake.links)
    return intake


def _decode_import(body: bytes, encoding: str, content_type: str, max_bytes: int) -> tuple[list[Any], int]:
    plain = decompress(body, encoding, max_bytes)
    records = decode_lines(plain) if content_type == "application/x-ndjson" else decode_json(plain)
    if not isinstance(records, list) or not records:
        raise RefusalError(400, "the body must hold at least one event", facts={"num_records_imported": 0})
    return records, len(plain)


def _decode_track(body: bytes, encoding: str, content_type: str, max_bytes: int) -> tuple[list[Any], int]:
    plain = decompress(body, encoding, max_bytes)
    return decode_records(plain, content_type), len(plain)


def _address_id(request: web.Request) -> str:
    """Return the distinct_id of events without one: with `ip=1` a hash of the sender's address, else ""."""
    if request.query.get("ip") != "1":
        return ""
    return hashlib.sha256((request.remote or "").encode()).hexdigest()[:32]


def _track_reply(request: web.Request, error: str | None) -> web.Response:
    query = request.query
    if "redirect" in query:
        return web.Response(status=302, headers={"Location": query["redirect"]})
    if query.get("img") == "1":
        return web.Response(body=_PIXEL, content_type="image/gif")
    reply = verdict_reply(error=error, verbose=query.get("verbose") == "1")
    if "callback" in query:
        return web.Response(text=f"{query['callback']}({reply.text});", content_type="text/javascript")
    return reply
