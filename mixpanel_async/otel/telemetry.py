"""`OpenTelemetry`: what `Settings.telemetry` takes."""

from typing import Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, MeterProvider, get_meter
from opentelemetry.trace import INVALID_SPAN, Tracer, TracerProvider, get_tracer, set_span_in_context

from mixpanel_async._version import __version__
from mixpanel_async.otel.counters import Counters, Followed
from mixpanel_async.otel.guard import TelemetryGuard
from mixpanel_async.otel.links import TraceOrigins
from mixpanel_async.otel.spans import Attributes, is_suppressed, start_span
from mixpanel_async.telemetry import NO_SPAN, AttemptSpan, ClientTelemetry, Observed, WireAttempt

# The engine's task has the context in which the client was used first; figures of batches do not belong to that trace.
# An empty context would stand for the current one.
_NO_TRACE: Final = set_span_in_context(INVALID_SPAN, Context())
_SCOPE: Final = "mixpanel_async"
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"
# The boundaries that the conventions give for http.client.request.duration, and longer ones for deliveries.
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DELIVERY_SECONDS: Final = (0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60, 120, 300)
_BATCH_RECORDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class _Instruments(NamedTuple):
    """What spans and histograms are made with."""

    tracer: Tracer
    request_seconds: Histogram
    delivery_seconds: Histogram
    batch_records: Histogram


class OpenTelemetry:
    """Spans and metrics of clients, for `Settings.telemetry`.

    Each HTTP request is a span. That of a call, such as a query, is a child of the span in which the call is made. That
    of a batch is a root, with links to up to 32 spans in which its records were made. Metrics are read from
    `mp.stats` when they are collected. Events themselves make nothing. What OpenTelemetry raises is logged once, and
    never reaches the client.

    Without a provider, the global ones are used, which may also be set later. One object is enough for all clients of a
    process.

    Args:
        tracer_provider: Makes the spans; None: the global one.
        meter_provider: Makes the instruments; None: the global one.

    Reference: https://opentelemetry.io/docs/specs/semconv/http/http-spans/

    Example:
        ```python
        from mixpanel_async.otel import OpenTelemetry

        settings = Settings(telemetry=OpenTelemetry())
        async with AsyncMixpanel("project-token", settings=settings) as client:
            await client.track("user-1", "Signed Up")
        ```
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        meter = get_meter(_SCOPE, __version__, meter_provider, _SCHEMA)
        self._counters = Counters(meter, meter_provider)
        self._instruments = _Instruments(
            get_tracer(_SCOPE, __version__, tracer_provider, _SCHEMA),
            meter.create_histogram(
                "http.client.request.duration",
                "s",
                "Duration of HTTP client requests.",
                explicit_bucket_boundaries_advisory=_REQUEST_SECONDS,
            ),
            meter.create_histogram(
                "mixpanel.client.delivery.duration",
                "s",
                "From the admission of a batch's first record to the outcome of the batch",
                explicit_bucket_boundaries_advisory=_DELIVERY_SECONDS,
            ),
            meter.create_histogram(
                "mixpanel.client.batch.records",
                "{record}",
                "Records in a batch, when it is sent for the first time",
                explicit_bucket_boundaries_advisory=_BATCH_RECORDS,
            ),
        )
        self._guard = TelemetryGuard()

    def connect(self, client: Observed, *, buffer_bytes: int) -> ClientTelemetry:
        """Begin to follow a client; the client calls it.

        Args:
            client: The client.
            buffer_bytes: Bytes that its buffer holds at most.

        Example:
            ```python
            from mixpanel_async.otel import OpenTelemetry

            followed = OpenTelemetry().connect(mp, buffer_bytes=1_000_000)
            followed.close()
            ```
        """
        return _Client(self._instruments, self._guard, self._counters, self._counters.follow(client, buffer_bytes))


class _Client:
    """Follows one client."""

    def __init__(
        self, instruments: _Instruments, guard: TelemetryGuard, counters: Counters, followed: Followed
    ) -> None:
        self._instruments = instruments
        self._guard = guard
        self._counters = counters
        self._followed = followed
        self._own: Attributes = {"mixpanel.client.id": followed.number}

    def origins(self) -> TraceOrigins:
        """Return a place for the spans in which records of a batch are made."""
        return TraceOrigins()

    def begin(self, attempt: WireAttempt) -> AttemptSpan:
        """Start a span, unless the caller asked for none."""
        made = self._instruments
        is_batch = attempt.origins is not None
        with self._guard:
            if not is_batch and is_suppressed():
                return NO_SPAN
            if is_batch and not attempt.resends:
                attributes = {"url.template": attempt.template or "", **self._own}
                made.batch_records.record(attempt.records, attributes, _NO_TRACE)
            return start_span(made.tracer, attempt, self._own, made.request_seconds, self._guard)
        return NO_SPAN

    def note_settled(self, path: str, outcome: str, seconds: float) -> None:
        """Record how long a batch took."""
        attributes = {"url.template": path, "mixpanel.outcome": outcome, **self._own}
        with self._guard:
            self._instruments.delivery_seconds.record(seconds, attributes, _NO_TRACE)

    def close(self) -> None:
        """Take the counters for the last time."""
        with self._guard:
            self._counters.close(self._followed)
