"""What happens with records that were not delivered."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.models import Verdict
from mixpanel_async.records.encoder import read_key

_log = logging.getLogger("mixpanel_async")
OnFailure: TypeAlias = Callable[[bytes, Verdict], None]


class Failures:
    """Tells whoever made records of their outcomes, and the user of those that failed; equal ones may come again then.

    Args:
        dedupe: Forgets them.
        on_failure: Hears of each, with its JSON; None: nobody does.
    """

    def __init__(self, dedupe: DedupeWindow, on_failure: OnFailure | None) -> None:
        self._dedupe = dedupe
        self._on_failure = on_failure

    def tell(self, batch: Batch, verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Give a batch's records their outcomes: `exceptions` by index, `verdict` for the others.

        Whoever hears of them and fails does not end the delivery of everything else.
        """
        try:
            batch.tickets.settle(batch.parts, verdict, exceptions)
            if exceptions or not verdict.is_delivered:
                self.note(batch.parts, verdict, exceptions)
        except Exception:
            _log.exception("the outcome %s of %d records could not be told", verdict.outcome.value, len(batch))

    def note(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Look through records that have their outcomes: `exceptions` by index, `verdict` for the others."""
        for index, part in enumerate(parts):
            one = exceptions.get(index, verdict)
            if one.is_delivered:
                continue
            key = read_key(part) if self._dedupe else None
            if key is not None:
                self._dedupe.forget(key)
            if self._on_failure is not None:
                try:
                    self._on_failure(part, one)
                except Exception:
                    _log.exception("on_failure raised; the record's outcome is %s", one.outcome.value)
