"""Saved logins on the command line."""

import asyncio
import contextlib
import os
import pathlib
import sys

import pytest
from aiohttp import web

from tests.integration.actions.server import Script, Seen
from tests.integration.cli.conftest import MODULE, SECRET, Command, Run, clean_environment
from tests.integration.cli.replies import REPLIES

ACCOUNT = {"MIXPANEL_SERVICE_ACCOUNT_USERNAME": "robot", "MIXPANEL_SERVICE_ACCOUNT_SECRET": SECRET}
NO_ACCOUNT = dict.fromkeys((*ACCOUNT, "MIXPANEL_BASE_URL", "MIXPANEL_PROJECT_ID"), "")


@pytest.fixture
def config(tmp_path: pathlib.Path) -> dict[str, str]:
    """Variables that name a file of logins and no keyring."""
    backend = "keyring.backends.null.Keyring"
    return {"MIXPANEL_CONFIG": str(tmp_path / "config.toml"), "PYTHON_KEYRING_BACKEND": backend}


async def test_a_login_replaces_variables(command: Command, config: dict[str, str], tmp_path: pathlib.Path) -> None:
    """After `login --from-env`, commands need no variable; `logout` ends that."""
    saved = await command("login", "--from-env", "--project-id", "12", **config)
    assert saved.status == 0, saved.err
    assert "Mixpanel accepts the credentials" in saved.err
    assert str(tmp_path / "config.toml") in saved.err
    listed = await command("projects", "list", **NO_ACCOUNT, **config)
    assert listed.status == 0, listed.err
    assert listed.json == [{"id": 12, "name": "Shop", "domain": None, "timezone": "Europe/Berlin"}]
    shown = await command("whoami", **NO_ACCOUNT, **config)
    assert shown.status == 0, shown.err
    assert "from the saved login 'default'" in shown.out
    assert "12 Shop" in shown.out
    assert SECRET not in saved.out + saved.err + shown.out + shown.err
    assert (await command("logout", **config)).status == 0
    without = await command("projects", "list", **NO_ACCOUNT, **config)
    assert without.status == 3
    assert "run mixpanel-async login" in without.err


async def test_logins_by_name(command: Command, config: dict[str, str]) -> None:
    """`--profile` and MIXPANEL_PROFILE choose a login; one that is not saved is an error, and nothing is sent."""
    assert (await command("login", "--from-env", "--profile", "shop", "--project-id", "12", **config)).status == 0
    for arguments, variables in ((["--profile", "shop"], {}), ([], {"MIXPANEL_PROFILE": "shop"})):
        shown = await command("whoami", "--json", *arguments, **NO_ACCOUNT, **config, **variables)
        assert isinstance(shown.json, dict)
        assert (shown.json["source"], shown.json["project"]) == ("the saved login 'shop'", "Shop")
    unknown = await command("projects", "list", "--profile", "other", **config)
    assert (unknown.status, unknown.out) == (2, "")
    assert "mixpanel-async login --profile other" in unknown.err


async def test_refused_credentials_are_not_saved(
    command: Command, mixpanel: Script, config: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """Credentials that Mixpanel refuses, or that do not reach the project, are not saved."""
    wrong = await command("login", "--from-env", "--project-id", "99", **config)
    assert wrong.status == 2
    assert "no access to project 99; it has access to: 12 (Shop)" in wrong.err

    async def refuse(_: Seen) -> web.StreamResponse:
        return web.json_response({"error": "Invalid service account", "status": "error"}, status=401)

    mixpanel.handler = refuse
    refused = await command("login", "--from-env", **config)
    assert refused.status == 3
    assert "Invalid service account" in refused.err
    assert not (tmp_path / "config.toml").exists()
    assert (await command("login", "--from-env", "--no-check", **config)).status == 0
    assert (await command("whoami", **NO_ACCOUNT, **config)).status == 3


async def test_a_file_of_variables(command: Command, mixpanel: Script, tmp_path: pathlib.Path) -> None:
    """`--env-file` reads variables on request only, and those of the environment win."""
    lines = [f"{name}={value}" for name, value in ACCOUNT.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, f'export MIXPANEL_BASE_URL="{mixpanel.url}"', "# no more", ""]))
    unset = {**NO_ACCOUNT, "MIXPANEL_CONFIG": str(tmp_path / "none.toml")}
    assert (await command("projects", "list", **unset)).status == 3
    found = await command("projects", "list", "--env-file", ".env", **unset)
    assert found.status == 0, found.err
    missing = await command("projects", "list", "--env-file", "other.env")
    assert missing.status != 0
    assert "other.env: cannot be read" in missing.err


async def test_a_token_alone(run: Run, config: dict[str, str]) -> None:
    """A project token is saved without a request, and the command says that it was not checked."""
    saved = await run("login", "--from-env", env=config)
    assert saved.status == 0, saved.err
    assert "not checked" in saved.err
    shown = await run("whoami", env={**config, "MIXPANEL_TOKEN": ""})
    assert shown.status == 0, shown.err
    assert "toke..." in shown.out


async def test_nobody_to_ask(command: Command, config: dict[str, str]) -> None:
    """Without a terminal, `login` asks nothing and says what to do."""
    ended = await command("login", **config)
    assert ended.status == 2
    assert "--from-env" in ended.err


async def test_a_proxy(command: Command, mixpanel: Script) -> None:
    """--proxy and HTTP_PROXY take requests to the proxy; NO_PROXY keeps them from it."""

    async def through(_: Seen) -> web.StreamResponse:
        return web.json_response(REPLIES["/api/app/me"])

    mixpanel.handler = through
    url = {"MIXPANEL_BASE_URL": "http://mixpanel.example"}
    for arguments, variables in ((["--proxy", mixpanel.url], {}), ([], {"HTTP_PROXY": mixpanel.url})):
        found = await command("projects", "list", *arguments, **url, **variables)
        assert found.status == 0, found.err
    direct = await command("projects", "list", HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    assert direct.status == 0, direct.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
async def test_questions(mixpanel: Script, config: dict[str, str], tmp_path: pathlib.Path) -> None:
    """On a terminal `login` asks, and does not show the secret."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *MODULE, "login", "--base-url", mixpanel.url,
        env=clean_environment() | config, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "r+b", buffering=0) as terminal, contextlib.suppress(OSError):
        for question, answer in (("token", "tok-1"), ("account", "robot"), ("Secret", SECRET), ("Project ID", "12")):
            # The last space comes when the terminal no longer shows what is typed.
            while question.encode() not in shown.rpartition(b"\n")[2] or not shown.endswith(b": "):
                shown += await asyncio.to_thread(terminal.read, 1000)
            terminal.write(f"{answer}\n".encode())
        while block := await asyncio.to_thread(terminal.read, 1000):
            shown += block
    assert await process.wait() == 0, shown.decode()
    assert SECRET.encode() not in shown
    text = (tmp_path / "config.toml").read_text()
    assert all(part in text for part in ("tok-1", "robot", SECRET, "12"))
