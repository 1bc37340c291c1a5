"""What answers the examples: the local server for records, published replies for everything else."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from mixpanel_async.emulator import Emulator
from mixpanel_async.json_types import JSONValue
from tests.contract.operations import OPERATIONS, Operation
from tests.contract.schema import make_up

# The local server keeps records and gives them back; these are its paths.
KEPT: Final = ("/track", "/import", "/engage", "/groups", "/api/2.0/export", "/api/query/engage")


def reply_of(operation: Operation) -> JSONValue:
    """Return a published example of a reply, or a value that fits its schema; None where no reply is described."""
    for reply in operation.replies.values():
        if "examples" in reply:
            return reply["examples"][0]
        if "schema" in reply:
            return make_up(reply["schema"])
    return None


_ROUTES: Final = [
    (operation.method, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", operation.path)), operation)
    # A path with fewer parameters first: /annotations/tags is not /annotations/{id}.
    for operation in sorted(OPERATIONS.values(), key=lambda one: one.path.count("{"))
]


async def answer(request: web.Request) -> web.Response:
    """Answer with the published reply of the operation."""
    path = request.raw_path.partition("?")[0]
    for method, pattern, operation in _ROUTES:
        if method == request.method and pattern.fullmatch(path):
            reply = reply_of(operation)
            if reply is None:
                return web.Response(status=operation.status)
            return web.json_response(reply, status=operation.status)
    raise web.HTTPNotFound(text=f"no published operation: {request.method} {path}")


class Service:
    """A Mixpanel on this machine.

    Args:
        records: URL of the local server.
        replies: URL of the server with the published replies.
    """

    def __init__(self, records: str, replies: str) -> None:
        self._records = records
        self._replies = replies

    def url_of(self, url: str) -> str:
        """Return the local URL that stands for one of Mixpanel's; a local URL stays as it is."""
        if "mixpanel.com" not in url:
            return url
        path = "/" + url.split("/", 3)[3]
        base = self._records if path.partition("?")[0] in KEPT else self._replies
        return f"{base}{path}"


@asynccontextmanager
async def running() -> AsyncIterator[Service]:
    """Run both servers."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{rest:.*}", answer)
    async with Emulator() as emulator, TestServer(app) as server:
        yield Service(emulator.url, f"http://127.0.0.1:{server.port}")
