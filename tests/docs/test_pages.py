"""Every Python block of the pages about services, flags and synchronous code runs as it stands."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.sync import Mixpanel
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


SYNC_CODES = blocks_of((ROOT / "docs/sync.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", [code for code in SYNC_CODES if "celery" not in code])
def test_a_block_about_synchronous_code(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in a program without an event loop."""
    with LocalMixpanel() as server:
        code = code.replace('"project-token")', f'"project-token", base_url={server.url!r})')
        monkeypatch.delenv("MIXPANEL_DISABLED", raising=False)
        names: dict[str, object] = {}
        exec(compile(code, "docs/sync.md", "exec"), names)  # noqa: S102 - the project's own document
        assert len(server.events("Signed Up")) == 1


class Signal:
    """What Celery's signals are to their handlers."""

    def __init__(self) -> None:
        self.handlers: list[Callable[..., None]] = []

    def connect(self, handler: Callable[..., None]) -> Callable[..., None]:
        self.handlers.append(handler)
        return handler


@pytest.mark.parametrize("code", [code for code in SYNC_CODES if "celery" in code])
def test_the_block_about_celery(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its handler closes the client, and everything is delivered."""
    signals = ModuleType("celery.signals")
    signals.worker_process_shutdown = signal = Signal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celery", ModuleType("celery"))
    monkeypatch.setitem(sys.modules, "celery.signals", signals)
    with LocalMixpanel() as server:
        client = Mixpanel(server.token, base_url=server.url, settings=Settings(linger_seconds=30))
        client.track("u", "Task Run")
        exec(compile(code, "docs/sync.md", "exec"), {"client": client})  # noqa: S102 - the project's own document
        (handler,) = signal.handlers
        handler(pid=1, exitcode=0)
        assert len(server.events("Task Run")) == 1
