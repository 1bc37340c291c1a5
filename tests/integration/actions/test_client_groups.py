"""The groups of a client send what the client was given."""

from mixpanel_async import AsyncMixpanel, OAuthToken
from tests.integration.actions.server import Script

TOKEN = "token-0123456789"


async def test_calls_that_take_the_project_token_send_the_clients(script: Script) -> None:
    """GDPR calls and flag evaluations send the token that the client was made with."""
    script.replies = [(200, b'{"status": "ok", "results": {"task_id": "1"}}'), (200, b'{"flags": []}')]
    async with AsyncMixpanel(TOKEN, credentials=OAuthToken("oauth-0123"), project_id=1, base_url=script.url) as mp:
        await mp.gdpr.create_deletion(["user-1"])
        await mp.feature_flags.definitions()
    assert [seen.query.get("token") for seen in script.seen] == [TOKEN, TOKEN]
