"""Checks the names of the columns of a table."""

from collections.abc import Sequence

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError


def check_names(columns: Sequence[str], *, is_unnamed_dropped: bool = False) -> None:
    """Check that each column has a name of its own.

    Args:
        columns: The names; "" is among them if a column without a name has values.
        is_unnamed_dropped: Whether columns without a name are removed.

    Raises:
        InvalidSettingError: A name is missing or duplicate.
    """
    duplicates = {name for name in columns if columns.count(name) > 1}
    if duplicates:
        raise InvalidSettingError(f"the header is invalid: duplicate column {min(duplicates)!r}; rename one")
    if "" in columns and not is_unnamed_dropped:
        raise InvalidSettingError(
            "the header is invalid: a column that has values has no name; name it, or drop '' if it is not needed"
        )


def unnamed() -> InvalidRecordError:
    """Return the error for a row that has a value in a column without a name."""
    return InvalidRecordError("a column without a name has a value; name it, or drop '' if it is not needed")
