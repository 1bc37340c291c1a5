"""/api/app/workspaces/{id}/experiments."""

import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.app.experiments import (
    AskedExperiment,
    Conclusion,
    Decision,
    ExperimentChange,
    archived,
    changed_experiment,
    concluded,
    decided,
    launched,
    new_experiment,
    restored,
    shown_experiment,
)
from mixpanel_async.emulator.app.flags import EXPERIMENTS, FLAGS
from mixpanel_async.emulator.http.app_requests import app_routes, check_caller, missing, read_object
from mixpanel_async.emulator.replies import results_reply
from mixpanel_async.emulator.state import STATE, ServerState

_Transition = Callable[[dict[str, Any], str, float], dict[str, Any]]


async def get_experiments(request: web.Request) -> web.StreamResponse:
    """List the experiments of a workspace, without the archived ones."""
    project, _ = check_caller(request)
    state = request.app[STATE]
    workspace = request.match_info["workspace_id"]

    def read() -> list[dict[str, Any]]:
        found = [body for _, body in state.store.documents.list(project.id, EXPERIMENTS)]
        flags = _flags(state, project.id)
        return [
            shown_experiment(one, flags.get(one["id"]))
            for one in found
            if one["workspace_id"] == workspace and one["deleted"] is None
        ]

    return results_reply(await state.run(read))


async def post_experiment(request: web.Request) -> web.StreamResponse:
    """Create an experiment, as a draft."""
    project, name = check_caller(request)
    state = request.app[STATE]
    asked = await read_object(request, AskedExperiment)
    new_id = str(uuid.uuid4())
    document = new_experiment(new_id, request.match_info["workspace_id"], asked, name, state.now())
    await state.run(lambda: state.store.documents.put(project.id, EXPERIMENTS, new_id, document))
    return results_reply(shown_experiment(document, None), status=201)


async def get_experiment(request: web.Request) -> web.StreamResponse:
    """Return one experiment."""
    return await _change(request, lambda document, *_: document)


async def patch_experiment(request: web.Request) -> web.StreamResponse:
    """Change an experiment."""
    check_caller(request)
    change = await read_object(request, ExperimentChange)
    return await _change(request, lambda document, *by: changed_experiment(document, change, *by))


async def delete_experiment(request: web.Request) -> web.StreamResponse:
    """Delete an experiment."""
    project, _ = check_caller(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    documents, workspace = state.store.documents, request.match_info["workspace_id"]

    def write() -> bool:
        found = documents.get(project.id, EXPERIMENTS, wanted)
        is_here = found is not None and found["workspace_id"] == workspace
        return is_here and documents.delete(project.id, EXPERIMENTS, wanted)

    if not await state.run(write):
        raise missing("experiment", wanted)
    return results_reply({})


async def post_archive(request: web.Request) -> web.StreamResponse:
    """Archive an experiment."""
    await _change(request, archived)
    return results_reply({})


async def delete_archive(request: web.Request) -> web.StreamResponse:
    """Restore an archived experiment."""
    return await _change(request, restored)


async def put_launch(request: web.Request) -> web.StreamResponse:
    """Start an experiment."""
    return await _change(request, launched)


async def put_conclude(request: web.Request) -> web.StreamResponse:
    """End an experiment."""
    check_caller(request)
    conclusion = await read_object(request, Conclusion)
    return await _change(request, lambda document, *by: concluded(document, conclusion, *by))


async def patch_decide(request: web.Request) -> web.StreamResponse:
    """Decide an experiment that has ended."""
    check_caller(request)
    decision = await read_object(request, Decision)
    return await _change(request, lambda document, *by: decided(document, decision, *by))


async def _change(request: web.Request, transition: _Transition) -> web.StreamResponse:
    project, name = check_caller(request)
    state, wanted, workspace = request.app[STATE], request.match_info["id"], request.match_info["workspace_id"]

    def in_workspace(document: dict[str, Any]) -> dict[str, Any]:
        if document["workspace_id"] != workspace:
            raise missing("experiment", wanted)
        return transition(document, name, state.now())

    def write() -> dict[str, Any]:
        changed = state.store.documents.change(project.id, EXPERIMENTS, wanted, in_workspace)
        if changed is None:
            raise missing("experiment", wanted)
        return shown_experiment(changed, _flags(state, project.id).get(wanted))

    return results_reply(await state.run(write))


def _flags(state: ServerState, project: int) -> dict[str, Any]:
    """Return the flags that belong to experiments, by the experiment's ID; on the store's thread."""
    found = [body for _, body in state.store.documents.list(project, FLAGS)]
    return {one["experiment_id"]: one for one in found if one["experiment_id"] is not None}


_ROOT = "/api/app/workspaces/{workspace_id}/experiments"
_ONE = f"{_ROOT}/{{id}}"
ROUTES = app_routes(
    [
        ("GET", _ROOT, get_experiments),
        ("POST", _ROOT, post_experiment),
        ("GET", _ONE, get_experiment),
        ("PATCH", _ONE, patch_experiment),
        ("DELETE", _ONE, delete_experiment),
        ("POST", f"{_ONE}/archive", post_archive),
        ("DELETE", f"{_ONE}/archive", delete_archive),
        ("PATCH", f"{_ONE}/decide", patch_decide),
        ("PUT", f"{_ONE}/force_conclude", put_conclude),
        ("PUT", f"{_ONE}/launch", put_launch),
    ],
    has_type=True,
)
