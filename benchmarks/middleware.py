"""Row 19: what the middleware costs a request, against the same application without it."""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from benchmarks.measure import ROUNDS, Figure, sink
from benchmarks.subjects import client
from mixpanel_async import AsyncMixpanel
from mixpanel_async.middleware import ASGIMiddleware, ClientIP

REQUESTS: Final = 250  # of a turn
TURNS: Final = 20
MOST_MICROSECONDS: Final = 60.0
LEAST_RATIO: Final = 0.65
_HEADERS: Final = [
    (b"host", b"shop.example.com"),
    (b"user-agent", b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"),
    (b"accept", b"application/json"),
    (b"x-forwarded-for", b"203.0.113.9, 198.51.100.7"),
    (b"x-user", b"user-1"),
]
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "context": {"distinct_id": lambda _: "user-1"},
    "sampled": {"distinct_id": lambda _: "user-1", "request_event": "Request Served", "sample_rate": 0.1},
    "event": {"distinct_id": lambda _: "user-1", "request_event": "Request Served"},
    "everything": {
        "distinct_id": lambda _: "user-1",
        "request_event": "Request Served",
        "user_agent": True,
        "client_ip": ClientIP(trusted_proxies=1),
    },
}


def _application() -> FastAPI:
    app = FastAPI()

    @app.get("/users/{user_id}")
    async def read_user(user_id: int) -> dict[str, int]:
        return {"user_id": user_id}

    return app


async def _receive() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: object) -> None:
    del message


async def _serve(app: Callable[..., Any]) -> float:
    """Serve the requests, without a socket; return the microseconds of CPU for each."""
    began = time.process_time()
    for number in range(REQUESTS):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/users/{number}",
            "raw_path": b"",
            "query_string": b"",
            "root_path": "",
            "headers": _HEADERS,
            "client": ("10.0.0.1", 4711),
            "server": ("10.0.0.2", 80),
            "state": {},
        }
        await app(scope, _receive, _send)
    return (time.process_time() - began) / REQUESTS * 1e6


async def _compare(mp: AsyncMixpanel, options: dict[str, Any]) -> list[tuple[float, float]]:
    """Return the microseconds of CPU for a request, without the middleware and with it, of each round."""
    plain, tracked = _application(), _application()
    tracked.add_middleware(ASGIMiddleware, client=mp, **options)
    found = []
    for _ in range(ROUNDS + 1):
        without = beside = 0.0
        for _ in range(TURNS):  # in short turns, so that whatever else the machine does slows down both
            without += await _serve(plain) / TURNS
            beside += await _serve(tracked) / TURNS
        began = time.process_time()
        await mp.flush()  # the delivery is a part of the cost
        found.append((without, beside + (time.process_time() - began) / (TURNS * REQUESTS) * 1e6))
    return found[1:]


async def _measure(port: int) -> dict[str, list[tuple[float, float]]]:
    found = {}
    for name, options in _OPTIONS.items():
        async with client(port) as mp:
            found[name] = await _compare(mp, options)
    return found


def row_19_middleware(_scratch: Path) -> Figure:
    """A request of FastAPI without a socket, with user and event, compared with the same without the middleware."""
    with sink() as port:
        found = asyncio.run(_measure(port))
    values = [without / beside for without, beside in found["event"]]
    added = {
        f"microseconds_{name}": round(statistics.median(beside - without for without, beside in pairs), 1)
        for name, pairs in found.items()
    }
    plain = statistics.median(without for without, _ in found["event"])
    return Figure(
        "19 a request with the middleware: user and event",
        "the same without it, FastAPI without a socket",
        f">= {LEAST_RATIO}, <= {MOST_MICROSECONDS:g} us",
        values,
        statistics.median(values) >= LEAST_RATIO and added["microseconds_event"] <= MOST_MICROSECONDS,
        {"microseconds_without": round(plain, 1), **added},
    )
