"""Reads the fields of a vendor's record: paths, lists of names and values, objects in text, IDs."""

import operator
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.model.chunks import NULL, FlatRecord
from mixpanel_async.jobs.vendors.model import Paths, Preset
from mixpanel_async.records import validation
from mixpanel_async.records.parsing import read_line

View: TypeAlias = dict[str, object]  # a record in which every object can be reached by a path
# What trackers write if there is no user, in any case.
_NOBODY: Final = limits.FORBIDDEN_IDS | {"nan", "(not set)", "[object object]"}
_TOO_LARGE: Final = 2**64
_SCHEMA: Final = re.compile(r"iglu:([^/]+)/([^/]+)/[^/]+/(\d+)(?:-\d+)*")
_TYPED_VALUES: Final = ("string_value", "int_value", "float_value", "double_value")
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,30}")


class Leaf(NamedTuple):
    """A value that can become a property.

    Attributes:
        path: Where it is.
        name: Name of the property, unless the table has another one.
        value: The value.
        is_own: Whether the customer named it, not the vendor.
    """

    path: str
    name: str
    value: object
    is_own: bool


def at(record: Mapping[str, object], path: str) -> object:
    """Return the value at a path; None if there is none."""
    if path in record:
        return record[path]
    first, dot, rest = path.partition(".")
    inner = record.get(first)
    return at(inner, rest) if dot and isinstance(inner, Mapping) else None


def is_empty(value: object) -> bool:
    """Return whether a value is the empty text; the values of a program may not even be comparable to it."""
    return isinstance(value, str) and not value


def _is_object(preset: Preset, name: str) -> bool:
    """Return whether a field is one that holds an object, even if it is text."""
    if _form(preset, name) or name in preset.keyed or name in preset.schemas:
        return True
    profiles = preset.profiles
    paths = () if profiles is None else (*profiles.set, *profiles.set_once)
    return any(path.partition(".")[0] == name for path in paths)


def prepared(preset: Preset, record: FlatRecord, *, is_table: bool) -> View:
    """Return a record as a view: without missing values, with objects where the export has text or lists.

    Raises:
        InvalidRecordError: Text that should be an object is not JSON.
    """
    view = {
        str(name): value  # the records of a program may have other keys
        for name, value in record.items()
        if value is not None and value is not NULL and not (is_table and is_empty(value))
    }
    for name, value in view.items():
        if isinstance(value, str) and value[:1] in {"{", "["} and _is_object(preset, name):
            view[name] = _read_text(value, name)
    for name, (key, inner) in preset.keyed.items():
        if name in view:
            view[name] = _by_key(view[name], key, inner)
    for name in preset.schemas:
        if name in view:
            view.update(_entities(name, view.pop(name)))
    return view


def _read_text(text: str, name: str) -> object:
    try:
        return read_line(text.encode(errors="surrogatepass"))
    except InvalidRecordError as error:
        raise InvalidRecordError(error.message, field=name) from None


def _by_key(listed: object, key: str, inner: str) -> object:
    """Return a list of names and values as an object."""
    if isinstance(listed, Mapping) and listed.keys() == {"list"}:  # as BigQuery writes Parquet
        listed = listed["list"]
    if not isinstance(listed, list | tuple):
        return listed
    found: dict[str, object] = {}
    for item in listed:
        one = item.get("element", item) if isinstance(item, Mapping) else item
        if not isinstance(one, Mapping) or not isinstance(one.get(key), str):
            raise InvalidRecordError(f"each element must be an object with the field {key!r}", field=key)
        name, value = str(one[key]), _typed(one.get(inner))
        if name in found:  # both are kept
            earlier = found[name]
            value = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        found[name] = value
    return found


def _typed(value: object) -> object:
    """Return the value of an object that has one field for each type; another value as it is."""
    if not isinstance(value, Mapping) or value.keys().isdisjoint(_TYPED_VALUES):
        return value
    kind = next((name for name in _TYPED_VALUES if value.get(name) is not None), "")
    found = value.get(kind)
    is_number = kind == "int_value" and isinstance(found, str) and _WHOLE_NUMBER.fullmatch(found)
    return int(str(found)) if is_number else found  # BigQuery writes integers as text


