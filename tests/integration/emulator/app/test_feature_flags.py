from typing import Any

import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import Rollout, Ruleset, Variant
from mixpanel_async.actions.feature_flags.models import FeatureFlag
from mixpanel_async.errors import BadRequestError, NotFoundError
from tests.integration.emulator.api import Api
from tests.integration.emulator.app.requests import FLAG

ON = Variant(key="on", value={"color": "blue"}, is_control=False, split=0.5)
OFF = Variant(key="off", value=False, is_control=True, split=0.5)
RULES = Ruleset(variants=[ON, OFF], rollout=[Rollout(rollout_percentage=1.0, variant_splits={"on": 1.0, "off": 0.0})])


async def create(mp: AsyncMixpanel, key: str, **changes: object) -> FeatureFlag:
    fields: dict[str, Any] = {"context": "distinct_id", "serving_method": "server", "ruleset": RULES, **changes}
    return await mp.feature_flags.create(f"Flag {key}", key, **fields)


async def test_what_is_managed_is_served(mp: AsyncMixpanel) -> None:
    """A flag that is enabled is defined and evaluated; a disabled, archived or deleted one is not."""
    flag = await create(mp, "checkout", tags=["t"], description="d")
    assert (flag.status, flag.tags, flag.enabled_at, flag.workspace_id) == ("disabled", ["t"], None, 1_000_001)
    assert flag.id is not None
    assert (await mp.feature_flags.evaluate("u")).flags == {}
    assert await mp.feature_flags.definitions() == []

    async def put(**changes: object) -> FeatureFlag:
        fields: dict[str, Any] = {
            "name": "Checkout", "key": "checkout", "context": "distinct_id", "serving_method": "server",
            "ruleset": RULES, **changes,
        }  # fmt: skip
        return await mp.feature_flags.update(flag.id or "", **fields)

    enabled = await put(status="enabled")
    assert (enabled.status, enabled.hash_salt, enabled.tags) == ("enabled", flag.hash_salt, [])
    assert enabled.enabled_at is not None
    assert (await mp.feature_flags.evaluate("u")).flags["checkout"].variant_value == {"color": "blue"}
    (definition,) = await mp.feature_flags.definitions()
    assert (definition.id, definition.key, definition.workspace_id) == (flag.id, "checkout", 1_000_001)
    assert (await put(status="enabled", reset_hash_salt=True)).hash_salt != flag.hash_salt
    archived = await put(status="archived")
    assert archived.deleted is not None
    assert await mp.feature_flags.list() == []
    assert [one.id for one in await mp.feature_flags.list(include_archived=True)] == [flag.id]
    assert (await mp.feature_flags.evaluate("u")).flags == {}
    await mp.feature_flags.delete(flag.id)
    for call in (mp.feature_flags.get, mp.feature_flags.delete):
        with pytest.raises(NotFoundError):
            await call(flag.id)


async def test_a_flag_of_an_experiment(mp: AsyncMixpanel) -> None:
    """While the experiment of a flag runs, the variants say so, and the experiment shows its flag."""
    experiment = await mp.experiments.create("Checkout")
    assert experiment.id is not None
    flag = await create(mp, "checkout", experiment_id=experiment.id, status="enabled")
    before = (await mp.feature_flags.evaluate("u")).flags["checkout"]
    assert (before.experiment_id, before.is_experiment_active) == (experiment.id, False)
    launched = await mp.experiments.launch(experiment.id)
    assert launched.feature_flag == {"id": flag.id, "key": "checkout", "name": "Flag checkout", "status": "enabled"}
    assert (await mp.feature_flags.evaluate("u")).flags["checkout"].is_experiment_active is True
    await mp.experiments.force_conclude(experiment.id)
    assert (await mp.feature_flags.evaluate("u")).flags["checkout"].is_experiment_active is False


async def test_rules_and_testers(mp: AsyncMixpanel) -> None:
    """A rule decides by the properties that are sent; a tester always gets the variant that is set for him."""
    rollout = Rollout(
        rollout_percentage=1.0, variant_splits={"on": 1.0, "off": 0.0},
        runtime_evaluation_rule={"==": [{"var": "plan"}, "PRO"]},
    )  # fmt: skip
    rules = Ruleset(variants=[ON, OFF], rollout=[rollout], test={"users": {"tester": "off"}})
    await create(mp, "checkout", ruleset=rules, status="enabled")
    for plan, keys in (("Pro", ["checkout"]), ("free", []), (None, [])):
        properties = None if plan is None else {"plan": plan}
        found = await mp.feature_flags.evaluate("u", custom_properties=properties)
        assert list(found.flags) == keys
    tester = (await mp.feature_flags.evaluate("tester")).flags["checkout"]
    assert (tester.variant_key, tester.variant_value, tester.is_qa_tester) == ("off", False, True)


