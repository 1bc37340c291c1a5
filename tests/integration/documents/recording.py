"""A server that records whole requests; what is meant for Mixpanel's servers is led to it, with the server's name."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from aiohttp import BodyPartReader, web
from aiohttp.test_utils import TestServer

from mixpanel_async.session.messages import WireRequest
from mixpanel_async.session.transport import AiohttpTransport

_ORIGIN: Final = "X-Meant-For"
_HEADERS: Final = ("authorization", "content-type", "content-encoding", "accept-encoding")
DONE: Final = b'{"status":"ok","pipeline_names":[]}'
GIF: Final = b"GIF89a\x01\x00\x01\x00"


class Recorded(msgspec.Struct):
    """A request as it arrived, in a form that can be compared.

    Attributes:
        method: HTTP method.
        host: Scheme and host that it was meant for.
        path: Path without the query.
        query: Query parameters in their order.
        headers: Those that carry meaning, and those that begin with X-.
        body: The decoded JSON, the fields of a form, the parts of a multipart form, or the bytes.
        at: When it arrived.
    """

    method: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: object
    at: float = 0.0

    def comparable(self) -> dict[str, object]:
        """Everything but the time."""
        fields = msgspec.structs.asdict(self)
        del fields["at"]
        return {**fields, "query": sorted(self.query)}


class Server:
    """What arrived, and how the next requests are answered."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Recorded] = []
        self.failures = 0
        self.delay_seconds = 0.0
        self.text: str | None = None

    def reset(self) -> None:
        """Forget everything."""
        self.seen, self.failures, self.delay_seconds, self.text = [], 0, 0.0, None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Record a request and answer as Mixpanel does."""
        self.seen.append(await _record(request))
        await asyncio.sleep(self.delay_seconds)
        if self.failures:
            self.failures -= 1
            return web.json_response({"error": "later"}, status=500)
        if self.text is not None:
            return web.Response(text=self.text)
        if "redirect" in request.query:
            return web.Response(status=302, headers={"Location": request.query["redirect"]})
        if request.query.get("img") == "1":
            return web.Response(body=GIF, content_type="image/gif")
        if request.query.get("format") == "csv":
            return web.Response(text="date,count\n2026-08-01,1\n", content_type="text/csv")
        return _reply(request.path)


_REPLIES: Final[Mapping[str, object]] = {
    "/track": {"error": None, "status": 1},
    "/engage": {"error": None, "status": 1},
    "/groups": {"error": None, "status": 1},
    "/import": {"code": 200, "num_records_imported": 1, "status": "OK"},
    "/api/query/jql": [],
    "/api/query/funnels/list": [],
    "/api/query/cohorts/list": [],
    "/api/query/events/names": [],
    "/api/query/events/properties/values": [],
    "/api/query/events/properties/top": {"plan": {"count": 1}},
    "/api/query/events/top": {"events": [], "type": "general"},
    "/api/query/events": {"data": {"series": [], "values": {}}, "legend_size": 0},
    "/api/query/events/properties": {"data": {"series": [], "values": {}}, "legend_size": 0},
    "/api/query/engage": {"results": [], "page": 0, "session_id": "s", "page_size": 1000, "total": 0, "status": "ok"},
    "/api/query/stream/query": {"status": "ok", "results": {"events": []}},
    "/api/query/insights": {"headers": [], "computed_at": "2026-08-01", "date_range": {}, "series": {}},
    "/api/query/funnels": {"meta": {"dates": []}, "data": {}},
    "/api/2.0/nessie/pipeline/jobs": {"1": []},
    "/api/2.0/nessie/pipeline/status": {"pending": []},
    "/api/app/me": {"status": "ok", "results": {"projects": {}}},
    "/lookup-tables": {"code": 200, "status": "OK", "results": []},
}


def _reply(path: str) -> web.StreamResponse:
    if path == "/api/2.0/export":
        return web.Response(text='{"event":"A","properties":{"distinct_id":"u","time":1}}\n')
    if path.startswith("/lookup-tables/"):
        return web.json_response({"code": 200, "status": "OK"})
    return (
        web.Response(body=DONE, content_type="application/json")
        if path not in _REPLIES
        else web.json_response(_REPLIES[path])
    )


async def _record(request: web.Request) -> Recorded:
    headers = {n.lower(): v for n, v in request.headers.items() if n.lower() in _HEADERS or n.lower().startswith("x-")}
    host = headers.pop(_ORIGIN.lower(), "")
    kind = headers.get("content-type", "").partition(";")[0]
    body: Any
    if kind == "multipart/form-data":
        headers["content-type"] = kind  # the boundary is made by chance
        body = await _parts(request)
    else:
        content = await request.read()
        body = _decoded(kind, content)
    query = parse_qsl(urlsplit(request.raw_path).query, keep_blank_values=True)
    path = urlsplit(request.raw_path).path
    return Recorded(request.method, host, path, query, headers, body, asyncio.get_running_loop().time())


async def _parts(request: web.Request) -> list[tuple[str | None, str | None, bytes]]:
    found = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        found.append((part.name, part.filename, bytes(await part.read())))
    return sorted(found, key=str)


def _decoded(kind: str, content: bytes) -> object:
    if kind == "application/json":
        return json.loads(content)
    if kind == "application/x-www-form-urlencoded":
        fields = parse_qsl(content.decode(), keep_blank_values=True)
        return sorted((name, json.loads(value) if value[:1] in {"{", "["} else value) for name, value in fields)
    return content


@asynccontextmanager
async def recording(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """Run a server to which every client of this process sends what is meant for Mixpanel."""
    server = Server()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{rest:.*}", server.answer)
    async with TestServer(app) as running:
        server.url = f"http://127.0.0.1:{running.port}"
        for name in ("send", "open_stream"):
            monkeypatch.setattr(AiohttpTransport, name, _led(getattr(AiohttpTransport, name), server))
        yield server


def _led(method: Callable[..., Any], server: Server) -> Callable[..., Any]:
    async def led(self: AiohttpTransport, request: WireRequest) -> Any:  # noqa: ANN401 - as the method returns
        parts = urlsplit(request.url)
        meant = f"{parts.scheme}://{parts.netloc}"
        changed = msgspec.structs.replace(
            request,
            url=request.url.replace(meant, server.url, 1),
            headers={**request.headers, _ORIGIN: meant},
        )
        return await method(self, changed)

    return led