def _entities(name: str, value: object) -> dict[str, object]:
    """Return self-describing JSON: the data of an event, or of entities by the name of their schema."""
    data = value.get("data") if isinstance(value, Mapping) else None
    if isinstance(data, Mapping):
        return {name: data.get("data", data)}
    if not isinstance(data, list | tuple):
        return {name: value}
    found: dict[str, list[object]] = {}
    for entity in data:
        schema = entity.get("schema") if isinstance(entity, Mapping) else None
        match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
        own = f"contexts_{'_'.join(match.groups())}".replace(".", "_") if match else name
        found.setdefault(own, []).append(entity.get("data") if match else entity)
    return dict(found)


def read_id(view: Mapping[str, object], path: str, patterns: Mapping[str, str]) -> str | None:
    """Return the ID at a path, "" for a placeholder, None if there is no value.

    Raises:
        InvalidRecordError: The value is neither text nor an integer.
    """
    value = at(view, path)
    if value is None:
        return None
    text = id_text(value, path, "distinct_id")
    if path in patterns:
        match = re.fullmatch(patterns[path], text)
        text = match[1] if match else text
    is_nobody = validation.is_placeholder_id(text) or text.strip().lower() in _NOBODY
    return "" if is_nobody or not text.strip() else text


def id_text(value: object, path: str, field: str) -> str:
    """Return an ID or a name as text.

    Raises:
        InvalidRecordError: The value is neither text nor an integer of 64 bits.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, uuid.UUID):
        return str(value)
    if hasattr(value, "__index__") and not isinstance(value, bool):  # an int, or one of numpy's
        number = operator.index(value)
        if abs(number) < _TOO_LARGE:  # Python refuses to write the digits of very long integers
            return str(number)
        raise InvalidRecordError(f"an integer beyond 64 bits is not an ID (field {path!r})", field=field)
    raise InvalidRecordError(f"must be text, not {type(value).__name__} (field {path!r})", field=field)


def leaves(preset: Preset, view: Mapping[str, object], drop: frozenset[str]) -> Iterator[Leaf | None]:
    """Yield what can become a property; None for a value that the table leaves out."""
    for name, value in view.items():
        if isinstance(value, Mapping):
            yield from _walk(preset, drop, Leaf(name, name, value, is_own=False), is_inside=False)
        elif name in drop:
            yield None
        elif value or not isinstance(value, list):
            yield Leaf(name, name, value, is_own=False)


def _walk(preset: Preset, drop: frozenset[str], leaf: Leaf, *, is_inside: bool) -> Iterator[Leaf | None]:
    path, name, value, is_own = leaf
    if not is_own and (value is None or (isinstance(value, list | dict) and not value)):
        return
    if path in drop:
        yield None
        return
    if not isinstance(value, Mapping) or is_own:
        yield leaf
        return
    form = _form(preset, path) or ("flat" if is_inside else None)
    if form is None:
        yield leaf
        return
    for key, inner in value.items():
        is_named = form == "flat"
        child = Leaf(f"{path}.{key}", f"{name}.{key}" if is_named else str(key), inner, is_own=form == "own")
        yield from _walk(preset, drop, child, is_inside=True)


def _form(preset: Preset, path: str) -> str | None:
    found = preset.forms.get(path)
    if found is None and "." not in path:
        found = next((form for p, form in preset.forms.items() if p[-1:] == "*" and path.startswith(p[:-1])), None)
    return found


def first_value(view: Mapping[str, object], paths: Paths) -> tuple[str, object]:
    """Return the first of several paths that has a value, and the value; ("", None) if none has."""
    for path in paths:
        value = at(view, path)
        if value is not None and not is_empty(value):
            return path, value
    return "", None
