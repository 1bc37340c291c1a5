"""Keeps what telemetry raises away from the client."""

import logging
from types import TracebackType

_log = logging.getLogger("mixpanel_async")


class TelemetryGuard:
    """A block in which OpenTelemetry may raise: a client must deliver all the same. The first error is logged."""

    def __init__(self) -> None:
        self._has_failed = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        if not self._has_failed:
            self._has_failed = True
            _log.warning("telemetry failed; the client works on, and this is not logged again", exc_info=error)
        return True
