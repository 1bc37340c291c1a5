"""CORS: web pages of any origin may send to the endpoints of the SDKs, and read the reply, but to no others."""

import re

from aiohttp import web
from aiohttp.typedefs import Handler

SDK_PATHS = frozenset({"/track", "/import", "/engage", "/groups", "/decide", "/record", "/settings", "/flags"})
_METHODS = "GET, POST, OPTIONS"
_HEADERS = re.compile(r"[A-Za-z0-9\-, ]{0,1000}")
_MAX_AGE_SECONDS = "600"


def plain_path(path: str) -> str:
    """Return a path without `#operation` and trailing slash: clients send both, and the endpoint is the same."""
    return path.partition("#")[0].rstrip("/") or "/"


@web.middleware
async def share_with_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflight requests of web pages, and let them read the replies of the SDKs' endpoints."""
    origin = request.headers.get("Origin")
    path = plain_path(request.path)
    if origin is None or not (path in SDK_PATHS or path.startswith("/flags/")):
        return await handler(request)
    if request.method == "OPTIONS":
        reply: web.StreamResponse = web.Response(status=204)
        reply.headers["Access-Control-Allow-Methods"] = _METHODS
        asked = request.headers.get("Access-Control-Request-Headers", "")
        reply.headers["Access-Control-Allow-Headers"] = asked if _HEADERS.fullmatch(asked) else ""
        reply.headers["Access-Control-Max-Age"] = _MAX_AGE_SECONDS
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            reply.headers["Access-Control-Allow-Private-Network"] = "true"
    else:
        reply = await handler(request)
    if not reply.prepared:
        # The browser SDK sends cookies along; with "*" the browser would hide the reply. The server reads no cookie.
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Allow-Credentials"] = "true"
        reply.headers["Vary"] = "Origin"
    return reply
