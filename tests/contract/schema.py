"""The part of JSON Schema that the operations use: checks values and generates them."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_TEXT = "text"

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def problems(value: object, schema: Schema, where: str = "$") -> list[str]:
    """Return what is wrong with a value; nothing if it fits."""
    found: list[str] = []
    for part in schema.get("allOf", ()):
        found += problems(value, part, where)
    for word in ("oneOf", "anyOf"):
        choices = [problems(value, part, where) for part in schema.get(word, ())]
        if choices and all(choices):
            found.append(f"{where} fits none of {word}: {min(choices, key=len)}")
    kind = schema.get("type")
    if isinstance(kind, str):
        is_kind = isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not is_kind:
            return [*found, f"{where} is {value!r}, no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value!r}, none of {schema['enum']}")
    found += _format_problems(value, schema, where) + _size_problems(value, schema, where)
    if isinstance(value, dict):
        found += _object_problems(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        found += [line for i, one in enumerate(value) for line in problems(one, schema["items"], f"{where}[{i}]")]
    return found


def _size_problems(value: object, schema: Schema, where: str) -> list[str]:
    sizes: list[tuple[str, float]] = []
    if isinstance(value, str):
        sizes = [("Length", len(value))]
    elif isinstance(value, list):
        sizes = [("Items", len(value))]
    elif isinstance(value, int | float):
        sizes = [("imum", value)]
    return [
        f"{where} is {value!r}, outside {word}"
        for name, size in sizes
        for word in (f"min{name}", f"max{name}")
        if word in schema and (size < schema[word] if word.startswith("min") else size > schema[word])
    ]


def _format_problems(value: object, schema: Schema, where: str) -> list[str]:
    if not isinstance(value, str):
        return []
    try:
        if schema.get("format") == "date":
            dt.date.fromisoformat(value)
        elif schema.get("format") == "date-time":
            assert re.search(r"(Z|[+-]\d\d:\d\d)$", value)
            dt.datetime.fromisoformat(value)
    except (ValueError, AssertionError):
        return [f"{where} is {value!r}, no {schema['format']}"]
    return []


def _object_problems(value: Mapping[str, object], schema: Schema, where: str) -> list[str]:
    found = [f"{where} lacks {name}" for name in schema.get("required", ()) if name not in value]
    known: Mapping[str, Schema] = schema.get("properties", {})
    more = schema.get("additionalProperties")
    for name, inner in value.items():
        if name in known:
            found += problems(inner, known[name], f"{where}.{name}")
        elif isinstance(more, dict):
            found += problems(inner, more, f"{where}.{name}")
    return found


def property_names(schema: Schema) -> set[str]:
    """Return every property that an object of the schema can have."""
    names = set(schema.get("properties", {}))
    for word in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(word, ()):
            names |= property_names(part)
    return names


def read_text(values: Sequence[str], schema: Schema) -> object:
    """Return what a parameter or a form's field says, under the type that the schema gives it."""
    [text] = values if schema.get("type") != "array" else [values[0]]
    match schema.get("type"):
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case "boolean":
            return {"true": True, "false": False}[text]
        case "array":
            return list(values)
        case _:
            return text


def property_schema(schema: Schema, name: str) -> Schema:
    """Return the first schema that a property of the name has, or an empty one."""
    if name in schema.get("properties", {}):
        found: Schema = schema["properties"][name]
        return found
    parts = [part for word in ("oneOf", "anyOf", "allOf") for part in schema.get(word, ())]
    return next((found for part in parts if (found := property_schema(part, name))), {})


def make_up(schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    """Return a value that fits a schema, with every property that it describes; a `status` of any text is "ok"."""
    if "allOf" in schema:
        parts = [make_up(part) for part in schema["allOf"]]
        if not all(isinstance(part, dict) for part in parts):
            return parts[0]
        return {key: value for part in parts for key, value in part.items()}
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return make_up(schema[word][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            formats = {"date": "2026-08-31", "date-time": "2026-08-31T12:00:00Z"}
            return formats.get(schema.get("format", ""), _TEXT)
        case "integer" | "number":
            return 7
        case "boolean":
            return True
        case "array":
            return [make_up(schema.get("items", {}))]
        case "object":
            made = {name: make_up(inner) for name, inner in schema.get("properties", {}).items()}
            if made.get("status") == _TEXT:
                made["status"] = "ok"
            more = schema.get("additionalProperties")
            return made or ({"key": make_up(more)} if isinstance(more, dict) else {})
        case _:
            return "anything"
