"""Flags are evaluated as the official Python client evaluates them, except where it fails."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mixpanel_async.flags.comparisons import datetime_compare, semver_compare
from mixpanel_async.flags.hashing import Salt, hash_of
from tests.unit.flags.vectors import CASES, VECTORS, Document, answer, compiled

AGREED = [case for case in CASES if case["agree"]]
# Both of these raise TypeError in Python; a missing share is none, as it is for Node.
RAISING = [case for case in CASES if "raises" in case["expected"]]
DIFFERENT = [case for case in CASES if not case["agree"] and case not in RAISING]


def test_there_are_enough() -> None:
    """The vectors have all groups."""
    assert (len(AGREED), len(DIFFERENT), len(RAISING)) == (355, 62, 2)
    assert len({case["group"] for case in CASES}) == 9


@pytest.mark.parametrize("group", sorted({case["group"] for case in AGREED}))
def test_where_the_official_clients_agree(group: str) -> None:
    """The answer is theirs, to the last field."""
    cases = [case for case in AGREED if case["group"] == group]
    assert cases
    assert _wrong(cases) == []


@pytest.mark.parametrize("group", sorted({case["group"] for case in DIFFERENT}))
def test_where_they_differ(group: str) -> None:
    """The answer is that of Python, and is not that of Node."""
    cases = [case for case in DIFFERENT if case["group"] == group]
    assert cases
    assert _wrong(cases) == []
    for case in cases:
        found = answer(case["flag"], case["context"])
        assert {name: found[name] for name in case["node"]} != case["node"]


def test_where_python_raises() -> None:
    """A share that is null is 0."""
    assert {case["expected"]["raises"] for case in RAISING} == {"TypeError"}
    share, unknown = (answer(case["flag"], case["context"]) for case in RAISING)
    assert share["variant_key"] == "c-three"  # 0.25 and 0.25 are not enough for everybody: the last one by name
    assert unknown["variant_key"] == "treatment"


def _wrong(cases: list[Document]) -> list[object]:
    """Return the cases with another answer; compared as JSON, where True is not 1."""
    return [
        case
        for case in cases
        if _text(answer(case["flag"], case["context"])) != _text({"reason": None, **case["expected"]})
    ]


def _text(found: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(found, sort_keys=True)


# What loads of the definitions that the vectors contain, and what a user gets. Python loads none of the flags where
# one is malformed, and raises where there are no variants or a share is null.
DECISIONS: dict[str, dict[str, str | None]] = {
    "unknown fields ignored": {"good": "On", "other": "On"},
    "ruleset missing": {"good": "On"},
    "no rollout": {"good": "On"},
    "status disabled": {"good": "On", "other": "On"},
    "no id": {"good": "On", "other": "On"},
    "empty variants": {"good": "On", "other": None},
    "split null": {"good": "On", "other": "On"},
}


@pytest.mark.parametrize("document", VECTORS["definitions"], ids=lambda one: one["name"])
def test_definitions(document: Document) -> None:
    """A bad definition costs that flag and no other."""
    found = compiled(*document["flags"])
    answers = {key: answer(flag, document["context"])["variant_key"] for key, flag in _by_key(document).items()}
    expected = DECISIONS[document["name"]]
    assert list(found.flags) == list(expected)
    assert {key: answers[key] for key in expected} == expected
    assert set(found.bad) == {"good", "other"} - set(expected)


def _by_key(document: Document) -> dict[str, Document]:
    usable = compiled(*document["flags"]).flags
    return {flag["key"]: flag for flag in document["flags"] if flag["key"] in usable}


def test_hashes() -> None:
    """The share of a user is that of the official clients."""
    for vector in VECTORS["hashes"]:
        assert hash_of(vector["key"] + vector["salt"]) == int(vector["fnv1a64"])
        assert Salt(vector["salt"]).percent(hash_of(vector["key"])) / 100 == vector["normalized"]


@pytest.mark.parametrize("compare", [semver_compare, datetime_compare])
def test_operators(compare: Callable[..., bool]) -> None:
    """Versions and times compare as in the official clients."""
    vectors = VECTORS["operators"][compare.__name__]
    assert [one for one in vectors if compare(*one["args"]) is not one["expected"]] == []
    assert len(vectors) > 70


@pytest.mark.parametrize("compare", [semver_compare, datetime_compare])
@pytest.mark.parametrize(
    "operands", [(), ("1.0.0",), ("1.0.0", "===", "1.0.0", 1), ("1.0.0", ["==="], "1.0.0"), (1, 2, 3)]
)
def test_operators_with_other_operands(compare: Callable[..., bool], operands: tuple[object, ...]) -> None:
    """Operands of another number or type compare as false."""
    assert compare(*operands) is False


@pytest.mark.parametrize(
    "text", ["2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "0000-01-01T00:00:00Z",
             "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00", "٢٠٢٦-01-01T00:00:00Z"]
)  # fmt: skip
def test_times_that_do_not_exist(text: str) -> None:
    """A time that does not exist compares as false, also as unequal."""
    assert not datetime_compare(text, "!==", 0)


def test_the_first_and_the_last_year() -> None:
    """A zone may lead out of the years that Python's dates have."""
    assert datetime_compare("0001-01-01T00:00:00+23:59", "<", 0)
    assert datetime_compare("9999-12-31T23:59:59-23:59", ">", 0)
