"""POST /engage and POST /groups."""

from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.request_body import decode_records, read_body
from mixpanel_async.emulator.replies import RefusalError, failed_records_reply, verdict_reply
from mixpanel_async.emulator.routes.events import admit_batch, batch_project, doomed_indexes
from mixpanel_async.emulator.rules.events import Flaw
from mixpanel_async.emulator.rules.profiles import Owner, check_operations, profile_of, updated
from mixpanel_async.emulator.state import STATE, ServerState
from mixpanel_async.emulator.store.database import ProfileKey


async def post_engage(request: web.Request) -> web.StreamResponse:
    """Apply a batch of updates to user profiles.

    Args:
        request: An array, one update, or a form with either in `data`; not compressed.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    return await _take_updates(request, "user")


async def post_groups(request: web.Request) -> web.StreamResponse:
    """Apply a batch of updates to group profiles.

    Args:
        request: An array, one update, or a form with either in `data`; not compressed.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    return await _take_updates(request, "group")


async def _take_updates(request: web.Request, owner: Owner) -> web.StreamResponse:
    state = request.app[STATE]
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise RefusalError(400, "compressed bodies are not supported here")
    body = await read_body(request, state.limits.max_batch_bytes)
    records = await state.run(partial(decode_records, body, request.content_type))
    tokens = (record.get("$token") for record in records if isinstance(record, dict))
    admit_batch(request, batch_project(state, tokens), len(records), len(body))
    apply = partial(_apply_updates, state, records, owner=owner, doomed=doomed_indexes(request))
    failed, ignored = await state.run(apply)
    state.tally.rejected += len(failed)
    state.tally.ignored += ignored
    if failed and request.query.get("strict") == "1":
        return failed_records_reply(len(records) - len(failed), failed)
    error = None
    if len(failed) == len(records):
        error = failed[0]["message"] if failed else "no records"
    return verdict_reply(error=error, verbose=request.query.get("verbose") == "1")


def _apply_updates(
    state: ServerState, records: list[Any], *, owner: Owner, doomed: frozenset[int]
) -> tuple[list[dict[str, Any]], int]:
    store, now_ms = state.store, round(state.now() * 1000)
    failed: list[dict[str, Any]] = []
    ignored = 0
    for index, record in enumerate(records):
        flaw = Flaw("", "refused on demand") if index in doomed else check_operations(record, owner)
        if flaw is not None:
            failed.append(_failed_entry(index, record, owner, flaw))
            continue
        project = state.projects.id_of_token(record["$token"])
        if project is None:
            ignored += 1
            continue
        key = ProfileKey(project, *profile_of(record, owner))
        properties = updated(store.profiles.get(key), record)
        if properties is None:
            store.profiles.pop(key, None)
        else:
            store.profiles[key] = properties
        store.touch_profile(key, now_ms)
    store.settle_profiles()
    return failed, ignored


def _failed_entry(index: int, record: object, owner: Owner, flaw: Flaw) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "field": flaw.field, "message": flaw.message}
    if isinstance(record, dict):
        for name in ("$distinct_id",) if owner == "user" else ("$group_key", "$group_id"):
            if isinstance(record.get(name), str):
                entry[name] = record[name]
    return entry
