"""Turns records that fail local validation into REJECTED verdicts."""

import reprlib
from contextlib import suppress

import orjson

from mixpanel_async.errors import InvalidRecordError, RecordTooLargeError
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.records.exact_numbers import dumps_exactly


def rejected(error: InvalidRecordError) -> Verdict:
    """Return the verdict of a record that failed validation."""
    reason = "too_large" if isinstance(error, RecordTooLargeError) else "invalid"
    return Verdict(Outcome.REJECTED, reason, error.field, error.message)


def record_for_report(record: object) -> bytes:
    """Return a rejected record as JSON if possible, else as the JSON string of its repr."""
    # A caller's own mapping or __repr__ may raise anything.
    with suppress(Exception):
        return dumps_exactly(record, orjson.OPT_NON_STR_KEYS)
    with suppress(Exception):
        return orjson.dumps(record, default=repr, option=orjson.OPT_NON_STR_KEYS)
    # Only reprlib prints what is nested too deeply.
    for printed in (repr, reprlib.repr):
        with suppress(Exception):
            return orjson.dumps(printed(record).encode("utf-8", "replace").decode())
    return orjson.dumps(f"a {type(record).__name__} that cannot be printed")


def malformed(message: str) -> Verdict:
    """Return the verdict of something that is not a record."""
    return Verdict(Outcome.REJECTED, "malformed", "", message)


def too_deep(field: str = "") -> InvalidRecordError:
    """Return the error for a record that is nested too deeply to validate."""
    return InvalidRecordError("is nested too deeply; flatten it", field=field)
