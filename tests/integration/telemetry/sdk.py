"""OpenTelemetry's SDK with everything in memory."""

from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from mixpanel_async.otel import OpenTelemetry

Point = tuple[Mapping[str, object], float]


class Sdk:
    """A provider of spans and one of metrics."""

    def __init__(self, sampler: Sampler | None = None, *processors: SpanProcessor) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        for processor in processors or (SimpleSpanProcessor(self.exporter),):
            self.tracers.add_span_processor(processor)
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracer = self.tracers.get_tracer("app")

    def telemetry(self) -> OpenTelemetry:
        return OpenTelemetry(tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self, name: str | None = None) -> Sequence[ReadableSpan]:
        """Return the ended spans of HTTP requests, or those with a name."""
        found = self.exporter.get_finished_spans()
        if name is not None:
            return [span for span in found if span.name == name]
        return [span for span in found if "http.request.method" in (span.attributes or {})]

    def metrics(self) -> Mapping[str, Metric]:
        """Collect the metrics, by name."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        found = [
            metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        ]
        assert len({metric.name for metric in found}) == len(found)
        return {metric.name: metric for metric in found}

    def points(self, name: str) -> list[Point]:
        """Collect the points of a metric: attributes, and the value or the sum."""
        metric = self.metrics().get(name)
        points = [] if metric is None else metric.data.data_points
        return [(dict(point.attributes or {}), getattr(point, "value", getattr(point, "sum", 0))) for point in points]

    def value(self, name: str, **attributes: object) -> float:
        """Collect the sum of the points of a metric with these attributes; `outcome` stands for `mixpanel.outcome`."""
        wanted = {f"mixpanel.{key}": value for key, value in attributes.items()}
        return sum(value for own, value in self.points(name) if wanted.items() <= own.items())

    def attributes(self) -> Iterator[str]:
        """Yield the values of all attributes of all metrics, as text."""
        for name in self.metrics():
            for attributes, _ in self.points(name):
                yield from map(str, attributes.values())
