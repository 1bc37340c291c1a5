"""What all middlewares do: give a request its context, and track its event."""

import contextlib
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

from mixpanel_async.clock import Clock, SystemClock
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.json_types import Properties, PropertyValue
from mixpanel_async.middleware.client_ip import AddressRule
from mixpanel_async.middleware.options import MiddlewareOptions, check_middleware_options
from mixpanel_async.middleware.request_event import Ending, RequestFacts, is_sampled, request_properties
from mixpanel_async.middleware.user_agent import UserAgentParser
from mixpanel_async.tracking.additions import UserId

T = TypeVar("T")
_R = TypeVar("_R")
_R_contra = TypeVar("_R_contra", contravariant=True)


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
        except Exception as error:  # whatever the caller's function raises
            self.note(what, error)
            return otherwise

    def note(self, what: str, error: Exception) -> None:
        """Log an exception by its class and place: its message may have the user's data.

        Args:
            what: What raised it.
            error: The exception.
        """
        frame = traceback.extract_tb(error.__traceback__)[-1]
        self._log.warn(
            what, f"middleware: {what} raised {type(error).__name__} ({frame.filename}:{frame.lineno}); it is ignored"
        )


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
        check_middleware_options(options)
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
        try:
            return self._client.context(user, **self._properties)
        except Exception as error:  # a client that is closed
            self._tracker.guard.note("the client", error)
            return contextlib.nullcontext()

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
        try:
            self._track(status, ending, error)
        except Exception as problem:  # whatever the client raises
            self._tracker.guard.note("tracking a request", problem)

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
