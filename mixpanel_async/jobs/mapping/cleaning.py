"""Repairs of properties that a caller asks for. Pure."""

from collections.abc import Mapping


class RecordSkippedError(Exception):
    """A record that is left out because the caller asked for it.

    Attributes:
        reason: Which filter said so.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def without_names(value: object, names: frozenset[str]) -> object:
    """Return a value without the fields of some names, at whatever depth; the value itself where there are none."""
    if isinstance(value, Mapping):
        kept = {name: without_names(inner, names) for name, inner in value.items() if name not in names}
        is_same = len(kept) == len(value) and all(kept[name] is value[name] for name in kept)
        return value if is_same else kept
    if isinstance(value, list | tuple):
        found = [without_names(inner, names) for inner in value]
        return value if all(new is old for new, old in zip(found, value, strict=True)) else found
    return value


def flattened(properties: Mapping[str, object]) -> dict[str, object]:
    """Return properties with `a.b` in place of an object `a`; an empty object leaves nothing."""
    flat: dict[str, object] = {}
    for name, value in properties.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": found for inner, found in flattened(value).items()})
        else:
            flat[name] = value
    return flat
