"""Checks of a recorded request."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from mixpanel_async.auth import Credential, OAuthToken, ProjectSecret, ServiceAccount
from tests.contract.operations import Operation
from tests.contract.schema import problems, property_schema, read_text
from tests.contract.wire import Caught

CREDENTIALS: Mapping[str, Credential] = {
    "ServiceAccount": ServiceAccount("user", "account-secret"),
    "ProjectSecret": ProjectSecret("project-secret"),
    "OAuthToken": OAuthToken("oauth-token"),
}
HEADERS: Mapping[str, str] = {
    "ServiceAccount": "Basic " + base64.b64encode(b"user:account-secret").decode(),
    "ProjectSecret": "Basic " + base64.b64encode(b"project-secret:").decode(),
    "OAuthToken": "Bearer oauth-token",
}


def check_place(operation: Operation, caught: Caught) -> None:
    """The request went to the operation's server, with its method, to its path."""
    assert caught.method == operation.method
    assert caught.server == operation.server
    parts, wanted = caught.path.split("/"), operation.path.split("/")
    assert len(parts) == len(wanted), caught.path
    schemas = {one["name"]: one for one in operation.parameters if one["in"] == "path"}
    for part, want in zip(parts, wanted, strict=True):
        if want.startswith("{"):
            schema = schemas[want.strip("{}")]
            assert not problems(read_text([unquote(part)], schema), _typed(schema)), (part, want)
        else:
            assert part == want


def check_query(operation: Operation, caught: Caught, extra: frozenset[str], lacks: frozenset[str]) -> set[str]:
    """Each query parameter is known and of its type, each required one is there; return the names sent."""
    schemas = {one["name"]: one for one in operation.parameters if one["in"] == "query"}
    sent: dict[str, list[str]] = {}
    for name, value in caught.query:
        sent.setdefault(name, []).append(value)
    assert set(sent) - set(schemas) == extra
    for name, schema in schemas.items():
        assert name in sent or not schema["required"] or name in lacks, f"{name} is missing"
        if name in sent:
            found = problems(read_text(sent[name], schema), _typed(schema), name)
            assert not found, found
    return set(sent) & set(schemas)


def check_headers(operation: Operation, caught: Caught) -> set[str]:
    """Each header that the operation knows has one of its values; return the names sent."""
    sent = set()
    for one in operation.parameters:
        if one["in"] == "header" and one["name"].lower() in caught.headers:
            value = caught.headers[one["name"].lower()]
            if one["name"] != "Accept-Encoding" or value != "identity":
                assert value in one.get("enum", [value])
                sent.add(one["name"])
    return sent


def check_body(operation: Operation, caught: Caught, lacks: frozenset[str]) -> set[str]:
    """The body has one of the operation's media types and fits its schema; return the properties sent."""
    if not operation.body:
        assert caught.body == b""
        return set()
    media_type = caught.headers.get("content-type", "").partition(";")[0]
    assert media_type in operation.body
    schema = operation.body[media_type]
    if media_type == "text/csv":
        assert caught.body
        return set()
    if media_type == "application/json":
        value = json.loads(caught.body)
    else:
        fields = parse_qs(caught.body.decode(), keep_blank_values=True, strict_parsing=True)
        value = {name: _form_value(schema, name, texts) for name, texts in fields.items()}
    found = [line for line in problems(value, schema) if not any(f"lacks {name}" in line for name in lacks)]
    assert not found, found
    if isinstance(value, list):
        return {name for one in value for name in one}
    unknown = {name for name in value if not property_schema(schema, name)}
    assert not unknown or not schema, f"{unknown} are not in the specification"
    return set(value)


def check_authorization(kind: str, caught: Caught) -> None:
    """The credentials were sent in the form of their kind."""
    assert caught.headers["authorization"] == HEADERS[kind]


def _form_value(schema: Mapping[str, Any], name: str, texts: list[str]) -> object:
    found = property_schema(schema, name)
    if found.get("type") == "array" and len(texts) == 1 and texts[0].startswith("["):
        return json.loads(texts[0])
    if found.get("type") == "string" and len(texts) > 1:
        return texts[0]  # repeated: each of them is a value
    if name == "behaviors":
        return len(json.loads(texts[0]))  # see the deviation
    return read_text(texts, found)


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in schema.items() if word not in {"name", "in", "required"}}
