"""Row 15: local evaluations of feature flags, compared with the official client where it is installed."""

import importlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import ROUNDS, Figure
from mixpanel_async.flags.evaluation import FlagSet, compile_flags

COUNT: Final = 100_000
MOST_MICROSECONDS: Final = 3.0
_VARIANTS: Final = [
    {"key": "control", "value": False, "is_control": True, "split": 0.5},
    {"key": "treatment", "value": True, "is_control": False, "split": 0.5},
]
_RULE: Final = {"and": [{"==": [{"var": "plan"}, "pro"]}, {">": [{"var": "seats"}, 3]}]}
_ROLLOUTS: Final[dict[str, dict[str, Any]]] = {
    "rollout": {"rollout_percentage": 0.5},
    "rule": {"rollout_percentage": 1.0, "runtime_evaluation_rule": _RULE},
}
Evaluate = Callable[[str, dict[str, Any]], object]


def _document() -> dict[str, Any]:
    return {
        "flags": [
            {
                "id": key,
                "name": key,
                "key": key,
                "status": "enabled",
                "project_id": 1,
                "context": "distinct_id",
                "hash_salt": "0123456789abcdef" * 2,
                "ruleset": {"variants": _VARIANTS, "rollout": [rollout]},
            }
            for key, rollout in _ROLLOUTS.items()
        ]
    }


def _ours() -> Evaluate:
    """Return an evaluation as `LocalFlags.variant` makes it, without its exposure."""
    from mixpanel_async.flags.local import LocalFlags

    flags = LocalFlags.__new__(LocalFlags)  # without a client, and so without polling
    definitions = [json.dumps(flag).encode() for flag in _document()["flags"]]

    class Definitions:
        flags = compile_flags(definitions, FlagSet())

    vars(flags).update(_poller=Definitions(), _now=time.monotonic)
    return lambda key, context: flags.variant(key, None, context, track_exposure=False)


def _official() -> Evaluate | None:
    """Return an evaluation of the official client, without its exposure; None where it is not installed."""
    try:
        provider: Any = importlib.import_module("mixpanel.flags.local_feature_flags")
        types: Any = importlib.import_module("mixpanel.flags.types")
    except ImportError:
        return None
    flags = provider.LocalFeatureFlagsProvider("token", types.LocalFlagsConfig(), "1", lambda *_: None)
    for flag in types.ExperimentationFlags.from_dict(_document()).flags:
        flags._flag_definitions[flag.key] = flag  # noqa: SLF001 - it has no other way in without a request
    fallback = types.SelectedVariant(variant_value=None)
    return lambda key, context: flags.get_variant(key, fallback, context, report_exposure=False)


def _microseconds(evaluate: Evaluate, key: str, contexts: Sequence[dict[str, Any]]) -> float:
    began = time.process_time()
    for context in contexts:
        evaluate(key, context)
    return (time.process_time() - began) / len(contexts) * 1e6


def row_15_flags(_scratch: Path) -> Figure:
    """CPU time of an evaluation, each for another user."""
    contexts = [
        {"distinct_id": f"user-{number}", "custom_properties": {"plan": "Pro", "seats": number % 10}}
        for number in range(COUNT)
    ]
    ours, official = _ours(), _official()
    values = [_microseconds(ours, "rollout", contexts) for _ in range(ROUNDS)]
    cost = statistics.median(values)
    detail: dict[str, object] = {
        "evaluations_per_second": round(1e6 / cost),
        "microseconds_with_a_rule": round(_microseconds(ours, "rule", contexts), 2),
        "microseconds_for_a_user_seen_before": round(_microseconds(ours, "rollout", contexts[:1] * COUNT), 2),
    }
    if official is not None:
        some = contexts[: COUNT // 5]
        for key in _ROLLOUTS:
            detail[f"official_client_microseconds_{key}"] = round(_microseconds(official, key, some), 2)
    return Figure(
        "15 local evaluation of a flag, another user each time",
        "microseconds of CPU",
        f"<= {MOST_MICROSECONDS}",
        values,
        cost <= MOST_MICROSECONDS,
        detail,
    )
