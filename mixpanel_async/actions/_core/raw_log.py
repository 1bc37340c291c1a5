"""Describes a raw request for the log, without its secrets."""

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from mixpanel_async.redaction import REDACTED, printable
from mixpanel_async.session import Request, Session

_SHOWN_HEADERS: Final = frozenset({"accept", "accept-encoding", "content-encoding", "content-type", "user-agent"})
_SECRET_NAME: Final = re.compile(r"token|secret|passw|credential|auth|key|signature|session|cookie", re.IGNORECASE)
_MAX_CHARACTERS: Final = 4096
_FORM: Final = "application/x-www-form-urlencoded"


def request_text(session: Session, request: Request) -> str:
    """Return a request as text: method, address, query, headers and body.

    The values of parameters, fields and headers whose names speak of secrets are left out, and so are the client's
    secrets wherever they stand. Of a body that is neither a form nor JSON, only the size is shown.
    """
    url = urlsplit(request.path)
    where = f"{url.scheme}://{url.netloc}{url.path}" if url.scheme else f"{request.server}:{url.path}"
    in_url = parse_qsl(url.query, keep_blank_values=True)
    query = _fields((*in_url, *request.query)) or "none"
    headers = {n: v if n.lower() in _SHOWN_HEADERS else REDACTED for n, v in request.headers.items()}
    body = request.body or b""
    text = (
        f"{request.method} {where}; query: {query}; headers: {headers}; "
        f"body: {len(body)} bytes of {request.content_type or 'no media type'}{_body(request, body)}"
    )
    own = request.credential.secrets() if request.credential is not None else ()
    return printable(session.redacted(text, own))


def _body(request: Request, body: bytes) -> str:
    if request.content_type == _FORM:
        text = _fields(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    else:
        try:
            text = json.dumps(_cleaned(json.loads(body)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return ""
    return f": {text[:_MAX_CHARACTERS]}{'...' if len(text) > _MAX_CHARACTERS else ''}"


def _fields(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name}={REDACTED if _SECRET_NAME.search(name) else value}" for name, value in pairs)


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return {name: REDACTED if _SECRET_NAME.search(name) else _cleaned(inner) for name, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value
