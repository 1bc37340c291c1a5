"""The middleware in FastAPI, Starlette and Litestar: how they name routes, and what they do around a request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException
from litestar import Controller, Litestar, Router, asgi, get
from litestar.middleware import DefineMiddleware
from litestar.types import Receive as LitestarReceive
from litestar.types import Scope as LitestarScope
from litestar.types import Send as LitestarSend
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Host, Mount, Route

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.middleware import ASGIMiddleware
from tests.integration.middleware.serving import own, sent, serving

# A method and a path, and the route and status that its event must have.
Cases = list[tuple[str, str, str, int]]
NO_ROUTE = "(no route)"


async def text(request: Request) -> Response:
    del request
    return PlainTextResponse("x")


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return await text(request)


def starlette() -> Starlette:
    inner = Starlette(routes=[Route("/items/{item:int}", text), Route("/class/{name}", Endpoint)])
    return Starlette(
        routes=[
            Route("/", text),
            Route("/users/{user_id:int}", text, methods=["GET"]),
            Route("/files/{path:path}", text),
            Mount("/sub", inner),
            Mount("/tenants/{tenant}", routes=[Mount("/deep", inner), Route("/", text)]),
            Mount("/raw", PlainTextResponse("raw")),
            Host("api.example.com", Starlette(routes=[Route("/hosted/{x}", text)])),
        ]
    )


STARLETTE: Cases = [
    ("GET", "/", "/", 200),
    ("GET", "/?secret=1", "/", 200),
    ("GET", "/users/7", "/users/{user_id:int}", 200),
    ("HEAD", "/users/7", "/users/{user_id:int}", 200),
    ("POST", "/users/7", "/users/{user_id:int}", 405),
    ("GET", "/users/secret", NO_ROUTE, 404),
    ("GET", "/files/a/secret/b", "/files/{path:path}", 200),
    ("GET", "/sub/items/3", "/sub/items/{item:int}", 200),
    ("POST", "/sub/items/3", "/sub/items/{item:int}", 405),
    ("GET", "/sub/secret", NO_ROUTE, 404),
    ("GET", "/sub", NO_ROUTE, 307),
    ("GET", "/tenants/secret/deep/items/3", "/tenants/{tenant}/deep/items/{item:int}", 200),
    ("GET", "/tenants/secret/deep/class/x", "/tenants/{tenant}/deep/class/{name}", 200),
    ("GET", "/tenants/secret/deep/nothing", NO_ROUTE, 404),
    ("GET", "/tenants/secret/", "/tenants/{tenant}/", 200),
    ("GET", "/raw/secret/x", "/raw/{path}", 200),
    ("GET", "/wp-admin/secret.php", NO_ROUTE, 404),
    ("GET", "/users/7/", NO_ROUTE, 307),
    ("PROPFIND", "/", "/", 405),
]


def fastapi() -> FastAPI:
    app, sub = FastAPI(), FastAPI()

    @sub.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    innermost = APIRouter(prefix="/inner")

    @innermost.get("/{name}")
    async def name(name: str) -> str:
        return name

    inner = APIRouter(prefix="/v1")

    @inner.get("/users/{user_id}")
    async def user(user_id: int) -> int:
        if not user_id:
            raise HTTPException(404)
        return user_id

    inner.include_router(innermost)
    inner.mount("/mounted/{tenant}", sub)
    app.include_router(inner, prefix="/api")
    app.mount("/sub", sub)
    app.mount("/tenants/{tenant}", sub)
    app.mount("/starlette", starlette())

    @app.get("/plain/{x}")
    def plain(x: str) -> str:
        return x

    return app


FASTAPI: Cases = [
    ("GET", "/plain/secret", "/plain/{x}", 200),
    ("POST", "/plain/secret", "/plain/{x}", 405),
    ("GET", "/plain/secret/", NO_ROUTE, 307),
    ("GET", "/api/v1/users/7", "/api/v1/users/{user_id}", 200),
    ("GET", "/api/v1/users/0", "/api/v1/users/{user_id}", 404),
    ("GET", "/api/v1/users/secret", "/api/v1/users/{user_id}", 422),
    ("POST", "/api/v1/users/7", "/api/v1/users/{user_id}", 405),
    ("GET", "/api/v1/inner/secret", "/api/v1/inner/{name}", 200),
    ("GET", "/api/v1/secret", NO_ROUTE, 404),
    ("GET", "/sub/items/3", "/sub/items/{item}", 200),
    ("GET", "/sub/secret", NO_ROUTE, 404),
    ("GET", "/tenants/secret/items/3", "/tenants/{tenant}/items/{item}", 200),
    ("GET", "/api/mounted/secret/items/3", "/api/mounted/{tenant}/items/{item}", 200),
    ("GET", "/starlette/tenants/secret/deep/items/3", "/starlette/tenants/{tenant}/deep/items/{item:int}", 200),
    ("GET", "/openapi.json", "/openapi.json", 200),
    ("GET", "/secret", NO_ROUTE, 404),
]


@get("/users/{user_id:int}")
async def litestar_user() -> str:
    return "x"


class Accounts(Controller):
    path = "/accounts/{tenant:str}"

    @get("/x")
    async def x(self) -> str:
        return "x"


@asgi("/mounted", is_mount=True, copy_scope=True)
async def mounted(scope: LitestarScope, receive: LitestarReceive, send: LitestarSend) -> None:
    await PlainTextResponse("x")(scope, receive, send)  # type: ignore[arg-type]


def litestar() -> Litestar:
    return Litestar([litestar_user, Router("/v1", route_handlers=[Accounts]), mounted])


LITESTAR: Cases = [
    ("GET", "/users/7", "/users/{user_id}", 200),
    ("GET", "/users/secret", NO_ROUTE, 404),
    ("GET", "/v1/accounts/secret/x", "/v1/accounts/{tenant}/x", 200),
    ("GET", "/mounted/secret/x", "/{path}", 200),
    ("GET", "/secret", NO_ROUTE, 404),
]


async def asked(url: str, cases: Cases) -> list[int]:
    """Send the requests, one after the other; return the statuses."""
    found = []
    async with aiohttp.ClientSession() as http:
        for method, path, _, _ in cases:
            async with http.request(method, url + path, allow_redirects=False) as reply:
                found.append(reply.status)
                await reply.read()
    return found


@pytest.mark.parametrize("is_outside", [False, True])
@pytest.mark.parametrize(("make", "cases"), [(starlette, STARLETTE), (fastapi, FASTAPI), (litestar, LITESTAR)])
async def test_routes(
    make: Callable[[], Any], cases: Cases, is_outside: bool, mp: AsyncMixpanel, emulator: Emulator
) -> None:
    """The event has the whole template, also through mounts and included routers, and never a part of the path."""
    app = make()
    if is_outside:
        app = ASGIMiddleware(app, mp, request_event="R")
    elif isinstance(app, Litestar):
        middleware = DefineMiddleware(ASGIMiddleware, client=mp, request_event="R")  # type: ignore[arg-type]
        app = Litestar([litestar_user, Router("/v1", route_handlers=[Accounts]), mounted], middleware=[middleware])
        cases = [case for case in cases if case[3] == 200]  # it runs around routes that were found
    else:
        app.add_middleware(ASGIMiddleware, client=mp, request_event="R")
    async with serving(app) as url:
        assert await asked(url, cases) == [status for _, _, _, status in cases]
    events = [event["properties"] for event in await sent(emulator, mp)]
    assert [(each["route"], each["status"]) for each in events] == [(route, status) for _, _, route, status in cases]
    assert "secret" not in str([(each["route"], each["method"]) for each in events])


async def test_hosts(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A route of a host has its template; several middlewares, also in mounted applications, each say their own."""
    app = starlette()
    app.add_middleware(ASGIMiddleware, client=mp, request_event="Outer")
    async with (
        serving(ASGIMiddleware(app, mp, request_event="Outermost")) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/hosted/secret", headers={"host": "api.example.com"}) as reply,
    ):
        assert reply.status == 200
    events = await sent(emulator, mp)
    assert {event["properties"]["route"] for event in events} == {"/hosted/{x}"}


