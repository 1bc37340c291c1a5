"""/api/2.0/nessie/pipeline/*."""

import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from mixpanel_async.emulator.app.pipeline_tasks import STATES, days_of, job_of, tasks_by_state
from mixpanel_async.emulator.app.pipelines import (
    Fields,
    advanced,
    edited,
    free_name,
    new_pipelines,
    paused,
    resumed,
)
from mixpanel_async.emulator.http.app_requests import app_routes, missing
from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_fields, read_body
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import STATE

PIPELINES = "pipelines"


class _Moment(NamedTuple):
    now_ms: int
    zone: zoneinfo.ZoneInfo


_Transition = Callable[[dict[str, Any], _Moment], dict[str, Any]]


async def get_jobs(request: web.Request) -> web.StreamResponse:
    """List the pipelines of a project."""
    project = check_credentials(request)
    found = await _advance_all(request, project)
    zone = zoneinfo.ZoneInfo(project.timezone)
    return json_reply({str(project.id): [job_of(one, zone) for one in found]})


async def post_create(request: web.Request) -> web.StreamResponse:
    """Create a pipeline, or as a trial one of events and one of profiles."""
    fields, project = await _read_form(request)
    state = request.app[STATE]
    documents = state.store.documents
    created = new_pipelines(fields, *_moment(request, project))

    def write() -> list[str]:
        taken = frozenset(name for name, _ in documents.list(project.id, PIPELINES))
        names = [free_name(one["name"], taken) for one in created]
        new = {name: {**one, "name": name} for name, one in zip(names, created, strict=True)}
        documents.put_all(project.id, PIPELINES, new)
        return names

    reply: dict[str, Any] = {"pipeline_names": await state.run(write)}
    if created[0]["kind"] == "bigquery":
        dataset = ":".join(created[0]["fields"][name] for name in ("gcp_project", "bq_dataset_name"))
        reply["bigquery_dataset_name"] = f"https://bigquery.cloud.google.com/dataset/{dataset}"
    return json_reply(reply)


async def post_edit(request: web.Request) -> web.StreamResponse:
    """Change a pipeline."""
    fields, project = await _read_form(request)
    return await _change(request, project, fields, lambda document, _: edited(document, fields))


async def post_pause(request: web.Request) -> web.StreamResponse:
    """Pause a pipeline."""
    fields, project = await _read_form(request)
    return await _change(request, project, fields, lambda document, moment: paused(document, moment.now_ms))


async def post_resume(request: web.Request) -> web.StreamResponse:
    """Resume a paused pipeline."""
    fields, project = await _read_form(request)
    return await _change(request, project, fields, lambda document, moment: resumed(document, *moment))


async def post_cancel(request: web.Request) -> web.StreamResponse:
    """Delete a pipeline."""
    fields, project = await _read_form(request, project_token=True)
    state, name = request.app[STATE], _named(fields)
    if not await state.run(lambda: state.store.documents.delete(project.id, PIPELINES, name)):
        raise missing("pipeline", name)
    return json_reply({"status": "ok"})


async def get_status(request: web.Request) -> web.StreamResponse:
    """Return the tasks of a pipeline, by state."""
    project = check_credentials(request)
    name = _named({key: request.query.getall(key) for key in request.query})
    asked = set(request.query.getall("status", []))
    if asked - STATES:
        known = ", ".join(sorted(STATES))
        raise RefusalError(400, f"status is invalid: {min(asked - STATES)!r}; give one of {known}")
    found = [one for one in await _advance_all(request, project) if one["name"] == name]
    if not found:
        raise missing("pipeline", name)
    tasks = tasks_by_state(found[0], project.id, zoneinfo.ZoneInfo(project.timezone))
    chosen = {key: value for key, value in tasks.items() if not asked or key in asked}
    if request.query.get("summary", "false").lower() == "true":
        return json_reply({key: len(value) for key, value in chosen.items()})
    return json_reply(chosen)


async def get_timeline(request: web.Request) -> web.StreamResponse:
    """Return when each day was exported, by one pipeline or by all."""
    project = check_credentials(request)
    name = request.query.get("name")
    found = [one for one in await _advance_all(request, project) if not name or one["name"] == name]
    if name and not found:
        raise missing("pipeline", name)
    return json_reply({"day_syncs": days_of(found, zoneinfo.ZoneInfo(project.timezone))})


async def _change(
    request: web.Request, project: Project, fields: Fields, transition: _Transition
) -> web.StreamResponse:
    state, name, moment = request.app[STATE], _named(fields), _moment(request, project)

    def change() -> dict[str, Any] | None:
        return state.store.documents.change(
            project.id, PIPELINES, name, lambda document: transition(advanced(document, *moment), moment)
        )

    if await state.run(change) is None:
        raise missing("pipeline", name)
    return json_reply({"status": "ok"})


async def _advance_all(request: web.Request, project: Project) -> list[dict[str, Any]]:
    """Return the pipelines of a project as they are now."""
    state, moment = request.app[STATE], _moment(request, project)
    found = await state.run(lambda: state.store.documents.list(project.id, PIPELINES))
    # Not written: the tasks that have run follow from the time.
    return [advanced(document, *moment) for _, document in found]


async def _read_form(request: web.Request, *, project_token: bool = False) -> tuple[Fields, Project]:
    body = await read_body(request, request.app[STATE].limits.max_batch_bytes)
    fields: dict[str, list[str]] = {}
    for name, value in decode_fields(body):
        fields.setdefault(name, []).append(value)
    asked = fields.get("project_id", [""])[-1]
    return fields, check_credentials(request, project_token=project_token, project_id=asked)


def _named(fields: Fields) -> str:
    name = fields.get("name", [""])[-1]
    if not name:
        raise RefusalError(400, "name is missing: give the name of a pipeline")
    return name


def _moment(request: web.Request, project: Project) -> _Moment:
    return _Moment(int(request.app[STATE].now() * 1000), zoneinfo.ZoneInfo(project.timezone))


_ROOT = "/api/2.0/nessie/pipeline"
ROUTES = app_routes(
    [
        ("GET", f"{_ROOT}/jobs", get_jobs),
        ("POST", f"{_ROOT}/create", post_create),
        ("POST", f"{_ROOT}/edit", post_edit),
        ("POST", f"{_ROOT}/cancel", post_cancel),
        ("POST", f"{_ROOT}/pause", post_pause),
        ("POST", f"{_ROOT}/resume", post_resume),
        ("GET", f"{_ROOT}/status", get_status),
        ("GET", f"{_ROOT}/timeline", get_timeline),
    ]
)
