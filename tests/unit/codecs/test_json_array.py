"""Splitting JSON arrays."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.codecs.json_array import JsonArrayError, JsonArraySplitter

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SPACE = st.sampled_from([None, 1, "\t"])


def cut(text: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def split(chunks: Sequence[bytes]) -> list[bytes]:
    splitter = JsonArraySplitter()
    found = [element for chunk in chunks for element in splitter.feed(chunk)]
    splitter.close()
    return found


@given(st.lists(VALUES, max_size=6), st.lists(st.integers(0, 10_000), max_size=8), SPACE, st.booleans())
def test_any_array_in_any_pieces(
    values: list[object], places: list[int], indent: int | str | None, is_ascii: bool
) -> None:
    """Wherever the text is cut, also inside characters, the elements are those of the array, in their order."""
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert [json.loads(part) for part in split(cut(text, places))] == values


@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(0, 10_000))
def test_a_cut_array_is_never_taken_for_the_whole(values: list[object], place: int) -> None:
    """Whatever is missing at the end is noticed."""
    text = json.dumps(values).encode("utf-8", "surrogatepass")
    with pytest.raises(JsonArrayError) as caught:
        split([text[: place % len(text)]])
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{}", "not_array"),
        (b'"a"', "not_array"),
        (b"1", "truncated"),
        (b"[1}", "closed_by_brace"),
        (b"[,1]", "empty_element"),
        (b"[1,]", "empty_element"),
        (b"[1,,2]", "empty_element"),
        (b"[1] 2", "trailing"),
        (b"[] []", "not_array"),
        (b"x[1]", "not_array"),
    ],
)
def test_other_text_is_refused(text: bytes, reason: str) -> None:
    """Text that is not exactly one array raises an error with a reason and no assumption about its source."""
    with pytest.raises(JsonArrayError) as caught:
        split([text])
    assert caught.value.reason == reason
    assert "reply" not in str(caught.value)


def test_byte_by_byte() -> None:
    """One byte at a time gives each element as soon as its end is known."""
    splitter = JsonArraySplitter()
    arrived = {place: splitter.feed(bytes([byte])) for place, byte in enumerate(b' [1, "a,]\\"" , {"b": [2]}] ')}
    assert {place: found for place, found in arrived.items() if found} == {
        3: [b"1"],
        13: [b'"a,]\\""'],
        25: [b'{"b": [2]}'],
    }


def test_an_element_is_bounded() -> None:
    """An element longer than allowed raises before it is held."""
    splitter = JsonArraySplitter(max_element_bytes=10)
    with pytest.raises(JsonArrayError, match="longer than 10 bytes") as caught:
        splitter.feed(b'["' + b"x" * 20)
    assert caught.value.reason == "element_too_long"
