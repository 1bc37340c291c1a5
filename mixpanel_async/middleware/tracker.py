"""What all middlewares do: give a request its context, and track its event."""

import contextlib
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Generic, Protocol, TypedDict, TypeVar, cast

from mixpanel_async.clock import Clock, SystemClock
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.json_types import Properties, PropertyValue
from mixpanel_async.middleware.client_ip import AddressRule, ClientIP
from mixpanel_async.middleware.request_event import Ending, RequestFacts, is_sampled, request_properties
from mixpanel_async.middleware.user_agent import UserAgentParser
from mixpanel_async.tracking.additions import UserId

T = TypeVar("T")
_R = TypeVar("_R")
_R_contra = TypeVar("_R_contra", contravariant=True)
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


class RequestReader(Protocol[_R_contra]):
    """How to read the requests of a framework."""

    def method(self, request: _R_contra) -> str:
        """Return the HTTP method."""

    def peer(self, request: _R_contra) -> str | None:
        """Return the address of the connection; None or "" if it has none."""

    def header(self, request: _R_contra, name: str) -> str:
        """Return a header; several of the name are joined with commas."""


class ContextClient(Protocol):
    """What both clients have."""

    @property
    def context(self) -> Callable[..., AbstractContextManager[None]]:
        """Set the user and properties of events that are tracked inside."""


class Guard:
    """Calls functions that must not break a request; the log names the first error of each."""

    def __init__(self) -> None:
        self._log = LogOnce()

    def call(self, what: str, function: Callable[[], T], otherwise: T) -> T:
        """Return the result of a function, or something else if it raises.

        Args:
            what: What the function does, for the log.
            function: The function.
            otherwise: What to return if it raises.
        """
        try:
            return function()
        except Exception as error:  # whatever the caller's function or a closed client raises
            frame = traceback.extract_tb(error.__traceback__)[-1]
            # Not its message, which may have the user's data.
            self._log.warn(
                what, f"middleware: {what} raised {type(error).__name__} ({frame.filename}:{frame.lineno}), not counted"
            )
            return otherwise


class RequestTracker(Generic[_R]):
    """Makes the records of requests.

    Args:
        reader: Reads requests.
        options: The options of the middleware.
        route: Returns the template of a request's route, as the framework says it, given the request and what was kept
            of its begin.
        clock: Time and chance.

    Raises:
        InvalidSettingError: An option is unknown or invalid.
        MissingExtraError: The user agent is asked for, and ua-parser is not installed.
    """

    def __init__(
        self,
        reader: RequestReader[_R],
        options: MiddlewareOptions[_R],
        *,
        route: Callable[[_R, _R | None], str | None],
        clock: Clock | None = None,
    ) -> None:
        _check(options)
        self.reader = reader
        self.guard = Guard()
        self.clock: Clock = clock or SystemClock()
        self.event = options.get("request_event")
        self.sample_rate = options.get("sample_rate", 1.0)
        self._own_route = options.get("route")
        self._route = route
        self.distinct_id = options.get("distinct_id")
        self._properties = options.get("properties")
        which = options.get("client_ip")
        self._address = None if which is None else AddressRule(which)
        self._user_agent = UserAgentParser() if options.get("user_agent") else None
        self._has_properties = not (self._properties is None and self._address is None and self._user_agent is None)

    def begin(
        self, request: _R, client: ContextClient, send: Callable[[str | int, str, Properties], object]
    ) -> "TrackedRequest[_R]":
        """Return the record of a request that begins.

        Args:
            request: The request.
            client: The client.
            send: Tracks an event without waiting.
        """
        properties = self._properties_of(request) if self._has_properties else {}
        is_chosen = self.event is not None and is_sampled(self.clock.uniform(0, 1), self.sample_rate)
        return TrackedRequest(self, request, client, send if is_chosen else None, properties)

    def route_of(self, request: _R, begin: _R | None) -> str | None:
        """Return the template of a request's route; None if it is not known."""
        own, route = self._own_route, self._route
        if own is not None:
            return self.guard.call("the function `route`", lambda: own(request), None)
        return self.guard.call("finding a route", lambda: route(request, begin), None)

    def _properties_of(self, request: _R) -> dict[str, PropertyValue]:
        found: dict[str, PropertyValue] = {}
        reader = self.reader
        if self._user_agent is not None:
            found.update(self._user_agent.properties(reader.header(request, "user-agent")))
        rule = self._address
        if rule is not None:
            header = "" if rule.header is None else reader.header(request, rule.header)
            if (address := rule.find(reader.peer(request), header)) is not None:
                found["ip"] = address
        own = self._properties
        if own is not None:
            nothing: Properties = {}
            found.update(self.guard.call("the function `properties`", lambda: {**own(request)}, nothing))
        return found


