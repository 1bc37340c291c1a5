"""Feature flags: management below /api/app, and /flags and /flags/definitions for code that evaluates them."""

import json
import secrets
from typing import Any

import orjson
from aiohttp import web

from mixpanel_async.emulator.app.evaluation import assigned_variant
from mixpanel_async.emulator.app.flags import (
    EXPERIMENTS,
    FLAGS,
    AskedFlag,
    check_flag,
    definitions_of,
    new_flag,
    replaced_flag,
    shown_flag,
)
from mixpanel_async.emulator.http.app_requests import app_routes, check_caller, missing, read_object
from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_form, read_body
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, json_reply, results_reply
from mixpanel_async.emulator.state import STATE

_SALT_BYTES = 16


async def get_managed_flags(request: web.Request) -> web.StreamResponse:
    """List the flags of a workspace, without the archived ones unless asked for."""
    project, _ = check_caller(request)
    state, workspace = request.app[STATE], _workspace(request)
    has_archived = request.query.get("include_archived", "false") == "true"
    found = await state.run(lambda: state.store.documents.list(project.id, FLAGS))
    return results_reply(
        [
            shown_flag(one, project.id, project.name)
            for _, one in found
            if one["workspace_id"] == workspace and (has_archived or one["status"] != "archived")
        ]
    )


async def post_managed_flag(request: web.Request) -> web.StreamResponse:
    """Create a flag."""
    project, name = check_caller(request)
    state, workspace = request.app[STATE], _workspace(request)
    documents = state.store.documents
    asked = await read_object(request, AskedFlag)
    flag = new_flag(workspace, asked, secrets.token_hex(_SALT_BYTES), name, state.now())

    def write() -> None:
        check_flag(asked, [body for _, body in documents.list(project.id, FLAGS)])
        documents.put(project.id, FLAGS, flag["id"], flag)

    await state.run(write)
    return results_reply(shown_flag(flag, project.id, project.name))


async def get_managed_flag(request: web.Request) -> web.StreamResponse:
    """Return one flag."""
    project, _ = check_caller(request)
    found = await request.app[STATE].run(lambda: _found(request, project))
    return results_reply(shown_flag(found, project.id, project.name))


async def put_managed_flag(request: web.Request) -> web.StreamResponse:
    """Replace a flag."""
    project, name = check_caller(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    documents = state.store.documents
    asked = await read_object(request, AskedFlag)
    salt = secrets.token_hex(_SALT_BYTES)

    def write() -> dict[str, Any]:
        old = _found(request, project)
        check_flag(asked, [body for key, body in documents.list(project.id, FLAGS) if key != wanted])
        flag = replaced_flag(old, asked, salt, name, state.now())
        documents.put(project.id, FLAGS, wanted, flag)
        return flag

    return results_reply(shown_flag(await state.run(write), project.id, project.name))


async def delete_managed_flag(request: web.Request) -> web.StreamResponse:
    """Delete a flag."""
    project, _ = check_caller(request)
    state, wanted = request.app[STATE], request.match_info["id"]

    def write() -> None:
        _found(request, project)
        state.store.documents.delete(project.id, FLAGS, wanted)

    await state.run(write)
    return results_reply({})


async def get_definitions(request: web.Request) -> web.StreamResponse:
    """Return the definitions of the enabled flags."""
    return json_reply({"flags": await _definitions(request, _flags_project(request))})


async def get_variants(request: web.Request) -> web.StreamResponse:
    """Return the variants that the enabled flags assign to a user; of all flags, or of `flag_key`."""
    parameters = await _parameters(request)
    project = _flags_project(request, parameters.get("token"))
    context = _context(parameters.get("context"))
    definitions = await _definitions(request, project)
    wanted = parameters.get("flag_key")
    found = {
        flag["key"]: variant
        for flag in definitions
        if wanted in {None, flag["key"]} and (variant := assigned_variant(flag, context)) is not None
    }
    return json_reply({"code": 200, "flags": found})


async def _definitions(request: web.Request, project: Project) -> list[dict[str, Any]]:
    state = request.app[STATE]
    documents = state.store.documents

    def read() -> list[dict[str, Any]]:
        flags = [body for _, body in documents.list(project.id, FLAGS)]
        return definitions_of(flags, dict(documents.list(project.id, EXPERIMENTS)), project.id)

    return await state.run(read)


def _flags_project(request: web.Request, token: str | None = None) -> Project:
    return check_credentials(request, project_token=True, key=token or request.query.get("token"))


async def _parameters(request: web.Request) -> dict[str, Any]:
    """Return the parameters of the query and of the body, which may be a form or JSON."""
    if request.method == "GET":
        return dict(request.query)
    body = await read_body(request, request.app[STATE].limits.max_batch_bytes)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = decode_form(body)
    if not isinstance(found, dict):
        raise RefusalError(400, "the body is invalid: it is not an object with `context`")
    return {**request.query, **found}


def _context(given: object) -> dict[str, Any]:
    """Return the context; without a device ID, distinct_id stands for it.

    Raises:
        RefusalError: With 400, if it is not an object with a distinct_id.
    """
    try:
        # Not orjson: it refuses whole numbers above 64 bits, and Python's library writes NaN.
        context = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        context = None
    if not isinstance(context, dict):
        raise RefusalError(400, 'context is invalid: it is not a JSON object; give one, such as {"distinct_id": "u"}')
    if not context.get("distinct_id"):
        raise RefusalError(400, "context is invalid: it has no distinct_id; give one")
    return {"device_id": context["distinct_id"], **context}


def _found(request: web.Request, project: Project) -> dict[str, Any]:
    """Return the flag of the path; on the store's thread."""
    wanted = request.match_info["id"]
    found: dict[str, Any] | None = request.app[STATE].store.documents.get(project.id, FLAGS, wanted)
    if found is None or found["workspace_id"] != _workspace(request):
        raise missing("feature flag", wanted)
    return found


def _workspace(request: web.Request) -> int:
    text = request.match_info["workspace_id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - fits into a column
        raise missing("workspace", text)
    return int(text)


_ROOT = "/api/app/projects/{project_id}/workspaces/{workspace_id}/feature-flags"
_EVALUATION = [
    (method, f"{path}{slash}", handler)
    for slash in ("", "/")
    for path, handler in (("/flags", get_variants), ("/flags/definitions", get_definitions))
    for method in ("GET", "POST")
    if method == "GET" or handler is get_variants
]
ROUTES = [
    *app_routes(
        [
            ("GET", _ROOT, get_managed_flags),
            ("POST", _ROOT, post_managed_flag),
            ("GET", f"{_ROOT}/{{id}}", get_managed_flag),
            ("PUT", f"{_ROOT}/{{id}}", put_managed_flag),
            ("DELETE", f"{_ROOT}/{{id}}", delete_managed_flag),
        ],
        has_type=True,
    ),
    *app_routes(_EVALUATION),
]
