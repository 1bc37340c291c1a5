"""Request bodies: bounded reading, decompression and decoding."""

import hashlib
import urllib.parse
import zlib
from typing import Any

import orjson
from aiohttp import web

from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import BODY, LOG

_GZIP_WINDOW = 31  # zlib's wbits for a stream with gzip header and trailer
_MAX_MEMBERS = 1000
_MAX_FIELDS = 10_000


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """Return the body as sent, and log its size and digest. A second call returns the same bytes.

    Raises:
        RefusalError: With 413, if the body is larger than `max_bytes`.
    """
    if BODY in request:
        return request[BODY]
    log = request[LOG]
    parts: list[bytes] = []
    digest = hashlib.sha256()
    async for part in request.content.iter_any():
        log.bytes += len(part)
        if log.bytes > max_bytes:
            raise too_large(max_bytes)
        digest.update(part)
        parts.append(part)
    log.body_sha256 = digest.hexdigest()
    request[BODY] = b"".join(parts)
    return request[BODY]


def too_large(max_bytes: int) -> RefusalError:
    """Return the error for a body larger than `max_bytes`."""
    return RefusalError(413, f"request exceeds max limit of {max_bytes} bytes")


def malformed(message: str) -> RefusalError:
    """Return the error for a body that cannot be decoded; nothing of it is stored."""
    return RefusalError(400, message, facts={"num_records_imported": 0})


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Decompress a body into at most `max_bytes`.

    Args:
        body: The body as sent.
        encoding: Content-Encoding, "" for none.
        max_bytes: Maximum size of the result.

    Raises:
        RefusalError: With 413, if the result is larger; with 400, if the gzip stream is malformed; with 415, if the
            encoding is not supported.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise RefusalError(415, f"unsupported Content-Encoding {encoding!r}")
    parts: list[bytes] = []
    left = max_bytes
    rest = body
    while rest:
        if len(parts) == _MAX_MEMBERS:  # each copies the rest of the body
            raise RefusalError(400, f"malformed gzip body: it has more than {_MAX_MEMBERS} members")
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = stream.decompress(rest, left + 1)
        except zlib.error as error:
            raise RefusalError(400, f"malformed gzip body: {error}") from error
        left -= len(part)
        if left < 0:
            raise too_large(max_bytes)
        if not stream.eof:
            raise RefusalError(400, "malformed gzip body: it is truncated")
        parts.append(part)
        rest = stream.unused_data
    return b"".join(parts)


def decode_json(body: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Decode a complete body as JSON.

    Raises:
        RefusalError: With 400, if the body is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"malformed JSON: {error}") from error


def decode_form(body: bytes) -> dict[str, str]:
    """Decode a form, which may be empty; the last value of a repeated field counts.

    Raises:
        RefusalError: With 400, if the body is not a form.
    """
    return dict(decode_fields(body))


def decode_fields(body: bytes) -> list[tuple[str, str]]:
    """Decode the fields of a form, which may be empty, in their order.

    Raises:
        RefusalError: With 400, if the body is not a form.
    """
    try:
        text = body.decode().strip("&")  # some senders end a form with it
        if not text:
            return []
        return urllib.parse.parse_qsl(text, strict_parsing=True, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise RefusalError(400, f"malformed form: {error}") from error
