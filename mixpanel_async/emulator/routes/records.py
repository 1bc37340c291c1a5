"""What the page shows on request: older events, whole records, requests, profiles and projects."""

import itertools
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from mixpanel_async.emulator.page.changes import listed, rejections_before, requests_before
from mixpanel_async.emulator.page.heads import indented, request_details, shown
from mixpanel_async.emulator.page.selection import MAX_ROWS, events_before, plain, read_filter, read_number
from mixpanel_async.emulator.queries.calendar import Zone
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.source import QueryContext
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.reports import READERS, report_reply
from mixpanel_async.emulator.state import STATE, ServerState
from mixpanel_async.emulator.store.profiles import ProfileKey

_NEWEST: Final = 10**18
_MAX_NAMES: Final = 500
_REPORTS: Final = ("segmentation", "events/properties/top")


def record_routes() -> list[web.RouteDef]:
    """Return the routes."""
    return [
        web.get("/_admin/events", get_events),
        web.get("/_admin/events/{number}", get_event),
        web.get("/_admin/rejections", get_rejections),
        web.get("/_admin/rejections/{number}", get_rejection),
        web.get("/_admin/requests", get_requests),
        web.get("/_admin/requests/{number}", get_request),
        web.get("/_admin/profiles", get_profiles),
        web.get("/_admin/profile", get_profile),
        web.get("/_admin/projects", get_projects),
        web.get("/_admin/names", get_names),
        *(web.get(f"/_admin/query/{name}", get_report) for name in _REPORTS),
    ]


async def get_events(request: web.Request) -> web.StreamResponse:
    """Return the newest events that meet a filter, before a sequence number."""
    before = read_number(request.query, "before")
    sql = events_before(read_filter(request.query), _NEWEST if before is None else before)
    return json_reply(listed(await request.app[STATE].query(sql)))


async def get_rejections(request: web.Request) -> web.StreamResponse:
    """Return the newest rejections before a number."""
    before = read_number(request.query, "before")
    return json_reply(rejections_before(request.app[STATE].activity, _NEWEST if before is None else before))


async def get_requests(request: web.Request) -> web.StreamResponse:
    """Return the newest requests before a number."""
    before = read_number(request.query, "before")
    return json_reply(requests_before(request.app[STATE].activity, _NEWEST if before is None else before))


async def get_event(request: web.Request) -> web.StreamResponse:
    """Return one event, whole."""
    number = _number(request)
    found = await request.app[STATE].query(
        f"SELECT event, head, properties, project, received_ms FROM events WHERE seq = {number}"  # noqa: S608 - a number
    )
    if not found:
        raise RefusalError(404, "there is no such event any more")
    event, head, properties, project, received_ms = found[0]
    record = {"event": event, "properties": {**orjson.loads(head), **orjson.loads(properties)}}
    return json_reply({"project": project, "received_ms": received_ms, "json": indented(record)})


async def get_rejection(request: web.Request) -> web.StreamResponse:
    """Return one rejected record, whole, with the field and the reason."""
    number = _number(request)
    found = next((one for one in request.app[STATE].activity.rejections if one.number == number), None)
    if found is None:
        raise RefusalError(404, "this rejection is not kept any more")
    return json_reply(
        {
            "at_ms": round(found.at * 1000),
            "path": shown(found.path),
            "field": shown(found.field),
            "message": shown(found.message, 4000),
            "is_demanded": found.is_demanded,
            "json": indented(found.record),
        }
    )


async def get_request(request: web.Request) -> web.StreamResponse:
    """Return one request with its headers and the start of its body; secrets are hidden."""
    number = _number(request)
    found = next((one for one in request.app[STATE].activity.exchanges if one.number == number), None)
    if found is None:
        raise RefusalError(404, "this request is not kept any more")
    return json_reply(request_details(found))


async def get_profiles(request: web.Request) -> web.StreamResponse:
    """Return profiles of users and groups, the newest first: a bounded number from an offset on."""
    state = request.app[STATE]
    offset = read_number(request.query, "offset") or 0
    project, text = read_number(request.query, "project"), plain(request.query.get("text", "")).lower()
    rows = await state.run(partial(_profile_heads, state, project, text, offset))
    return json_reply({"rows": rows[:MAX_ROWS], "has_more": len(rows) > MAX_ROWS})


async def get_profile(request: web.Request) -> web.StreamResponse:
    """Return one profile, whole."""
    state, query = request.app[STATE], request.query
    key = ProfileKey(read_number(query, "project") or 0, query.get("kind", ""), query.get("id", ""))
    profile = await state.run(partial(state.store.profiles.get, key))
    if profile is None:
        raise RefusalError(404, "there is no such profile any more")
    return json_reply(
        {"changed_ms": profile.changed_ms, "seen_ms": profile.seen_ms, "json": indented(profile.properties)}
    )


async def get_projects(request: web.Request) -> web.StreamResponse:
    """Return the projects, without their secrets."""
    projects = request.app[STATE].projects
    return json_reply([{"id": one.id, "name": one.name, "timezone": one.timezone} for one in projects])


async def get_names(request: web.Request) -> web.StreamResponse:
    """Return the names of a project's events, the most frequent first, with the times of the first and last one."""
    project = read_number(request.query, "project") or 0
    rows = await request.app[STATE].query(
        "SELECT event, count(*), min(time_ms), max(time_ms) FROM events"  # noqa: S608 - numbers
        f" WHERE project = {project} AND NOT superseded GROUP BY event ORDER BY count(*) DESC, event LIMIT {_MAX_NAMES}"
    )
    return json_reply(
        [{"event": event, "count": count, "first_ms": first, "last_ms": last} for event, count, first, last in rows]
    )


async def get_report(request: web.Request) -> web.StreamResponse:
    """Compute a report of the Query API for the page: without a credential, and outside of limits and the log."""
    state = request.app[STATE]
    project = state.projects.of_id(read_number(request.query, "project_id") or 0)
    if project is None:
        raise RefusalError(404, "there is no such project")
    read = READERS[request.path.replace("/_admin/query/", "/api/query/")]
    parameters = Parameters(request.query)
    context = QueryContext(project.id, Zone(project.timezone), int(state.now() * 1000))
    return await report_reply(request, parameters, read(parameters, context))


def _profile_heads(state: ServerState, project: int | None, text: str, offset: int) -> list[dict[str, Any]]:
    profiles = state.store.profiles

    def heads() -> Any:  # noqa: ANN401 - a generator
        # The dictionary has the order of the first change; reversed, the newest come first.
        for key in reversed(list(profiles)):
            profile = profiles.get(key)
            if profile is None or (project is not None and key.project != project):
                continue
            properties = orjson.dumps(profile.properties).decode()
            if text and text not in f"{key.kind} {key.id} {properties}".lower():
                continue
            yield {
                "project": key.project,
                "kind": key.kind,
                "id": key.id,
                "changed_ms": profile.changed_ms,
                "preview": shown(properties),
            }

    return list(itertools.islice(heads(), offset, offset + MAX_ROWS + 1))


def _number(request: web.Request) -> int:
    try:
        number = read_number(request.match_info, "number")
    except RefusalError:
        number = None
    if number is None:
        raise RefusalError(404, "there is no such record")
    return number
