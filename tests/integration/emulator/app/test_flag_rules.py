"""Flags are evaluated as Mixpanel's Python library evaluates them; the vectors are what it answered."""

import gzip
import json
import pathlib
from collections.abc import Callable
from typing import Any, Final

import pytest

from mixpanel_async.emulator.app.comparisons import compare_times, compare_versions
from mixpanel_async.emulator.app.evaluation import assigned_variant, share_of
from mixpanel_async.emulator.app.json_logic import rule_holds

VECTORS: Final[dict[str, Any]] = json.loads(
    gzip.decompress(pathlib.Path(__file__).with_name("flag_vectors.json.gz").read_bytes())
)
GROUPS: Final = sorted({case["group"] for case in VECTORS["cases"]})


@pytest.mark.parametrize("group", GROUPS)
def test_variants(group: str) -> None:
    """The variant, its value and the marks are those that the library answered."""
    cases = [case for case in VECTORS["cases"] if case["group"] == group]
    found = [assigned_variant(case["flag"], case["context"]) for case in cases]
    assert found == [case["expected"] for case in cases]
    assert json.dumps(found) == json.dumps([case["expected"] for case in cases])  # True is not 1


def test_there_are_enough() -> None:
    """All groups and operators are there."""
    assert (len(VECTORS["cases"]), len(GROUPS)) == (417, 9)
    assert sum(case["expected"] is not None for case in VECTORS["cases"]) > 200


def test_shares() -> None:
    """The hash that decides is that of the library."""
    for vector in VECTORS["hashes"]:
        assert share_of(vector["key"], vector["salt"]) == vector["share"]


@pytest.mark.parametrize(
    ("name", "compare"), [("semver_compare", compare_versions), ("datetime_compare", compare_times)]
)
def test_comparisons(name: str, compare: Callable[..., bool]) -> None:
    """Versions and times compare as in the library."""
    wrong = [one for one in VECTORS["operators"][name] if compare(*one["args"]) is not one["expected"]]
    assert wrong == []
    assert len(VECTORS["operators"][name]) > 70


@pytest.mark.parametrize(
    "rule",
    [
        {"unknown": [1]},
        {"/": [1, 0]},
        {"+": ["x"]},
        {"<": ["a", [1]]},
        {"min": []},
        {"==": [1]},
        {"var": {"var": "a"}},
        {"": []},
    ],
)
def test_what_cannot_be_computed_does_not_hold(rule: object) -> None:
    """A rule that fails is false, and raises nothing."""
    assert rule_holds(rule, {"a": 1}) is False


def test_a_deep_rule_does_not_hold() -> None:
    """Nesting is bounded, so that no rule overflows the stack."""
    rule: Any = {"!": [True]}
    for _ in range(5000):
        rule = {"!": [rule]}
    assert rule_holds(rule, {}) is False
