"""Fixtures: a local server, and clients connected to it."""

import gzip
import pathlib
import signal
from collections.abc import AsyncIterator, Callable

import hypothesis
import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.engine.failure_callback import OnFailure
from tests.virtual_time import FastClock

TOKEN = "token-0123456789abcdef"
USERNAME = "importer"
SECRET = "secret-fedcba9876543210"
PROJECT_ID = 4242

Connect = Callable[..., AsyncMixpanel]

# `make test-fast` takes it: enough examples to find a plain mistake, in seconds.
# Without deadlines: a test must not fail because the machine is busy.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.register_profile("fast", max_examples=10, deadline=None)
hypothesis.settings.load_profile("steady")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs ignore it, and so would the commands that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their parameter: compressed ones differ from run to run, and processes must agree about names."""
    del config
    return argname if isinstance(val, bytes) else None


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    settings = EmulatorSettings(token=TOKEN, project_id=PROJECT_ID, service_accounts={USERNAME: SECRET})
    async with Emulator(settings) as emulator:
        yield emulator


@pytest.fixture
async def connect(server: Emulator) -> AsyncIterator[Connect]:
    """Creates clients of the local server, on a clock 100 times as fast as the wall clock; closes them afterwards."""
    clients: list[AsyncMixpanel] = []

    def make(
        settings: Settings | None = None,
        *,
        token: str | None = TOKEN,
        secret: str = SECRET,
        base_url: str | None = None,
        on_failure: OnFailure | None = None,
        speed: float = 100.0,
    ) -> AsyncMixpanel:
        client = AsyncMixpanel(
            token,
            credentials=ServiceAccount(USERNAME, secret),
            project_id=PROJECT_ID,
            base_url=base_url or server.url,
            settings=settings,
            on_failure=on_failure,
            clock=FastClock(speed),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose(timeout=0)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def mp(emulator: Emulator) -> AsyncIterator[AsyncMixpanel]:
    settings = Settings(linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as client:
        yield client


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[str, bytes], pathlib.Path]:
    """Write a file, compressed if its name ends in .gz."""

    def write(name: str, content: bytes) -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write
