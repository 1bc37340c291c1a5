"""What an evaluation of a feature flag returns, and how far definitions are loaded."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from mixpanel_async.json_types import JSONValue

FlagContext: TypeAlias = Mapping[str, JSONValue]
FlagSource: TypeAlias = Literal["local", "remote", "fallback"]


class FlagReason(enum.StrEnum):
    """Why an evaluation returned the fallback."""

    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"  # no flag has this key, or remotely: none that assigns a variant
    MISSING_CONTEXT_KEY = "MISSING_CONTEXT_KEY"  # the context lacks what the flag chooses by; `message` names it
    NO_ROLLOUT_MATCH = "NO_ROLLOUT_MATCH"  # no rollout of the flag applies
    BACKEND_ERROR = "BACKEND_ERROR"  # Mixpanel did not answer, or refused; `message` says how
    NOT_READY = "NOT_READY"  # no definitions are loaded yet
    INVALID_ARGUMENT = "INVALID_ARGUMENT"  # the key or the context has a wrong type; `message` says which


class FlagResult(msgspec.Struct, frozen=True):
    """The result of evaluating one flag for one context.

    Attributes:
        key: Key of the flag.
        value: Value of the variant, or the fallback.
        variant: Key of the variant; None if the fallback was returned.
        source: Where the value comes from: `"local"` or `"remote"` evaluation, or `"fallback"`.
        reason: Why the fallback was returned; None if a variant was assigned.
        message: Details of the reason, for people.
        experiment_id: The experiment that the flag belongs to.
        is_experiment_active: Whether the experiment is running.
        is_qa_tester: True if the variant was set for this user or rollout and not chosen by chance.

    Example:
        ```python
        from mixpanel_async.flags import FlagReason, FlagResult

        result = FlagResult("new-checkout", False, source="fallback", reason=FlagReason.NO_ROLLOUT_MATCH)
        print(result.value, result.is_assigned)
        ```
    """

    key: str
    value: JSONValue
    variant: str | None = None
    source: FlagSource = "fallback"
    reason: FlagReason | None = None
    message: str = ""
    experiment_id: str | None = None
    is_experiment_active: bool | None = None
    is_qa_tester: bool | None = None

    @property
    def is_assigned(self) -> bool:
        """Whether a variant was assigned; if not, `value` is the fallback."""
        return self.variant is not None


class FlagsStatus(msgspec.Struct, frozen=True):
    """How far the definitions of flags are loaded.

    Attributes:
        flags: Flags that can be evaluated.
        is_ready: Whether definitions were loaded at least once.
        is_stale: Whether the latest request failed, so that the definitions may be out of date.
        loaded_at: Unix time in seconds of the latest good reply; None before the first one.
        bad_flags: What is wrong with definitions that could not be used, by the key of the flag, or by its position
            such as `#3`.
        error: Why the latest request failed; empty if it did not.
    """

    flags: int = 0
    is_ready: bool = False
    is_stale: bool = False
    loaded_at: float | None = None
    bad_flags: Mapping[str, str] = {}
    error: str = ""


class FlagsChange(msgspec.Struct, frozen=True):
    """A change of the definitions, for listeners.

    Attributes:
        kind: `"ready"` when definitions arrive for the first time or again after a failure, `"changed"` when some
            differ, `"stale"` when a request fails and older definitions stay in use, `"error"` when there are none.
        keys: The flags that were added, changed or removed.
        message: What failed.
    """

    kind: Literal["ready", "changed", "stale", "error"]
    keys: Sequence[str] = ()
    message: str = ""


OnChange: TypeAlias = Callable[[FlagsChange], None]
