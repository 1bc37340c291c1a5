"""/api/app/projects/{id}/annotations."""

import datetime as dt
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.app.annotations import (
    AnnotationChange,
    AskedAnnotation,
    AskedTag,
    changed_annotation,
    is_between,
    new_annotation,
    shown_annotation,
)
from mixpanel_async.emulator.app.moments import read_day
from mixpanel_async.emulator.http.app_requests import app_routes, check_caller, missing, read_object
from mixpanel_async.emulator.replies import RefusalError, json_reply, results_reply
from mixpanel_async.emulator.state import STATE, ServerState

ANNOTATIONS = "annotations"
TAGS = "annotation-tags"


async def get_annotations(request: web.Request) -> web.StreamResponse:
    """List the annotations of a project, or of some days of it."""
    project, _ = check_caller(request)
    state = request.app[STATE]
    first, last = (_day(request, name) for name in ("fromDate", "toDate"))

    def read() -> list[dict[str, Any]]:
        tags = _tags(state, project.id)
        found = state.store.documents.list(project.id, ANNOTATIONS)
        return [shown_annotation(body, tags) for _, body in found if is_between(body, first, last)]

    return results_reply(await state.run(read))


async def post_annotation(request: web.Request) -> web.StreamResponse:
    """Create an annotation."""
    project, name = check_caller(request, least="analyst")
    state = request.app[STATE]
    asked = await read_object(request, AskedAnnotation)

    def write() -> dict[str, Any]:
        tags = _tags(state, project.id)
        document = state.store.documents.add(
            project.id, ANNOTATIONS, lambda new_id: new_annotation(new_id, asked, tags, name)
        )
        return shown_annotation(document, tags)

    return results_reply(await state.run(write), status=201)


async def get_annotation(request: web.Request) -> web.StreamResponse:
    """Return one annotation."""
    project, _ = check_caller(request)
    state = request.app[STATE]
    wanted = request.match_info["id"]

    def read() -> dict[str, Any]:
        found = state.store.documents.get(project.id, ANNOTATIONS, wanted)
        if found is None:
            raise missing("annotation", wanted)
        return shown_annotation(found, _tags(state, project.id))

    return results_reply(await state.run(read))


async def patch_annotation(request: web.Request) -> web.StreamResponse:
    """Change an annotation."""
    project, _ = check_caller(request, least="analyst")
    state = request.app[STATE]
    wanted = request.match_info["id"]
    change = await read_object(request, AnnotationChange)

    def write() -> dict[str, Any]:
        tags = _tags(state, project.id)
        changed = state.store.documents.change(
            project.id, ANNOTATIONS, wanted, lambda document: changed_annotation(document, change, tags)
        )
        if changed is None:
            raise missing("annotation", wanted)
        return shown_annotation(changed, tags)

    return results_reply(await state.run(write))


async def delete_annotation(request: web.Request) -> web.StreamResponse:
    """Delete an annotation."""
    project, _ = check_caller(request, least="analyst")
    state = request.app[STATE]
    wanted = request.match_info["id"]
    if not await state.run(lambda: state.store.documents.delete(project.id, ANNOTATIONS, wanted)):
        raise missing("annotation", wanted)
    return results_reply({"id": int(wanted)})


async def get_tags(request: web.Request) -> web.StreamResponse:
    """List the tags of a project; the reply is an array without an envelope."""
    project, _ = check_caller(request, least="analyst")
    state = request.app[STATE]

    def read() -> list[dict[str, Any]]:
        used = {one for _, body in state.store.documents.list(project.id, ANNOTATIONS) for one in body["tags"]}
        tags = _tags(state, project.id)
        return [_shown_tag(project.id, one, name, is_used=one in used) for one, name in tags.items()]

    return json_reply(await state.run(read))


async def post_tag(request: web.Request) -> web.StreamResponse:
    """Create a tag; the reply is the tag without an envelope."""
    project, _ = check_caller(request, least="analyst")
    state = request.app[STATE]
    name = (await read_object(request, AskedTag)).name

    def write() -> dict[str, Any]:
        if name in _tags(state, project.id).values():
            raise RefusalError(400, f"name is invalid: there is a tag {name!r}; use it, or give another name")
        return state.store.documents.add(project.id, TAGS, lambda new_id: {"id": new_id, "name": name})

    tag = await state.run(write)
    return json_reply(_shown_tag(project.id, tag["id"], name, is_used=False))


def _shown_tag(project: int, tag_id: int, name: str, *, is_used: bool) -> dict[str, Any]:
    return {"id": tag_id, "name": name, "project_id": project, "has_annotations": is_used}


def _tags(state: ServerState, project: int) -> dict[int, str]:
    """Return the names of a project's tags by ID; on the store's thread."""
    return {body["id"]: body["name"] for _, body in state.store.documents.list(project, TAGS)}


def _day(request: web.Request, name: str) -> dt.date | None:
    text = request.query.get(name)
    return read_day(name, text) if text else None


_ROOT = "/api/app/projects/{project_id}/annotations"
ROUTES = app_routes(
    [
        ("GET", f"{_ROOT}/tags", get_tags),
        ("POST", f"{_ROOT}/tags", post_tag),
        ("GET", _ROOT, get_annotations),
        ("POST", _ROOT, post_annotation),
        ("GET", f"{_ROOT}/{{id}}", get_annotation),
        ("PATCH", f"{_ROOT}/{{id}}", patch_annotation),
        ("DELETE", f"{_ROOT}/{{id}}", delete_annotation),
    ]
)
