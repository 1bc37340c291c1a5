"""The emulator's own pages: what it is, its state, and the switches for faults, limits and a fresh start."""

import dataclasses
import html

import msgspec
from aiohttp import web

from mixpanel_async.emulator.faults import InjectedFault
from mixpanel_async.emulator.http.request_body import decode_json
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import STATE


async def get_home(request: web.Request) -> web.StreamResponse:
    """Say what this is, what it holds and where to send what.

    Args:
        request: The request.
    """
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
        "<!doctype html><title>Mixpanel emulator</title><h1>Mixpanel emulator</h1>"
        "<p>A local stand-in for Mixpanel's API, run by mixpanel-async. Nothing sent here leaves this machine."
        f"<h2>Counts</h2><table>{rows}</table><h2>Endpoints</h2><ul>{items}</ul>\n"
    )
    return web.Response(text=page, content_type="text/html")


async def get_state(request: web.Request) -> web.StreamResponse:
    """Report counts, limits and pending faults.

    Args:
        request: The request.
    """
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
        request: A JSON object with the fields of `Fault`.

    Raises:
        Refusal: With 400, if it is none.
    """
    try:
        fault = msgspec.json.decode(await request.read(), type=InjectedFault)
    except msgspec.DecodeError as error:
        raise RefusalError(400, f"not a fault: {error}") from error
    faults = request.app[STATE].faults
    faults.add(fault)
    return json_reply({"code": 200, "status": "OK", "pending": len(faults.pending())})


async def delete_faults(request: web.Request) -> web.StreamResponse:
    """Forget all faults.

    Args:
        request: The request.
    """
    request.app[STATE].faults.clear()
    return json_reply({"code": 200, "status": "OK"})


async def post_limits(request: web.Request) -> web.StreamResponse:
    """Change limits while running; those not named stay.

    Args:
        request: A JSON object of limit names and values.

    Raises:
        Refusal: With 400, if a name or a value is wrong.
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
    """Forget data, log, counters and faults, and return to the limits of the settings.

    Args:
        request: The request.
    """
    await request.app[STATE].reset()
    return json_reply({"code": 200, "status": "OK"})
