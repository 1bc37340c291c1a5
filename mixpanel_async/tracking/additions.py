"""Properties that events get from their surroundings: default properties, and the context of a request or task."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import Properties

DefaultProperties: TypeAlias = Properties | Callable[[], Properties]
# A user's id, or a function that returns the one at the time of an event.
UserId: TypeAlias = str | int | Callable[[], str | int | None] | None


class _Frame:
    """What `with mp.context(...)` sets; immutable, because tasks that are started inside share it."""

    __slots__ = ("distinct_id", "outer", "owner", "properties")

    def __init__(self, owner: object, outer: "_Frame | None", distinct_id: UserId, own: Properties) -> None:
        before = _frame_of(owner, outer)
        self.owner = owner
        self.outer = outer
        inherited = None if before is None else before.distinct_id
        self.distinct_id: UserId = inherited if distinct_id is None else distinct_id
        self.properties: Properties = own if before is None else {**before.properties, **own}


_FRAME: Final[ContextVar[_Frame | None]] = ContextVar("mixpanel_async.context", default=None)


def _frame_of(owner: object, frame: _Frame | None) -> _Frame | None:
    """Return the innermost frame of one client."""
    while frame is not None and frame.owner is not owner:
        frame = frame.outer
    return frame


class Additions:
    """The default properties of one client, and its contexts."""

    def __init__(self) -> None:
        self._defaults: DefaultProperties = {}

    @property
    def defaults(self) -> DefaultProperties:
        """Properties of every event, or a function that returns them."""
        return self._defaults

    @defaults.setter
    def defaults(self, value: DefaultProperties) -> None:
        if not callable(value) and not isinstance(value, Mapping):
            raise InvalidArgumentError(
                f"default_properties is invalid: it is a {type(value).__name__}; give a dict, or a function that "
                "returns one"
            )
        self._defaults = value if callable(value) else dict(value)

    @contextmanager
    def context(self, distinct_id: UserId, properties: Properties) -> Iterator[None]:
        """Set the user and properties of events that are tracked inside, in this task and those started in it."""
        token = _FRAME.set(_Frame(self, _FRAME.get(), distinct_id, properties))
        try:
            yield
        finally:
            _FRAME.reset(token)

    def apply(
        self, distinct_id: str | int | None, properties: Properties | None
    ) -> tuple[str | int | None, Properties | None]:
        """Return an event's user and properties with what its surroundings add; its own properties win."""
        frame = _frame_of(self, _FRAME.get())
        defaults = self._defaults() if callable(self._defaults) else self._defaults
        if frame is None:
            return distinct_id, {**defaults, **(properties or {})} if defaults else properties
        if distinct_id is None:
            found = frame.distinct_id
            distinct_id = found() if callable(found) else found
        return distinct_id, {**defaults, **frame.properties, **(properties or {})}
