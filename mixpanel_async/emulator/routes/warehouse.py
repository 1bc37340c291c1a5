"""/api/app/projects/{id}/warehouse-sources/imports."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.app.warehouse import (
    AskedEvents,
    AskedGroups,
    AskedImport,
    AskedLookupTable,
    AskedPeople,
    ImportChange,
    ImportDeletion,
    advanced_import,
    changed_import,
    history_of,
    looked_at,
    new_import,
    shown_import,
    started_run,
)
from mixpanel_async.emulator.http.app_requests import app_routes, check_caller, missing, read_object
from mixpanel_async.emulator.replies import json_reply, results_reply
from mixpanel_async.emulator.state import STATE

IMPORTS = "warehouse-imports"

_Transition = Callable[[dict[str, Any], float], dict[str, Any]]


async def get_imports(request: web.Request) -> web.StreamResponse:
    """List the imports of a project."""
    project, _ = check_caller(request)
    state = request.app[STATE]
    found = await state.run(lambda: state.store.documents.list(project.id, IMPORTS))
    now = state.now()
    return results_reply([shown_import(advanced_import(one, now)) for _, one in found])


def post_import_of(form: type[AskedImport]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler that creates imports of a kind.

    Args:
        form: Form of the body.
    """

    async def post_import(request: web.Request) -> web.StreamResponse:
        project, name = check_caller(request)
        state = request.app[STATE]
        asked = await read_object(request, form)

        def write() -> dict[str, Any]:
            return state.store.documents.add(
                project.id, IMPORTS, lambda new_id: new_import(new_id, asked, name, state.now())
            )

        return results_reply(shown_import(await state.run(write)))

    return post_import


async def get_import(request: web.Request) -> web.StreamResponse:
    """Return one import."""
    return results_reply(shown_import(await _change(request, advanced_import)))


async def patch_import(request: web.Request) -> web.StreamResponse:
    """Pause, resume or reschedule an import."""
    check_caller(request)
    change = await read_object(request, ImportChange)
    changed = await _change(request, lambda document, now: changed_import(document, change, now))
    return results_reply(shown_import(changed))


async def delete_import(request: web.Request) -> web.StreamResponse:
    """Delete an import."""
    project, _ = check_caller(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    await read_object(request, ImportDeletion)
    if not await state.run(lambda: state.store.documents.delete(project.id, IMPORTS, wanted)):
        raise missing("import", wanted)
    return json_reply({"status": "ok"})


async def put_sync(request: web.Request) -> web.StreamResponse:
    """Start a run of an import."""
    run_id = str(uuid.uuid4())
    await _change(request, lambda document, now: started_run(document, run_id, now))
    return results_reply({"run_id": run_id})


async def get_history(request: web.Request) -> web.StreamResponse:
    """Return the runs of an import."""
    return results_reply({"runs": history_of(await _change(request, looked_at))})


async def _change(request: web.Request, transition: _Transition) -> dict[str, Any]:
    project, _ = check_caller(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    now = state.now()
    changed = await state.run(
        lambda: state.store.documents.change(project.id, IMPORTS, wanted, lambda document: transition(document, now))
    )
    if changed is None:
        raise missing("import", wanted)
    return changed


_ROOT = "/api/app/projects/{project_id}/warehouse-sources/imports"
_ONE = f"{_ROOT}/{{id}}"
ROUTES = app_routes(
    [
        ("GET", _ROOT, get_imports),
        ("POST", f"{_ROOT}/event-stream", post_import_of(AskedEvents)),
        ("POST", f"{_ROOT}/people", post_import_of(AskedPeople)),
        ("POST", f"{_ROOT}/groups", post_import_of(AskedGroups)),
        ("POST", f"{_ROOT}/lookup-table", post_import_of(AskedLookupTable)),
        ("GET", _ONE, get_import),
        ("PATCH", _ONE, patch_import),
        ("DELETE", _ONE, delete_import),
        ("PUT", f"{_ONE}/manual-sync", put_sync),
        ("GET", f"{_ONE}/history", get_history),
    ]
)
