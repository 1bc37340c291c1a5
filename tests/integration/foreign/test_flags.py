"""The flags of the official clients, and ours: the same variants for the same users."""

import json
import pathlib
import random
from typing import Any

import aiohttp

from mixpanel_async.flags import FlagResult
from mixpanel_async.testing import LocalMixpanel
from tests.integration.emulator.app.requests import FLAG, VARIANTS
from tests.integration.foreign.conftest import Program
from tests.unit.flags.vectors import CASES, compiled

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


CONDITIONS: list[dict[str, Any]] = [
    {"==": [{"var": "plan"}, "PRO"]},
    {"!=": [{"var": "country"}, "de"]},
    {"in": [{"var": "Country"}, ["DE", "fr"]]},
    {"in": ["@MP.com", {"var": "email"}]},
    {">=": [{"var": "seats"}, 5]},
    {"<": [1, {"var": "seats"}, 9]},
    {"semver_compare": [{"var": "version"}, ">=", "2.1"]},
    {"datetime_compare": [{"var": "since"}, "<", 1_767_225_600_000]},
    {"if": [{"var": "beta"}, {"==": [{"var": "plan"}, "pro"]}, True]},
    {">": [{"+": [{"var": "seats"}, 1]}, 4]},
    {"==": [{"var": "address.city"}, "Köln"]},
]


def made_up_flag(chance: random.Random, number: int) -> dict[str, Any]:
    """Return a flag of everything that the official clients agree about: Node takes variants in their order."""
    keys = sorted(chance.sample(["a", "B", "control", "on", "treatment", "Ä"], chance.randint(1, 4)))

    def rollout() -> dict[str, Any]:
        pair = chance.sample(CONDITIONS, 2)
        rule: object = chance.choice([None, pair[0], {"and": pair}, {"or": pair}, {"!": [pair[0]]}])
        return {
            "rollout_percentage": chance.choice([0, 0.01, 0.3, 0.505, 0.9, 1]),
            **({"runtime_evaluation_rule": rule} if rule else {}),
            **({"variant_splits": {key: chance.random() for key in keys}} if chance.random() < 0.5 else {}),
        }

    return {
        "id": str(number),
        "name": f"Flag {number}",
        "key": f"flag-{number}",
        "status": "enabled",
        "project_id": 1,
        "context": chance.choice(["distinct_id", "company"]),
        "ruleset": {
            "variants": [{"key": key, "value": key * 2, "is_control": False, "split": 1 / len(keys)} for key in keys],
            "rollout": [rollout() for _ in range(chance.randint(1, 3))],
            "test": {"users": {"user-3": keys[0].upper(), "user-4": "no variant"}},
        },
        **({"hash_salt": chance.choice(["", "salt", "ß" * 32])} if chance.random() < 0.7 else {}),
    }


def made_up_context(chance: random.Random, number: int) -> dict[str, Any]:
    """Return the context of a user."""
    properties = {
        "Plan": chance.choice(["pro", "Pro", "free"]),
        "country": chance.choice(["DE", "de", "us"]),
        "email": chance.choice(["ann@mp.com", "bob@example.com"]),
        "seats": chance.randint(0, 12),
        "version": chance.choice(["v2.1.0", "2.0.9", "3", "2.1.0-rc.1", "x"]),
        "since": chance.choice(["2025-12-31T23:59:59Z", "2026-01-01T00:00:00+01:00", "2026-07-01T00:00:00.5Z", "-"]),
        "beta": chance.choice([True, False]),
        "address": {"City": chance.choice(["KÖLN", "Paris"])},
    }
    company: dict[str, object] = chance.choice([{}, {"company": "acme"}, {"company": 17}])
    return {"distinct_id": f"user-{number}", **company, "custom_properties": properties}


def test_the_official_node_client(node: Program, tmp_path: pathlib.Path) -> None:
    """For hundreds of flags and users, npm's client assigns the same variants; its answers of the vectors are true."""
    chance = random.Random(7)
    flags = [made_up_flag(chance, number) for number in range(150)]
    contexts = [made_up_context(chance, number) for number in range(20)]
    vectors = [{"flag": case["flag"], "context": case["context"]} for case in CASES]
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({"flags": flags, "contexts": contexts, "vectors": vectors}), encoding="utf-8")
    answers = json.loads(node("official_flags.js", str(asked)))
    ours = []
    for flag in compiled(*flags).flags.values():
        found = [flag.assign(context) for context in contexts]
        ours.append([[one.variant, one.value] if isinstance(one, FlagResult) else [None, None] for one in found])
    assert ours == answers["flags"]
    assert 500 < sum(one[0] is not None for row in ours for one in row) < 2500
    assert answers["vectors"] == [case["node"]["variant_key"] for case in CASES]
