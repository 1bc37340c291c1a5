"""Events, rejections and requests as lines of the page's lists, and as a whole; secrets are hidden."""

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from mixpanel_async.emulator.activity import Exchange, Rejection

_PREVIEW: Final = 300
_LONG_TEXT: Final = 4000
_MAX_JSON_BYTES: Final = 2_000_000
_GZIP_WINDOW: Final = 31
_SECRET_NAME: Final = re.compile(
    r"authori[sz]ation|cookie|secret|password|credential|(api|access|auth).?(key|token)", re.IGNORECASE
)
HIDDEN: Final = "(hidden)"


def event_head(row: Sequence[Any]) -> dict[str, Any]:
    """Return the line of an event, from a row of `selection`."""
    seq, project, event, distinct_id, time_ms, received_ms, superseded, preview, is_cut = row
    return {
        "number": seq,
        "project": project,
        "event": event,
        "distinct_id": distinct_id,
        "time_ms": time_ms,
        "received_ms": received_ms,
        "superseded": superseded,
        "preview": preview + ("…" if is_cut else ""),
    }


def rejection_head(rejection: Rejection) -> dict[str, Any]:
    """Return the line of a rejected record."""
    record = rejection.record
    return {
        "number": rejection.number,
        "at_ms": round(rejection.at * 1000),
        "path": shown(rejection.path),
        "field": shown(rejection.field),
        "message": shown(rejection.message),
        "name": shown(str(record.get("event", ""))) if isinstance(record, dict) else "",
        "is_demanded": rejection.is_demanded,
    }


def request_head(exchange: Exchange) -> dict[str, Any]:
    """Return the line of a request."""
    log = exchange.log
    return {
        "number": exchange.number,
        "at_ms": round(log.at * 1000),
        "method": shown(log.method),
        "path": shown(log.path),
        "status": log.status,
        "records": log.records,
        "bytes": log.bytes,
        "fault": log.fault,
        "error": None if log.error is None else shown(log.error),
        "ms": None if log.seconds is None else round(log.seconds * 1000, 1),
    }


def request_details(exchange: Exchange) -> dict[str, Any]:
    """Return everything that is known of a request."""
    log = exchange.log
    return {
        **request_head(exchange),
        "query": _shown_pairs(log.query),
        "headers": _shown_pairs(log.headers),
        "body_sha256": log.body_sha256,
        "body": _body_text(exchange.body_start, log.headers),
        "is_body_cut": log.bytes > len(exchange.body_start),
    }


def shown(text: str, characters: int = _PREVIEW) -> str:
    """Return a text of the request that JSON takes, with a bounded length."""
    cut = text if len(text) <= characters else text[:characters] + "…"
    return cut.encode("utf-8", "replace").decode()


def indented(value: object) -> str:
    """Return a value as indented JSON, with a bounded length."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    if len(text) <= _MAX_JSON_BYTES:
        return text.decode()
    return text[:_MAX_JSON_BYTES].decode("utf-8", "ignore") + "\n… (cut: the record is larger than 2 MB)"


def _shown_pairs(pairs: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (shown(name), shown(value, _LONG_TEXT) if _is_harmless(name, value) else HIDDEN)
        for name, value in pairs.items()
    ]


def _is_harmless(name: str, value: str) -> bool:
    # The log has only the scheme of these two.
    if name.lower() in {"authorization", "proxy-authorization"}:
        return value.isalpha()
    return _SECRET_NAME.search(name) is None


def _body_text(body: bytes, headers: Mapping[str, str]) -> str:
    encoding = next((value for name, value in headers.items() if name.lower() == "content-encoding"), "")
    if encoding.lower() == "gzip":
        try:
            body = zlib.decompressobj(_GZIP_WINDOW).decompress(body, _LONG_TEXT)
        except zlib.error:
            return "(not gzip)"
    return shown(body.decode("utf-8", "replace"), _LONG_TEXT)
