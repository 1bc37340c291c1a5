"""The one rule for an invalid live record: REJECTED on its receipt, or raised if the settings say so."""

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError
from mixpanel_async.records.rejection import record_for_report, rejected


async def reject_record(context: Context, path: str, record: object, error: Exception) -> Receipt:
    """Return the settled receipt of a record that failed validation.

    Args:
        context: The client's parts; `settings.on_bad_record` decides.
        path: The endpoint, for the log.
        record: The record as the caller gave it, for `on_failure`.
        error: What is wrong with it, or what the caller's own objects raised while they were read.

    Raises:
        InvalidRecordError: `Settings.on_bad_record` is "raise".
    """
    if not isinstance(error, InvalidRecordError):
        error = CannotEncodeError(f"reading the record raised {type(error).__name__}: {error}")
    if context.settings.on_bad_record == "raise":
        raise error
    return await context.engine.refuse(record_for_report(record), rejected(error), path)
