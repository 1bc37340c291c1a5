"""Error reports with local variables, as Sentry and pytest make them, show no secret."""

import base64
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings

TOKEN = "token-canary-0123456789"
SECRET = "secret-canary-9876543210"
BASIC = base64.b64encode(f"user:{SECRET}".encode()).decode()

CALLS: dict[str, Callable[[AsyncMixpanel], Awaitable[object]]] = {
    "a query": lambda mp: mp.query.cohorts(),
    "a call with the token in its query": lambda mp: mp.gdpr.create_deletion(["user-1"]),
    "a stream": lambda mp: anext(mp.export.events("2026-01-01", "2026-01-01")),
}


def frames_of(error: BaseException | None) -> Iterator[FrameType]:
    """Yield the frames that a report of an error shows: its own, and those of its causes."""
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            yield trace.tb_frame
            trace = trace.tb_next
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize("name", CALLS)
async def test_no_frame_shows_a_secret(name: str) -> None:
    """No local variable of a failed call prints a token, a secret or an Authorization header."""
    async with AsyncMixpanel(
        TOKEN,
        credentials=ServiceAccount("user", SECRET),
        project_id=1,
        base_url="http://127.0.0.1:9",
        settings=Settings(max_call_retries=0),
    ) as mp:
        with pytest.raises(Exception, match="cannot connect") as caught:
            await CALLS[name](mp)
        shown = [
            f"{frame.f_code.co_qualname}: {variable}"
            for frame in frames_of(caught.value)
            if frame.f_code.co_name != "test_no_frame_shows_a_secret"
            for variable, value in frame.f_locals.items()
            if any(secret in repr(value) for secret in (TOKEN, SECRET, BASIC))
        ]
        assert shown == []
