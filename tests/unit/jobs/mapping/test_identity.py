"""Who an event is about, and which event it is."""

from collections.abc import Mapping

import pytest

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.mapper import EventMapper

ROW = {"event": "A", "time": 1_700_000_000, "$insert_id": "i"}


def mapped(mapping: RecordMapping, row: Mapping[str, object], *, is_table: bool = False) -> dict[str, object]:
    properties = EventMapper(mapping).event(row, 1, is_table=is_table)["properties"]
    assert isinstance(properties, dict)
    return {name: value for name, value in properties.items() if name != "time"}


@pytest.mark.parametrize("name", ["$merge", "$identify", "$create_alias"])
@pytest.mark.parametrize(
    "options",
    [
        {"drop": frozenset({"ip"})},
        {"rename": {"a": "b"}},
        {"constants": {"a": "b"}},
        {"insert_id_hash": "content"},
        {"distinct_id_field": "user"},
        {"event": "B"},
        {"events": frozenset({"A"}), "from_time": "2024-01-01"},
    ],
)
def test_events_that_link_ids_pass_untouched(name: str, options: dict[str, object]) -> None:
    """No option changes, rejects or skips an event that links IDs: a lost link cannot be repaired."""
    event = {"event": name, "properties": {"$distinct_ids": ["a", "b"], "ip": 1}}
    assert EventMapper(RecordMapping(**options)).event(event, 1) == event  # type: ignore[arg-type]


def test_simplified_id_merge() -> None:
    """An event with $user_id or $device_id needs no distinct_id; columns may become these and be the ID as well."""
    assert mapped(RecordMapping(), {**ROW, "$device_id": "d"}) == {"$insert_id": "i", "$device_id": "d"}
    mapping = RecordMapping(distinct_id_field="device", device_id_field="device", user_id_field="user")
    found = mapped(mapping, {**ROW, "device": "d", "user": None})
    assert found == {"distinct_id": "d", "$device_id": "d", "$insert_id": "i"}
    only_users = RecordMapping(user_id_field="user", device_id_field="device")
    found = mapped(only_users, {**ROW, "device": 7, "user": "u"})
    assert found == {"$user_id": "u", "$device_id": "7", "$insert_id": "i"}
    with pytest.raises(InvalidRecordError, match="distinct_id"):
        mapped(only_users, {**ROW, "device": "", "user": None})


def test_the_first_id_with_a_value() -> None:
    """Of several fields the first with a value is the ID; the fields stay properties."""
    mapping = RecordMapping(distinct_id_field=("user_id", "device_id"))
    for user, expected in (("u", "u"), (None, "d"), ("", "d")):
        found = mapped(mapping, {**ROW, "user_id": user, "device_id": "d"})
        assert found == {"distinct_id": expected, "$insert_id": "i", "user_id": user, "device_id": "d"}
    with pytest.raises(InvalidRecordError, match="'user_id', 'device_id'"):
        mapped(mapping, ROW)


def test_columns_of_tables() -> None:
    """A table needs one of the columns that can hold the ID, and all that are named alone."""
    header = ["event", "time", "$insert_id"]
    EventMapper(RecordMapping(distinct_id_field=("a", "b"))).check_fields([*header, "b"])
    EventMapper(RecordMapping()).check_fields([*header, "$device_id"])
    for mapping in (
        RecordMapping(),
        RecordMapping(distinct_id_field=("a", "b")),
        RecordMapping(user_id_field="u", distinct_id=""),
    ):
        with pytest.raises(InvalidSettingError, match="no column"):
            EventMapper(mapping).check_fields(header)


def test_placeholders_of_ids() -> None:
    """IDs such as "None" and blanks are counted with an example, or rejected."""
    mapper = EventMapper(RecordMapping())
    for number, user in enumerate(["None", "NULL", "[object Object]", "NaN", " ", "Nora", ""]):
        mapper.event({**ROW, "distinct_id": user}, number)
    noticed, notices = mapper.take_notices()
    assert noticed == {"placeholder_id": 5}
    assert [notice.number for notice in notices] == [0, 1, 2, 3, 4]
    rejecting = EventMapper(RecordMapping(placeholder_ids="reject"))
    with pytest.raises(InvalidRecordError, match="stands for a missing ID"):
        rejecting.event({**ROW, "distinct_id": "None"}, 1)
    for name in ("$user_id", "$device_id"):  # with Simplified ID Merge, these are the user
        mapper.event({**ROW, name: "None"}, 1)
        with pytest.raises(InvalidRecordError, match="stands for a missing ID"):
            rejecting.event({**ROW, name: "None"}, 1)
    mapper.event({**ROW, "distinct_id": "u", "$device_id": ["d"]}, 1)
    assert mapper.take_notices()[0] == {"placeholder_id": 2}


def test_properties_that_are_kept() -> None:
    """A choice of properties does not take an event from its user."""
    mapping = RecordMapping(keep=frozenset({"plan"}))
    own = {**ROW, "$user_id": "u", "$device_id": "d"}
    assert mapped(mapping, {**own, "plan": "a", "x": 1}) == {**mapped(mapping, own), "plan": "a"}
    assert mapped(mapping, own)["$user_id"] == "u"


@pytest.mark.parametrize(("given", "is_kept"), [("abc-1", True), ("api:0b1c", False), ("x" * 37, False), (12345, True)])
def test_insert_ids_that_are_kept(given: object, is_kept: bool) -> None:
    """A hash replaces every $insert_id by itself, or only those that are missing or not allowed."""
    row = {**ROW, "distinct_id": "u", "$insert_id": given}
    made = mapped(RecordMapping(insert_id_hash="content"), row)["$insert_id"]
    assert isinstance(made, str)
    assert len(made) == 32
    kept = mapped(RecordMapping(insert_id_hash="content", insert_id="keep-valid"), row)["$insert_id"]
    assert kept == (str(given) if is_kept else made)
    missing = {name: value for name, value in row.items() if name != "$insert_id"}
    made = mapped(RecordMapping(insert_id_hash="content", insert_id="keep-valid"), missing)["$insert_id"]
    assert isinstance(made, str)


@pytest.mark.parametrize(
    "options",
    [
        {"rename": {"time": "t"}},
        {"rename": {"distinct_id": "$device_id"}},
        {"rename": {"d": "x"}, "device_id_field": "d"},
        {"insert_id": "keep-valid"},
        {"placeholder_ids": "drop"},
        {"ambiguous": "third"},
        {"shift_from_zone": "Mars"},
    ],
)
def test_options_that_have_no_effect_are_refused(options: dict[str, object]) -> None:
    """Renaming a field that becomes one of the event, and settings that contradict each other, are errors."""
    with pytest.raises(InvalidSettingError):
        RecordMapping(**options)  # type: ignore[arg-type]
