"""/api/app/data-retrievals and /api/app/data-deletions: the data of users, for GDPR and CCPA."""

import secrets
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from mixpanel_async.emulator.app.compliance import (
    DELETIONS,
    RETRIEVALS,
    AskedDeletion,
    AskedRetrieval,
    new_task,
    next_step,
    revoked,
    shown_deletion,
    shown_retrieval,
)
from mixpanel_async.emulator.http.app_requests import app_routes, missing, read_object
from mixpanel_async.emulator.http.credentials import admit
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, results_reply
from mixpanel_async.emulator.state import PROJECT, STATE


async def post_retrieval(request: web.Request) -> web.StreamResponse:
    """Start a retrieval."""
    project = _admit(request)
    asked = await read_object(request, AskedRetrieval)
    if asked.disclosure_type is not None and asked.compliance_type.upper() != "CCPA":
        raise RefusalError(400, "disclosure_type is invalid: it needs compliance_type CCPA; give both or neither")
    return await _start(request, project, RETRIEVALS, asked)


async def get_retrieval(request: web.Request) -> web.StreamResponse:
    """Return the state of a retrieval, and move it on."""
    task = await _look(request, _admit(request), RETRIEVALS)
    url = request.url.origin().with_path(f"/_retrievals/{task['project_id']}/{task['tracking_id']}/{task['key']}")
    return results_reply(shown_retrieval(task, str(url)))


async def get_retrieved(request: web.Request) -> web.StreamResponse:
    """Return what a retrieval found, as JSON lines: events, then profiles."""
    state, part = request.app[STATE], request.match_info
    project = int(part["project"]) if part["project"].isdigit() and len(part["project"]) <= 15 else 0  # noqa: PLR2004
    task = await state.run(partial(state.store.documents.get, project, RETRIEVALS, part["id"]))
    is_right = task is not None and secrets.compare_digest(task["key"].encode(), part["key"].encode())
    if not is_right or task["status"] != "SUCCESS":
        raise missing("retrieval", part["id"])
    found = await state.run(partial(state.store.records_of, project, task["distinct_ids"]))
    lines = b"".join(orjson.dumps(record) + b"\n" for record in found)
    return web.Response(body=lines, content_type="application/x-ndjson")


async def post_deletion(request: web.Request) -> web.StreamResponse:
    """Start a deletion."""
    project = _admit(request)
    return await _start(request, project, DELETIONS, await read_object(request, AskedDeletion))


async def get_deletion(request: web.Request) -> web.StreamResponse:
    """Return the state of a deletion, and move it on; it is done before it says so."""
    return results_reply(shown_deletion(await _look(request, _admit(request), DELETIONS)))


async def delete_deletion(request: web.Request) -> web.StreamResponse:
    """Cancel a deletion that is not over."""
    project = _admit(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    changed = await state.run(lambda: state.store.documents.change(project.id, DELETIONS, wanted, revoked))
    if changed is None:
        raise missing("task", wanted)
    return web.Response(status=204)


async def _start(
    request: web.Request, project: Project, kind: str, asked: AskedRetrieval | AskedDeletion
) -> web.StreamResponse:
    state = request.app[STATE]

    def write() -> str:
        task_id = str(state.store.documents.new_id())
        task = new_task(asked, project.id, task_id, secrets.token_urlsafe(16), state.now())
        state.store.documents.put(project.id, kind, task_id, task)
        return task_id

    return results_reply({"task_id": await state.run(write)}, status=201)


async def _look(request: web.Request, project: Project, kind: str) -> dict[str, Any]:
    """Return a task as it was, and move it on."""
    state, wanted = request.app[STATE], request.match_info["id"]
    documents = state.store.documents

    def look() -> dict[str, Any]:
        task: dict[str, Any] | None = documents.get(project.id, kind, wanted)
        if task is None:
            raise missing("task", wanted)
        moved = next_step(task)
        if moved != task:
            if kind == DELETIONS and moved["status"] == "SUCCESS":
                state.store.erase(project.id, task["distinct_ids"], int(state.now() * 1000))
            documents.put(project.id, kind, wanted, moved)
        return task

    return await state.run(look)


def _admit(request: web.Request) -> Project:
    """Check the OAuth token, the project token of the query, and the rate limit."""
    state = request.app[STATE]
    admission = admit(request)
    if admission.kind != "oauth":
        raise RefusalError(401, "this needs an OAuth token; other credentials are not accepted")
    token = request.query.get("token")
    if not token:
        raise RefusalError(400, "token is missing: give the project token in the query")
    project = state.projects.of_token(token)
    if project is None or project not in admission.projects:
        raise RefusalError(403, "no access to the project of this token")
    state.admit_call(state.windows_of(project).gdpr, state.limits.gdpr_per_second)
    request[PROJECT] = project
    return project


_RETRIEVALS = "/api/app/data-retrievals/v3.0"
_DELETIONS = "/api/app/data-deletions/v3.0"
ROUTES = app_routes(
    [
        ("POST", _RETRIEVALS, post_retrieval),
        ("GET", f"{_RETRIEVALS}/{{id}}", get_retrieval),
        ("GET", "/_retrievals/{project}/{id}/{key}", get_retrieved),
        ("POST", _DELETIONS, post_deletion),
        ("GET", f"{_DELETIONS}/{{id}}", get_deletion),
        ("DELETE", f"{_DELETIONS}/{{id}}", delete_deletion),
    ]
)