async def test_the_device_stands_for_itself_or_the_user(mp: AsyncMixpanel) -> None:
    """A flag that is chosen by device uses distinct_id where no device is sent."""
    half = Ruleset(variants=[ON, OFF], rollout=[Rollout(rollout_percentage=1.0, variant_splits={})])
    await create(mp, "checkout", ruleset=half, context="device_id", status="enabled")

    async def variant(distinct_id: str, device_id: str | None = None) -> str:
        found = await mp.feature_flags.evaluate(distinct_id, device_id=device_id)
        return found.flags["checkout"].variant_key

    by_user = [await variant(f"u{number}") for number in range(20)]
    assert by_user == [await variant("other", f"u{number}") for number in range(20)]
    assert set(by_user) == {"on", "off"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name"),
        ({"unknown": 1}, "unknown"),
        ({"status": "on"}, "status"),
        ({"hash_salt": "short"}, "hash_salt"),
        ({"ruleset": {"variants": [], "rollout": []}}, "variants is empty"),
        ({"ruleset": {**FLAG["ruleset"], "rollout": [{"rollout_percentage": 2, "variant_splits": {}}]}}, "rollout_p"),
        ({"ruleset": {**FLAG["ruleset"], "rollout": [{"rollout_percentage": 1, "variant_splits": {"x": 1}}]}}, "'x'"),
        ({"ruleset": {**FLAG["ruleset"], "variants": FLAG["ruleset"]["variants"] * 2}}, "same key"),
        ({"key": "taken"}, "taken"),
    ],
)
async def test_what_is_refused(mp: AsyncMixpanel, api: Api, change: dict[str, Any], message: str) -> None:
    """A field that is unknown or invalid is refused with its name, and nothing is stored."""
    await create(mp, "taken")
    path = "/api/app/projects/1/workspaces/1000001/feature-flags"
    answer = await api.post_json(path, {**FLAG, **change})
    assert (answer.status, answer.json()["status"], answer.json()["type"]) == (400, "error", "bad_request")
    assert message in answer.json()["error"]
    assert [one.key for one in await mp.feature_flags.list()] == ["taken"]


async def test_requests_for_variants(mp: AsyncMixpanel, api: Api) -> None:
    """GET and POST, JSON and form, with the token in the query or as user name; a broken context gets a 400."""
    await create(mp, "one", status="enabled")
    await create(mp, "two", status="enabled")
    context = '{"distinct_id": "u"}'

    async def keys(method: str, body: bytes | None = None, **query: str) -> list[str]:
        answer = await api.call(method, "/flags/", query=query, body=body, authorization=None)
        assert answer.status == 200
        return list(answer.json()["flags"])

    assert await keys("GET", token="t", context=context) == ["one", "two"]
    assert await keys("GET", token="t", context=context, flag_key="two") == ["two"]
    assert await keys("GET", token="t", context=context, flag_key="three") == []
    assert await keys("POST", b'{"token": "t", "context": {"distinct_id": "u"}}') == ["one", "two"]
    assert await keys("POST", b"token=t&context=%7B%22distinct_id%22%3A%22u%22%7D") == ["one", "two"]
    for bad in ("", "{", "[]", "{}", '{"distinct_id": ""}'):
        answer = await api.call("GET", "/flags", query={"token": "t", "context": bad}, authorization=None)
        assert (answer.status, answer.json()["status"]) == (400, "error")
    assert (await api.call("GET", "/flags", query={"context": context}, authorization=None)).status == 401


async def test_a_flag_of_another_workspace(mp: AsyncMixpanel) -> None:
    """A flag is managed in its own workspace only."""
    flag = await create(mp, "one", workspace_id=7)
    assert flag.id is not None
    assert await mp.feature_flags.list() == []
    with pytest.raises(NotFoundError):
        await mp.feature_flags.get(flag.id)
    with pytest.raises(BadRequestError, match="one"):
        await create(mp, "one")
