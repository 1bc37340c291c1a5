import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.codecs.json_array import ArraySplitter
from mixpanel_async.errors import TruncatedReplyError

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
    splitter = ArraySplitter()
    found = [element for chunk in chunks for element in splitter.feed(chunk)]
    splitter.close()
    return found


@settings(deadline=None)
@given(st.lists(VALUES, max_size=6), st.lists(st.integers(0, 10_000), max_size=8), SPACE, st.booleans())
def test_any_array_in_any_pieces(
    values: list[object], places: list[int], indent: int | str | None, is_ascii: bool
) -> None:
    """Wherever the text is cut, also inside characters, the elements are those of the array, in their order."""
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert [json.loads(part) for part in split(cut(text, places))] == values


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(0, 10_000))
def test_a_cut_array_is_never_taken_for_the_whole(values: list[object], place: int) -> None:
    """Whatever is missing at the end is noticed."""
    text = json.dumps(values).encode("utf-8", "surrogatepass")
    with pytest.raises(TruncatedReplyError):
        split([text[: place % len(text)]])


@pytest.mark.parametrize(
    "text", [b"{}", b'"a"', b"1", b"[1}", b"[,1]", b"[1,]", b"[1,,2]", b"[1] 2", b"[] []", b"x[1]"]
)
def test_other_text_is_refused(text: bytes) -> None:
    """What is not exactly one array raises; it is not read as far as it goes."""
    with pytest.raises((ValueError, TruncatedReplyError)):
        split([text])


def test_byte_by_byte() -> None:
    """One byte at a time gives each element as soon as its end is known."""
    splitter = ArraySplitter()
    arrived = {place: splitter.feed(bytes([byte])) for place, byte in enumerate(b' [1, "a,]\\"" , {"b": [2]}] ')}
    assert {place: found for place, found in arrived.items() if found} == {
        3: [b"1"],
        13: [b'"a,]\\""'],
        25: [b'{"b": [2]}'],
    }


def test_an_element_is_bounded() -> None:
    """An element longer than allowed raises before it is held."""
    splitter = ArraySplitter(max_element_bytes=10)
    with pytest.raises(ValueError, match="longer than 10 bytes"):
        splitter.feed(b'["' + b"x" * 20)
