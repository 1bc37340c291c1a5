"""Every action and input of docs/actions.md, through the client and through the command line, compared on the wire."""

import asyncio
import logging
import os
import pathlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli import app
from mixpanel_async.errors import RequestTimeoutError
from tests.integration.documents.page import DOCUMENTS, PATH, Line, lines_of, rendered
from tests.integration.documents.recording import Recorded, Server, recording
from tests.integration.documents.rows import ACCOUNT, GONE, TOKEN, Action, Row, merged

LINES: Final = list(lines_of(PATH.read_text(encoding="utf-8")))
CHECKS: Final[Mapping[tuple[str, str, str], tuple[Action, Row]]] = {
    (document, action.title, row.input): (action, row)
    for document, actions in DOCUMENTS.items()
    for action in actions
    for row in action.rows
}
ENVIRONMENT: Final = {
    "MIXPANEL_TOKEN": TOKEN,
    "MIXPANEL_SERVICE_ACCOUNT_USERNAME": ACCOUNT.username,
    "MIXPANEL_SERVICE_ACCOUNT_SECRET": "account-secret-0123456789",
    "MIXPANEL_PROJECT_ID": "1",
}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> AsyncIterator[Server]:
    """A server that records, and the environment and the directory of the commands."""
    for name in [name for name in os.environ if name.startswith("MIXPANEL_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for name, content in (("t.txt", b"text"), ("t.csv", b"id,name\n1,a\n"), ("u.csv", b"id\n2\n")):
        (tmp_path / name).write_bytes(content)
    async with recording(monkeypatch) as running:
        yield running


def wanted(action: Action, row: Row) -> dict[str, Any]:
    """Return the request that a row describes, in the form of `Recorded.comparable`."""
    found = merged(action.sent, row.sent)
    query = [(n, one) for n, value in found["query"].items() for one in (value if isinstance(value, list) else [value])]
    body = sorted(found["body"], key=str) if _is_pairs(found["body"]) else found["body"]
    return {**found, "query": sorted(query), "body": body}


def _is_pairs(body: object) -> bool:
    return isinstance(body, list) and all(isinstance(one, tuple) for one in body)


def sent(request: Recorded) -> dict[str, object]:
    """Return a request as it arrived."""
    found = request.comparable()
    return {**found, "body": sorted(found["body"], key=str)} if _is_pairs(found["body"]) else found  # type: ignore[call-overload]


def check_requests(server: Server, action: Action, row: Row) -> None:
    """Compare what arrived with what the row describes, and forget it."""
    assert len(server.seen) == row.requests
    for request in server.seen:
        assert sent(request) == wanted(action, row)
    gaps = [later.at - earlier.at for earlier, later in zip(server.seen, server.seen[1:], strict=False)]
    assert all(gap >= least * 0.9 for gap, least in zip(gaps, row.gap_seconds, strict=False)), gaps
    server.reset()


def prepare(server: Server, row: Row) -> None:
    server.failures, server.delay_seconds = row.failures, row.delay_seconds


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.document.split()[-2]} {line.action}: {line.input}")
async def test_a_row(
    line: Line, server: Server, capfdbinary: pytest.CaptureFixture[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """The client and the command send the same request: method, host, path, query, body and headers."""
    action, row = CHECKS[line.document, line.action, line.input]
    assert (line.argument, line.command) == (row.argument, row.command)
    logger = logging.getLogger("mixpanel_async")
    levels = [(one, one.level) for one in (logger, logging.getLogger("mixpanel_async.request"))]
    try:
        caplog.set_level(logging.INFO, "mixpanel_async.request")
        prepare(server, row)
        await in_python(action, row)
        check_requests(server, action, row)
        assert row.said in caplog.text
        prepare(server, row)
        caplog.clear()
        arguments = row.cli(action.cli) if callable(row.cli) else [*action.cli, *row.cli]
        for name in [name for name, value in row.client.items() if value is None]:
            os.environ.pop(f"MIXPANEL_{name.upper()}", None)
        capfdbinary.readouterr()
        status = await asyncio.to_thread(app.run, arguments)
        out = capfdbinary.readouterr().out.decode("latin-1")
        assert status == (1 if row.delay_seconds else 0)
        check_requests(server, action, row)
        assert row.out is None or row.out in out
        assert row.said in caplog.text
    finally:
        for one, level in levels:
            one.setLevel(level)


async def in_python(action: Action, row: Row) -> None:
    """Make the call of a row and check what it returns."""
    chosen: dict[str, Any] = {"credentials": ACCOUNT, "project_id": 1, **row.client}
    async with AsyncMixpanel(TOKEN, **chosen) as mp:
        call = action.run(mp, **{**action.given, **row.given})
        if row.delay_seconds:
            with pytest.raises(RequestTimeoutError):
                await call
            return
        result = await call
    if callable(row.result):
        check: Callable[[object], bool] = row.result
        assert check(result)
    elif row.result is not GONE:
        assert result == row.result


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.document.split()[-2]} {line.action}: {line.input}")
def test_a_row_drives_what_it_names(line: Line) -> None:
    """The argument and the option that a row names are those that its check gives."""
    action, row = CHECKS[line.document, line.action, line.input]
    names = set(re.findall(r"[a-z_]{2,}", " ".join(re.findall(r"`([^`]*)`", line.argument))))
    assert names & {*row.given, *row.client} or line.argument == "none" or row.given == {}
    flags = set(re.findall(r"--[a-z-]+", line.command.replace("/--", " --")))
    given = set(row.cli(action.cli) if callable(row.cli) else [*action.cli, *row.cli])
    assert not flags or flags & given


def test_the_page_is_the_table() -> None:
    """The page has every row of the table and no other; `python -m tests.integration.documents.page` writes it."""
    assert {(line.document, line.action, line.input) for line in LINES} == set(CHECKS)
    assert len(LINES) == len(CHECKS)
    assert PATH.read_text(encoding="utf-8") == rendered()


def test_every_input_is_there() -> None:
    """The documents have 21 and 14 actions, with 160 and 64 inputs without the connection."""
    counts = {
        document: (len(actions), sum(len(action.rows) for action in actions)) for document, actions in DOCUMENTS.items()
    }
    assert counts["Actions of integration platforms"] == (21, 160)
    # "Get Projects" has no input; its row is for the call.
    assert counts["Actions of low-code platforms"] == (14, 64 + 1)
    assert counts["Operations of the ingestion API"] == (8, 27)
