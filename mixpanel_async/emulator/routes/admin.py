"""What controls the server: state, faults, limits and reset."""

import dataclasses

import msgspec
from aiohttp import web

from mixpanel_async.emulator.faults import InjectedFault
from mixpanel_async.emulator.http.request_body import decode_json
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import STATE


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
    state = request.app[STATE]
    faults = state.faults
    faults.add(fault)
    state.activity.wake()
    return json_reply({"code": 200, "status": "OK", "pending": len(faults.pending())})


async def delete_faults(request: web.Request) -> web.StreamResponse:
    """Remove all faults."""
    state = request.app[STATE]
    state.faults.clear()
    state.activity.wake()
    return json_reply({"code": 200, "status": "OK"})


async def delete_fault(request: web.Request) -> web.StreamResponse:
    """Remove one fault.

    Raises:
        RefusalError: With 404, if it does not exist, or has happened as often as it was to.
    """
    state = request.app[STATE]
    number = request.match_info["number"]
    if not (number.isascii() and number.isdecimal() and state.faults.remove(int(number[:18]))):
        raise RefusalError(404, "there is no such fault any more")
    state.activity.wake()
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
    state.activity.wake()
    return json_reply(msgspec.to_builtins(state.limits))


async def post_reset(request: web.Request) -> web.StreamResponse:
    """Delete data, log, counters and faults, and restore the limits of the settings."""
    await request.app[STATE].reset()
    return json_reply({"code": 200, "status": "OK"})
