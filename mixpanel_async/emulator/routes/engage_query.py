"""GET and POST /api/query/engage: pages of user or group profiles."""

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from aiohttp import web

from mixpanel_async.emulator.expressions.parser import Expression, Scope
from mixpanel_async.emulator.expressions.values import is_true
from mixpanel_async.emulator.expressions.where import read_where
from mixpanel_async.emulator.http.request_body import decode_form, decode_json, read_body
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.query import admit_query
from mixpanel_async.emulator.state import PROJECT, ServerState
from mixpanel_async.emulator.store.database import Store

_PAGE_SIZE = 1000
_MAX_PAGE_SIZE = 10_000
_SESSIONS_KEPT = 100


class _Search(NamedTuple):
    project: int
    kind: str
    ids: frozenset[str] | None
    where: Expression | None


async def query_engage(request: web.Request) -> web.StreamResponse:
    """Return a page of profiles; page 0 opens a session, which keeps its result for the following pages.

    `data_group_id` is the group key, because the server has no other name for a group type.

    Args:
        request: Parameters in the query, a form, or both.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = admit_query(request)
    parameters = {**request.query, **decode_form(await read_body(request, state.limits.max_batch_bytes))}
    page, page_size = _number(parameters, "page", 0), _number(parameters, "page_size", _PAGE_SIZE)
    if not 0 < page_size <= _MAX_PAGE_SIZE:
        raise RefusalError(400, f"page_size must be from 1 to {_MAX_PAGE_SIZE}")
    session_id = parameters.get("session_id", "")
    if page == 0:
        search = _read_search(parameters, request[PROJECT].id)
        session_id = f"{int(state.now())}-{secrets.token_hex(6).upper()}"
        _keep(state, session_id, await state.run(partial(_find, state.store, search)))
    found = state.query_sessions.get(session_id)
    if found is None:
        raise RefusalError(400, "page above 0 needs the session_id of a page 0")
    wanted = _names(parameters, "output_properties")
    results = [
        {"$distinct_id": key, "$properties": properties if wanted is None else _only(properties, wanted)}
        for key, properties in found[page * page_size : (page + 1) * page_size]
    ]
    body = {"page": page, "page_size": page_size, "results": results, "session_id": session_id}
    return json_reply({**body, "status": "ok", "total": len(found)})


def _read_search(parameters: Mapping[str, str], project: int) -> _Search:
    if "behaviors" in parameters and "filter_by_cohort" in parameters:
        raise RefusalError(400, "behaviors and filter_by_cohort exclude each other")
    for name in ("behaviors", "filter_by_cohort"):
        if name in parameters:
            raise RefusalError(400, f"the local server does not support {name}")
    ids = _names(parameters, "distinct_ids")
    if "distinct_id" in parameters:
        ids = [*(ids or []), parameters["distinct_id"]]
    where = read_where(parameters.get("where"))
    return _Search(project, parameters.get("data_group_id", ""), None if ids is None else frozenset(ids), where)


def _find(store: Store, search: _Search) -> list[tuple[str, dict[str, Any]]]:
    # Profiles are replaced and never changed in place, so references are a snapshot.
    found = []
    for key, properties in store.profiles.of_project(search.project).items():
        if key.kind != search.kind:
            continue
        if search.ids is not None and key.id not in search.ids:
            continue
        if search.where is None or is_true(search.where(Scope(properties, properties, {}))):
            found.append((key.id, properties))
    return sorted(found, key=lambda one: one[0])


def _keep(state: ServerState, session_id: str, found: list[tuple[str, dict[str, Any]]]) -> None:
    while len(state.query_sessions) >= _SESSIONS_KEPT:
        del state.query_sessions[next(iter(state.query_sessions))]
    state.query_sessions[session_id] = found


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise RefusalError(400, f"{name} must be a number")
    return int(text)


def _names(parameters: Mapping[str, str], name: str) -> list[str] | None:
    if not parameters.get(name):
        return None
    names = decode_json(parameters[name])
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise RefusalError(400, f"{name} must be a JSON array of strings")
    return names


def _only(properties: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    return {name: properties[name] for name in wanted if name in properties}
