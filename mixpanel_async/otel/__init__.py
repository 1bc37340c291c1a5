"""Spans and metrics of a client for OpenTelemetry; needs the extra `otel`, which is opentelemetry-api alone."""

from mixpanel_async.errors import MissingExtraError

try:
    import opentelemetry.metrics
    import opentelemetry.trace  # noqa: F401 - whether they are there
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise MissingExtraError("otel", "mixpanel_async.otel") from None

from mixpanel_async.otel.telemetry import OpenTelemetry

__all__ = ["OpenTelemetry"]
