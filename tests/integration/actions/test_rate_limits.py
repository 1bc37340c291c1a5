import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from mixpanel_async.actions import Annotations, Gdpr, LookupTables, Pipelines, Query, RawExport, Schemas, request
from mixpanel_async.actions.schemas import Schema
from mixpanel_async.config import Rates
from mixpanel_async.errors import RateLimitedError
from tests.integration.actions.server import FakeClock, Recorder, Script, make_session

ENTRIES = [Schema(f"event {n}", "event") for n in range(1500)]
OBJECT = b'{"status": "ok", "results": {"added": 1, "tracking_id": "t", "status": "PENDING"}}'
ARRAY = b'{"status": "ok", "results": []}'
CALLS: dict[str, tuple[Callable[[Recorder], Awaitable[object]], bytes, str, int]] = {
    "a query": (lambda s: Query(s).cohorts(), b"[]", "query", 0),
    "JQL": (lambda s: Query(s).jql("main"), b"[]", "query", 0),
    "a page of profiles": (lambda s: Query(s).profiles_page(), ARRAY, "query", 0),
    "schemas": (lambda s: Schemas(s).upload(ENTRIES), OBJECT, "schemas", 1500),
    "one schema": (lambda s: Schemas(s).upload_one("event", "a", ENTRIES[0].schema_json), OBJECT, "schemas", 1),
    "a deletion": (lambda s: Gdpr(s).get_deletion("t"), OBJECT, "gdpr", 0),
    "an annotation": (lambda s: Annotations(s).list(), ARRAY, "app", 0),
    "a lookup table": (lambda s: LookupTables(s).list(), ARRAY, "app", 0),
    "a pipeline": (lambda s: Pipelines(s).pause("n"), OBJECT, "app", 0),
}


@pytest.mark.parametrize("name", CALLS)
async def test_each_call_counts_in_its_family(name: str) -> None:
    """Each call counts against the limits of its API, with its number of entities."""
    call, body, family, records = CALLS[name]
    recorder = Recorder(body)
    await call(recorder)
    assert (recorder.requests[0].family, recorder.requests[0].records) == (family, records)


async def test_an_export_counts_as_one() -> None:
    """The raw export has limits of its own."""
    assert RawExport(Recorder()).request("2026-08-01", "2026-08-01").family == "export"


async def test_queries_share_one_limit_and_say_when_they_are_free(script: Script, clock: FakeClock) -> None:
    """All queries, including JQL and raw requests, share the hourly limit; above it, the error has a time."""
    session = make_session(script.url, clock, rates=Rates(query_per_hour=3, max_wait_seconds=60))
    script.answers([])
    try:
        await Query(session).cohorts()
        await Query(session).jql("main")
        await request(session, "GET", "/api/query/cohorts/list")
        with pytest.raises(RateLimitedError) as caught:
            await Query(session).list_funnels()
        assert await Annotations(session).list_tags() == []  # another family continues
    finally:
        await session.aclose()
    assert caught.value.is_own
    assert caught.value.free_at == pytest.approx(clock.time() + 3636, abs=1)
    assert len(script.seen) == 4


async def test_schemas_wait_for_the_minute(script: Script, clock: FakeClock) -> None:
    """Entities are counted, not only requests: a third upload of 1500 waits for the next minute."""
    session = make_session(script.url, clock, rates=Rates(max_wait_seconds=120))
    script.answers({"status": "ok", "results": {"added": 1500}})
    try:
        for _ in range(3):
            assert (await Schemas(session).upload(ENTRIES)).added == 1500
    finally:
        await session.aclose()
    assert [round(seconds) for seconds in clock.slept] == [61]


async def test_five_queries_at_once(script: Script, clock: FakeClock) -> None:
    """At most five queries are in flight."""
    session = make_session(script.url, clock)
    under_way: list[int] = []
    current = 0

    async def answer(_: object) -> web.StreamResponse:
        nonlocal current
        current += 1
        under_way.append(current)
        await asyncio.sleep(0)
        current -= 1
        return web.Response(body=json.dumps([]).encode())

    script.handler = answer
    try:
        await asyncio.gather(*(Query(session).cohorts() for _ in range(20)))
    finally:
        await session.aclose()
    assert len(under_way) == 20
    assert max(under_way) <= 5
