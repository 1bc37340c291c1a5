from collections.abc import AsyncIterator

import pytest

from mixpanel_async import AsyncMixpanel, OAuthToken, ServiceAccount
from mixpanel_async.config import Rates, Settings
from mixpanel_async.emulator import Emulator

# The client would wait for Mixpanel's limits; the local server has none unless it is told to.
UNLIMITED = Settings(
    rates=Rates(
        query_per_hour=None, export_per_hour=None, schemas_per_minute=None, schemas_entities_per_minute=None,
        gdpr_per_second=None,
    )
)  # fmt: skip


@pytest.fixture
async def mp(emulator: Emulator) -> AsyncIterator[AsyncMixpanel]:
    """Return a client with a service account."""
    async with AsyncMixpanel(
        "token",
        credentials=ServiceAccount("account", "secret"),
        project_id=1,
        workspace_id=1_000_001,
        base_url=emulator.url,
        settings=UNLIMITED,
    ) as client:
        yield client


@pytest.fixture
async def oauth(emulator: Emulator) -> AsyncIterator[AsyncMixpanel]:
    """Return a client with an OAuth token."""
    async with AsyncMixpanel(
        "token", credentials=OAuthToken("oauth-0123"), project_id=1, base_url=emulator.url, settings=UNLIMITED
    ) as client:
        yield client
