from collections.abc import AsyncIterator

import pytest

from tests.contract.operations import OPERATIONS
from tests.contract.wire import Wire, listening

CHECKED: dict[str, dict[str, int]] = {}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with listening() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which operation was checked through which function, and how often."""
    if not CHECKED:
        return
    terminalreporter.section("operations of the API")
    for name, operation in OPERATIONS.items():
        functions = CHECKED.get(name, {})
        shown = ", ".join(f"{function} ({count} calls)" for function, count in functions.items()) or "NOT CHECKED"
        note = f"  [{operation.deviation}]" if operation.deviation else ""
        terminalreporter.line(f"{name:42} {shown}{note}")
    terminalreporter.line(f"{len(CHECKED)} of {len(OPERATIONS)} operations checked")
