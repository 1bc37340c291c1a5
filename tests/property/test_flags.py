"""Whatever definitions and contexts contain, flags are evaluated without an error."""

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.flags import FlagReason, FlagResult
from mixpanel_async.flags.definitions import split_reply
from mixpanel_async.flags.evaluation import FlagSet, compile_flags
from mixpanel_async.flags.hashing import Salt, hash_of
from mixpanel_async.flags.rules import _OPERATORS, _READERS

json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
operators = st.sampled_from([*_OPERATORS, *_READERS, "map", ""])
rules: st.SearchStrategy[object] = st.recursive(
    json_values | st.sampled_from(["plan", "v1.2.3", "2026-01-01T00:00:00Z", ">=", 1_700_000_000_000]),
    lambda inner: st.builds(lambda name, parts: {name: parts}, operators, st.lists(inner, max_size=4) | inner),
    max_leaves=12,
)
names = st.sampled_from(["On", "Off", "a", ""]) | st.text(max_size=4)
shares = st.floats(0, 1) | st.integers(0, 1)


Fields = dict[str, st.SearchStrategy[object]]


def loosely(fields: Fields) -> st.SearchStrategy[object]:
    """Return objects that lack some of the fields, or have any value there."""
    return st.fixed_dictionaries({}, optional={name: json_values | field for name, field in fields.items()})


def usually(fields: Fields) -> st.SearchStrategy[object]:
    """Return objects that have all the fields."""
    return st.fixed_dictionaries(fields)


def flags_of(objects: Callable[[Fields], st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    """Return definitions made of such objects."""
    variant = objects({"key": names, "value": json_values, "split": st.none() | shares})
    rollout = objects({
        "rollout_percentage": shares,
        "runtime_evaluation_rule": rules,
        "runtime_evaluation_definition": st.none() | st.dictionaries(names, json_values, max_size=2),
        "variant_override": st.none() | objects({"key": names}),
        "variant_splits": st.none() | st.dictionaries(names, shares, max_size=3),
    })  # fmt: skip
    users = objects({"users": st.dictionaries(names, names, max_size=3)})
    ruleset = objects({
        "variants": st.lists(variant, max_size=4),
        "rollout": st.lists(rollout, max_size=3),
        "test": st.none() | users,
    })  # fmt: skip
    return objects({
        "key": names,
        "context": st.sampled_from(["distinct_id", "company"]),
        "ruleset": ruleset,
        "hash_salt": st.none() | st.text(max_size=5),
        "experiment_id": st.none() | st.text(max_size=5),
        "is_experiment_active": st.none() | st.booleans(),
    })  # fmt: skip


flags = flags_of(usually) | flags_of(loosely)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "distinct_id": names | json_values,
        "company": json_values,
        "custom_properties": st.dictionaries(st.sampled_from(["plan", "v"]) | st.text(max_size=4), json_values),
    },
)


@given(st.lists(flags | json_values, max_size=4), contexts)
def test_any_definitions(definitions: list[object], context: dict[str, object]) -> None:
    """Each definition becomes a flag or is reported, and each flag answers every context."""
    sources = split_reply(json.dumps({"flags": definitions}).encode())
    found = compile_flags(sources, FlagSet())
    assert len(found.flags) + len(found.bad) >= min(1, len(definitions))
    for flag in found.flags.values():
        answer = flag.assign(context)
        assert isinstance(answer, FlagResult | FlagReason)
        assert flag.assign(context) == answer


@given(st.text(max_size=300), st.text(max_size=50))
def test_any_salt(value: str, salt: str) -> None:
    """A prepared salt gives the hash of the whole text."""
    assert Salt(salt).percent(hash_of(value)) == hash_of(value + salt) % 100
