"""/api/app/projects/{id}/schemas: Lexicon."""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from mixpanel_async.emulator.app.schemas import (
    AskedUpload,
    EntitySchema,
    SchemaEntry,
    check_deletions,
    checked_type,
    new_schemas,
    schema_id,
)
from mixpanel_async.emulator.http.app_requests import app_routes, check_caller, missing, read_object
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import json_reply, results_reply
from mixpanel_async.emulator.state import STATE

SCHEMAS = "schemas"

_Choice = Callable[[dict[str, Any]], bool]


async def get_schemas(request: web.Request) -> web.StreamResponse:
    """List the schemas of a project, or those of one type and name."""
    project = _admit(request)
    return results_reply(await _chosen(request, project, _choice(request)))


async def get_schema(request: web.Request) -> web.StreamResponse:
    """Return one schema, without an envelope."""
    project = _admit(request)
    found = await _chosen(request, project, _choice(request))
    if not found:
        raise missing("schema", f"{request.match_info['entity_type']} {request.match_info['name']}")
    return json_reply(found[0]["schemaJson"])


async def post_schemas(request: web.Request) -> web.StreamResponse:
    """Create or replace many schemas; with `truncate`, delete the others."""
    project = _admit(request)
    state = request.app[STATE]
    asked = await read_object(request, AskedUpload)
    state.admit_call(
        state.windows_of(project).schema_entities, state.limits.schemas_entities_per_minute, len(asked.entries)
    )
    new = new_schemas(asked.entries)
    documents = state.store.documents
    most = state.limits.schemas_max_deletions

    def write() -> dict[str, int]:
        old = {key for key, _ in documents.list(project.id, SCHEMAS)} if asked.truncate else set()
        check_deletions(len(old), most)
        documents.delete_all(project.id, SCHEMAS, old - new.keys())
        documents.put_all(project.id, SCHEMAS, new)
        return {"added": len(new), "deleted": len(old)}

    return results_reply(await state.run(write))


async def post_schema(request: web.Request) -> web.StreamResponse:
    """Create or replace one schema."""
    project = _admit(request)
    state = request.app[STATE]
    entity_type, name = checked_type(request.match_info["entity_type"]), request.match_info["name"]
    state.admit_call(state.windows_of(project).schema_entities, state.limits.schemas_entities_per_minute)
    schema = await read_object(request, EntitySchema)
    entry = msgspec.convert({"entityType": entity_type, "name": name, "schemaJson": schema}, SchemaEntry)
    body = msgspec.to_builtins(entry)
    await state.run(lambda: state.store.documents.put(project.id, SCHEMAS, schema_id(entity_type, name), body))
    return json_reply({"status": "ok"})


async def delete_schemas(request: web.Request) -> web.StreamResponse:
    """Delete the schemas of a project, or those of one type and name."""
    project = _admit(request)
    state = request.app[STATE]
    documents, is_chosen = state.store.documents, _choice(request)
    most = state.limits.schemas_max_deletions

    def write() -> int:
        gone = [key for key, body in documents.list(project.id, SCHEMAS) if is_chosen(body)]
        check_deletions(len(gone), most)
        documents.delete_all(project.id, SCHEMAS, gone)
        return len(gone)

    return results_reply({"delete_count": await state.run(write)})


def _admit(request: web.Request) -> Project:
    project, _ = check_caller(request)
    state = request.app[STATE]
    state.admit_call(state.windows_of(project).schemas, state.limits.schemas_per_minute)
    return project


def _choice(request: web.Request) -> _Choice:
    """Return the condition of the path and the query."""
    entity_type = request.match_info.get("entity_type")
    name = request.match_info.get("name") or request.query.get("entity_name")
    if entity_type is not None:
        checked_type(entity_type)
    return lambda body: entity_type in {None, body["entityType"]} and name in {None, body["name"]}


async def _chosen(request: web.Request, project: Project, is_chosen: _Choice) -> list[dict[str, Any]]:
    state = request.app[STATE]
    found = await state.run(lambda: state.store.documents.list(project.id, SCHEMAS))
    return [body for _, body in found if is_chosen(body)]


_ROOT = "/api/app/projects/{project_id}/schemas"
_TYPE = f"{_ROOT}/{{entity_type}}"
_NAME = f"{_TYPE}/{{name}}"
ROUTES = app_routes(
    [
        ("GET", _ROOT, get_schemas),
        ("POST", _ROOT, post_schemas),
        ("DELETE", _ROOT, delete_schemas),
        ("GET", _TYPE, get_schemas),
        ("DELETE", _TYPE, delete_schemas),
        ("GET", _NAME, get_schema),
        ("POST", _NAME, post_schema),
        ("DELETE", _NAME, delete_schemas),
    ]
)
