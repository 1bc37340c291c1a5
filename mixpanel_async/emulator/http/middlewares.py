"""Middlewares around every route, from the outside in: request log, concurrency limit, fault injection."""

import asyncio
import logging
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from mixpanel_async.emulator.activity import RequestLog
from mixpanel_async.emulator.faults import InjectedFault
from mixpanel_async.emulator.http.broken_replies import reset_connection, send_broken
from mixpanel_async.emulator.http.cross_origin import plain_path
from mixpanel_async.emulator.http.own_pages import is_own_page
from mixpanel_async.emulator.http.request_body import read_body
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import BODY, FAULT, LOG, STATE, ServerState

INGESTION_PATHS = frozenset({"/track", "/import", "/engage", "/groups"})
EXPORT_PATH = "/api/2.0/export"
_log = logging.getLogger("mixpanel_async.emulator")


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log a request from its arrival on, and turn a `RefusalError` into a reply."""
    state = request.app[STATE]
    log = RequestLog(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name: _shown(name, value) for name, value in request.headers.items()},
        at=state.now(),
    )
    request[LOG] = log
    if is_own_page(request.path):
        return await _reply_of(request, handler)
    state.requests.append(log)
    state.tally.requests += 1
    began = state.monotonic()
    try:
        reply = await _reply_of(request, handler)
        # A connection that a fault has reset has no status, whatever the route returned.
        if request.transport is not None and not request.transport.is_closing():
            log.status = reply.status
    finally:
        log.seconds = state.monotonic() - began
        state.activity.end(log, request.get(BODY, b""))
    return reply


@web.middleware
async def limit_concurrency(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reply with 429 to a request above the concurrency limit of its kind."""
    state = request.app[STATE]
    match _kind(plain_path(request.path)):
        case "ingestion":
            limit, in_flight = state.limits.concurrency, state.in_flight.ingestion
        case "query":
            limit, in_flight = state.limits.query_concurrency, state.in_flight.query
        case "export":
            limit, in_flight = state.limits.export_concurrency, state.in_flight.export
        case _:
            return await handler(request)
    with in_flight.one_more(limit):
        return await handler(request)


@web.middleware
async def play_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Inject the pending fault for a request, if there is one."""
    state = request.app[STATE]
    fault = None if is_own_page(request.path) else state.faults.take(plain_path(request.path))
    if fault is None:
        return await handler(request)
    request[FAULT] = fault
    request[LOG].fault = fault.kind
    early = await _before(request, fault, state)
    if early is not None:
        return early
    reply = await handler(request)
    return _after(request, fault, reply)


async def _before(request: web.Request, fault: InjectedFault, state: ServerState) -> web.StreamResponse | None:
    match fault.kind:
        case "reset_before":
            reset_connection(request)
            return web.Response()
        case "status":
            await read_body(request, state.limits.max_batch_bytes)
            return _demanded_reply(fault)
        case "hang":
            await read_body(request, state.limits.max_batch_bytes)
            await _hold(state, fault.seconds)
            reset_connection(request)
            return web.Response()
        case "delay":
            # Read the body first, so that the records are stored even if the client gives up during the delay.
            await read_body(request, state.limits.max_batch_bytes)
            await _hold(state, fault.seconds or 0.0)
    return None


def _after(request: web.Request, fault: InjectedFault, reply: web.StreamResponse) -> web.StreamResponse:
    match fault.kind:
        case "reset_after":
            reset_connection(request)
        case "truncate" if isinstance(reply, web.Response) and isinstance(reply.body, bytes):
            variant = fault.variant or "content_length"
            send_broken(request, reply.body, variant=variant, content_type=reply.content_type, gzipped=False)
        case "garbage_body":
            body = "<html>not what was asked for" if fault.body is None else fault.body
            return _reply_with(body, status=200, headers=fault.headers)
        case "count_mismatch" if isinstance(reply, web.Response) and isinstance(reply.body, bytes):
            return _miscounted(reply, reply.body)
    return reply


def _demanded_reply(fault: InjectedFault) -> web.Response:
    if fault.body is not None:
        return _reply_with(fault.body, status=fault.status, headers=fault.headers)
    reply = RefusalError(fault.status, "failed on demand").reply()
    reply.headers.update(fault.headers)
    return reply


def _reply_with(body: object, *, status: int, headers: dict[str, str]) -> web.Response:
    if isinstance(body, str):
        return web.Response(body=body.encode(), status=status, headers={"Content-Type": "text/html", **headers})
    return json_reply(body, status=status, headers=headers)


def _miscounted(reply: web.Response, body: bytes) -> web.Response:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return reply
    if not isinstance(value, dict) or "num_records_imported" not in value:
        return reply
    count = max(0, value["num_records_imported"] - 1)
    return json_reply({"code": 200, "num_records_imported": count, "status": "OK"})


async def _hold(state: ServerState, seconds: float | None) -> None:
    """Wait for some seconds, or until the server stops."""
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(state.stopping.wait())]
    if seconds is not None:
        waits.append(asyncio.ensure_future(state.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _reply_of(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusalError as refusal:
        request[LOG].error = refusal.error
        return refusal.reply()
    except web.HTTPException as error:
        # Raised by aiohttp's router: unknown path or method.
        request[LOG].error = error.reason
        return RefusalError(error.status, f"{error.reason}: {request.method} {request.path}").reply()
    except ConnectionError:
        # The client disconnected; nothing can be sent to it.
        return web.Response()
    except Exception as error:
        # Above all a full disk. A client that gets the reason in Mixpanel's form can show it and send again.
        _log.exception("%s %s failed", request.method, request.path)
        return RefusalError(500, f"the local server failed: {type(error).__name__}: {error}").reply()


def _kind(path: str) -> str:
    if path in INGESTION_PATHS:
        return "ingestion"
    if path == EXPORT_PATH:
        return "export"
    return "query" if path.startswith(("/api/query/", "/api/2.0/")) else ""


def _shown(name: str, value: str) -> str:
    return value.partition(" ")[0] if name.lower() in {"authorization", "proxy-authorization"} else value
