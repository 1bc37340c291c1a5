"""`mixpanel-async migrate`."""

import pathlib

import orjson

from mixpanel_async.emulator import Emulator, EmulatorSettings
from tests.integration.cli.conftest import clean_environment, run_process
from tests.integration.migration.test_migrate import DAY, LAST, PROJECTS, Both, fill


async def test_the_command(tmp_path: pathlib.Path) -> None:
    """The target has its own variables; the books and the comparison are printed, and the exit status says the rest."""
    path = tmp_path / "projects.toml"
    path.write_text(PROJECTS.format(source="simplified", target="simplified"))
    async with Emulator(EmulatorSettings(projects=path)) as server:
        both = Both(server)
        await fill(both.source, is_original=False)
        environment = clean_environment() | {
            "PYTHONHASHSEED": "1",
            "MIXPANEL_BASE_URL": server.url,
            "MIXPANEL_PROJECT_ID": "1",
            "MIXPANEL_TO_BASE_URL": server.url,
            "MIXPANEL_TO_PROJECT_ID": "2",
            "MIXPANEL_TO_TOKEN": "token-of-target",
        }
        for prefix in ("MIXPANEL_", "MIXPANEL_TO_"):
            environment[f"{prefix}SERVICE_ACCOUNT_USERNAME"] = "account"
            environment[f"{prefix}SERVICE_ACCOUNT_SECRET"] = "account-secret"
        command = ("migrate", "m", "--from-date", DAY, "--to-date", LAST, "--group", "company=company", "--wait", "0")
        dry = await run_process((*command, "--dry-run"), b"", environment, tmp_path)
        assert dry.status == 0, dry.err
        assert "nothing was written" in dry.err
        assert await server.events(project=2) == []
        ended = await run_process((*command, "--json"), b"", environment, tmp_path)
        assert ended.status == 0, ended.err
        report = orjson.loads(ended.out)
        assert report["is_complete"] is True
        assert report["comparison"]["equal"] == 61
        environment["PYTHONHASHSEED"] = "7"
        again = await run_process((*command, "--json"), b"", environment, tmp_path)
        assert again.status == 0, again.err
        assert len(await server.deduplicated_events(project=2)) == 61
        wrong = await run_process((*command[:6], "--only", "reports"), b"", environment, tmp_path)
        assert wrong.status == 2
        assert "there is no part reports" in wrong.err
        nothing = await run_process((*command[:6], "--only", "groups"), b"", environment, tmp_path)
        assert nothing.status == 2
        assert "groups is missing" in nothing.err
        del environment["MIXPANEL_TO_TOKEN"], environment["MIXPANEL_TO_SERVICE_ACCOUNT_USERNAME"]
        del environment["MIXPANEL_TO_SERVICE_ACCOUNT_SECRET"]
        missing = await run_process(command, b"", environment, tmp_path)
        assert missing.status == 3
        assert "set MIXPANEL_TO_TOKEN" in missing.err
        await both.aclose()
