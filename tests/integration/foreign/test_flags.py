"""The flags of the official Python client work against the local server."""

import json
from typing import Any

import aiohttp

from mixpanel_async.testing import LocalMixpanel
from tests.integration.emulator.app.requests import FLAG, VARIANTS
from tests.integration.foreign.conftest import Program

PATH = "/api/app/projects/1/workspaces/1000001/feature-flags"
HALF = {"rollout_percentage": 0.5, "variant_splits": {}}
RULE = {**HALF, "runtime_evaluation_rule": {"==": [{"var": "plan"}, "pro"]}}
RULES: dict[str, list[dict[str, Any]]] = {
    "all": [{"rollout_percentage": 1.0, "variant_splits": {"on": 0.3, "off": 0.7}}],
    "half": [HALF],
    "pro": [RULE, {"rollout_percentage": 0.2, "variant_splits": {"on": 1.0}}],
}


async def test_local_and_remote_flags(server: LocalMixpanel, python: Program) -> None:
    """What the client computes from the definitions is what the server answers, for every flag and user."""
    auth = aiohttp.encode_basic_auth("account", "secret")
    async with aiohttp.ClientSession(headers={"Authorization": auth}) as session:
        for key, rollout in RULES.items():
            ruleset = {"variants": VARIANTS, "rollout": rollout, "test": {"users": {"user-7": "on"}}}
            body = {**FLAG, "key": key, "name": key, "ruleset": ruleset}
            async with session.post(f"{server.url}{PATH}", json=body) as reply:
                assert reply.status == 200
    answers = json.loads(
        python("official_flags.py", server.url.removeprefix("http://"), *RULES, "unknown", needs="mixpanel")
    )
    assert len(answers) == 40
    for answer in answers:
        local, remote = answer[0::2], answer[1::2]
        assert local == remote
        assert local[-1] == [None, "fallback", None]
    assert {answer[0][0] for answer in answers} == {"on", "off"}
    assert {answer[2][0] for answer in answers} == {"on", "off", None}
    assert answers[7][4] == ["on", True, True]
    exposures = server.events("$experiment_started")
    assert {event["properties"]["Experiment name"] for event in exposures} == set(RULES)
