"""The server's own pages: overview, state, faults, limits and reset."""

import dataclasses
import html

import msgspec
from aiohttp import web

from mixpanel_async.emulator.faults import InjectedFault
from mixpanel_async.emulator.http.request_body import decode_json
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import STATE


async def get_home(request: web.Request) -> web.StreamResponse:
    """Show the counts and the endpoints as a page."""
    state = request.app[STATE]
    counts = dataclasses.asdict(await state.counts())
    routes = sorted(
        {
            (route.resource.canonical, route.method)
            for route in request.app.router.routes()
            if route.resource is not None
        }
    )
    rows = "".join(f"<tr><td>{html.escape(name)}<td>{number}" for name, number in counts.items())
    items = "".join(
        f"<li><code>{html.escape(f'{method} {path}')}</code>" for path, method in routes if method != "HEAD"
    )
    page = (
        "<!doctype html><title>Local Mixpanel server</title><h1>Local Mixpanel server</h1>"
        "<p>A local server for tests and offline work, run by mixpanel-async. Nothing sent here leaves this machine."
        f"<h2>Counts</h2><table>{rows}</table><h2>Endpoints</h2><ul>{items}</ul>\n"
    )
    return web.Response(text=page, content_type="text/html")


async def get_state(request: web.Request) -> web.StreamResponse:
    """Return counts, limits and pending faults."""
    state = request.app[STATE]
    body = {
        **dataclasses.asdict(await state.counts()),
        "limits": msgspec.to_builtins(state.limits),
        "faults": msgspec.to_builtins(state.faults.pending()),
    }
    return json_reply(body)


async def post_faults(request: web.Request) -> web.StreamResponse:
    """Add a fault.

    Args:
        request: A JSON object with the fields of `InjectedFault`.

    Raises:
        RefusalError: With 400, if the body is not a fault.
    """
    try:
        fault = msgspec.json.decode(await request.read(), type=InjectedFault)
    except msgspec.DecodeError as error:
        raise RefusalError(400, f"not a fault: {error}") from error
    faults = request.app[STATE].faults
    faults.add(fault)
    return json_reply({"code": 200, "status": "OK", "pending": len(faults.pending())})


async def delete_faults(request: web.Request) -> web.StreamResponse:
    """Remove all faults."""
    request.app[STATE].faults.clear()
    return json_reply({"code": 200, "status": "OK"})


async def post_limits(request: web.Request) -> web.StreamResponse:
    """Change some limits and keep the others.

    Args:
        request: A JSON object of new values by the names of limits.

    Raises:
        RefusalError: With 400, if a name or a value is invalid.
    """
    state = request.app[STATE]
    changes = decode_json(await request.read())
    if not isinstance(changes, dict):
        raise RefusalError(400, "limits must be a JSON object")
    try:
        state.limits.change(changes)
    except msgspec.ValidationError as error:
        raise RefusalError(400, f"not limits: {error}") from error
    return json_reply(msgspec.to_builtins(state.limits))


async def post_reset(request: web.Request) -> web.StreamResponse:
    """Delete data, log, counters and faults, and restore the limits of the settings."""
    await request.app[STATE].reset()
    return json_reply({"code": 200, "status": "OK"})
