"""Flags that no official client has vectors for."""

import json
from typing import Any

import pytest

from mixpanel_async.flags import FlagReason, FlagResult
from mixpanel_async.flags.definitions import split_reply
from mixpanel_async.flags.evaluation import FlagSet, compile_flags
from mixpanel_async.flags.hashing import Salt, hash_of
from mixpanel_async.flags.rules import RuleError, compile_rule, folded
from tests.unit.flags.vectors import Document, assigned, compiled

ON = {"key": "On", "value": True, "split": 1.0}


def flag(**changes: Any) -> Document:  # noqa: ANN401 - any JSON value
    """Return a definition that gives everybody `On`; `ruleset` is changed, not replaced."""
    ruleset = {"variants": [ON], "rollout": [{"rollout_percentage": 1}], **changes.pop("ruleset", {})}
    return {"key": "f", "context": "distinct_id", "ruleset": ruleset, **changes}


def holds(rule: object, **properties: object) -> bool:
    """Return whether a rule holds for properties."""
    return compile_rule(rule)(folded(properties))


def test_a_salt_continues_any_hash() -> None:
    """A salt gives the hash of the whole text, for every lowest byte, and for long and empty texts."""
    for salt in ("", "x", "new-checkout", "ü" * 100):
        prepared = Salt(salt)
        for number in range(2000):
            user = f"user-{number}"
            assert prepared.percent(hash_of(user)) == hash_of(user + salt) % 100
    assert Salt("s").percent(hash_of("u" * 1000)) == hash_of("u" * 1000 + "s") % 100


def test_half_of_a_character() -> None:
    """Half of an emoji, which has no bytes, is hashed as JavaScript hashes it: as U+FFFD."""
    assert hash_of("a\ud83d") == hash_of("a\ufffd")
    assert isinstance(assigned(flag(), {"distinct_id": "a\ud83d"}), FlagResult)


def test_values_are_the_callers_own() -> None:
    """Who changes a value that is an object does not change the flag."""
    wanted = {"colours": ["red"]}
    document = flag(ruleset={"variants": [{**ON, "value": wanted}]})
    compiled_flag = compiled(document).flags["f"]
    first = compiled_flag.assign({"distinct_id": "u"})
    assert isinstance(first, FlagResult)
    first.value["colours"].append("blue")
    second = compiled_flag.assign({"distinct_id": "u"})
    assert isinstance(second, FlagResult)
    assert second.value == wanted


def test_variants_with_one_name() -> None:
    """Of names that differ in letter case only, a test user gets the first one."""
    variants = [{"key": "ON", "value": 1, "split": 0.0}, {"key": "on", "value": 2, "split": 1.0}]
    document = flag(ruleset={"variants": variants, "test": {"users": {"u": "oN", "v": "other", "w": ""}}})
    answers = [assigned(document, {"distinct_id": user}) for user in ("u", "v", "w")]
    assert [(one.variant, one.is_qa_tester) for one in answers if isinstance(one, FlagResult)] == [
        ("ON", True), ("on", None), ("on", None),
    ]  # fmt: skip


@pytest.mark.parametrize("distinct_id", [1, ["u"], {"u": 1}, True, 1.5])
def test_test_users_of_other_types(distinct_id: object) -> None:
    """A distinct_id that is no text is no test user, and breaks nothing."""
    document = flag(context="company", ruleset={"test": {"users": {"1": "On"}}, "rollout": []})
    assert assigned(document, {"company": "c", "distinct_id": distinct_id}) is FlagReason.NO_ROLLOUT_MATCH


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ([], "`object`"),
        ({}, "`key`"),
        (flag(key=1), "$.key"),
        (flag(context=None), "$.context"),
        (flag(ruleset={"variants": None}), "$.ruleset.variants"),
        (flag(ruleset={"variants": [{"value": 1}]}), "`key`"),
        (flag(ruleset={"rollout": [{}]}), "`rollout_percentage`"),
        (flag(ruleset={"rollout": [{"rollout_percentage": "1"}]}), "rollout_percentage"),
        (flag(ruleset={"rollout": [{"rollout_percentage": True}]}), "rollout_percentage"),
        (flag(ruleset={"test": {"users": {"u": 1}}}), "users"),
        (flag(hash_salt=5), "hash_salt"),
    ],
)
def test_a_bad_definition(definition: Any, problem: str) -> None:  # noqa: ANN401 - any JSON value
    """A bad definition costs that flag only, and is said with its key or position and what is wrong."""
    found = compiled(flag(key="before"), definition, flag(key="after"))
    assert set(found.flags) == {"before", "after"}
    ((name, message),) = found.bad.items()
    assert name == (definition["key"] if definition and isinstance(definition["key"], str) else "#2")
    assert problem in message


@pytest.mark.parametrize("rule", [{"map": [1, 2]}, {}, {"!": {}}, {"and": [True, {"or": [{"reduce": []}]}]}])
def test_a_rule_that_cannot_be_computed(rule: object) -> None:
    """A rule with an unknown operator anywhere does not hold, the other rollouts of the flag do, and it is reported."""
    rollouts = [
        {"rollout_percentage": 1, "runtime_evaluation_rule": rule or {"": []}, "variant_override": {"key": "Off"}},
        {"rollout_percentage": 1},
    ]
    variants = [ON, {"key": "Off", "value": False}]
    found = compiled(flag(ruleset={"variants": variants, "rollout": rollouts}))
    result = found.flags["f"].assign({"distinct_id": "u", "custom_properties": {"a": 1}})
    assert isinstance(result, FlagResult)
    assert result.value is True
    assert "never holds" in found.bad["f"]


