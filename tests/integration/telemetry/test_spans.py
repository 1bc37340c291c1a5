"""Spans of requests, with OpenTelemetry's SDK and a local server."""

import asyncio
import contextlib
import gc
import socket
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import aiohttp
import pytest
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from mixpanel_async import AsyncMixpanel, Outcome, ServiceAccount, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import ApiError, ServerError, TransportError
from tests.conftest import PROJECT_ID, SECRET, TOKEN, USERNAME, Connect
from tests.integration.telemetry.sdk import Sdk


@pytest.fixture
def sdk() -> Sdk:
    return Sdk()


def settings(sdk: Sdk, **more: object) -> Settings:
    return Settings(telemetry=sdk.telemetry(), **more)  # type: ignore[arg-type]


def records(count: int) -> list[dict[str, Any]]:
    """Events of the first day of 2026."""
    return [
        {"event": "E", "properties": {"time": 1_767_225_600, "distinct_id": "u", "$insert_id": f"event-{number}"}}
        for number in range(count)
    ]


async def test_the_span_of_a_batch(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """A batch is one client span after the conventions, a root with links to the spans of its events."""
    mp = connect(settings(sdk))
    with sdk.tracer.start_as_current_span("one") as one:
        await mp.track("user-1", "Signed Up")
        await mp.track("user-1", "Signed Up", insert_id="fixed-1")
    with sdk.tracer.start_as_current_span("two") as two:
        mp.track_nowait("user-2", "Signed Up")
    await mp.track("user-3", "Signed Up")
    await mp.flush()
    [span] = sdk.spans()
    assert (span.name, span.kind, span.parent) == ("POST /track", SpanKind.CLIENT, None)
    assert [link.context for link in span.links] == [one.get_span_context(), two.get_span_context()]
    attributes = dict(span.attributes or {})
    assert attributes.pop("http.request.body.size") > 0  # type: ignore[operator]
    port = int(server.url.rpartition(":")[2])
    assert attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "mixpanel.batch.records": 4,
        "mixpanel.client.id": 0,
        "mixpanel.operation": "track",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": f"{server.url}/track",
        "url.template": "/track",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "mixpanel_async"
    assert span.instrumentation_scope.schema_url is not None


async def test_the_span_of_a_call(connect: Connect, sdk: Sdk) -> None:
    """A query is a child of the span in which it is made; its path names no operation, an attribute does."""
    mp = connect(settings(sdk))
    with sdk.tracer.start_as_current_span("report") as report:
        await mp.query.cohorts()
        await mp.projects.list()
    cohorts, projects = sdk.spans()
    assert cohorts.name == "POST /api/query/cohorts/list"
    assert cohorts.attributes is not None
    assert cohorts.attributes["mixpanel.operation"] == "query.cohorts"
    assert projects.name == "GET"
    assert [span.parent and span.parent.span_id for span in (cohorts, projects)] == [
        report.get_span_context().span_id
    ] * 2


async def test_retries(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """Each attempt is a span of its own: failed ones with their status, later ones with their number."""
    for status in (503, 429, 500):
        server.faults.add(InjectedFault(path="/track", kind="status", status=status))
    mp = connect(settings(sdk))
    assert (await (await mp.track("user-1", "Signed Up"))).outcome is Outcome.UNVERIFIED
    found = [span.attributes or {} for span in sdk.spans()]
    assert [one.get("http.response.status_code") for one in found] == [503, 429, 500, 200]
    assert [one.get("error.type") for one in found] == ["503", "429", "500", None]
    assert [one.get("http.request.resend_count") for one in found] == [None, 1, 2, 3]
    assert [span.status.status_code for span in sdk.spans()] == [StatusCode.ERROR] * 3 + [StatusCode.UNSET]
    assert not any(span.status.description for span in sdk.spans())


async def test_retries_of_a_call(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """So is each attempt of a call, also of one that is streamed."""
    mp = connect(settings(sdk, max_call_retries=1))
    server.faults.add(InjectedFault(path="/api/query/*", kind="status", status=502, times=2))
    with pytest.raises(ServerError):
        await mp.query.cohorts()
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="status", status=502))
    assert [event async for event in mp.export.events("2026-01-01", "2026-01-01")] == []
    found = [span.attributes or {} for span in sdk.spans()]
    assert [one.get("error.type") for one in found] == ["502", "502", "502", None]
    assert [one.get("http.request.resend_count") for one in found] == [None, 1, None, 1]


async def test_no_connection(connect: Connect, sdk: Sdk) -> None:
    """A request without a reply has the class of its error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mp = connect(settings(sdk, max_call_retries=0), base_url=f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(TransportError):
            await mp.query.cohorts()
    [span] = sdk.spans()
    assert (span.attributes or {})["error.type"] == "ConnectFailedError"
    assert "http.response.status_code" not in (span.attributes or {})
    assert span.status.status_code is StatusCode.ERROR
    assert not span.events


async def test_a_time_out_and_a_cancellation(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """A request that takes too long, and one that is cancelled, end with their errors."""
    server.faults.add(InjectedFault(path="/api/query/*", kind="hang", times=2))
    mp = connect(settings(sdk, max_call_retries=0, query_timeout_seconds=0.05))
    with pytest.raises(TransportError):
        await mp.query.cohorts()
    mp = connect(settings(sdk, max_call_retries=0))
    call = asyncio.create_task(mp.query.cohorts())
    while mp.stats.requests < 1:  # noqa: ASYNC110 - a turn or two of the loop
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert [(span.attributes or {})["error.type"] for span in sdk.spans()] == ["RequestTimeoutError", "CancelledError"]


async def test_a_stream_ends_its_span(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """The span of an export lasts until it is read, or left, and is no error then."""
    mp = connect(settings(sdk))
    await mp.import_events(records(3))
    sdk.exporter.clear()
    blocks = mp.export.blocks("2026-01-01", "2026-01-01")
    await anext(blocks)
    assert sdk.spans() == []
    assert not otel_context.get_current()
    await blocks.aclose()
    [span] = sdk.spans()
    assert (span.name, span.status.status_code) == ("GET /api/2.0/export", StatusCode.UNSET)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate"))
    with pytest.raises(TransportError):
        [block async for block in mp.export.blocks("2026-01-01", "2026-01-01")]
    assert (sdk.spans()[-1].attributes or {})["error.type"] in {"ConnectionLostError", "TruncatedReplyError"}
    assert (sdk.spans()[-1].attributes or {})["http.response.status_code"] == 200


async def test_links_are_bounded_and_distinct(connect: Connect, sdk: Sdk) -> None:
    """A batch has at most 32 links, and one for each span."""
    mp = connect(settings(sdk))
    for number in range(100):
        with sdk.tracer.start_as_current_span(f"request {number}"):
            await mp.track("user-1", "Signed Up")
    with sdk.tracer.start_as_current_span("bulk"):
        for _ in range(100):
            await mp.track("user-1", "Signed Up")
    await mp.flush()
    [span] = sdk.spans()
    ids = {link.context.span_id for link in span.links}
    assert len(span.links) == len(ids) == 32


async def test_late_spans_of_a_large_batch_are_linked(connect: Connect, sdk: Sdk) -> None:
    """The events of one span do not hide the spans of those that come later in the same batch."""
    mp = connect(settings(sdk, linger_seconds=60))
    with sdk.tracer.start_as_current_span("bulk"):
        for _ in range(1500):
            await mp.track("user-1", "Signed Up")
    with sdk.tracer.start_as_current_span("late"):
        for _ in range(500):
            await mp.track("user-1", "Signed Up")
    await mp.flush()
    [span] = sdk.spans()
    assert (span.attributes or {})["mixpanel.batch.records"] == 2000
    assert len(span.links) == 2


async def test_what_is_not_sampled_is_not_linked(connect: Connect) -> None:
    """Nobody could follow a link to a span that is not recorded."""
    sdk, quiet = Sdk(), Sdk(ALWAYS_OFF)
    mp = connect(settings(sdk))
    with quiet.tracer.start_as_current_span("request"):
        await mp.track("user-1", "Signed Up")
    await mp.flush()
    [span] = sdk.spans()
    assert span.links == ()


async def test_the_context_of_a_task_that_ended(connect: Connect, sdk: Sdk) -> None:
    """The link of an event outlives its task and its span, and keeps neither."""
    mp = connect(settings(sdk, linger_seconds=60))
    await mp.track("user-1", "Signed Up")  # the engine starts here, and not in the task
    kept: list[weakref.ref[object]] = []

    async def request() -> None:
        with sdk.tracer.start_as_current_span("request") as span:
            kept.append(weakref.ref(span))
            await mp.track("user-1", "Signed Up")

    await asyncio.create_task(request())
    [request_span] = sdk.spans("request")
    wanted = request_span.context
    sdk.exporter.clear()
    del request_span
    gc.collect()
    assert kept[0]() is None
    await mp.flush()
    [span] = sdk.spans()
    assert [link.context for link in span.links] == [wanted]


async def test_an_engine_that_started_in_a_span(connect: Connect, sdk: Sdk) -> None:
    """A batch is no child of the span in which the first event of the client happened to be made."""
    mp = connect(settings(sdk))
    with sdk.tracer.start_as_current_span("first"):
        await mp.track("user-1", "Signed Up")
    await mp.flush()
    await mp.track("user-1", "Signed Up")
    await mp.flush()
    assert [(span.parent, len(span.links)) for span in sdk.spans()] == [(None, 1), (None, 0)]


async def test_polls_belong_to_nobody(connect: Connect, sdk: Sdk) -> None:
    """Requests for definitions of flags are no children of the span in which polling happened to start."""
    mp = connect(settings(sdk))
    with sdk.tracer.start_as_current_span("first"):
        flags = mp.flags.local()
    assert await flags.ready(10)
    assert sdk.spans()
    assert {span.parent for span in sdk.spans()} == {None}


async def test_events_of_other_threads(connect: Connect, sdk: Sdk) -> None:
    """`submit` takes the span of its thread along."""
    mp = connect(settings(sdk))
    await mp.track("user-1", "Signed Up")
    await mp.flush()
    contexts = []

    def work() -> None:
        with sdk.tracer.start_as_current_span("thread") as span:
            contexts.append(span.get_span_context())
            mp.submit("user-1", "Signed Up")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    await mp.flush()
    linked = {link.context.span_id for span in sdk.spans()[1:] for link in span.links}
    assert linked == {one.span_id for one in contexts}


async def test_a_record_that_waited_for_space(connect: Connect, sdk: Sdk) -> None:
    """A record that waits for buffer space is linked with the span that made it, not with what made space."""
    mp = connect(settings(sdk, max_buffer_records=1, linger_seconds=0.0, overflow_wait_seconds=30.0))
    await mp.track("user-0", "Signed Up")
    contexts = []

    async def request(number: int) -> None:
        with sdk.tracer.start_as_current_span("request") as span:
            contexts.append(span.get_span_context().span_id)
            await mp.track(f"user-{number}", "Signed Up")

    await asyncio.gather(*(request(number) for number in range(5)))
    await mp.flush()
    assert [link.context.span_id for span in sdk.spans() for link in span.links] == contexts


async def test_a_job_is_linked_with_its_caller(connect: Connect, sdk: Sdk) -> None:
    """Batches of an import are linked with the span in which it was called."""
    mp = connect(settings(sdk))
    with sdk.tracer.start_as_current_span("job") as job:
        await mp.import_events(records(5000))
    imports = sdk.spans("POST /import")
    assert len(imports) >= 3
    assert {link.context.span_id for span in imports for link in span.links} == {job.get_span_context().span_id}


@pytest.fixture
def instrumented(sdk: Sdk) -> Iterator[None]:
    """Aiohttp's clients make spans of their own."""
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=sdk.tracers, meter_provider=sdk.meters)
    yield
    instrumentor.uninstrument()


