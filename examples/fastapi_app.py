"""A FastAPI service that tracks every request, without being slowed down or broken by tracking.

    pip install mixpanel-async fastapi uvicorn
    MIXPANEL_TOKEN=... uvicorn --app-dir examples fastapi_app:app

Without MIXPANEL_TOKEN it serves requests and tracks nothing. To try it with a local server, run `mixpanel-async serve`
and set MIXPANEL_BASE_URL=http://127.0.0.1:8787 MIXPANEL_TOKEN=test.
"""

import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.datastructures import Headers

from mixpanel_async import AsyncMixpanel, Outcome, Settings
from mixpanel_async.middleware import ASGIMiddleware

log = logging.getLogger("uvicorn.error")  # uvicorn shows this logger without configuration

SETTINGS = Settings(
    track_via="import",  # returns a verdict for each event; the project token is sufficient
    overflow="drop_newest",  # in a long outage: never wait for buffer space; drop events and count them
    max_buffer_bytes=16 * 1024 * 1024,
    delivery_deadline_seconds=300.0,
)
STOP_SECONDS = float(os.environ.get("STOP_SECONDS", "10"))  # less than the supervisor allows after SIGTERM
USER_HEADER = "x-user-id"  # set by your gateway; if you have sessions, take the user from there


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
app.add_middleware(
    ASGIMiddleware,
    client=lambda scope: getattr(scope["app"].state, "mixpanel", None),
    distinct_id=lambda scope: Headers(scope=scope).get(USER_HEADER),
    request_event="Request Served",
)


@app.get("/")
async def read_root() -> dict[str, str]:
    """Respond at once."""
    return {"hello": "world"}


@app.get("/users/{user_id}")
async def read_user(user_id: int) -> dict[str, int]:
    """Return the user's ID; the event's route is `/users/{user_id}` for every user."""
    return {"user_id": user_id}
