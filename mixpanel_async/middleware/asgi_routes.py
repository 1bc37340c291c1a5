"""The template of a request's route, from what ASGI frameworks leave in the scope. Does no I/O.

Starlette and FastAPI put the matched route into `scope["route"]`, but only its own part where applications or routers
are nested, and `root_path` then has the path as it was sent, with the values of its parameters. Therefore nested routes
are looked up once more. Litestar has `scope["path_template"]`.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

from mixpanel_async.json_types import JSONValue

# As Starlette and asgiref have it: what is in a scope, the server and the framework decide.
ASGIScope: TypeAlias = MutableMapping[str, Any]
_REST: Final = "/{path}"  # what a mounted application that has no routes does with the rest of the path
_MAX_DEPTH: Final = 32


class _Route(Protocol):
    """A route of Starlette, as far as it is looked at."""

    def matches(self, scope: ASGIScope) -> tuple[object, Mapping[str, JSONValue]]:
        """Return how well the route matches, and what the scope gets then."""


def route_template(begin: ASGIScope, end: ASGIScope, routes: object) -> str | None:
    """Return the template of a route.

    Args:
        begin: The scope before the application ran.
        end: The scope after it.
        routes: The routes of the application, if it is one of Starlette or FastAPI.

    Returns:
        The template, relative to the application; None: no route matched, or it is not known.
    """
    template = end.get("path_template")
    if isinstance(template, str):
        return template or _REST  # Litestar's mounts have an empty one
    is_nested = begin.get("root_path", "") != end.get("root_path", "")
    route = end.get("route")
    if is_nested or route is None:
        # Without an endpoint, nothing was matched.
        return _find(routes, {**begin}) if is_nested or "endpoint" in end else None
    return _path_of(_effective(end, route))


def _effective(scope: ASGIScope, route: object) -> object:
    """Return what FastAPI has made of a route of an included router, with the prefixes."""
    own = scope.get("fastapi")
    found = own.get("effective_route_context") if isinstance(own, Mapping) else None
    return found if found is not None and getattr(found, "original_route", None) is route else route


def _path_of(route: object) -> str | None:
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _find(routes: object, scope: ASGIScope, depth: int = 0) -> str | None:
    """Look a request up in routes, as Starlette does it, and join the templates on the way."""
    partial = None
    for route in _list(routes):
        match, child = route.matches(scope)
        kind = getattr(match, "name", "")
        if kind == "NONE" or depth > _MAX_DEPTH:
            continue
        if kind == "PARTIAL":  # another method
            partial = partial or _path_of(_own(route))
            continue
        candidates = getattr(route, "effective_candidates", None)
        if callable(candidates):  # a router that FastAPI includes: its routes have the whole path
            return _find(candidates(), scope, depth + 1)
        own = _own(route)
        inner = getattr(own, "routes", None)
        path = _path_of(own) or ""  # a Host has none
        if inner is None:
            return path or None
        if not inner:
            return path + _REST
        rest = _find(inner, {**scope, **child}, depth + 1)
        return None if rest is None else path + rest
    return partial


def _own(route: object) -> object:
    """Return the route of Starlette that FastAPI has made for one in an included router; else the route itself."""
    return getattr(route, "starlette_route", None) or route


def _list(routes: object) -> Iterable[_Route]:
    return [route for route in routes if hasattr(route, "matches")] if isinstance(routes, Iterable) else ()
