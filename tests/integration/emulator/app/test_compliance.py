import pathlib

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, OAuthToken
from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.errors import BadRequestError, ForbiddenError, NotFoundError, UnauthorizedError
from tests.integration.emulator.api import Answer, Api, HandClock, event, exported


async def test_a_deletion_deletes_what_it_says(oauth: AsyncMixpanel, api: Api) -> None:
    """PENDING, STARTED, SUCCESS; then no event and no profile of the user's merged IDs is left, and others are."""
    merging = event(1, **{"distinct_id": "user-1", "$user_id": "user-1", "$device_id": "d"})
    device = event(2, **{"distinct_id": "$device:d", "$device_id": "d"})
    await api.import_events([merging, device, event(3)])
    for one in ("user-1", "user-3"):
        await api.post_json("/engage", [{"$token": "t", "$distinct_id": one, "$set": {"plan": "pro"}}])
    task = await oauth.gdpr.create_deletion(["user-1"], compliance_type="CCPA")
    assert task.task_id is not None
    first = await oauth.gdpr.get_deletion(task.task_id)
    assert (first.status, first.compliance_type, first.distinct_ids) == ("PENDING", "CCPA", ["user-1"])
    assert len(exported(await api.export())) == 3
    states = [(await oauth.gdpr.get_deletion(task.task_id)).status for _ in range(3)]
    assert states == ["STARTED", "SUCCESS", "SUCCESS"]
    assert [one["properties"]["distinct_id"] for one in exported(await api.export())] == ["user-3"]
    assert await api.emulator.profiles() == {"user-3": {"plan": "pro"}}
    assert (await api.emulator.counts()).events == 1


async def test_a_deletion_can_be_canceled_until_it_is_done(oauth: AsyncMixpanel, api: Api) -> None:
    """A canceled task is REVOKED and deletes nothing; a finished one cannot be canceled."""
    await api.import_events([event(1)])
    task = await oauth.gdpr.create_deletion(["user-1"])
    assert task.task_id is not None
    await oauth.gdpr.get_deletion(task.task_id)
    await oauth.gdpr.cancel_deletion(task.task_id)
    assert [(await oauth.gdpr.get_deletion(task.task_id)).status for _ in range(3)] == ["REVOKED"] * 3
    assert len(exported(await api.export())) == 1
    with pytest.raises(BadRequestError, match="REVOKED"):
        await oauth.gdpr.cancel_deletion(task.task_id)


async def test_a_retrieval_gives_the_data(oauth: AsyncMixpanel, api: Api) -> None:
    """When it is done, the address that it returns has the user's events and profile, and no other address has."""
    await api.import_events([event(1, plan="pro"), event(2)])
    await api.post_json("/engage", [{"$token": "t", "$distinct_id": "user-1", "$set": {"plan": "pro"}}])
    task = await oauth.gdpr.create_retrieval(["user-1", "nobody"])
    assert task.task_id is not None
    seen = [await oauth.gdpr.get_retrieval(task.task_id) for _ in range(3)]
    assert [(one.status, bool(one.results)) for one in seen] == [
        ("PENDING", False), ("STARTED", False), ("SUCCESS", True)
    ]  # fmt: skip
    url = seen[-1].results or ""
    path = url.removeprefix(api.emulator.url)
    lines = [orjson.loads(line) for line in (await api.call("GET", path, authorization=None)).body.splitlines()]
    assert lines[0]["event"] == "Signed Up"
    assert lines[1] == {"$distinct_id": "user-1", "$properties": {"plan": "pro"}}
    assert len(lines) == 2
    for wrong in (f"{path}x", path.replace(f"/{task.task_id}/", "/999/"), path.replace("/1/", "/x/", 1)):
        assert (await api.call("GET", wrong, authorization=None)).status == 404


async def test_what_is_refused(mp: AsyncMixpanel, oauth: AsyncMixpanel, api: Api) -> None:
    """A service account, a missing token, an unknown task and a CCPA option without CCPA are refused."""
    with pytest.raises(UnauthorizedError, match="OAuth"):
        await mp.gdpr.create_deletion(["u"])
    with pytest.raises(NotFoundError, match="'7'"):
        await oauth.gdpr.get_deletion(7)
    with pytest.raises(NotFoundError):
        await oauth.gdpr.cancel_deletion(7)
    path, bearer = "/api/app/data-retrievals/v3.0", "Bearer x"
    body = b'{"distinct_ids": ["u"], "disclosure_type": "Data"}'
    refused = await api.call("POST", path, query={"token": "t"}, body=body, authorization=bearer)
    assert (refused.status, refused.json()["status"]) == (400, "error")
    no_token = await api.call("POST", path, body=body, authorization=bearer)
    assert (no_token.status, "token" in no_token.json()["error"]) == (400, True)
    for bad in (b"{}", b'{"distinct_ids": []}', orjson.dumps({"distinct_ids": ["u"] * 2001}), b"not JSON"):
        assert (await api.call("POST", path, query={"token": "t"}, body=bad, authorization=bearer)).status == 400


async def test_the_rate_is_limited_on_request(clock: HandClock, api: Api) -> None:
    """With the limit of Mixpanel, the second request within a second gets a 429 that says how long to wait."""
    api.emulator.limits.gdpr_per_second = 1

    async def create() -> Answer:
        return await api.call(
            "POST", "/api/app/data-deletions/v3.0", query={"token": "t"}, body=b'{"distinct_ids": ["u"]}',
            authorization="Bearer x",
        )  # fmt: skip

    assert (await create()).status == 201
    refused = await create()
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    clock.seconds += 1
    assert (await create()).status == 201


async def test_tokens_open_only_their_projects(tmp_path: pathlib.Path) -> None:
    """The token of a project that the OAuth token does not open is refused with 403."""
    file = tmp_path / "projects.toml"
    file.write_text(
        '[[project]]\nid = 1\ntoken = "one"\noauth_tokens = ["a"]\n'
        '[[project]]\nid = 2\ntoken = "two"\noauth_tokens = ["b"]\n'
    )
    async with Emulator(EmulatorSettings(projects=file)) as emulator:
        for token, credential in (("one", "a"), ("two", "b")):
            async with AsyncMixpanel(token, credentials=OAuthToken(credential), base_url=emulator.url) as mp:
                assert (await mp.gdpr.create_deletion(["u"])).task_id
        async with AsyncMixpanel("two", credentials=OAuthToken("a"), base_url=emulator.url) as mp:
            with pytest.raises(ForbiddenError):
                await mp.gdpr.create_deletion(["u"])
