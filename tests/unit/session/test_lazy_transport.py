"""The default transport loads aiohttp on first use, on a thread."""

import asyncio
import subprocess
import sys

import pytest

from mixpanel_async import Settings
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.session.lazy_transport import LazyTransport
from mixpanel_async.session.messages import WireRequest

_SCRIPT = """
import asyncio, sys, threading
from mixpanel_async import AsyncMixpanel

importers = {}

class Finder:
    def find_spec(self, name, path=None, target=None):
        importers.setdefault(name, threading.current_thread())

async def main():
    sys.meta_path.insert(0, Finder())
    async with AsyncMixpanel("token", base_url="http://127.0.0.1:9") as mp:
        await mp.track("u", "E")
        await mp.flush(0.5)
        await mp.import_events([], dry_run=True)
        await mp.aclose(0)

asyncio.run(main())
for name in ("aiohttp", "anyio._backends._asyncio", "mixpanel_async.jobs.run"):
    print(name, importers[name] is threading.main_thread())
"""


def test_large_modules_are_not_loaded_on_the_loop() -> None:
    """The first event and the first import load what they need on a thread, not on the event loop."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        *("aiohttp", "False", "anyio._backends._asyncio", "False", "mixpanel_async.jobs.run", "False")
    ]


def test_a_transport_closed_before_its_first_request_stays_closed() -> None:
    """Closing is for good, also where nothing was ever sent."""

    async def main() -> None:
        transport = LazyTransport(Settings())
        await transport.aclose()
        request = WireRequest(method="GET", url="http://127.0.0.1:9/", headers={}, body=None, timeout_seconds=1)
        with pytest.raises(ClientClosedError):
            await transport.send(request)

    asyncio.run(main())
