"""Streams of JSON values: every value is found, wherever the blocks are cut."""

import json

from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.codecs.json_array import JsonArrayError
from mixpanel_async.codecs.json_stream import JsonStreamSplitter, is_one_value_a_line

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
records = st.dictionaries(st.text(max_size=5), values, max_size=3)


def split(text: bytes, width: int, path: tuple[str, ...] = ()) -> list[object]:
    splitter = JsonStreamSplitter(10_000, path)
    found: list[bytes] = []
    for start in range(0, len(text), width):
        found += splitter.feed(text[start : start + width])
    found += splitter.close()
    return [json.loads(one) for one in found]


@given(
    st.lists(records, max_size=5),
    st.sampled_from(["", " ", "\n", ",", ",\n", "\x1e", "\n\x1e"]),
    st.sampled_from([None, 2]),
    st.integers(1, 40),
)
def test_any_layout(expected: list[object], between: str, indent: int | None, width: int) -> None:
    """Objects are found with any separator and any indentation, in blocks of any width."""
    text = between.join(json.dumps(one, indent=indent) for one in expected)
    assert split(text.encode(), width) == expected
    as_array = json.dumps(expected, indent=indent).encode()
    assert split(as_array, width) == expected


@given(st.lists(values, max_size=5), records, st.integers(1, 40), st.sampled_from([None, 2]))
def test_a_path(expected: list[object], others: dict[str, object], width: int, indent: int | None) -> None:
    """The list at the end of a path is found among any other fields, and no other list is."""
    own = {**others, "a": {**others, "b": expected}}
    assert split(json.dumps(own, indent=indent).encode(), width, ("a", "b")) == expected


@given(
    st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"\x1e", b"1", b" ", b'"a":'])).map(b"".join)
)
def test_any_text(text: bytes) -> None:
    """Any text is split or refused, the same in one block as byte by byte."""
    for path in ((), ("a",)):
        found = []
        for width in (1, len(text) + 1):
            splitter = JsonStreamSplitter(100, path)
            elements: list[object] = []
            try:
                for start in range(0, len(text), width):
                    elements += splitter.feed(text[start : start + width])
                elements += splitter.close()
            except JsonArrayError as error:
                elements.append(error.reason)
            found.append(elements)
        assert found[0] == found[1]
    assert is_one_value_a_line(text) in {True, False}
