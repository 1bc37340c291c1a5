from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings
from tests.integration.emulator.api import DAY, Api, HandClock, event

LOCKED = EmulatorSettings(
    token="project-token",
    project_id=7,
    service_accounts={"account": "account-secret"},
    project_secret="project-secret",
    oauth_tokens=frozenset({"bearer-token"}),
)


@pytest.fixture
async def locked(clock: HandClock) -> AsyncIterator[Api]:
    async with Emulator(LOCKED, now=clock.now) as emulator, aiohttp.ClientSession() as session:
        yield Api(emulator, session)


async def import_with(api: Api, authorization: str | None, **query: str | int) -> int:
    body = orjson.dumps([event()])
    return (await api.call("POST", "/import", query=query, body=body, authorization=authorization)).status


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        (aiohttp.encode_basic_auth("account", "account-secret"), {"project_id": 7}),
        (aiohttp.encode_basic_auth("project-secret", ""), {}),
        (aiohttp.encode_basic_auth("project-token", ""), {}),
        ("Bearer bearer-token", {"project_id": 7}),
    ],
)
async def test_each_kind_of_credentials_opens_import(locked: Api, authorization: str, query: dict[str, int]) -> None:
    """Service account, project secret, project token and OAuth token are accepted."""
    assert await import_with(locked, authorization, **query) == 200


@pytest.mark.parametrize(
    ("authorization", "query", "status"),
    [
        (None, {"project_id": 7}, 401),
        ("Basic", {"project_id": 7}, 401),
        ("Basic !!!", {"project_id": 7}, 401),
        ("Basic \u00e9", {"project_id": 7}, 401),
        ("Digest abc", {"project_id": 7}, 401),
        ("Bearer other", {"project_id": 7}, 401),
        (aiohttp.encode_basic_auth("account", "wrong"), {"project_id": 7}, 401),
        (aiohttp.encode_basic_auth("other", "account-secret"), {"project_id": 7}, 401),
        (aiohttp.encode_basic_auth("account", ""), {"project_id": 7}, 401),
        (aiohttp.encode_basic_auth("", ""), {"project_id": 7}, 401),
        (aiohttp.encode_basic_auth("account", "account-secret"), {"project_id": 8}, 401),
        (aiohttp.encode_basic_auth("account", "account-secret"), {}, 400),
    ],
)
async def test_wrong_credentials_are_refused(
    locked: Api, authorization: str | None, query: dict[str, int], status: int
) -> None:
    """Any other credential is refused before records are validated."""
    assert await import_with(locked, authorization, **query) == status
    assert await locked.emulator.events() == []


async def test_the_token_does_not_open_the_export(locked: Api) -> None:
    """The project token is accepted for ingestion but not for exports."""
    query: dict[str, str | int] = {"project_id": 7, "from_date": DAY, "to_date": DAY}
    for user, status in (("project-token", 401), ("project-secret", 200)):
        authorization = aiohttp.encode_basic_auth(user, "")
        answer = await locked.call("GET", "/api/2.0/export", query=query, authorization=authorization)
        assert answer.status == status


async def test_an_open_server_still_needs_a_credential(api: Api) -> None:
    """Without configured credentials any credential is accepted, but a missing one is not."""
    assert await import_with(api, None) == 401
    assert await import_with(api, aiohttp.encode_basic_auth("anything", "")) == 200
    assert await import_with(api, "Bearer anything") == 200


async def test_secrets_are_neither_logged_nor_shown(locked: Api) -> None:
    """Neither the request log nor the repr of the settings contains a secret."""
    await import_with(locked, aiohttp.encode_basic_auth("account", "account-secret"), project_id=7)
    log = locked.emulator.requests[-1]
    assert log.headers["Authorization"] == "Basic"
    shown = repr(LOCKED)
    assert not any(secret in shown for secret in ("account-secret", "project-secret", "bearer-token", "project-token"))
