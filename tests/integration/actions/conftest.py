from collections.abc import AsyncIterator, Callable

import pytest

from mixpanel_async.auth import ServiceAccount
from mixpanel_async.session import Session
from tests.integration.actions.server import FakeClock, Script, SessionMaker, listening, make_session


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A server that answers from a script."""
    async with listening() as running:
        yield running


@pytest.fixture
async def make(script: Script, clock: FakeClock) -> AsyncIterator[SessionMaker]:
    """Makes sessions with the script's server, and closes them."""
    made: list[Session] = []

    def maker(*, max_call_retries: int = 0) -> Session:
        session = make_session(script.url, clock, max_call_retries=max_call_retries)
        made.append(session)
        return session

    yield maker
    for session in made:
        await session.aclose()


@pytest.fixture
def session(make: Callable[[], Session]) -> Session:
    return make()


@pytest.fixture
def account() -> ServiceAccount:
    return ServiceAccount("user", "account-secret")
