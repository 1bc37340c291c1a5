import os
from pathlib import Path

import pytest

import mixpanel_async
from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from tests.docs.public import Public, everything
from tests.docs.service import Service
from tests.docs.snippets import blocks_of, run

NAMES = {name: getattr(mixpanel_async, name) for name in mixpanel_async.__all__}
EXAMPLES = [one for one in everything() if blocks_of(one.doc)]


@pytest.mark.parametrize("public", EXAMPLES, ids=lambda one: one.name)
async def test_an_example_runs(public: Public, service: Service, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example in a public docstring works as it stands; `mp` is an open client."""
    del service, files
    for name in [name for name in os.environ if name.startswith("MIXPANEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MIXPANEL_TOKEN", "project-token")
    account = ServiceAccount("user", "secret")
    settings = Settings(max_call_retries=0)
    async with AsyncMixpanel(
        "project-token", credentials=account, project_id=1, workspace_id=2, settings=settings
    ) as mp:
        for code in blocks_of(public.doc):
            await run(code, {"mp": mp, **NAMES})
