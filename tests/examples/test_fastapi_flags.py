"""The FastAPI example with feature flags, as a process of its own under uvicorn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from mixpanel_async.actions import Rollout, Ruleset, Variant
from mixpanel_async.emulator import Emulator
from tests.conftest import PROJECT_ID, TOKEN, Connect
from tests.examples.test_fastapi_app import Program, running

ARGUMENTS = ["-m", "uvicorn", "--app-dir", "examples", "--port", "0", "--no-access-log", "fastapi_flags:app"]
ADDRESS = "6.6.6.6, 198.51.100.7"
NOBODY = "http://localhost:9"
PRO = {"==": [{"var": "plan"}, "pro"]}


@contextlib.asynccontextmanager
async def serving(**environment: str) -> AsyncIterator[Program]:
    """Run the example; this loop goes on meanwhile, because the local server that the example asks is in it."""
    with contextlib.ExitStack() as stack:
        service = await asyncio.to_thread(stack.enter_context, running(ARGUMENTS, **environment))
        yield service
        await asyncio.to_thread(service.stop)


async def test_variants_and_exposures(connect: Connect, server: Emulator) -> None:
    """Each user gets the variant that the rules say; exposures and events of requests are delivered at the end."""
    mp = connect()
    await mp.feature_flags.create(
        "Checkout",
        "one-page-checkout",
        context="distinct_id",
        serving_method="remote_or_local",
        status="enabled",
        ruleset=Ruleset(
            variants=[Variant(key="on", value=True, is_control=False, split=1.0)],
            rollout=[Rollout(rollout_percentage=1.0, variant_splits={}, runtime_evaluation_rule=PRO)],
        ),
        workspace_id=1_000_000 + PROJECT_ID,
    )
    answers = []
    async with (
        serving(MIXPANEL_TOKEN=TOKEN, MIXPANEL_BASE_URL=server.url) as service,
        aiohttp.ClientSession(raise_for_status=True) as http,
    ):
        for user, plan in (("ann", "Pro"), ("ann", "Pro"), ("bob", "free"), ("", "Pro")):
            headers = {"x-user-id": user, "x-plan": plan, "user-agent": "curl/8.5.0", "x-forwarded-for": ADDRESS}
            async with http.get(f"{service.address}/checkout", headers=headers) as reply:
                answers.append(await reply.json())
        async with http.get(f"{service.address}/health") as reply:
            assert await reply.json() == {"flags": 1, "stale": False, "bad": []}
    assert [answer["steps"] for answer in answers] == [1, 1, 3, 3]
    assert {answer["button"] for answer in answers} == {"grey"}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for event in sorted(await server.events(), key=lambda event: float(event["properties"]["time"])):
        found.setdefault(event["event"], []).append(event["properties"])
    assert [each["distinct_id"] for each in found["Checkout Opened"]] == ["ann", "ann", "bob", ""]
    served = [(each["route"], each["status"], each["distinct_id"]) for each in found["Request Served"]]
    assert served == [("/checkout", 200, user) for user in ("ann", "ann", "bob", "")] + [("/health", 200, "")]
    assert {(each["ip"], each["$browser"]) for each in found["Checkout Opened"]} == {("198.51.100.7", "curl")}
    (exposure,) = found["$experiment_started"]
    assert (exposure["distinct_id"], exposure["Experiment name"]) == ("ann", "one-page-checkout")


@pytest.mark.parametrize("is_refused", [False, True])
async def test_without_mixpanel(server: Emulator, is_refused: bool) -> None:
    """If Mixpanel is away or refuses the token, the service starts and serves the fallbacks."""
    environment = {"MIXPANEL_TOKEN": "another-token-0123456789" if is_refused else TOKEN}
    address = server.url if is_refused else NOBODY
    async with (
        serving(MIXPANEL_BASE_URL=address, START_SECONDS="0.2", **environment) as service,
        aiohttp.ClientSession(raise_for_status=True) as http,
        http.get(f"{service.address}/checkout", headers={"x-user-id": "ann"}) as reply,
    ):
        assert await reply.json() == {"steps": 3, "button": "grey"}
    assert any("no feature flags" in line for line in service.lines)
