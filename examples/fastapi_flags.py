"""A FastAPI service with feature flags that are evaluated in the process, and a middleware: no request waits.

The middleware gives each request its user, so that no handler names one, and tracks an event for it.

    pip install "mixpanel-async[useragent]" fastapi uvicorn
    MIXPANEL_TOKEN=... uvicorn --app-dir examples fastapi_flags:app

To try it with a local server, run `mixpanel-async serve` and set MIXPANEL_BASE_URL=http://127.0.0.1:8787
MIXPANEL_TOKEN=test; until somebody creates the flags there, every request gets the fallbacks.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request

from mixpanel_async import AsyncMixpanel
from mixpanel_async.errors import MixpanelError
from mixpanel_async.flags import LocalFlags
from mixpanel_async.middleware import ASGIMiddleware, ClientIP

log = logging.getLogger("uvicorn.error")  # uvicorn shows this logger without configuration

START_SECONDS = float(
    os.environ.get("START_SECONDS", "5")
)  # without definitions until then, the service starts with the fallbacks
STOP_SECONDS = 10.0  # for the exposures that are still queued


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Poll definitions while the service runs."""
    mixpanel = app.state.mixpanel = AsyncMixpanel.from_env()
    try:
        app.state.flags = mixpanel.flags.local(poll_seconds=30)
        try:
            if not await app.state.flags.ready(START_SECONDS):
                log.warning("no feature flags so far: %s", app.state.flags.status.error)
        except MixpanelError as error:  # a refused token must not keep the service from starting
            log.warning("no feature flags: %s", error)
        yield
    finally:
        await mixpanel.aclose(timeout=STOP_SECONDS)


class UserFlags:
    """The flags of the user who sends a request.

    Args:
        request: The request.
        x_user_id: The user, from the header that your gateway sets.
        x_plan: The user's plan, for the rules of the flags.
    """

    def __init__(
        self, request: Request, x_user_id: Annotated[str, Header()] = "", x_plan: Annotated[str, Header()] = "free"
    ) -> None:
        request.state.user = x_user_id or None  # for the middleware
        self._flags: LocalFlags = request.app.state.flags
        self._context = {"distinct_id": x_user_id, "custom_properties": {"plan": x_plan}}

    def is_enabled(self, key: str) -> bool:
        """Return whether a flag is on for the user."""
        return self._flags.is_enabled(key, self._context)

    def value(self, key: str, fallback: str) -> object:
        """Return the value of a flag for the user."""
        return self._flags.variant(key, fallback, self._context).value


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    ASGIMiddleware,
    client=lambda scope: scope["app"].state.mixpanel,
    distinct_id=lambda scope: getattr(Request(scope).state, "user", None),
    request_event="Request Served",
    sample_rate=float(os.environ.get("SAMPLE_RATE", "1")),
    user_agent=True,
    client_ip=ClientIP(trusted_proxies=1),  # the gateway, which appends to X-Forwarded-For
)


@app.get("/checkout")
async def read_checkout(request: Request, flags: Annotated[UserFlags, Depends()]) -> dict[str, object]:
    """Return what the user's checkout looks like; the event has the user of the request."""
    request.app.state.mixpanel.track_nowait(None, "Checkout Opened")
    return {"steps": 1 if flags.is_enabled("one-page-checkout") else 3, "button": flags.value("button-colour", "grey")}


@app.get("/health")
async def read_health(request: Request) -> dict[str, object]:
    """Return whether the definitions of the flags are loaded and up to date."""
    status = request.app.state.flags.status
    return {"flags": status.flags, "stale": status.is_stale, "bad": sorted(status.bad_flags)}
