"""Every public name: what the packages export, and every public method of the client and its groups."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final

import msgspec

import mixpanel_async
from mixpanel_async import AsyncMixpanel, actions, emulator, expressions, flags, middleware, openfeature, otel, testing
from mixpanel_async.middleware import aiohttp_web, django

PACKAGES: Final = (
    mixpanel_async,
    actions,
    emulator,
    expressions,
    flags,
    middleware,
    aiohttp_web,
    django,
    openfeature,
    otel,
    testing,
)


class Public(msgspec.Struct, frozen=True):
    """One public class or function.

    Attributes:
        name: As users write it, for example `mp.query.segmentation` or `Settings`.
        page: Full name of the module whose reference page must show it.
        anchor: The id of its entry on that page.
        value: The class or function.
    """

    name: str
    page: str
    anchor: str
    value: object

    @property
    def doc(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.value) or ""


def exported() -> Iterator[Public]:
    """Yield the classes and functions that the public packages export."""
    for package in PACKAGES:
        for name in package.__all__:
            value = getattr(package, name)
            if isinstance(value, type | FunctionType) and value is not Any:  # an alias of it has a comment
                yield Public(name, package.__name__, name, value)


def groups() -> Iterator[tuple[str, type]]:
    """Yield the name and the class of each group of the client."""
    client = AsyncMixpanel("project-token")
    for name in sorted(public_names(AsyncMixpanel) | {"people", "groups"}):
        if not isinstance(inspect.getattr_static(AsyncMixpanel, name, None), Callable | classmethod | property):  # type: ignore[arg-type]
            yield name, type(getattr(client, name))


def methods() -> Iterator[Public]:
    """Yield the public methods of the client and of its groups."""
    yield from _methods_of(AsyncMixpanel, "mp", "mixpanel_async")
    for name, group in groups():
        page = "mixpanel_async.actions" if group.__name__ in actions.__all__ else group.__module__
        yield from _methods_of(group, f"mp.{name}", page)


def public_names(owner: type) -> set[str]:
    """Names of the attributes of a class that are neither private nor special."""
    return {name for name in dir(owner) if not name.startswith("_")}


def _methods_of(owner: type, prefix: str, page: str) -> Iterator[Public]:
    for name in sorted(public_names(owner)):
        found = inspect.getattr_static(owner, name)
        if isinstance(found, FunctionType | classmethod | property):
            value = found.fget if isinstance(found, property) else inspect.unwrap(getattr(owner, name))
            yield Public(f"{prefix}.{name}", page, f"{owner.__name__}.{name}", value)


@functools.cache
def everything() -> tuple[Public, ...]:
    """Return every public class, function and method."""
    return (*exported(), *methods())
