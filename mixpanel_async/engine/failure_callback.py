"""Calls on_failure; forgets the dedupe keys of failed records."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.models import Verdict
from mixpanel_async.records.keys import read_key

_log = logging.getLogger("mixpanel_async")
OnFailure: TypeAlias = Callable[[bytes, Verdict], None]


class Failures:
    """Settles tickets and reports failed records; a failed record's key is forgotten, so that it can be sent again.

    Args:
        dedupe: The window of known keys.
        on_failure: Called with the JSON of each failed record, and its verdict; None: not called.
    """

    def __init__(self, dedupe: DedupeWindow, on_failure: OnFailure | None) -> None:
        self._dedupe = dedupe
        self._on_failure = on_failure

    def tell(self, batch: Batch, verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Give a batch's records their outcomes: `exceptions` by index, `verdict` for the others.

        An exception in a callback does not stop delivery.
        """
        try:
            batch.tickets.settle(batch.parts, verdict, exceptions)
            if exceptions or not verdict.is_delivered:
                self.note(batch.parts, verdict, exceptions)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a callback may raise anything: CancelledError of a future, a test framework's own
            _log.exception("the outcome %s of %d records could not be reported", verdict.outcome.value, len(batch))

    def note(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Forget and report the failed ones among records: `exceptions` by index, `verdict` for the others."""
        for index, part in enumerate(parts):
            one = exceptions.get(index, verdict)
            if one.is_delivered:
                continue
            key = read_key(part) if self._dedupe else None
            if key is not None:
                self._dedupe.forget(key)
            self.report(part, one)

    def report(self, part: bytes, verdict: Verdict) -> None:
        """Report one failed record. Its key stays known: it may be that of an equal record, which was delivered."""
        if self._on_failure is None:
            return
        try:
            self._on_failure(part, verdict)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # as above
            _log.exception("on_failure raised; the record's outcome is %s", verdict.outcome.value)
