"""Mapping of flat records to events."""

import pytest

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.mapper import EventMapper


def test_mapping_of_events() -> None:
    """The mapping of a record that is an event already applies to its properties."""
    mapper = EventMapper(RecordMapping(rename={"a": "b"}, drop=frozenset({"c"}), constants={"d": 4}))
    own = {"time": 1_700_000_000, "distinct_id": "", "$insert_id": "i"}
    event = mapper.event({"event": "A", "properties": {**own, "a": None, "c": "", "event": 5}}, 1)
    assert event == {"event": "A", "properties": {**own, "b": None, "event": 5, "d": 4}}


def test_scrubbing_and_flattening() -> None:
    """Scrubbing and flattening work at every depth, and the changed records are counted."""
    mapper = EventMapper(RecordMapping(scrub=frozenset({"email"}), flatten=True))
    own = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i"}
    event = mapper.event({**own, "email": 1, "a": {"b": {"c": 1, "email": 2}, "l": [{"email": 3, "d": 4}]}}, 1)
    assert event["properties"] == {
        "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i", "a.b.c": 1, "a.l": [{"d": 4}],
    }  # fmt: skip
    mapper.event(own, 2)
    assert +mapper.take_changes() == {"scrubbed": 1, "flattened": 1}
    assert not +mapper.take_changes()


@pytest.mark.parametrize(
    "properties", [{"a.b": 1, "a": {"b": 2}}, {"a": {"b": 2}, "a.b": 1}, {"a": {"b.c": 1, "b": {"c": 2}}}]
)
def test_flattening_overwrites_nothing(properties: dict[str, object]) -> None:
    """Two properties that would get the same name reject the record; the error names it."""
    row = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i", **properties}
    with pytest.raises(InvalidRecordError, match="duplicate after flattening") as raised:
        EventMapper(RecordMapping(flatten=True)).event(row, 1)
    assert raised.value.field in {"a.b", "a.b.c", "b.c"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"events": frozenset({"B"})}, "event"),
        ({"from_time": "2023-11-15"}, "time"),
        ({"to_time": "2023-11-14T22:13:20Z"}, "time"),
        ({"to_time": "2023-11-14T22:13:21Z", "from_time": "2023-11-14T22:13:20Z"}, None),
        ({"from_time": "2023-11-14", "to_time": "2023-11-15", "time_zone": "UTC", "events": frozenset({"A"})}, None),
    ],
)
def test_filters(options: dict[str, object], reason: str | None) -> None:
    """Filters skip other events, and times before from_time or not before to_time."""
    mapper = EventMapper(RecordMapping(**options))  # type: ignore[arg-type]
    row = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i"}
    if reason is None:
        assert mapper.event(row, 1)["event"] == "A"
    else:
        with pytest.raises(RecordSkippedError, match=reason):
            mapper.event(row, 1)


def test_insert_ids_from_hashes() -> None:
    """Equal content gives equal IDs; the position makes them differ, also between files; chosen fields alone count."""
    row = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "x": 1, "y": 2}

    def id_of(mapping: RecordMapping, row: dict[str, object], number: int = 1, file: int = 0) -> object:
        properties = EventMapper(mapping).event(row, number, file=file)["properties"]
        assert isinstance(properties, dict)
        return properties["$insert_id"]

    content = RecordMapping(insert_id_hash="content")
    position = RecordMapping(insert_id_hash="position")
    chosen = RecordMapping(insert_id_hash="content", insert_id_fields=("x",))
    assert id_of(content, row) == id_of(content, dict(reversed(row.items())), 2)
    assert len(str(id_of(content, row))) == 32
    assert id_of(content, row) != id_of(content, {**row, "y": 3})
    assert len({id_of(position, row, 1), id_of(position, row, 2), id_of(position, row, 1, 1)}) == 3
    assert id_of(chosen, row) == id_of(chosen, {**row, "y": 3}) != id_of(chosen, {**row, "x": 3})
