"""Decoding large JSON in windows."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixpanel_async.codecs.json_windows import WINDOW_BYTES, decode_in_steps, decode_json
from tests.steps import at_once

ODD_TEXT = st.text() | st.sampled_from(['"', "\\", '\\"', "},{", "], [", '","', "a:b", "é😀", "x" * 99])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(ODD_TEXT, inner, max_size=12),
    max_leaves=40,
)
WINDOWS = st.integers(1, 200)


class Data(msgspec.Struct):
    series: list[str] = msgspec.field(default_factory=list)
    values: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


class Report(msgspec.Struct, rename={"legend": "legend_size"}):
    status: str
    data: Data = msgspec.field(default_factory=Data)
    rows: list[dict[str, int]] = msgspec.field(default_factory=list)
    results: msgspec.Raw = msgspec.Raw(b"")
    legend: int | None = None


def outcome(text: bytes, window: int | None = None) -> object:
    """Return the decoded value as text, or that there is an error."""
    try:
        value = msgspec.json.decode(text) if window is None else at_once(decode_in_steps(text, object, window))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "error"
    return json.dumps(value)


@given(VALUES, WINDOWS, st.sampled_from([None, 1]), st.booleans())
def test_windows_give_what_the_whole_gives(value: object, window: int, indent: int | None, is_ascii: bool) -> None:
    """Whatever the JSON and the size of the windows, the value is that of a plain decoder."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert outcome(text, window) == outcome(text)


@given(VALUES, WINDOWS, st.integers(0, 10_000), st.sampled_from([b"", *(bytes((b,)) for b in b'[]{},:"\\ 1')]))
@example([1, 2], 1, 5, b",")
@example([[1], [2]], 3, 4, b"}")
@example([], 1, 1, b" ")
def test_text_that_is_not_json_is_refused(value: object, window: int, place: int, put: bytes) -> None:
    """An added, missing or changed character is noticed as it is in the whole text."""
    text = json.dumps(value).encode("utf-8", "surrogatepass")
    place %= len(text)
    for broken in (text[:place] + put + text[place + 1 :], text[:place] + put + text[place:], text[:place]):
        assert outcome(broken, window) == outcome(broken)


@given(
    st.lists(ODD_TEXT, max_size=9),
    st.dictionaries(ODD_TEXT, st.dictionaries(ODD_TEXT, st.integers(0, 9), max_size=9), max_size=9),
    st.lists(st.dictionaries(ODD_TEXT, st.integers(0, 9), max_size=9), max_size=9),
    VALUES,
    WINDOWS,
)
def test_structs(
    series: list[str], values: dict[str, dict[str, int]], rows: list[dict[str, int]], other: object, window: int
) -> None:
    """A reply with large fields becomes the same Struct; fields that nobody knows are left out."""
    report = {
        "unknown": other,
        "status": "ok",
        "data": {"values": values, "series": series, "more": other},
        "rows": rows,
        "results": other,
        "legend_size": 3,
    }
    text = json.dumps(report).encode("utf-8", "surrogatepass")
    try:
        wanted = msgspec.json.decode(text, type=Report, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            at_once(decode_in_steps(text, Report, window))
    else:
        assert at_once(decode_in_steps(text, Report, window)) == wanted


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b'{"rows":[' + b'{"a":1},' * 99 + b'{"a":1}]}', Report),  # the status is missing
        (b'{"status":1,"rows":[]}' + b" " * 999, Report),
        (b'{"status":"ok","rows":[' + b'{"a":1},' * 99 + b'{"a":"x"}]}', Report),
        (b"[" + b"1," * 999 + b'"x"]', list[int]),
        (b'{"a":' + b"[" * 99_999, object),
    ],
)
def test_a_reply_of_another_form_is_refused(text: bytes, kind: object) -> None:
    """What is missing, too much, or of another type is an error, in whichever window it is."""
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        at_once(decode_in_steps(text, kind, 64))


def test_an_error_says_where_it_is() -> None:
    """The byte in the message is that of the document, not of a window."""
    text = b"[" + b'{"a": 1}, ' * 50_000 + b'{"a": 1 "b"}]'
    place = text.index(b'"b"')
    with pytest.raises(msgspec.DecodeError, match=rf"byte {place}\)"):
        decode_json(text)


class Needed(msgspec.Struct):
    values: dict[str, dict[str, int]]


class NeededReport(msgspec.Struct):
    data: Needed


def test_required_fields_are_decoded_in_steps_too() -> None:
    """A large Struct whose fields are required takes many short steps, and a missing field is still missed."""
    values = {f"segment {n}": {f"2026-08-{day:02}": n for day in range(1, 32)} for n in range(5_000)}
    text = json.dumps({"data": {"values": values}}).encode()
    assert sum(1 for _ in decode_in_steps(text, NeededReport)) >= len(text) // WINDOW_BYTES - 1
    found = decode_json(text, NeededReport)
    assert isinstance(found, NeededReport)
    assert found.data.values == values
    with pytest.raises(msgspec.ValidationError, match="missing required field `values`"):
        decode_json(text.replace(b'"values"', b'"others"'), NeededReport)


def test_no_step_decodes_much() -> None:
    """However large the array, object or string map, it takes many short steps."""
    rows = [{"event": "E", "properties": {"n": number, "text": "x" * 200}} for number in range(20_000)]
    for value in (rows, {"results": rows}, {str(number): row for number, row in enumerate(rows)}, {"a": {"b": [rows]}}):
        text = json.dumps(value).encode()
        assert sum(1 for _ in decode_in_steps(text)) >= len(text) // WINDOW_BYTES - 1
        assert decode_json(text) == value
