"""The fault matrix: expected and observed results of each cell, printed after the tests."""

from collections.abc import Callable

import pytest

Note = Callable[[str, str, str], None]
MATRIX: pytest.StashKey[list[tuple[str, str, str]]] = pytest.StashKey()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Add a row to the matrix: cell, expected result, observed result."""

    def write(cell: str, expected: str, seen: str) -> None:
        request.config.stash.setdefault(MATRIX, []).append((cell, expected, seen))

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = terminalreporter.config.stash.get(MATRIX, [])
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    terminalreporter.write_sep("-", "fault matrix: cell, expected, seen")
    for cell, expected, seen in rows:
        mark = "" if expected == seen else "   <-- differs"
        terminalreporter.write_line(f"{cell:<{widths[0]}}  {expected:<{widths[1]}}  {seen}{mark}")
