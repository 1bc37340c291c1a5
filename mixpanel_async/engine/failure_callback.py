"""Calls on_failure; forgets the dedupe keys of failed records."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.dedupe import DedupeWindow
from mixpanel_async.models import Verdict
from mixpanel_async.records.keys import read_key

_log = logging.getLogger("mixpanel_async")
OnFailure: TypeAlias = Callable[[bytes, Verdict], None]
OnFailures: TypeAlias = Callable[[Sequence[tuple[bytes, Verdict]]], None]


class Failures:
    """Settles tickets and reports failed records; a failed record's key is forgotten, so that it can be sent again.

    Args:
        dedupe: The window of known keys.
        on_failure: Called with the JSON of each failed record, and its verdict; None: not called.
        on_failures: Called with those of a batch at once; None: not called.
    """

    def __init__(self, dedupe: DedupeWindow, on_failure: OnFailure | None, on_failures: OnFailures | None) -> None:
        self._dedupe = dedupe
        self._on_failure = on_failure
        self._on_failures = on_failures

    def tell(self, batch: Batch, verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Give a batch's records their outcomes: `exceptions` by index, `verdict` for the others.

        An exception in a callback does not stop delivery.
        """
        try:
            batch.tickets.settle(batch.parts, verdict, exceptions)
            if exceptions or verdict.outcome.is_failure:
                self.note(batch.parts, verdict, exceptions)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a callback may raise anything: CancelledError of a future, a test framework's own
            _log.exception("the outcome %s of %d records could not be reported", verdict.outcome.value, len(batch))

    def note(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Forget and report the failed ones among records: `exceptions` by index, `verdict` for the others."""
        failed: list[tuple[bytes, Verdict]] = []
        for index, part in enumerate(parts):
            one = exceptions.get(index, verdict)
            if not one.outcome.is_failure:
                continue
            key = read_key(part) if self._dedupe else None
            if key is not None:
                self._dedupe.forget(key)
            failed.append((part, one))
        self._report(failed)

    def report(self, part: bytes, verdict: Verdict) -> None:
        """Report one failed record. Its key stays known: it may be that of an equal record, which was delivered."""
        self._report([(part, verdict)])

    def _report(self, failed: Sequence[tuple[bytes, Verdict]]) -> None:
        if self._on_failure is not None:
            for part, verdict in failed:
                _call("on_failure", verdict, partial(self._on_failure, part, verdict))
        if self._on_failures is not None and failed:
            _call("on_failures", failed[0][1], partial(self._on_failures, failed))


def _call(name: str, verdict: Verdict, call: Callable[[], None]) -> None:
    try:
        call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a callback may raise anything, as above
        _log.exception("%s raised; the record's outcome is %s", name, verdict.outcome.value)
