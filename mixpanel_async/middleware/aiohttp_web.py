"""`aiohttp_middleware`: for applications of aiohttp.web."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, Unpack

from aiohttp import web
from aiohttp.typedefs import Middleware

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.clock import Clock
from mixpanel_async.middleware.options import MiddlewareOptions
from mixpanel_async.middleware.request_event import Ending
from mixpanel_async.middleware.tracker import RequestTracker, TrackedRequest

__all__ = ["aiohttp_middleware"]

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def aiohttp_middleware(
    client: AsyncMixpanel | Callable[[web.Request], AsyncMixpanel | None],
    *,
    clock: Clock | None = None,
    **options: Unpack[MiddlewareOptions[web.Request]],
) -> Middleware:
    """Return a middleware that gives each request a context, and tracks an event for it, if that is asked for.

    Put it first into `middlewares`. Whatever goes wrong with tracking is logged, and breaks no request; what a handler
    raises is raised unchanged. A websocket has the context, and no event.

    Args:
        client: The client, or a function that returns it for a request; None: nothing is tracked.
        clock: Replaces time and randomness; for tests.
        **options: See `MiddlewareOptions`.

    Raises:
        InvalidSettingError: An option is unknown or invalid.
        MissingExtraError: `user_agent` is set, and ua-parser is not installed.

    Reference: https://developer.mixpanel.com/reference/track-event

    Example:
        ```python
        from aiohttp import web

        from mixpanel_async.middleware.aiohttp_web import aiohttp_middleware

        app = web.Application(middlewares=[aiohttp_middleware(mp, request_event="Request Served")])
        ```
    """
    tracker: RequestTracker[web.Request] = RequestTracker(_Reader(), options, route=_route, clock=clock)

    def client_for(request: web.Request) -> AsyncMixpanel | None:
        if isinstance(client, AsyncMixpanel):
            return client
        return tracker.guard.call("the function `client`", lambda: client(request), None)

    @web.middleware
    async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
        found = client_for(request)
        if found is None:
            return await handler(request)
        tracked = tracker.begin(request, found, found.track_nowait)
        with tracked.surround():
            return await _serve(request, handler, tracked)

    return middleware


async def _serve(request: web.Request, handler: _Handler, tracked: TrackedRequest[web.Request]) -> web.StreamResponse:
    """Run the handler and note how it ended."""
    try:
        response = await handler(request)
    except web.HTTPException as error:  # a response that is raised
        tracked.finish(error.status, _ending(request, "completed"))
        raise
    except asyncio.CancelledError as error:
        tracked.finish(None, "cancelled", error)
        raise
    except BaseException as error:
        tracked.finish(None, _ending(request, "failed"), error)
        raise
    if not isinstance(response, web.WebSocketResponse):
        tracked.finish(response.status, _ending(request, "completed"))
    return response


def _ending(request: web.Request, otherwise: Ending) -> Ending:
    """Return how a request ended: the connection may be lost."""
    return "disconnected" if request.transport is None else otherwise


def _route(request: web.Request, begin: web.Request | None) -> str | None:
    del begin
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


class _Reader:
    """Reads the requests of aiohttp."""

    def method(self, request: web.Request) -> str:
        return request.method

    def peer(self, request: web.Request) -> str | None:
        # Not `request.remote`, which the application may have replaced by what a header says.
        name = None if request.transport is None else request.transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, list | tuple) and name else None

    def header(self, request: web.Request, name: str) -> str:
        return ",".join(request.headers.getall(name, ()))
