"""No option, no profile import and no transform changes a number: every path writes the value that was read."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixpanel_async import RecordMapping, UpdateMapping
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.events import EventEncoding
from mixpanel_async.jobs.encoding.mappings import Transform
from mixpanel_async.jobs.encoding.updates import UpdateEncoding
from mixpanel_async.jobs.mapping.coercion import infer_cell, read_cell
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk
from mixpanel_async.records.tokens import TokenRule
from tests.records import NOON
from tests.steps import at_once

digits = st.integers(0, 10**40).map(str)
fractions = st.text("0123456789", min_size=1, max_size=30)
exponents = st.integers(-30, 30).map(str)
numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.builds(lambda sign, whole, part: f"{sign}{whole}.{part}", st.sampled_from(["", "-"]), digits, fractions),
    st.builds(lambda whole, part, power: f"{whole}.{part}e{power}", digits, fractions, exponents),
    st.builds(lambda whole, power: f"{whole}E{power}", digits, exponents),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "drop": st.just(frozenset({"x"})),
        "keep": st.just(frozenset({"n", "deep", "list"})),
        "scrub": st.just(frozenset({"x"})),
        "flatten": st.booleans(),
        "constants": st.just({"a": "b"}),
        "rename": st.just({"n": "m"}),
        "infer_types": st.booleans(),
        "insert_id_hash": st.sampled_from(["content", "position"]),
        "types": st.just({"x": "int"}),
    },
)
transforms = st.sampled_from([None, cast("Transform", dict), lambda one: [one]])


def tokens() -> TokenRule:
    return TokenRule("replace", "token", field="token", takes_tokens=True)


def encoded(encoding: EventEncoding | UpdateEncoding, line: bytes) -> EncodedChunk:
    return at_once(encoding.encode(Chunk("name", [1], lines=[line])))


def decoded(part: bytes) -> Mapping[str, object]:
    return cast("Mapping[str, object]", json.loads(part, parse_float=Decimal, parse_int=Decimal))


@given(numbers, options, transforms)
@example("18446744073709551616", {"constants": {"a": "b"}}, None)
@example("12345678901234567890123", {"flatten": True}, None)
@example("0.1000000000000000055511151231257827", {"drop": frozenset({"x"})}, None)
@example("1e-400", {"scrub": frozenset({"x"})}, None)
@settings(max_examples=400)
def test_events(number: str, given: Mapping[str, object], transform: Transform | None) -> None:
    """With every combination of options, the digits of the file are those that are sent."""
    line = (
        f'{{"event":"A","properties":{{"time":{NOON},"distinct_id":"u","$insert_id":"id-1","x":"1",'
        f'"n":{number},"deep":{{"n":{number}}},"list":[{number}]}}}}'
    ).encode()
    if given.get("insert_id_hash"):
        line = line.replace(b'"$insert_id":"id-1",', b"")
    mapping = RecordMapping(**given) if given else None  # type: ignore[arg-type]
    encoding = EventEncoding(EventWindow(10), lambda: NOON, 1_000_000, tokens(), mapping, transform=transform)
    found = encoded(encoding, line)
    assert not found.rejects
    properties = cast("Mapping[str, object]", decoded(found.parts[0])["properties"])
    deep = properties["deep.n"] if given.get("flatten") else cast("Mapping[str, object]", properties["deep"])["n"]
    name = "m" if "rename" in given else "n"
    assert (properties[name], deep, properties["list"]) == (Decimal(number), Decimal(number), [Decimal(number)])


@pytest.mark.parametrize("is_group", [False, True])
@given(number=numbers, operation=st.sampled_from(["$set", "$set_once", "$properties", "$add", "$append", "$union"]))
@example(number="18446744073709551616", operation="$set")
def test_updates(is_group: bool, number: str, operation: str) -> None:
    """Profiles and groups get the digits of the file."""
    value = f"[{number}]" if operation == "$union" else number
    target = '"$group_key":"k","$group_id":"u"' if is_group else '"$distinct_id":"u"'
    if is_group and operation in {"$add", "$append"}:
        operation = "$set"
    encoding = UpdateEncoding(tokens(), 1_000_000, UpdateMapping(), is_group=is_group, may_repeat=False)
    found = encoded(encoding, f'{{{target},"{operation}":{{"n":{value}}}}}'.encode())
    assert not found.rejects
    fields = cast("Mapping[str, object]", decoded(found.parts[0])[operation.replace("$properties", "$set")])
    assert fields["n"] == ([Decimal(number)] if operation == "$union" else Decimal(number))


READERS: Mapping[str, Callable[[str], object]] = {
    "inferred": infer_cell,
    "float": lambda text: read_cell(text, "float", "f"),
    "number": lambda text: read_cell(text, "number", "f"),
    "json": lambda text: read_cell(text, "json", "f"),
    "comma": lambda text: infer_cell(text.replace(".", ","), has_decimal_comma=True),
}


@pytest.mark.parametrize("reader", READERS)
@given(number=numbers)
@example(number="12345678901234567891")
def test_cells(reader: str, number: str) -> None:
    """A cell that becomes a number has the value of its text; otherwise it stays the text."""
    found = READERS[reader](number)
    if isinstance(found, str):
        assert reader in {"inferred", "comma"}
        assert found.replace(",", ".") == number
    else:
        shown = repr(found) if isinstance(found, float) else str(found)
        assert Decimal(shown) == Decimal(number)


def test_a_dead_letter_has_the_digits() -> None:
    """A record that is rejected for something else keeps its numbers."""
    line = b'{"event":"A","properties":{"time":1,"distinct_id":"u","$insert_id":"i","n":18446744073709551616,"x":"1"}}'
    encoding = EventEncoding(EventWindow(10), lambda: NOON, 1000, tokens(), RecordMapping(constants={"a": "b"}))
    found = encoded(encoding, line)
    assert b"18446744073709551616" in found.rejects[0].record