async def test_a_middleware_inside_another(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """A middleware of a mounted application names routes from there on, and does not disturb the outer one."""
    sub = FastAPI()
    sub.add_middleware(ASGIMiddleware, client=mp, request_event="Inner")

    @sub.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    app = FastAPI()
    app.add_middleware(ASGIMiddleware, client=mp, request_event="Outer")
    app.mount("/tenants/{tenant}", sub)
    async with serving(app) as url:
        await asked(url, [("GET", "/tenants/secret/items/3", "", 200)])
    routes = {event["event"]: event["properties"]["route"] for event in await sent(emulator, mp)}
    assert routes == {"Outer": "/tenants/{tenant}/items/{item}", "Inner": "/items/{item}"}


async def test_fastapi_around_a_request(mp: AsyncMixpanel, emulator: Emulator) -> None:
    """Dependencies, functions in threads, background tasks, streams and other middlewares are inside the context."""
    app = FastAPI()

    async def user(request: Request) -> str:
        request.state.user = request.headers["x-user"]
        return str(request.state.user)

    @app.get("/thread")
    def thread(user: Annotated[str, Depends(user)]) -> str:
        mp.submit(None, "Thread").result(10)
        return user

    @app.get("/background")
    async def background(tasks: BackgroundTasks, user: Annotated[str, Depends(user)]) -> str:
        tasks.add_task(later)
        return user

    async def later() -> None:
        mp.track_nowait(None, "Background")

    @app.get("/stream")
    async def stream(user: Annotated[str, Depends(user)]) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            for part in user:
                mp.track_nowait(None, "Part")
                yield part

        return StreamingResponse(parts())

    async def pass_on(request: Request, call_next: Callable[..., Any]) -> Response:
        response: Response = await call_next(request)
        return response

    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    app.add_middleware(
        ASGIMiddleware, client=lambda scope: scope["app"].state.mp, request_event="R",
        distinct_id=lambda scope: getattr(Request(scope).state, "user", None),
    )  # fmt: skip
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    app.state.mp = mp

    async def ask(http: aiohttp.ClientSession, path: str, number: int) -> None:
        async with http.get(f"{url}/{path}", headers={"x-user": f"u{number}"}) as reply:
            assert (await reply.text()).strip('"') == f"u{number}"

    async with serving(app) as url, aiohttp.ClientSession() as http:
        paths = ("thread", "background", "stream")
        await asyncio.gather(*[ask(http, path, number) for number in range(20) for path in paths])
    found: dict[str, set[str]] = {}
    for event in await sent(emulator, mp):
        found.setdefault(event["event"], set()).add(str(own(event)["distinct_id"]))
    everybody = {f"u{number}" for number in range(20)}
    assert found == {"Thread": everybody, "Background": everybody, "Part": everybody, "R": everybody}
