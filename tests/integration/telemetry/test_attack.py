"""What happens when telemetry is late, missing, slow or broken: records are delivered all the same."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult

from mixpanel_async import AsyncMixpanel, Outcome, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidSettingError
from tests.conftest import TOKEN, Connect
from tests.integration.telemetry.sdk import Sdk


class Broken(SpanProcessor):
    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        del span, parent_context
        raise RuntimeError("on_start")

    def on_end(self, span: ReadableSpan) -> None:
        del span
        raise RuntimeError("on_end")


class BrokenAtTheEnd(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        del span
        raise RuntimeError("on_end")


class BrokenSampler(Sampler):
    def should_sample(self, *_: object, **__: object) -> SamplingResult:
        raise RuntimeError("sampler")

    def get_description(self) -> str:
        return "broken"


class BrokenExporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        raise RuntimeError("export")


class Stuck(SpanExporter):
    """An exporter that hangs until it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.release.wait(30)
        return SpanExportResult.SUCCESS


PROVIDERS = {
    "processor": lambda: Sdk(None, Broken()),
    "end of a processor": lambda: Sdk(None, BrokenAtTheEnd()),
    "sampler": lambda: Sdk(BrokenSampler()),
    "exporter": lambda: Sdk(None, SimpleSpanProcessor(BrokenExporter())),
}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_broken_telemetry(name: str, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever raises in OpenTelemetry, records are delivered, calls answer, and our log has it once."""
    sdk = PROVIDERS[name]()
    mp = connect(Settings(telemetry=sdk.telemetry()))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await mp.track("user-1", "Signed Up")
            assert (await mp.flush()).outcomes == {Outcome.UNVERIFIED: 1}
        await mp.query.cohorts()
        assert [event async for event in mp.export.events("2026-01-01", "2026-01-01")] == []
    ours = [record for record in caplog.records if record.name == "mixpanel_async"]
    assert len(ours) == (0 if name == "exporter" else 1)
    assert not otel_context.get_current()


async def test_a_stuck_exporter(connect: Connect) -> None:
    """Behind a BatchSpanProcessor, an exporter that hangs holds neither the loop nor a delivery."""
    exporter = Stuck()
    sdk = Sdk(None, BatchSpanProcessor(exporter, schedule_delay_millis=1, max_export_batch_size=1))
    mp = connect(Settings(telemetry=sdk.telemetry()))
    try:
        async with asyncio.timeout(10):
            for _ in range(20):
                await mp.track("user-1", "Signed Up")
                assert (await mp.flush()).is_complete
            await mp.aclose()
    finally:
        exporter.release.set()
        sdk.tracers.shutdown()


async def test_closing_after_the_provider(connect: Connect) -> None:
    """A client that outlives its providers works on."""
    sdk = Sdk()
    mp = connect(Settings(telemetry=sdk.telemetry()))
    sdk.tracers.shutdown()
    sdk.meters.shutdown()
    await mp.track("user-1", "Signed Up")
    assert (await mp.aclose()).is_complete


async def test_two_loops_of_one_telemetry(server: Emulator) -> None:
    """One `OpenTelemetry` follows clients in several threads, each with a loop of its own."""
    sdk = Sdk()
    telemetry = sdk.telemetry()

    async def work() -> None:
        async with AsyncMixpanel(TOKEN, base_url=server.url, settings=Settings(telemetry=telemetry)) as mp:
            for _ in range(50):
                await mp.track("user-1", "Signed Up")

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(4)))
    assert sdk.value("mixpanel.client.records", outcome="unverified") == 200


def test_something_else_is_refused() -> None:
    """`Settings.telemetry` takes what follows clients, and says so otherwise."""
    with pytest.raises(InvalidSettingError, match="telemetry is invalid"):
        Settings(telemetry="otel")  # type: ignore[arg-type]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CLIENT = """
import asyncio
from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.otel import OpenTelemetry
from mixpanel_async.testing import LocalMixpanel
telemetry = [OpenTelemetry(), OpenTelemetry()]
async def work():
    with LocalMixpanel() as server:
        clients = [AsyncMixpanel(server.token, base_url=server.url, settings=Settings(telemetry=t)) for t in telemetry]
        for mp in clients:
            await mp.track("user-1", "Signed Up")
            assert (await mp.flush()).is_complete
        LATE
        for mp in clients:
            await mp.track("user-1", "Signed Up")
            assert (await mp.aclose()).is_complete
"""


def test_without_an_sdk() -> None:
    """With the API alone everything works, and nothing is measured; the SDK is not imported."""
    code = CLIENT.replace("LATE", "") + "asyncio.run(work())\nimport sys\nprint('opentelemetry.sdk' in sys.modules)"
    assert run(code) == "False\n"


def test_providers_that_come_late() -> None:
    """Global providers that are set after the client is made get its spans and metrics, of every client."""
    late = "set_up()"
    code = (
        CLIENT.replace("LATE", late)
        + """
from opentelemetry import metrics, trace
from tests.integration.telemetry.sdk import Sdk
sdk = Sdk()
def set_up():
    trace.set_tracer_provider(sdk.tracers)
    metrics.set_meter_provider(sdk.meters)
asyncio.run(work())
print([span.name for span in sdk.spans()], sdk.value("mixpanel.client.records"))
"""
    )
    assert run(code) == "['POST /track', 'POST /track'] 4\n"


def test_without_the_api() -> None:
    """Without OpenTelemetry, the module says what to install; the client does not need it."""
    code = """
import sys
sys.modules["opentelemetry"] = None
import mixpanel_async
from mixpanel_async import AsyncMixpanel
AsyncMixpanel("project-token")
try:
    import mixpanel_async.otel
except mixpanel_async.errors.MissingExtraError as error:
    print(error)
"""
    assert 'pip install "mixpanel-async[otel]"' in run(code)


def test_the_client_imports_no_telemetry() -> None:
    """The client imports neither OpenTelemetry nor the module that uses it."""
    code = "import sys; from mixpanel_async import AsyncMixpanel; AsyncMixpanel('project-token'); "
    code += "print([name for name in sys.modules if 'opentelemetry' in name or name == 'mixpanel_async.otel'])"
    assert run(code) == "[]\n"