@pytest.mark.usefixtures("instrumented")
async def test_no_second_span(server: Emulator, connect: Connect, sdk: Sdk) -> None:
    """An instrumentation of aiohttp adds no second span, and still makes those of other clients."""
    mp = connect(settings(sdk))
    await mp.track("user-1", "Signed Up")
    await mp.flush()
    await mp.query.cohorts()
    assert [event async for event in mp.export.events("2026-01-01", "2026-01-01")] == []
    assert len(sdk.exporter.get_finished_spans()) == 3
    async with aiohttp.ClientSession() as other, other.get(f"{server.url}/_admin/health"):
        pass
    assert len(sdk.exporter.get_finished_spans()) == 4


@pytest.mark.parametrize("suppress", [suppress_http_instrumentation, suppress_instrumentation])
async def test_suppressed_calls(suppress: Callable[[], Any], connect: Connect, sdk: Sdk) -> None:
    """A call within a block that asks for no spans makes none; a batch belongs to nobody's block."""
    mp = connect(settings(sdk))
    with suppress():
        await mp.query.cohorts()
        await mp.track("user-1", "Signed Up")
    await mp.flush()
    assert [span.name for span in sdk.spans()] == ["POST /track"]


CALLS: dict[str, Callable[[AsyncMixpanel], Coroutine[Any, Any, object]]] = {
    "method": lambda mp: mp.request("BREW", "/api/app/me"),
    "user": lambda mp: mp.request("GET", f"/api/app/me?token={TOKEN}&mail=a@b.example"),
    "path": lambda mp: mp.request("GET", f"/api/app/{TOKEN}/{SECRET}"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_odd_requests(name: str, connect: Connect, sdk: Sdk) -> None:
    """Whatever a caller puts into a URL, no secret and no query is shown; an unknown method is `_OTHER`."""
    mp = connect(settings(sdk, max_call_retries=0))
    with contextlib.suppress(ApiError):
        await CALLS[name](mp)
    [span] = sdk.spans()
    attributes = dict(span.attributes or {})
    text = " ".join(map(str, (span.name, *attributes.values())))
    assert not any(secret in text for secret in (TOKEN, SECRET, "a@b.example", "?"))
    assert attributes["mixpanel.operation"] == "request"
    if name == "method":
        assert span.name == "HTTP"
        assert (attributes["http.request.method"], attributes["http.request.method_original"]) == ("_OTHER", "BREW")


async def test_a_foreign_url_with_a_password(connect: Connect, sdk: Sdk) -> None:
    """User, password, query and fragment of a whole URL are not shown."""
    mp = connect(settings(sdk, max_call_retries=0))
    with pytest.raises(TransportError):
        await mp.request("GET", "http://somebody:hidden@127.0.0.1:9/file?signature=hidden#hidden", auth=False)
    [span] = sdk.spans()
    assert (span.attributes or {})["url.full"] == "http://127.0.0.1:9/file"


async def test_no_trace_id_leaves(server: Emulator, sdk: Sdk) -> None:
    """Mixpanel does not learn the ids of traces: no request has a `traceparent`."""
    async with AsyncMixpanel(
        TOKEN,
        credentials=ServiceAccount(USERNAME, SECRET),
        project_id=PROJECT_ID,
        base_url=server.url,
        settings=settings(sdk),
    ) as mp:
        with sdk.tracer.start_as_current_span("request"):
            await mp.query.cohorts()
    assert sdk.spans()
    assert not [one for one in server.requests if "traceparent" in {name.lower() for name in one.headers}]
