"""The variant that a feature flag assigns to a user."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixpanel_async.emulator.app.json_logic import rule_holds

_OFFSET: Final = 14695981039346656037
_PRIME: Final = 1099511628211
_MASK: Final = 2**64 - 1

JsonMap = Mapping[str, Any]


def share_of(value: str, salt: str) -> float:
    """Return the share of a value, 0.00 to 0.99, which chance decides and which never changes."""
    hashed = _OFFSET
    for byte in (value + salt).encode():
        hashed = ((hashed ^ byte) * _PRIME) & _MASK
    return hashed % 100 / 100


def assigned_variant(flag: JsonMap, context: JsonMap) -> dict[str, Any] | None:
    """Return the variant that a flag assigns, as /flags shows it; None if it assigns none.

    Args:
        flag: The flag's definition.
        context: distinct_id, custom_properties, and other keys that flags are chosen by.
    """
    value = context.get(flag["context"])
    if not value:
        return None
    ruleset = flag["ruleset"]
    variants = sorted(ruleset["variants"], key=lambda variant: str(variant["key"]))
    tested = _tested(ruleset, variants, context)
    if tested is not None:
        return _shown(flag, tested, is_qa_tester=True)
    salt = flag.get("hash_salt")
    for index, rollout in enumerate(ruleset["rollout"]):
        own = f"{flag['key']}rollout" if salt is None else f"{flag['key']}{salt}{index}"
        if share_of(str(value), own) < rollout["rollout_percentage"] and _applies(rollout, context):
            override = rollout.get("variant_override")
            forced = None if not override else _named(variants, override["key"])
            if forced is not None:
                return _shown(flag, forced, is_qa_tester=True)
            share = share_of(str(value), f"{flag['key']}{salt or ''}variant")
            return _shown(flag, _chosen(variants, rollout.get("variant_splits") or {}, share))
    return None


def _tested(ruleset: JsonMap, variants: Sequence[JsonMap], context: JsonMap) -> JsonMap | None:
    users = (ruleset.get("test") or {}).get("users") or {}
    distinct_id = context.get("distinct_id")
    name = users.get(distinct_id) if isinstance(distinct_id, str) else None
    return _named(variants, name) if name else None


def _named(variants: Sequence[JsonMap], key: str) -> JsonMap | None:
    return next((one for one in variants if one["key"].casefold() == key.casefold()), None)


def _chosen(variants: Sequence[JsonMap], splits: Mapping[str, float], share: float) -> JsonMap:
    total = 0.0
    for variant in variants:
        total += splits.get(variant["key"], variant.get("split", 0.0))
        if share < total:
            return variant
    return variants[-1]


def _applies(rollout: JsonMap, context: JsonMap) -> bool:
    """Return whether the rule of a rollout holds; letter case does not count in it."""
    rule, legacy = rollout.get("runtime_evaluation_rule"), rollout.get("runtime_evaluation_definition")
    if not rule and not legacy:
        return True
    properties = context.get("custom_properties")
    if not properties or not isinstance(properties, dict):
        return False
    data = _folded(properties, keys=True)
    if rule:
        return rule_holds(_folded(rule, keys=False), data)
    return all(
        isinstance(data.get(key), str) and isinstance(wanted, str) and data[key] == wanted.casefold()
        for key, wanted in (legacy or {}).items()
    )


def _folded(value: Any, *, keys: bool) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, list):
        return [_folded(one, keys=keys) for one in value]
    if isinstance(value, dict):
        return {(key.casefold() if keys else key): _folded(one, keys=keys) for key, one in value.items()}
    return value


def _shown(flag: JsonMap, variant: JsonMap, *, is_qa_tester: bool | None = None) -> dict[str, Any]:
    shown = {
        "variant_key": variant["key"],
        "variant_value": variant["value"],
        "experiment_id": flag.get("experiment_id"),
        "is_experiment_active": flag.get("is_experiment_active"),
        "is_qa_tester": is_qa_tester,
    }
    return {name: value for name, value in shown.items() if value is not None or name == "variant_value"}
