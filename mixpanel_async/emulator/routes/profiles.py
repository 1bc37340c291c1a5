"""/engage and /groups."""

from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.submission import read_submission
from mixpanel_async.emulator.http.verdicts import check_reply_parameters, verdict_reply
from mixpanel_async.emulator.replies import failed_records_reply
from mixpanel_async.emulator.routes.events import admit_batch, batch_project, doomed_indexes, first_error
from mixpanel_async.emulator.rules.events import DEMANDED, Flaw
from mixpanel_async.emulator.rules.profiles import Owner, check_operations, profile_of, seen_ms, updated
from mixpanel_async.emulator.state import STATE, ServerState
from mixpanel_async.emulator.store.profiles import ProfileKey


async def engage(request: web.Request) -> web.StreamResponse:
    """Apply a batch of updates to user profiles.

    Args:
        request: An array, one update, or either in the parameter `data`; not compressed.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    return await _take_updates(request, "user")


async def groups(request: web.Request) -> web.StreamResponse:
    """Apply a batch of updates to group profiles.

    Args:
        request: An array, one update, or either in the parameter `data`; not compressed.

    Raises:
        RefusalError: The body is invalid, or a limit is exceeded.
    """
    return await _take_updates(request, "group")


async def _take_updates(request: web.Request, owner: Owner) -> web.StreamResponse:
    state = request.app[STATE]
    sent = await read_submission(request, compressible=False)
    check_reply_parameters(sent.parameters)
    tokens = (record.get("$token") for record in sent.records if isinstance(record, dict))
    admit_batch(request, batch_project(state, tokens), sent)
    apply = partial(apply_updates, state, sent.records, owner=owner, doomed=doomed_indexes(request))
    failed, ignored = await state.run(apply)
    await state.settle()
    state.note_intake(request.path, sent.records, failed, ignored)
    if failed and sent.parameters.get("strict") == "1":
        return failed_records_reply(len(sent.records) - len(failed), failed)
    return verdict_reply(sent.parameters, first_error(sent, failed))


def apply_updates(
    state: ServerState, records: list[Any], *, owner: Owner, doomed: frozenset[int]
) -> tuple[list[dict[str, Any]], int]:
    """Apply updates to profiles; runs on the store's thread.

    Args:
        state: The server.
        records: Updates, as decoded JSON.
        owner: Whether they are of users or groups.
        doomed: Indexes of records to reject, whatever they contain.

    Returns:
        One entry for each rejected record, and the number of records of unknown projects.
    """
    store, now_ms = state.store, round(state.now() * 1000)
    failed: list[dict[str, Any]] = []
    ignored = 0
    for index, record in enumerate(records):
        flaw = DEMANDED if index in doomed else check_operations(record, owner)
        if flaw is not None:
            failed.append(_failed_entry(index, record, owner, flaw))
            continue
        project = state.projects.id_of_token(record["$token"])
        if project is None:
            ignored += 1
            continue
        kind, profile_id = profile_of(record, owner)
        if owner == "user" and not record.get("$ignore_alias"):
            profile_id = store.users.canonical(project, profile_id)
        key = ProfileKey(project, kind, profile_id)
        before = store.profiles.get(key)
        properties = updated(None if before is None else before.properties, record)
        store.profiles.put(key, properties, now_ms, seen_ms(record, now_ms) if owner == "user" else None)
    return failed, ignored


def _failed_entry(index: int, record: object, owner: Owner, flaw: Flaw) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "field": flaw.field, "message": flaw.message}
    if isinstance(record, dict):
        for name in ("$distinct_id",) if owner == "user" else ("$group_key", "$group_id"):
            if isinstance(record.get(name), str):
                entry[name] = record[name]
    return entry
