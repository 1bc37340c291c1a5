"""Cutting JSON into parts that need not be valid."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.codecs.json_cut import cut_json
from mixpanel_async.time_slice import run_in_turns


def cut(text: bytes) -> Sequence[tuple[bytes, bytes]]:
    return run_in_turns(cut_json(text))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(VALUES), st.sampled_from([None, 1]), st.booleans())
def test_arrays(values: list[object], indent: int | None, is_ascii: bool) -> None:
    """The elements are those that a decoder finds, with NaN and lone surrogates, however the text is laid out."""
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    parts = cut(b" " + text + b"\n")
    assert [key for key, _ in parts] == [b""] * len(values)
    found = [json.loads(part.decode(errors="surrogatepass")) for _, part in parts]
    assert repr(found) == repr(values)


@given(st.dictionaries(st.text(), VALUES), st.sampled_from([None, 1]))
def test_objects(value: dict[str, object], indent: int | None) -> None:
    """The members of an object are those that a decoder finds."""
    parts = cut(json.dumps(value, indent=indent).encode())
    found = {json.loads(b'"%s"' % key): json.loads(part) for key, part in parts}
    assert repr(found) == repr(value)


@given(st.lists(VALUES, min_size=1), st.data())
def test_every_beginning_is_refused(values: list[object], data: st.DataObject) -> None:
    """A text that was cut off is not a whole container."""
    text = json.dumps(values).encode()
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(msgspec.DecodeError):
        cut(text[:end])


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"7", b'"a"', b"null", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1]]", b"[1] x", b"[1}", b'{"a":1]',
        b"{1:2}", b'{"a"}', b'{"a":}', b'{"a" 1}', b'{"a":1,}', b'["a]', b'[{"a":1]', b"[[1]",
    ],
)  # fmt: skip
def test_what_is_not_a_container(text: bytes) -> None:
    """Wrong brackets, missing or surplus commas and text after the end are refused."""
    with pytest.raises(msgspec.DecodeError):
        cut(text)


@pytest.mark.parametrize("text", [b"[]", b"{}", b" [ ] ", b"\r\n{\t}"])
def test_empty_containers(text: bytes) -> None:
    """A container may have no part."""
    assert cut(text) == []


def test_bytes_that_are_not_text() -> None:
    """Bytes that are not UTF-8, control characters and escapes stay where they are."""
    odd = [b'{"\xff":"\x00,]}"}', b'"\\\\"', b'"a\\",["', b"-Infinity", b'[[],{"}":"]"}]']
    assert [part for _, part in cut(b"[" + b" , ".join(odd) + b"]")] == odd


def test_parts_that_are_larger_than_a_window() -> None:
    """Strings and containers of any size are one part."""
    odd = [b'"' + b"a,]" * 100_000 + b'"', b"[" + b'"[",' * 100_000 + b"1]"]
    assert [part for _, part in cut(b"[" + b",".join(odd) + b"]")] == odd
