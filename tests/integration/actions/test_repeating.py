from collections.abc import Awaitable, Callable

import pytest

from mixpanel_async.actions import Experiments, Pipelines, Query, Schemas, Warehouse
from mixpanel_async.actions.schemas import Schema
from mixpanel_async.session import Session
from tests.integration.actions.server import FakeClock, Recorder, Script, SessionMaker

OBJECT = b'{"status": "ok", "results": {"id": "e", "added": 1, "delete_count": 1, "run_id": "r"}}'
CALLS: dict[str, tuple[Callable[[Session], Awaitable[object]], bytes, bool]] = {
    "a report": (lambda s: Query(s).list_funnels(), b"[]", True),
    "cohorts, though it is a POST": (lambda s: Query(s).cohorts(), b"[]", True),
    "profiles, though it is a POST": (lambda s: Query(s).profiles_page(), b'{"results": []}', True),
    "JQL, though it is a POST": (lambda s: Query(s).jql("main"), b"[]", True),
    "a deletion": (lambda s: Schemas(s).delete_all(), OBJECT, True),
    "an upload": (lambda s: Schemas(s).upload([Schema("a", "event")]), OBJECT, False),
    "a new pipeline": (lambda s: Pipelines(s).create_generic(form={"type": "x"}), OBJECT, False),
    "a new experiment": (lambda s: Experiments(s).create("n"), OBJECT, False),
    "a launch, though it is a PUT": (lambda s: Experiments(s).launch("e"), OBJECT, False),
    "a run of an import, though it is a PUT": (lambda s: Warehouse(s).run(1), OBJECT, False),
}


@pytest.mark.parametrize("name", CALLS)
async def test_only_what_can_run_twice_is_repeated(name: str) -> None:
    """A call that reads or sets is retried after a lost reply; one that creates or starts something is not."""
    call, body, can_repeat = CALLS[name]
    recorder = Recorder(body)
    await call(recorder)
    assert recorder.requests[0].can_repeat is can_repeat


async def test_a_query_survives_a_bad_moment(make: SessionMaker, script: Script, clock: FakeClock) -> None:
    """A query is retried after a 503 and a 500, with Mixpanel's delays."""
    script.replies = [(503, b""), (500, b""), (200, b"[]")]
    assert await Query(make(max_call_retries=4)).list_funnels() == []
    assert clock.slept == [3.0, 5.0]
