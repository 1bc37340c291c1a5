"""A server that records requests and sends a configured reply."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from mixpanel_async.auth import Credential
from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.config import Rates, Server, Settings

SERVERS: tuple[Server, ...] = ("ingestion", "data", "query", "app")
UNLIMITED = Rates(
    ingestion_events_per_minute=None,
    ingestion_bytes_per_minute=None,
    query_per_hour=None,
    export_per_hour=None,
    export_per_second=None,
    schemas_per_minute=None,
    schemas_entities_per_minute=None,
    gdpr_per_second=None,
)


class Caught(msgspec.Struct):
    """A request that arrived; the first part of its path names the server."""

    method: str
    server: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


class Wire:
    """Catches requests; `reply` is what it answers with."""

    def __init__(self) -> None:
        self.caught: list[Caught] = []
        self.status = 200
        self.reply = b"{}"
        self.content_type = "application/json"
        self.base = ""

    async def answer(self, request: web.Request) -> web.Response:
        _, server, path = request.raw_path.partition("?")[0].split("/", 2)
        self.caught.append(
            Caught(
                request.method,
                server,
                f"/{path}",
                list(request.query.items()),
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
            )
        )
        body = b"" if self.status == 204 else self.reply
        return web.Response(status=self.status, body=body, content_type=self.content_type if body else None)

    @property
    def bases(self) -> Mapping[Server, str]:
        """The address of each server: one socket, and a path of its own."""
        return {server: f"{self.base}/{server}" for server in SERVERS}

    def client(self, credentials: Credential | None) -> AsyncMixpanel:
        """Return a client of this wire, as users make one."""
        return AsyncMixpanel(
            "project-token",
            credentials=credentials,
            project_id=1,
            workspace_id=2,
            base_url=self.bases,
            settings=Settings(rates=UNLIMITED, max_call_retries=0),
        )


@asynccontextmanager
async def listening() -> AsyncIterator[Wire]:
    """A wire on a socket of this machine."""
    wire = Wire()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{rest:.*}", wire.answer)
    async with TestServer(app) as server:
        wire.base = f"http://127.0.0.1:{server.port}"
        yield wire
