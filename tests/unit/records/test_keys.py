"""The keys by which Mixpanel recognises equal events."""

from mixpanel_async.records.keys import dedupe_key, read_key


def test_long_keys_are_hashed_and_stay_distinct() -> None:
    """Long keys are hashed in the dedupe window, and different IDs have different keys."""
    keys = {dedupe_key("E", 1, "u" * 1000 + str(number), "i") for number in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}


def test_read_key_of_something_else() -> None:
    """A record that is not a complete event has no key."""
    for part in (b"", b"[]", b'{"event":"E","properties":{}}', b'{"$token":"t"}'):
        assert read_key(part) is None


def test_a_name_with_a_nul_is_no_other_events_name() -> None:
    """Two events are equal only if their names and IDs are, whatever characters they contain."""
    assert dedupe_key("A\0001\000B", 2, "C", "i") != dedupe_key("A", 1, "B\0002\000C", "i")
