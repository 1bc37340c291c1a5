"""`WSGIMiddleware`: for Flask and other WSGI applications, with the client for synchronous code."""

from collections.abc import Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Final, Protocol, TypeAlias, Unpack

from mixpanel_async.clock import Clock
from mixpanel_async.middleware.bodies import TrackedBody
from mixpanel_async.middleware.options import MiddlewareOptions
from mixpanel_async.middleware.request_event import Ending
from mixpanel_async.middleware.tracker import RequestTracker, TrackedRequest
from mixpanel_async.sync import Mixpanel

# As wsgiref has it: what is in an environ, the server and the framework decide.
Environ: TypeAlias = MutableMapping[str, Any]
_FLASK_REQUEST: Final = "werkzeug.request"
_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class StartResponse(Protocol):
    """What an application calls to begin its response (PEP 3333)."""

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Begin the response."""


WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class WSGIMiddleware:
    """Gives each request a context, and tracks an event for it, if that is asked for.

    A body that is produced while it is sent has the context, too, and the event is tracked after its last part.
    Whatever goes wrong with tracking is logged, and breaks no request; what the application raises is raised unchanged.

    Args:
        app: The application.
        client: The client, or a function that returns it for an environ; None: nothing is tracked.
        clock: Replaces time and randomness; for tests.
        **options: See `MiddlewareOptions`.

    Raises:
        InvalidSettingError: An option is unknown or invalid.
        MissingExtraError: `user_agent` is set, and ua-parser is not installed.

    Reference: https://developer.mixpanel.com/reference/track-event

    Example:
        ```python
        from mixpanel_async.middleware import WSGIMiddleware
        from mixpanel_async.sync import Mixpanel

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"hello"]

        app = WSGIMiddleware(app, Mixpanel("project-token"), request_event="Request Served")
        ```
    """

    def __init__(
        self,
        app: WSGIApp,
        client: Mixpanel | Callable[[Environ], Mixpanel | None],
        *,
        clock: Clock | None = None,
        **options: Unpack[MiddlewareOptions[Environ]],
    ) -> None:
        self._app = app
        self._client = client
        self._tracker: RequestTracker[Environ] = RequestTracker(EnvironReader(), options, route=_route, clock=clock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request.

        Args:
            environ: The environ of WSGI.
            start_response: Begins the response.
        """
        client = self._client_for(environ)
        if client is None:
            return self._app(environ, start_response)
        tracked = self._tracker.begin(environ, client, client.track)
        noted = _Noted(start_response, environ, tracked)
        with tracked.surround():
            try:
                body = self._app(environ, noted.start_response)
            except BaseException as error:
                tracked.finish(noted.status, "failed", error)
                raise
            if _is_whole(body, environ):
                tracked.finish(noted.status, "completed")
                return body
        return TrackedBody(body, tracked, lambda: noted.status, _ending_of_close(environ, noted.status))

    def _client_for(self, environ: Environ) -> Mixpanel | None:
        find = self._client
        if isinstance(find, Mixpanel):
            return find
        return self._tracker.guard.call("the function `client`", lambda: find(environ), None)


class _Noted:
    """Notes the status of a response, and the request of Flask, which is gone from the environ afterwards."""

    def __init__(self, start_response: StartResponse, environ: Environ, tracked: TrackedRequest[Environ]) -> None:
        self._start_response = start_response
        self._environ = environ
        self._tracked = tracked
        self.status: int | None = None

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Pass on the begin of the response."""
        self._tracked.begin = {_FLASK_REQUEST: self._environ.get(_FLASK_REQUEST)}
        code = status[:3]
        self.status = int(code) if code.isascii() and code.isdigit() else None
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)


def _is_whole(body: Iterable[bytes], environ: Environ) -> bool:
    """Return whether a body is passed on as it is: servers look at the length of a list, and send files themselves."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(body, list | tuple) or (isinstance(wrapper, type) and isinstance(body, wrapper))


def _ending_of_close(environ: Environ, status: int | None) -> Ending:
    """Return how a request ends whose body is not read to its end: some responses have none."""
    return "completed" if environ.get("REQUEST_METHOD") == "HEAD" or status in {204, 304} else "disconnected"


def _route(environ: Environ, begin: Environ | None) -> str | None:
    """Return the rule of Flask; other frameworks leave none in the environ."""
    request = (begin or environ).get(_FLASK_REQUEST)
    rule = getattr(getattr(request, "url_rule", None), "rule", None)
    return rule if isinstance(rule, str) else None


class EnvironReader:
    """Reads the environ of WSGI."""

    def method(self, request: Environ) -> str:
        """Return the HTTP method."""
        return str(request.get("REQUEST_METHOD", ""))

    def peer(self, request: Environ) -> str | None:
        """Return the address of the connection."""
        return str(request.get("REMOTE_ADDR") or "") or None

    def header(self, request: Environ, name: str) -> str:
        """Return a header; servers have joined several of a name."""
        return str(request.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
