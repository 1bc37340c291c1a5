"""A FastAPI service that tracks every request, without being slowed down or broken by tracking.

    pip install mixpanel-async fastapi uvicorn
    MIXPANEL_TOKEN=... uvicorn --app-dir examples fastapi_app:app

Without MIXPANEL_TOKEN it serves requests and tracks nothing. To try it with a local server, run `mixpanel-async serve`
and set MIXPANEL_BASE_URL=http://127.0.0.1:8787 MIXPANEL_TOKEN=test.
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

log = logging.getLogger("uvicorn.error")  # uvicorn shows this logger without configuration

SETTINGS = Settings(
    track_via="import",  # returns a verdict for each event; the project token is sufficient
    overflow="drop_newest",  # in a long outage: never wait for buffer space; drop events and count them
    max_buffer_bytes=16 * 1024 * 1024,
    delivery_deadline_seconds=300.0,
)
STOP_SECONDS = float(os.environ.get("STOP_SECONDS", "10"))  # less than the supervisor allows after SIGTERM
USER_HEADER = "x-user-id"  # set by your gateway; if you have sessions, take the user from there
NO_ROUTE = "(no route)"  # scanners request endless made-up paths, which must not become property values


class TrackRequests:
    """Tracks "Request Served" after each response.

    It is plain ASGI: the response passes through unchanged, and the event is tracked after its last byte.

    Args:
        app: The wrapped application.
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
        status = 500  # what the server sends if an exception occurs before the response starts

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
    """Queue the event of one request; this takes microseconds and never raises."""
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
    """Open the client before the first request; after the last one, deliver queued events within STOP_SECONDS."""
    if not os.environ.get("MIXPANEL_TOKEN"):
        log.warning("MIXPANEL_TOKEN is not set: nothing is tracked")
        yield
        return
    mixpanel = app.state.mixpanel = AsyncMixpanel.from_env(settings=SETTINGS)
    try:
        yield
    finally:
        report = await mixpanel.aclose(timeout=STOP_SECONDS)
        summary = {
            "since_start": counts_of(mixpanel.stats.outcomes),
            "at_stop": counts_of(report.outcomes),
            "seconds": round(report.duration_seconds, 3),
            "failures": [f"{verdict.reason}: {verdict.message}" for verdict in report.failures],
        }
        log.info("Mixpanel: %s", json.dumps(summary))


def counts_of(outcomes: Mapping[Outcome, int]) -> dict[str, int]:
    """Return the counts of the outcomes that occurred, by name."""
    return {outcome.value: count for outcome, count in outcomes.items() if count}


app = FastAPI(lifespan=lifespan)
app.add_middleware(TrackRequests)


@app.get("/")
async def read_root() -> dict[str, str]:
    """Respond at once."""
    return {"hello": "world"}


@app.get("/users/{user_id}")
async def read_user(user_id: int) -> dict[str, int]:
    """Return the user's ID; the event's path is `/users/{user_id}` for every user."""
    return {"user_id": user_id}
