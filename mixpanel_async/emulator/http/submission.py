"""What a request to an ingestion endpoint sends: records and parameters, in any of the forms that clients use.

The records are the body (JSON, or JSON lines), or the parameter `data` of the query or of a form: JSON, or base64 of
it. The other parameters may be in the query or in the form.
"""

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from mixpanel_async.emulator.http.request_body import (
    decode_form,
    decode_json,
    decompress,
    malformed,
    read_body,
    too_large,
)
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import STATE

_FORM = "application/x-www-form-urlencoded"
_LINES = "application/x-ndjson"
_FORM_EXPANSION = 3  # a form escapes a byte as three characters
_SMALL_BYTES = 32_768  # decoded on the loop, because a thread would take longer


class Submission(NamedTuple):
    """The records and parameters of a request.

    Attributes:
        records: Decoded JSON.
        body_bytes: Uncompressed size.
        parameters: Those of the query, replaced by those of a form.
        is_form: Whether the records were in the parameter `data`.
    """

    records: list[Any]
    body_bytes: int
    parameters: Mapping[str, str]
    is_form: bool


def may_have_form(request: web.Request) -> bool:
    """Return whether the parameters of a request may be in its body."""
    return request.content_type == _FORM or "data" in request.query


async def read_submission(request: web.Request, *, compressible: bool) -> Submission:
    """Read and decode a request.

    Args:
        request: The request.
        compressible: Whether the endpoint accepts gzip.

    Raises:
        RefusalError: With 413, if the body is too large; with 400, if it has none of the forms, or is compressed and
            must not be.
    """
    state = request.app[STATE]
    encoding = request.headers.get("Content-Encoding", "").lower()
    if not compressible and encoding not in {"", "identity"}:
        raise RefusalError(400, "compressed bodies are not supported here; send this body without Content-Encoding")
    max_bytes = state.limits.max_batch_bytes
    content_type = request.content_type
    body = await read_body(request, max_bytes * _FORM_EXPANSION if content_type == _FORM else max_bytes)
    decode = partial(_decode, body, encoding, content_type, dict(request.query), max_bytes)
    return decode() if len(body) <= _SMALL_BYTES else await state.run(decode)


def decode_submission(body: bytes, content_type: str, query: Mapping[str, str]) -> Submission:
    """Decode the records and parameters of a request.

    Args:
        body: The uncompressed body.
        content_type: Content-Type without parameters.
        query: Parameters of the query.

    Raises:
        RefusalError: With 400, if the request has none of the forms.
    """
    if content_type == _LINES:
        return Submission(decode_lines(body), len(body), query, is_form=False)
    if body.lstrip()[:1] in {b"[", b"{"}:
        records = as_records(decode_json(body))
        # {"data": ...} is a form that was sent as JSON.
        if len(records) == 1 and isinstance(records[0], dict) and records[0].keys() == {"data"}:
            records = as_records(records[0]["data"])
        return Submission(records, len(body), query, is_form=False)
    parameters = dict(query)
    if content_type == _FORM or body.startswith(b"data="):
        parameters.update(decode_form(body))
    elif body:
        raise malformed("malformed JSON: the body must be JSON, or a form with the parameter data")
    data = parameters.pop("data", "")
    if not data:
        raise malformed("data, missing or empty: send the records as JSON, or in the parameter data")
    plain = _plain_data(data)
    return Submission(as_records(decode_json(plain)), len(plain), parameters, is_form=True)


def as_records(value: object) -> list[Any]:
    """Return the records of decoded JSON: an array of them, or one.

    Raises:
        RefusalError: With 400, if it is neither.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise malformed("the body must be a JSON array of records, or one record")


def decode_lines(body: bytes) -> list[Any]:
    """Decode JSON lines in UTF-8; empty lines are skipped.

    Raises:
        RefusalError: With 400 and the number of the first line that is not JSON.
    """
    records = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise malformed(f"malformed JSON in line {number}: {error}") from error
    return records


def _decode(body: bytes, encoding: str, content_type: str, query: Mapping[str, str], max_bytes: int) -> Submission:
    expansion = _FORM_EXPANSION if content_type == _FORM else 1
    found = decode_submission(decompress(body, encoding, max_bytes * expansion), content_type, query)
    if found.body_bytes > max_bytes:
        raise too_large(max_bytes)
    return found


def _plain_data(data: str) -> bytes:
    if data.lstrip().startswith(("[", "{")):
        return data.encode("utf-8", "surrogateescape")
    try:
        # The "+" of base64 arrives as a space if the sender did not escape it; some senders omit the padding.
        packed = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/")
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:  # not base64, or not ASCII
        raise malformed("the parameter data is neither JSON nor base64") from error
