"""The event of a request, from the facts about it. Does no I/O."""

from typing import Final, Literal, NamedTuple, TypeAlias

from mixpanel_async.json_types import JSONValue

# How a request ended: the whole response was sent; the application raised, or sent no whole response; the client went
# away before; the task was cancelled.
Ending: TypeAlias = Literal["completed", "failed", "disconnected", "cancelled"]

# Scanners request endless made-up paths, which must not become values of a property.
NO_ROUTE: Final = "(no route)"
OTHER_METHOD: Final = "(other)"
_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_MAX_ROUTE: Final = 255  # characters that Mixpanel keeps
_SERVER_ERROR: Final = 500


class RequestFacts(NamedTuple):
    """What is known about a request when it is over.

    Attributes:
        method: HTTP method.
        route: Template of the route, such as `/users/{user_id}`; None: no route matched, or it is not known.
        status: Status that was sent; None: none was.
        seconds: Seconds until the last byte of the response, or until it failed.
        ending: How it ended.
        error: Name of the exception's class; "": none.
        sample_rate: The share of requests that have an event.
    """

    method: str
    route: str | None
    status: int | None
    seconds: float
    ending: Ending
    error: str = ""
    sample_rate: float = 1.0


def request_properties(facts: RequestFacts) -> dict[str, JSONValue]:
    """Return the properties of a request's event: none has a part of the URL, a header or a message.

    A request that failed before its response began has the status 500, which servers send then.

    Args:
        facts: What is known about the request.
    """
    status = _SERVER_ERROR if facts.status is None and facts.ending == "failed" else facts.status
    properties: dict[str, JSONValue] = {
        "method": facts.method if facts.method in _METHODS else OTHER_METHOD,
        "route": (facts.route or NO_ROUTE)[:_MAX_ROUTE],
        "duration_ms": round(facts.seconds * 1000, 3),
        "ending": facts.ending,
    }
    if status is not None:
        properties["status"] = status
    if facts.error:
        properties["error"] = facts.error
    if facts.sample_rate < 1:
        properties["sample_rate"] = facts.sample_rate
    return properties


def is_sampled(draw: float, rate: float) -> bool:
    """Return whether a request gets an event.

    Args:
        draw: A random number, from 0 to 1 (exclusive).
        rate: The share of requests that get one, from 0 to 1.
    """
    return draw < rate
