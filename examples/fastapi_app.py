"""A FastAPI service that tracks each request it answers, and is never slowed down or broken by that.

    pip install mixpanel-async fastapi uvicorn
    MIXPANEL_TOKEN=... uvicorn --app-dir examples fastapi_app:app

Without MIXPANEL_TOKEN it serves and tracks nothing. `mixpanel-async serve` is a local Mixpanel to try it with:
MIXPANEL_BASE_URL=http://127.0.0.1:8080 MIXPANEL_TOKEN=test.
"""

import json
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mixpanel_async import AsyncMixpanel, Outcome, Settings
from mixpanel_async.errors import MixpanelError

log = logging.getLogger("uvicorn.error")  # which uvicorn shows without being configured

SETTINGS = Settings(
    track_via="import",  # a verdict for each event; the project token is enough for it
    overflow="drop_newest",  # when Mixpanel is away for long: never wait for room, lose events and count them
    max_buffer_bytes=16 * 1024 * 1024,
    delivery_deadline_seconds=300.0,
)
STOP_SECONDS = float(os.environ.get("STOP_SECONDS", "10"))  # less than what the supervisor grants after SIGTERM
USER_HEADER = "x-user-id"  # put there by your own gateway; take the user from your session where you have one
NO_ROUTE = "(no route)"  # paths that nobody serves are made up by scanners; as a property they would be endless


class TrackRequests:
    """Tracks "Request Served" after each answer.

    It is plain ASGI: the answer passes through untouched, and the event is made when its last byte is handed over.

    Args:
        app: What is inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, then track it."""
        mixpanel = getattr(scope["app"].state, "mixpanel", None)
        if scope["type"] != "http" or mixpanel is None:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500  # unless an answer begins: what the server sends for an exception

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            await track(mixpanel, scope, status, time.perf_counter() - started)


async def track(mixpanel: AsyncMixpanel, scope: Scope, status: int, seconds: float) -> None:
    """Queue the event of one request; takes microseconds, and raises nothing."""
    properties = {
        "path": getattr(scope.get("route"), "path", NO_ROUTE),
        "method": scope["method"],
        "status": status,
        "duration_ms": round(seconds * 1000, 3),
    }
    try:
        await mixpanel.track(Headers(scope=scope).get(USER_HEADER, ""), "Request Served", properties)
    except MixpanelError as error:
        log.warning("a request was not tracked: %s", error)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the client before the first request; after the last one deliver what is left, for so long."""
    if not os.environ.get("MIXPANEL_TOKEN"):
        log.warning("MIXPANEL_TOKEN is not set: nothing is tracked")
        yield
        return
    mixpanel = app.state.mixpanel = AsyncMixpanel.from_env(settings=SETTINGS)
    try:
        yield
    finally:
        report = await mixpanel.aclose(timeout=STOP_SECONDS)
        told = {
            "since_start": counts_of(mixpanel.stats.outcomes),
            "at_stop": counts_of(report.outcomes),
            "seconds": round(report.duration_seconds, 3),
            "failures": [f"{verdict.reason}: {verdict.message}" for verdict in report.failures],
        }
        log.info("Mixpanel: %s", json.dumps(told))


def counts_of(outcomes: Mapping[Outcome, int]) -> dict[str, int]:
    """Return the outcomes that occurred, by name."""
    return {outcome.value: count for outcome, count in outcomes.items() if count}


app = FastAPI(lifespan=lifespan)
app.add_middleware(TrackRequests)


@app.get("/")
async def read_root() -> dict[str, str]:
    """Answer at once."""
    return {"hello": "world"}


@app.get("/users/{user_id}")
async def read_user(user_id: int) -> dict[str, int]:
    """Answer with what was asked; the event's path is `/users/{user_id}`, whoever the user is."""
    return {"user_id": user_id}
