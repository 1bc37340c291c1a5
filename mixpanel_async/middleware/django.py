"""`DjangoMiddleware`: for Django, with the client for synchronous code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.middleware.bodies import AsyncTrackedBody, TrackedBody
from mixpanel_async.middleware.options import MiddlewareOptions
from mixpanel_async.middleware.request_event import Ending
from mixpanel_async.middleware.tracker import RequestTracker, TrackedRequest
from mixpanel_async.middleware.wsgi import EnvironReader
from mixpanel_async.sync import Mixpanel

__all__ = ["DjangoMiddleware"]

_Response: TypeAlias = HttpResponseBase
_GetResponse: TypeAlias = Callable[[HttpRequest], _Response | Awaitable[_Response]]
# Values of these may be the dotted path of an object, because settings cannot import everything.
_PATHS: Final = ("client", "distinct_id", "properties", "route")
_ERROR: Final = "_mixpanel_async_error"


class DjangoMiddleware:
    """Gives each request a context, and tracks an event for it, if that is asked for; under WSGI and ASGI.

    The setting `MIXPANEL` is a dict with `client`, a `mixpanel_async.sync.Mixpanel`, and `MiddlewareOptions`. The
    client and functions may be dotted paths. Put the middleware first; `request.user` is there all the same when
    `distinct_id` asks for it, because that is called when an event is tracked. A body that streams has the context,
    too, and the event is tracked after its last part. Whatever goes wrong with tracking is logged, and breaks no
    request.

    Args:
        get_response: What Django passes.

    Raises:
        InvalidSettingError: The setting is missing, or an option is unknown or invalid.
        MissingExtraError: `user_agent` is set, and ua-parser is not installed.

    Reference: https://developer.mixpanel.com/reference/track-event

    Example:
        ```python
        MIDDLEWARE = ["mixpanel_async.middleware.django.DjangoMiddleware"]
        MIXPANEL = {
            "client": "shop.analytics.client",
            "distinct_id": "shop.analytics.user_of",
            "request_event": "Request Served",
        }
        ```
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: _GetResponse) -> None:
        self._get_response = get_response
        self._client, options = _read_settings(getattr(settings, "MIXPANEL", None))
        self._tracker: RequestTracker[HttpRequest] = RequestTracker(_Reader(), options, route=_route)
        self._is_started = False
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> _Response | Awaitable[_Response]:
        """Serve a request.

        Args:
            request: The request.
        """
        if self._is_async:
            return self._serve(request)
        tracked = self._tracker.begin(request, self._client, self._client.track)
        with tracked.surround():
            try:
                response = cast("_Response", self._get_response(request))
            except BaseException as error:  # Django makes responses of exceptions; not of SystemExit
                tracked.finish(None, "failed", error)
                raise
            return _note(request, response, tracked)

    async def _serve(self, request: HttpRequest) -> _Response:
        if not self._is_started:
            # The client's thread takes some tenths of a second to start, for which the event loop must not wait.
            await asyncio.to_thread(self._tracker.guard.call, "the client", self._client.context, None)
            self._is_started = True
        tracked = self._tracker.begin(request, self._client, self._client.track)
        with tracked.surround():
            try:
                response = await cast("Awaitable[_Response]", self._get_response(request))
            except asyncio.CancelledError as error:
                tracked.finish(None, "cancelled", error)
                raise
            except BaseException as error:
                tracked.finish(None, "failed", error)
                raise
            return _note(request, response, tracked)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Note what a view raised, before Django makes a response of it.

        Args:
            request: The request.
            exception: What the view raised.
        """
        setattr(request, _ERROR, exception)


def _note(request: HttpRequest, response: _Response, tracked: TrackedRequest[HttpRequest]) -> _Response:
    """Track the event now, or when the body was sent."""
    if not tracked.is_open:
        return response
    is_file = isinstance(response, FileResponse)  # the server may send it without reading it here
    if not isinstance(response, StreamingHttpResponse) or is_file:
        error = getattr(request, _ERROR, None)
        is_failure = error is not None and response.status_code >= 500  # noqa: PLR2004 - not a view's Http404
        tracked.finish(response.status_code, "failed" if is_failure else "completed", error if is_failure else None)
        return response
    ending: Ending = "completed" if request.method == "HEAD" else "disconnected"
    status = response.status_code
    body = response.streaming_content
    if isinstance(body, AsyncIterator):
        response.streaming_content = AsyncTrackedBody(body, tracked, status, ending)
    else:
        response.streaming_content = TrackedBody(body, tracked, lambda: status, ending)
    return response


def _read_settings(given: object) -> tuple[Mixpanel, MiddlewareOptions[HttpRequest]]:
    if not isinstance(given, Mapping) or "client" not in given:
        raise InvalidSettingError('the setting MIXPANEL is missing or invalid: give a dict with "client"')
    found = {
        name: import_string(value) if name in _PATHS and isinstance(value, str) else value
        for name, value in given.items()
    }
    client = found.pop("client")
    if not isinstance(client, Mixpanel):
        raise InvalidSettingError("MIXPANEL['client'] is invalid: it is not a mixpanel_async.sync.Mixpanel")
    return client, cast("MiddlewareOptions[HttpRequest]", found)


def _route(request: HttpRequest, begin: HttpRequest | None) -> str | None:
    del begin
    match = request.resolver_match
    return None if match is None else f"/{match.route}"


class _Reader:
    """Reads the requests of Django; its `META` is the environ of WSGI, also under ASGI."""

    def __init__(self) -> None:
        self._environ = EnvironReader()

    def method(self, request: HttpRequest) -> str:
        return request.method or ""

    def peer(self, request: HttpRequest) -> str | None:
        return self._environ.peer(request.META)

    def header(self, request: HttpRequest, name: str) -> str:
        return self._environ.header(request.META, name)
