"""Options for a table whose columns have other names."""

from collections.abc import Sequence

import pytest

from mixpanel_async.cli.render.mapping_hint import mapping_hint
from mixpanel_async.errors import MissingColumnsError

ALL = ("event", "time", "distinct_id", "$insert_id")


@pytest.mark.parametrize(
    ("missing", "columns", "hint"),
    [
        (
            ALL,
            ["User ID", "event_name", "ts", "uuid"],
            "--event-field event_name --time-field ts --distinct-id-field 'User ID' --insert-id-field uuid",
        ),
        (("time",), ["event", "time of day", "distinct_id", "$insert_id"], "--time-field 'time of day'"),
        (("event", "$insert_id"), ["time", "distinct_id"], "--event 'Row Imported' --insert-id-hash content"),
        (("time", "distinct_id"), ["a", "b"], "--time-field COLUMN --distinct-id-field COLUMN"),
        (("profile",), ["name", "$distinct_id"], "--id-field '$distinct_id'"),
        (("profile",), ["name", "E-Mail", "email"], "--id-field email"),
        (("distinct_id", "$insert_id"), ["event", "time", "id"], "--distinct-id-field id --insert-id-hash content"),
    ],
)
def test_the_options(missing: Sequence[str], columns: Sequence[str], hint: str) -> None:
    """Each missing field gets the likeliest column, each column one field, and names are quoted for a shell."""
    assert mapping_hint(MissingColumnsError("", missing=missing, columns=columns)) == f"for example: {hint}"


def test_without_a_guess() -> None:
    """A table that lacks nothing that an option can name gets no options."""
    assert mapping_hint(MissingColumnsError("", missing=("plan",), columns=("event",))) == ""
