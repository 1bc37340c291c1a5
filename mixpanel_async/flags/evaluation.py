"""Flags, prepared when definitions are loaded so that evaluating one takes a few look-ups."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mixpanel_async.flags.definitions import FlagDocument, RolloutDocument, VariantDocument, name_of, read_flag
from mixpanel_async.flags.hashing import Salt, hash_of
from mixpanel_async.flags.models import FlagContext, FlagReason, FlagResult
from mixpanel_async.flags.rules import RuleError, compile_rule, folded

_Condition: TypeAlias = Callable[[Mapping[str, object]], bool]
_SHARES: Final = 100  # chance decides in steps of one percent


class _Rollout(NamedTuple):
    """A prepared rollout; a tuple, because every evaluation takes it apart.

    Attributes:
        percent: Returns the share of a user for this rollout, in percent; None: it applies to every user.
        limit: It applies to users whose share is below.
        condition: What the properties must meet; None: nothing.
        results: The result for each share of a user.
        result: The result, if it is the same for all.
    """

    percent: Callable[[int], int] | None
    limit: int
    condition: _Condition | None
    results: Sequence[FlagResult]
    result: FlagResult | None


class CompiledFlag:
    """A flag that is ready to be evaluated.

    Attributes:
        key: The flag's key.
        source: The JSON that it was made of.
        context: The key of the context by whose value users are chosen.
        problems: What is wrong with rules of it, which then do not hold.

    Args:
        flag: The definition.
        source: Its JSON.
    """

    def __init__(self, flag: FlagDocument, source: bytes) -> None:
        self.key = flag.key
        self.source = source
        self.context = flag.context
        self.problems: list[str] = []
        variants = sorted(flag.ruleset.variants, key=lambda variant: variant.key)
        self._forced = {
            variant.key.casefold(): _result(flag, variant, is_qa_tester=True) for variant in reversed(variants)
        }
        users = (flag.ruleset.test and flag.ruleset.test.users) or {}
        self._tests = {
            user: self._forced[name.casefold()] for user, name in users.items() if name.casefold() in self._forced
        }
        salt = flag.hash_salt
        shared = Salt(f"{flag.key}rollout")
        self._choice = Salt(f"{flag.key}{salt or ''}variant").percent
        self._rollouts = [
            self._prepare(rollout, shared if salt is None else Salt(f"{flag.key}{salt}{index}"), flag, variants)
            for index, rollout in enumerate(flag.ruleset.rollout)
            if variants
        ]
        self._is_shared = any(isinstance(variant.value, dict | list) for variant in variants)

    def assign(self, context: FlagContext) -> FlagResult | FlagReason:
        """Return the result for a context, or why there is none.

        Args:
            context: distinct_id, custom_properties, and other keys that flags choose by.
        """
        value = context.get(self.context)
        if not value:
            return FlagReason.MISSING_CONTEXT_KEY
        found = self._tested(context) if self._tests else None
        if found is None:
            found = self._chosen(hash_of(value if type(value) is str else str(value)), context)
        if found is None:
            return FlagReason.NO_ROLLOUT_MATCH
        # The definition must stay as it is, whatever the caller does with the value.
        return msgspec.structs.replace(found, value=copy.deepcopy(found.value)) if self._is_shared else found

    def _tested(self, context: FlagContext) -> FlagResult | None:
        user = context.get("distinct_id")
        return self._tests.get(user) if isinstance(user, str) else None

    def _chosen(self, hashed: int, context: FlagContext) -> FlagResult | None:
        properties: Mapping[str, object] | None = None
        for percent, limit, condition, results, result in self._rollouts:
            if percent is not None and percent(hashed) >= limit:
                continue
            if condition is not None:
                if properties is None:
                    properties = _properties_of(context)
                if not properties or not condition(properties):
                    continue
            return results[self._choice(hashed)] if result is None else result
        return None

    def _prepare(
        self, rollout: RolloutDocument, salt: Salt, flag: FlagDocument, variants: Sequence[VariantDocument]
    ) -> _Rollout:
        limit = sum(share / _SHARES < rollout.rollout_percentage for share in range(_SHARES))
        override = rollout.variant_override
        forced = None if override is None else self._forced.get(override.key.casefold())
        if forced is not None:
            results = [forced] * _SHARES
        else:
            each = [_result(flag, variant) for variant in variants]
            splits = rollout.variant_splits or {}
            shares = [splits.get(variant.key, variant.split) or 0.0 for variant in variants]
            results = [each[_index_of(share / _SHARES, shares)] for share in range(_SHARES)]
        only = results[0] if all(result is results[0] for result in results) else None
        return _Rollout(None if limit == _SHARES else salt.percent, limit, self._condition(rollout), results, only)

    def _condition(self, rollout: RolloutDocument) -> _Condition | None:
        rule = rollout.runtime_evaluation_rule
        if not rule:
            wanted = rollout.runtime_evaluation_definition
            return _equals(wanted) if wanted else None
        try:
            return compile_rule(rule)
        except RuleError as error:
            self.problems.append(f"a rule never holds: {error}")
            return lambda _: False


class FlagSet(msgspec.Struct, frozen=True):
    """The flags of one reply.

    Attributes:
        flags: Those that can be evaluated, by key.
        bad: What is wrong with the others, by key or position, and with rules that never hold.
    """

    flags: Mapping[str, CompiledFlag] = {}
    bad: Mapping[str, str] = {}

    def changed_since(self, old: "FlagSet") -> Sequence[str]:
        """Return the keys of the flags that were added, changed or removed, in order."""
        keys = {*self.flags, *old.flags}
        return sorted(key for key in keys if _source(self, key) != _source(old, key))


def compile_flags(definitions: Iterable[bytes], old: FlagSet) -> FlagSet:
    """Return the flags of definitions; those that did not change are taken from the old ones.

    Args:
        definitions: The JSON of each flag.
        old: The flags so far.
    """
    known = {flag.source: flag for flag in old.flags.values()}
    flags: dict[str, CompiledFlag] = {}
    bad: dict[str, str] = {}
    for position, source in enumerate(definitions, 1):
        try:
            flag = known.get(source) or CompiledFlag(read_flag(source), source)
        except Exception as error:  # one bad flag must not cost the others, whatever is wrong with it
            bad[name_of(source, position)] = str(error)
            continue
        flags[flag.key] = flag
        if flag.problems:
            bad[flag.key] = "; ".join(flag.problems)
    return FlagSet(flags, bad)


def _source(flags: FlagSet, key: str) -> bytes | None:
    flag = flags.flags.get(key)
    return None if flag is None else flag.source


def _result(flag: FlagDocument, variant: VariantDocument, *, is_qa_tester: bool | None = None) -> FlagResult:
    return FlagResult(
        flag.key,
        variant.value,
        variant.key,
        source="local",
        experiment_id=flag.experiment_id,
        is_experiment_active=flag.is_experiment_active,
        is_qa_tester=is_qa_tester,
    )


def _index_of(share: float, shares: Sequence[float]) -> int:
    """Return which of the shares, one after the other, a user's share falls into; the last one takes the rest."""
    total = 0.0
    for index, one in enumerate(shares):
        total += one
        if share < total:
            return index
    return len(shares) - 1


def _properties_of(context: FlagContext) -> Mapping[str, object]:
    properties = context.get("custom_properties")
    if not properties or not isinstance(properties, Mapping):
        return {}
    try:
        found: Mapping[str, object] = folded(dict(properties))
    except RecursionError:  # it contains itself
        return {}
    return found


def _equals(wanted: Mapping[str, object]) -> _Condition:
    texts = {key: value.casefold() if isinstance(value, str) else None for key, value in wanted.items()}
    if None in texts.values():  # only text was ever allowed in this form
        return lambda _: False
    return lambda properties: all(properties.get(key) == text for key, text in texts.items())