class TrackedRequest(Generic[_R]):
    """One request: its context, and its event, which is tracked once.

    Args:
        tracker: The middleware's options.
        request: The request.
        client: The client.
        send: Tracks an event without waiting; None: the request has no event.
        properties: Properties of all events in the request.

    Attributes:
        is_open: Whether the event is still to be tracked.
        begin: What is kept of the request as it was, where the application changes it.
    """

    __slots__ = ("_client", "_properties", "_request", "_send", "_started", "_tracker", "begin", "is_open")

    def __init__(
        self,
        tracker: RequestTracker[_R],
        request: _R,
        client: ContextClient,
        send: Callable[[str | int, str, Properties], object] | None,
        properties: Properties,
    ) -> None:
        self._tracker = tracker
        self._request = request
        self._client = client
        self._send = send
        self._properties = properties
        self._started = tracker.clock.monotonic()
        self.is_open = send is not None
        self.begin: _R | None = None

    def surround(self) -> AbstractContextManager[None]:
        """Return the context in which the application runs; it can be entered again for each part of a body."""
        has_user = self._tracker.distinct_id is not None
        if not has_user and not self._properties:
            return contextlib.nullcontext()
        user: UserId = self._user if has_user else None
        return self._tracker.guard.call(
            "the client", lambda: self._client.context(user, **self._properties), contextlib.nullcontext()
        )

    def finish(self, status: int | None, ending: Ending, error: BaseException | None = None) -> None:
        """Track the event, unless that was done before; to be called inside the context.

        Args:
            status: Status that was sent; None: none was.
            ending: How the request ended.
            error: What the application raised.
        """
        if not self.is_open:
            return
        self.is_open = False
        self._tracker.guard.call("tracking a request", lambda: self._track(status, ending, error), None)

    def _track(self, status: int | None, ending: Ending, error: BaseException | None) -> None:
        tracker, send = self._tracker, self._send
        seconds = tracker.clock.monotonic() - self._started
        facts = RequestFacts(
            tracker.reader.method(self._request),
            tracker.route_of(self._request, self.begin),
            status,
            seconds,
            ending,
            "" if error is None else type(error).__name__,
            tracker.sample_rate,
        )
        if send is not None and tracker.event is not None:
            send(self._user(), tracker.event, request_properties(facts))

    def _user(self) -> str | int:
        """Return the user's id; "", which is nobody, if there is none."""
        find = self._tracker.distinct_id
        if find is None:
            return ""
        found = self._tracker.guard.call("the function `distinct_id`", lambda: find(self._request), None)
        return "" if found is None else found


def _check(options: MiddlewareOptions[_R]) -> None:
    given = cast("Mapping[str, object]", options)  # whatever was given: settings of Django have no types
    for name in given:
        if name not in _KNOWN:
            raise InvalidSettingError(f"{name} is not an option of a middleware; give {', '.join(sorted(_KNOWN))}")
    for name in ("distinct_id", "properties", "route"):
        if name in given and not callable(given[name]):
            raise InvalidSettingError(f"{name} is invalid: it is not a function; give one that takes the request")
    event = given.get("request_event")
    if event is not None and (not isinstance(event, str) or not event):
        raise InvalidSettingError("request_event is invalid: it is not a name; give the name of the event, or None")
    rate = given.get("sample_rate", 1.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise InvalidSettingError("sample_rate is invalid: it is not a number from 0 to 1")
    which = given.get("client_ip")
    if which is not None and not isinstance(which, ClientIP):
        raise InvalidSettingError("client_ip is invalid: it is not a ClientIP; give ClientIP() or None")
