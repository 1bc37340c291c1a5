"""Changes to properties that a mapping asks for: flattening and scrubbing."""

from collections.abc import Mapping

from mixpanel_async.errors import InvalidRecordError


class RecordSkippedError(Exception):
    """A record is skipped on request.

    Attributes:
        reason: The filter that skipped it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def without_names(value: object, names: frozenset[str]) -> object:
    """Return a value without the fields of some names at any depth; the value itself if there are none."""
    if isinstance(value, Mapping):
        kept = {name: without_names(inner, names) for name, inner in value.items() if name not in names}
        is_same = len(kept) == len(value) and all(kept[name] is value[name] for name in kept)
        return value if is_same else kept
    if isinstance(value, list | tuple):
        inner_values = [without_names(inner, names) for inner in value]
        return value if all(new is old for new, old in zip(inner_values, value, strict=True)) else inner_values
    return value


def flattened(properties: Mapping[str, object]) -> dict[str, object]:
    """Return properties in which an object `a` is replaced by its fields `a.b`; an empty object disappears.

    Raises:
        InvalidRecordError: Two properties would have the same name.
    """
    flat: dict[str, object] = {}
    for name, value in properties.items():
        own = {name: value}
        if isinstance(value, Mapping):
            own = {f"{name}.{inner}": inner_value for inner, inner_value in flattened(value).items()}
        if not own.keys().isdisjoint(flat):
            twice = next(each for each in own if each in flat)
            raise InvalidRecordError("is a duplicate after flattening; rename or drop one of them", field=twice)
        flat.update(own)
    return flat
