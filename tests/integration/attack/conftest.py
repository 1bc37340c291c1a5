"""The table of attacks, printed after the tests; clients that are closed."""

from collections.abc import AsyncIterator, Callable

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from mixpanel_async.clock import Clock
from mixpanel_async.engine.failure_callback import OnFailure
from tests.conftest import PROJECT_ID, SECRET, TOKEN, USERNAME
from tests.virtual_time import FastClock

Note = Callable[[str, str, str], None]
ATTACKS: pytest.StashKey[list[tuple[str, str, str]]] = pytest.StashKey()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Add a row to the table: attack, expected result, observed result; both must be equal."""

    def write(attack: str, expected: str, seen: str) -> None:
        request.config.stash.setdefault(ATTACKS, []).append((attack, expected, seen))
        assert seen == expected

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = terminalreporter.config.stash.get(ATTACKS, [])
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    terminalreporter.write_sep("-", "attacks: attack, expected, seen")
    for attack, expected, seen in rows:
        mark = "" if expected == seen else "   <-- differs"
        terminalreporter.write_line(f"{attack:<{widths[0]}}  {expected:<{widths[1]}}  {seen}{mark}")


class Clients:
    """Makes clients of a scripted server, on a clock 100 times as fast as the wall clock, and closes them."""

    def __init__(self) -> None:
        self._made: list[AsyncMixpanel] = []

    def __call__(
        self,
        url: str,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        on_failure: OnFailure | None = None,
    ) -> AsyncMixpanel:
        client = AsyncMixpanel(
            TOKEN,
            credentials=ServiceAccount(USERNAME, SECRET),
            project_id=PROJECT_ID,
            base_url=url,
            settings=settings or Settings(),
            clock=clock or FastClock(),
            on_failure=on_failure,
        )
        self._made.append(client)
        return client

    async def aclose(self) -> None:
        for client in self._made:
            await client.aclose(timeout=0)


@pytest.fixture
async def client_of() -> AsyncIterator[Clients]:
    clients = Clients()
    yield clients
    await clients.aclose()
