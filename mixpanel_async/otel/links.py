"""The traces in which the records of a batch were made."""

import weakref
from collections.abc import Callable
from typing import Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Link, SpanContext, get_current_span

MAX_LINKS: Final = 32
_NOTHING: Final[Callable[[], None]] = lambda: None  # noqa: E731


class TraceOrigins:
    """Up to 32 spans in which records of a batch were made; only spans that are sampled.

    Attributes:
        contexts: Their contexts, which keep no span alive.
    """

    def __init__(self) -> None:
        self.contexts: list[SpanContext] = []
        self._seen: Callable[[], Context | None] = _NOTHING

    def note(self) -> bool:
        """Note the current span; return whether another one would be kept as well."""
        current = get_current()
        if self._seen() is current:
            return True
        self._seen = weakref.ref(current)
        found = get_current_span(current).get_span_context()
        if found.is_valid and found.trace_flags.sampled and found not in self.contexts:
            self.contexts.append(found)
        return len(self.contexts) < MAX_LINKS

    def links(self) -> list[Link]:
        """Return a link to each of the spans."""
        return [Link(context) for context in self.contexts]
