"""Logs a problem once, because evaluations that meet it come thousands of times a second."""

import logging
from typing import Final

_log = logging.getLogger("mixpanel_async")
_MAX_KINDS: Final = 1000


class LogOnce:
    """Logs the first of each kind of problem; a thousand kinds at most."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def warn(self, kind: str, message: str) -> None:
        """Log a problem, unless one of its kind was logged before.

        Args:
            kind: What is the same for all problems of the kind.
            message: What to log.
        """
        if kind not in self._known and len(self._known) < _MAX_KINDS:
            self._known.add(kind)
            _log.warning("%s; further ones like this are not logged", message)