def test_deep_documents() -> None:
    """Nesting is bounded: in a rule, and in a value, which is only passed on."""
    rule: Any = {"!": [True]}
    for _ in range(300):
        rule = {"!": [rule]}
    with pytest.raises(RuleError, match="200 levels"):
        compile_rule(rule)
    deep = b'{"key":"d","context":"c","ruleset":' + b"[" * 100_000
    found = compile_flags([deep, json.dumps(flag()).encode()], FlagSet())
    assert (set(found.flags), set(found.bad)) == ({"f"}, {"#1"})


@pytest.mark.parametrize(
    "rule",
    [
        {"/": [1, 0]}, {"+": ["x"]}, {"<": ["a", [1]]}, {"min": []}, {"==": [1]}, {"var": []}, {"<": [None, 4]},
        {"%": ["%999999999d", 3]}, {"in": [1, "a"]}, {"in": [[], {"var": "o"}]}, {"-": []}, {"!": [1, 2]},
        {"var": "l.9"},
    ],
)  # fmt: skip
def test_what_raises_in_a_rule(rule: object) -> None:
    """A rule that fails for some properties does not hold, and raises nothing."""
    assert holds(rule, l=[1], a=1, o={"b": 1}) is False


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"var": "l.1"}, True), ({"var": "l.-1"}, True), ({"var": "o.Inner.X"}, True), ({"var": "t.0"}, True),
        ({"var": ["none", "default"]}, True), ({"var": "none"}, False), ({"var": "n.x"}, False),
        ({"missing": ["n", "none"]}, True), ({"missing": [["n", "t"]]}, False), ({"missing_some": [0, 7]}, False),
        ({"missing_some": [1, ["n", "none"]]}, False), ({"missing_some": [2, ["n", "none"]]}, True),
        ({"<": [1, {"var": "n"}, 9]}, True), ({"<=": [1, 1, 0]}, False), ({">=": ["5", {"var": "n"}]}, True),
        ({"<": [[], 1]}, False), ({"-": [5, {"var": "n"}]}, False), ({"-": [1]}, True), ({"+": ["1.5", "-1.5"]}, False),
        ({"*": [2, "0"]}, False), ({"/": [0]}, False), ({"%": [5, 5]}, False), ({"cat": []}, False),
        ({"if": [False, 1, True, 0, 1]}, False), ({"if": []}, False), ({"?:": [0, 0, 1]}, True),
        ({"merge": [[], 1]}, True), ({"count": [0, 0]}, False), ({"max": [0, 1]}, True), ({"log": "x"}, True),
        ({"!!": []}, False), ({"or": []}, False), ({"and": [1, 0]}, False), ({"or": [0, 1]}, True),
        ({"in": ["B", {"var": "t"}]}, True), ({"in": [1, 5]}, False), ({"===": [1, True]}, False),
        ({"!==": [1, 1.0]}, True), ({"!=": [True, 1]}, False), ([0], True), ("", False), (7, True),
    ],
)  # fmt: skip
def test_operators_of_rules(rule: object, expected: bool) -> None:
    """Each operator computes as the library that the Python client uses."""
    assert holds(rule, n=5, t="aB", l=[0, 1], o={"inner": {"X": 1}}) is expected


def test_a_property_that_contains_itself() -> None:
    """Properties without an end meet no rule."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    rollout = {"rollout_percentage": 1, "runtime_evaluation_rule": {"!": [{"var": "none"}]}}
    document = flag(ruleset={"rollout": [rollout]})
    assert assigned(document, {"distinct_id": "u", "custom_properties": endless}) is FlagReason.NO_ROLLOUT_MATCH


def test_legacy_rules_are_about_text() -> None:
    """In the former form of rules, only text equals, whatever its letter case; a number raises in the Python client."""
    document = flag(ruleset={"rollout": [{"rollout_percentage": 1, "runtime_evaluation_definition": {"plan": "PRO"}}]})
    for plan, expected in (("pro", True), ("Pro", True), (5, False), (None, False), ("free", False)):
        found = assigned(document, {"distinct_id": "u", "custom_properties": {"Plan": plan}})
        assert isinstance(found, FlagResult) is expected


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"flags": {}}', b"<html>", b"\xff", b"[" * 100_000])
def test_a_reply_without_definitions(body: bytes) -> None:
    """What is no list of flags is an error, and not an empty list."""
    with pytest.raises(ValueError, match="definitions of flags"):
        split_reply(body)


def test_changes() -> None:
    """Changed, added and removed flags are found; a flag that did not change is not made again."""
    old = compiled(flag(key="a"), flag(key="b"), flag(key="c"))
    definitions = [flag(key="a"), flag(key="b", hash_salt="new"), flag(key="d")]
    new = compile_flags([json.dumps(one).encode() for one in definitions], old)
    assert new.changed_since(old) == ["b", "c", "d"]
    assert new.flags["a"] is old.flags["a"]
    assert new.changed_since(new) == []
