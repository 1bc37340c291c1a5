"""Every Python block of the pages about services, flags and synchronous code runs as it stands."""

from functools import partial

import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.testing import LocalMixpanel
from tests import ROOT
from tests.docs.snippets import blocks_of, run

PAGES = ("docs/services.md", "docs/feature-flags.md", "docs/middleware.md", "docs/telemetry.md")
CODES = [code for page in PAGES for code in blocks_of((ROOT / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("code", CODES)
async def test_a_block_of_a_page(code: str) -> None:
    """It runs with an open client `mp`, and everything that it tracks arrives."""
    with LocalMixpanel() as server:
        async with AsyncMixpanel(server.token, base_url=server.url) as mp:
            client = partial(AsyncMixpanel, base_url=server.url)
            await run(code, {"mp": mp, "Settings": Settings, "AsyncMixpanel": client})
            assert (await mp.flush(10)).is_complete


@pytest.mark.parametrize("code", blocks_of((ROOT / "docs/sync.md").read_text(encoding="utf-8")))
def test_a_block_about_synchronous_code(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in a program without an event loop."""
    with LocalMixpanel() as server:
        code = code.replace('"project-token")', f'"project-token", base_url={server.url!r})')
        monkeypatch.delenv("MIXPANEL_DISABLED", raising=False)
        names: dict[str, object] = {}
        exec(compile(code, "docs/sync.md", "exec"), names)  # noqa: S102 - the project's own document
        assert len(server.events("Signed Up")) == 1
