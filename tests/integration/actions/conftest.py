"""The script's server and its sessions; the matrix of odd replies, printed after the tests."""

from collections.abc import AsyncIterator, Callable

import pytest

from mixpanel_async.auth import ServiceAccount
from mixpanel_async.session import Session
from tests.contract.wire import Wire
from tests.contract.wire import listening as wire_listening
from tests.integration.actions.server import FakeClock, Script, SessionMaker, listening, make_session

NoteReply = Callable[[str, str, str, str], None]
REPLIES: pytest.StashKey[list[tuple[str, str, str, str]]] = pytest.StashKey()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server that answers every call with one reply."""
    async with wire_listening() as running:
        yield running


@pytest.fixture
def note_reply(request: pytest.FixtureRequest) -> NoteReply:
    """Add a cell to the matrix of odd replies: function, reply, expected result, observed result."""

    def write(function: str, reply: str, expected: str, seen: str) -> None:
        request.config.stash.setdefault(REPLIES, []).append((function, reply, expected, seen))

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    cells = terminalreporter.config.stash.get(REPLIES, [])
    if not cells:
        return
    terminalreporter.write_sep("-", "odd replies: function, errors, answers")
    for function in dict.fromkeys(cell[0] for cell in cells):
        own = dict.fromkeys(cell[1:] for cell in cells if cell[0] == function)
        answers = ", ".join(reply for reply, _, seen in own if seen == "answer")
        errors = sum(seen != "answer" for _, _, seen in own)
        differ = [f"{reply}: {expected}, {seen}" for reply, expected, seen in own if expected != seen]
        terminalreporter.write_line(f"{function:38} {errors:3}  {answers}{''.join(f'   <-- {one}' for one in differ)}")


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
