"""GET and POST /api/query/engage: pages of user or group profiles."""

import secrets
from functools import partial
from typing import Any, Final

from aiohttp import web

from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.profiles import ProfileSearch, read_search
from mixpanel_async.emulator.queries.source import QueryContext
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.reports import admit_query, read_parameters
from mixpanel_async.emulator.routes.saved_reports import find_cohort
from mixpanel_async.emulator.state import STATE, QuerySession, ServerState
from mixpanel_async.emulator.store.database import Store
from mixpanel_async.emulator.store.profiles import Profile, ProfileKey

SESSION_SECONDS: Final = 900.0
_PAGE_SIZE: Final = 1000
_MAX_PAGE_SIZE: Final = 10_000
_MAX_PAGE: Final = 10**9
_SESSIONS_KEPT: Final = 100


async def query_engage(request: web.Request) -> web.StreamResponse:
    """Return a page of profiles; page 0 opens a session, which keeps its result for the following pages.

    `data_group_id` is the group key, because the server has no other name for a group type.

    Args:
        request: Parameters in the query, a form, or both.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    context = admit_query(request)
    state = request.app[STATE]
    parameters = await read_parameters(request)
    page = parameters.count("page", 0, _MAX_PAGE, least=0)
    page_size = parameters.count("page_size", _PAGE_SIZE, _MAX_PAGE_SIZE)
    wanted = parameters.names("output_properties")
    if page == 0:
        search = read_search(parameters, context.project, await find_cohort(request, parameters, context))
        session_id, found = _open_session(state, context, await _find(state, search))
    else:
        session_id, found = _session(state, context, parameters)
    results = [
        {"$distinct_id": key, "$properties": _shown(profile, wanted)}
        for key, profile in found[page * page_size : (page + 1) * page_size]
    ]
    body = {"page": page, "page_size": page_size, "results": results, "session_id": session_id}
    return json_reply({**body, "status": "ok", "total": len(found)})


async def _find(state: ServerState, search: ProfileSearch) -> list[tuple[str, Profile | None]]:
    rows = await state.query(search.sql())
    return await state.run(partial(_snapshot, state.store, search, [row[0] for row in rows]))


def _snapshot(store: Store, search: ProfileSearch, ids: list[str]) -> list[tuple[str, Profile | None]]:
    # Profiles are replaced and never changed in place, so references are a snapshot.
    keys = [ProfileKey(search.project, search.kind, one) for one in ids]
    return [(key.id, store.profiles.get(key)) for key in keys]


def _open_session(
    state: ServerState, context: QueryContext, found: list[tuple[str, Profile | None]]
) -> tuple[str, list[tuple[str, Profile | None]]]:
    sessions, now = state.query_sessions, state.now()
    for session_id in [one for one, session in sessions.items() if session.expires <= now]:
        del sessions[session_id]
    while len(sessions) >= _SESSIONS_KEPT:
        del sessions[next(iter(sessions))]
    session_id = f"{int(now)}-{secrets.token_hex(6).upper()}"
    sessions[session_id] = QuerySession(context.project, now + SESSION_SECONDS, found)
    return session_id, found


def _session(
    state: ServerState, context: QueryContext, parameters: Parameters
) -> tuple[str, list[tuple[str, Profile | None]]]:
    session_id = parameters.required("session_id", "the one of page 0, because page is above 0")
    session = state.query_sessions.get(session_id)
    if session is None or session.project != context.project or session.expires <= state.now():
        raise RefusalError(400, "session_id is invalid: it is unknown or has expired; start again with page 0")
    return session_id, session.found


def _shown(profile: Profile | None, wanted: list[str] | None) -> dict[str, Any]:
    properties = {} if profile is None else profile.with_last_seen()
    return properties if wanted is None else {name: properties[name] for name in wanted if name in properties}
