"""A clock that sleep() advances, and a server that follows a script."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from mixpanel_async.auth import Credential, ServiceAccount
from mixpanel_async.config import Rates, Region, Settings, servers
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request, Session
from mixpanel_async.session.transport import AiohttpTransport

TOKEN = "project-token"
ACCOUNT = ServiceAccount("user", "account-secret")


class FakeClock:
    """Time that sleep() advances; random values are always the lower bound."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000 + self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        del seconds
        await event.wait()

    def uniform(self, low: float, high: float) -> float:
        del high
        return low


class Seen(msgspec.Struct):
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a URL-encoded form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> JSONValue:
        """The body as JSON."""
        decoded: JSONValue = json.loads(self.body)
        return decoded


Handler: TypeAlias = Callable[[Seen], Coroutine[None, None, web.StreamResponse]]


class Script:
    """Records requests; answers with `replies` in turn and then repeats the last one, or calls `handler`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: list[tuple[int, bytes]] = [(200, b"{}")]
        self.handler: Handler | None = None
        self.url = ""
        self.request: web.Request | None = None

    def answers(self, *values: JSONValue) -> None:
        """Answer with these values as JSON, in turn."""
        self.replies = [(200, json.dumps(value).encode()) for value in values]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(
            request.method, request.raw_path.partition("?")[0], dict(request.query), headers, await request.read()
        )
        self.seen.append(seen)
        self.request = request
        if self.handler is not None:
            return await self.handler(seen)
        status, body = self.replies[0] if len(self.replies) == 1 else self.replies.pop(0)
        return web.Response(status=status, body=body, content_type="application/json")


@asynccontextmanager
async def listening() -> AsyncIterator[Script]:
    script = Script()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{rest:.*}", script.answer)
    async with TestServer(app) as server:
        script.url = f"http://127.0.0.1:{server.port}"
        yield script


class SessionMaker(Protocol):
    """Makes sessions that are closed at the end of the test."""

    def __call__(self, *, max_call_retries: int = 0) -> Session: ...


def make_session(url: str, clock: FakeClock, *, max_call_retries: int = 0, rates: Rates | None = None) -> Session:
    settings = Settings(max_call_retries=max_call_retries, rates=rates or Rates())
    return Session(
        AiohttpTransport(settings),
        servers=servers(Region.US, url),
        settings=settings,
        clock=clock,
        credentials=ACCOUNT,
        token=TOKEN,
        project_id=1,
    )


class Recorder(Session):
    """A session that sends nothing: it records requests and answers with one body."""

    def __init__(
        self,
        body: bytes = b'{"status": "ok", "results": {}}',
        *,
        credentials: Credential | None = ACCOUNT,
        project_id: int | None = 1,
        workspace_id: int | None = 2,
        token: str | None = TOKEN,
    ) -> None:
        settings = Settings()
        super().__init__(
            AiohttpTransport(settings),
            servers=servers(Region.US),
            settings=settings,
            clock=FakeClock(),
            credentials=credentials,
            token=token,
            project_id=project_id,
            workspace_id=workspace_id,
        )
        self.body = body
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(200, {}, self.body)


def lines(values: Sequence[JSONValue]) -> bytes:
    """Values as JSON lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)
