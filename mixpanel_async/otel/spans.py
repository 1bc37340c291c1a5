"""A span for each HTTP request, after OpenTelemetry's conventions for HTTP clients."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit

import opentelemetry.context as otel_context
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from mixpanel_async.otel.guard import TelemetryGuard
from mixpanel_async.otel.links import TraceOrigins
from mixpanel_async.telemetry import WireAttempt

_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_PORTS: Final = {"http": 80, "https": 443}
_LEAST_ERROR: Final = 400
# Instrumentations agree about these keys, which have no public name; without them, one of aiohttp adds a second span.
_SUPPRESS_HTTP: Final = getattr(otel_context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation")
_SUPPRESS_ALL: Final = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")

Attributes: TypeAlias = dict[str, str | int]


def is_suppressed() -> bool:
    """Return whether the caller asked for no spans of HTTP requests."""
    current = otel_context.get_current()
    return any(current.get(key) for key in (_SUPPRESS_HTTP, _SUPPRESS_ALL))


def start_span(
    tracer: Tracer, attempt: WireAttempt, own: Attributes, seconds: Histogram, guard: TelemetryGuard
) -> "RequestSpan":
    """Start the span of a request: a root with links if it carries a batch, else a child of the current span.

    Args:
        tracer: Makes it.
        attempt: The request.
        own: Attributes of every span of the client.
        seconds: Takes the duration.
        guard: The block in which OpenTelemetry may raise.
    """
    method = attempt.method if attempt.method in _METHODS else "_OTHER"
    parts = urlsplit(attempt.url)
    common: Attributes = {"http.request.method": method, "server.address": parts.hostname or ""}
    port = parts.port or _PORTS.get(parts.scheme)
    if port is not None:
        common["server.port"] = port
    if attempt.template is not None:
        common["url.template"] = attempt.template
    more: Attributes = {"url.full": attempt.url, "mixpanel.operation": attempt.operation}
    if method == "_OTHER":
        more["http.request.method_original"] = attempt.method
    if attempt.resends:
        more["http.request.resend_count"] = attempt.resends
    if attempt.body_bytes:
        more["http.request.body.size"] = attempt.body_bytes
    if attempt.records:
        more["mixpanel.batch.records"] = attempt.records
    origins = attempt.origins
    parent = otel_context.get_current() if origins is None else Context()
    span = tracer.start_span(
        " ".join(filter(None, ("HTTP" if method == "_OTHER" else method, attempt.template))),
        context=parent,
        kind=SpanKind.CLIENT,
        attributes={**own, **common, **more},
        links=origins.links() if isinstance(origins, TraceOrigins) else None,
        record_exception=False,  # messages and tracebacks may show what belongs to nobody else
        set_status_on_exception=False,
    )
    return RequestSpan(span, parent, common, seconds, guard)


class RequestSpan:
    """The span of one request.

    Args:
        span: The span.
        parent: The context that it was started in.
        attributes: Attributes of the metric.
        seconds: Takes the duration.
        guard: The block in which OpenTelemetry may raise.
    """

    def __init__(
        self, span: Span, parent: Context, attributes: Attributes, seconds: Histogram, guard: TelemetryGuard
    ) -> None:
        self._span = span
        self._context = set_span_in_context(span, parent)
        self._attributes = attributes
        self._seconds = seconds
        self._guard = guard
        self._started = time.perf_counter()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the span current; instrumentations of HTTP clients make none of their own meanwhile."""
        token = otel_context.attach(otel_context.set_value(_SUPPRESS_HTTP, True, self._context))
        try:
            yield
        finally:
            otel_context.detach(token)

    def note_status(self, status: int) -> None:
        """Take the status of the reply."""
        with self._guard:
            self._set("http.response.status_code", status)
            if status >= _LEAST_ERROR:
                self._fail(str(status))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            if kind is not None and kind is not GeneratorExit and "error.type" not in self._attributes:
                self._fail(kind.__qualname__)
            self._seconds.record(time.perf_counter() - self._started, self._attributes, self._context)
        with self._guard:
            self._span.end()

    def _fail(self, error_type: str) -> None:
        self._set("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def _set(self, name: str, value: str | int) -> None:
        self._span.set_attribute(name, value)
        self._attributes[name] = value
