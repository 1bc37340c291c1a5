"""The options that all middlewares have."""

import inspect
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypedDict, TypeVar, cast

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.json_types import Properties
from mixpanel_async.middleware.client_ip import ClientIP

T = TypeVar("T")
_R = TypeVar("_R")
_KNOWN: Final = frozenset(
    {"client_ip", "distinct_id", "properties", "request_event", "route", "sample_rate", "user_agent"}
)


class MiddlewareOptions(TypedDict, Generic[T], total=False):
    """Options of every middleware. Without any, it does nothing.

    The functions get the request as the framework has it: the scope of ASGI, the environ of WSGI, the request of
    aiohttp or Django. They must not block. If one raises, the request and its events go on without its result, and the
    log says so once.

    Attributes:
        distinct_id: Returns the user's id; None: events have no user. It is called when an event is tracked, so that it
            may know a user who is authenticated further inside.
        properties: Returns properties of all events that are tracked in the request. It is called once, before the
            application.
        request_event: Name of an event that is tracked for each request, with method, route, status and duration; None:
            no event (default).
        sample_rate: Share of requests that have this event, from 0 to 1 (default: 1).
        route: Returns the template of the route, such as `/users/{user_id}`; it is called after the application
            (default: what the framework says).
        user_agent: Whether events get `$browser`, `$browser_version`, `$os` and `$device` from the User-Agent header;
            needs the extra `useragent` (default: no).
        client_ip: Whether events get the client's address as `ip`, and how it is found behind proxies; None: no
            (default).

    Example:
        ```python
        from mixpanel_async.middleware import ASGIMiddleware, ClientIP, MiddlewareOptions

        options: MiddlewareOptions = {"request_event": "Request Served", "client_ip": ClientIP(trusted_proxies=1)}
        app = ASGIMiddleware(lambda scope, receive, send: None, mp, **options)
        ```
    """

    distinct_id: Callable[[T], str | int | None]
    properties: Callable[[T], Properties]
    request_event: str | None
    sample_rate: float
    route: Callable[[T], str | None]
    user_agent: bool
    client_ip: ClientIP | None


def check_middleware_options(options: MiddlewareOptions[_R]) -> None:
    """Check what a middleware was given.

    Args:
        options: The options.

    Raises:
        InvalidSettingError: An option is unknown or invalid.
    """
    given = cast("Mapping[str, object]", options)  # whatever was given: settings of Django have no types
    for name in given:
        if name not in _KNOWN:
            raise InvalidSettingError(f"{name} is not an option of a middleware; give {', '.join(sorted(_KNOWN))}")
    for name in ("distinct_id", "properties", "route"):
        if name in given and (not callable(given[name]) or inspect.iscoroutinefunction(given[name])):
            raise InvalidSettingError(
                f"{name} is invalid: it is not a function, or a coroutine function; give one that returns the value"
            )
    event = given.get("request_event")
    if event is not None and (not isinstance(event, str) or not event):
        raise InvalidSettingError("request_event is invalid: it is not a name; give the name of the event, or None")
    rate = given.get("sample_rate", 1.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise InvalidSettingError("sample_rate is invalid: it is not a number from 0 to 1")
    which = given.get("client_ip")
    if which is not None and not isinstance(which, ClientIP):
        raise InvalidSettingError("client_ip is invalid: it is not a ClientIP; give ClientIP() or None")
