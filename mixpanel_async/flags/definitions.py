"""Definitions of flags, as Mixpanel sends them: read one by one, so that a bad one costs nothing else."""

from collections.abc import Mapping, Sequence

import msgspec

from mixpanel_async.json_types import JSONValue


class VariantDocument(msgspec.Struct, frozen=True):
    """A value that a flag can have.

    Attributes:
        key: Key.
        value: Value.
        split: Share of users, 0 to 1.
    """

    key: str
    value: JSONValue = None
    split: float | None = None


class OverrideDocument(msgspec.Struct, frozen=True):
    """The variant that everybody in a rollout gets."""

    key: str


class RolloutDocument(msgspec.Struct, frozen=True):
    """A rule that assigns variants.

    Attributes:
        rollout_percentage: Share of users, 0 to 1.
        runtime_evaluation_rule: JsonLogic over the custom properties.
        runtime_evaluation_definition: Its former form: properties and the values that they must have.
        variant_override: The variant that everybody gets.
        variant_splits: Shares of variants by their keys; they replace those of the variants.
    """

    rollout_percentage: float
    runtime_evaluation_rule: JSONValue = None
    runtime_evaluation_definition: Mapping[str, JSONValue] | None = None
    variant_override: OverrideDocument | None = None
    variant_splits: Mapping[str, float | None] | None = None


class TestDocument(msgspec.Struct, frozen=True):
    """Variants of users for testing, by distinct_id."""

    __test__ = False  # not a test of pytest's

    users: Mapping[str, str] | None = None


class RulesetDocument(msgspec.Struct, frozen=True):
    """The variants of a flag, and the rules that assign them."""

    variants: Sequence[VariantDocument]
    rollout: Sequence[RolloutDocument]
    test: TestDocument | None = None


class FlagDocument(msgspec.Struct, frozen=True):
    """A flag; what evaluation does not need is not read.

    Attributes:
        key: The key that code asks for.
        context: The key of the context by whose value users are chosen.
        ruleset: Variants and rules.
        experiment_id: The experiment that the flag belongs to.
        is_experiment_active: Whether the experiment is running.
        hash_salt: Salt of the random choice.
    """

    key: str
    context: str
    ruleset: RulesetDocument
    experiment_id: str | None = None
    is_experiment_active: bool | None = None
    hash_salt: str | None = None


class _Reply(msgspec.Struct, frozen=True):
    flags: Sequence[msgspec.Raw]


class _Named(msgspec.Struct, frozen=True):
    key: str


def split_reply(body: bytes) -> Sequence[bytes]:
    """Return the JSON of each flag in a reply with definitions.

    Raises:
        ValueError: The reply is not such a reply; the message says why.
    """
    try:
        body.decode()  # what is not UTF-8 was cut or changed on its way, and says nothing about the flags
        return [bytes(flag) for flag in msgspec.json.decode(body, type=_Reply).flags]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the reply has no definitions of flags: {error}") from None


def read_flag(flag: bytes) -> FlagDocument:
    """Return a flag.

    Raises:
        ValueError: The definition cannot be used; the message says why.
    """
    try:
        return msgspec.json.decode(flag, type=FlagDocument)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def name_of(flag: bytes, position: int) -> str:
    """Return the key of a flag that cannot be used, or its position such as `#3`.

    Args:
        flag: Its JSON.
        position: Its position in the reply, from 1.
    """
    try:
        return msgspec.json.decode(flag, type=_Named).key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return f"#{position}"
