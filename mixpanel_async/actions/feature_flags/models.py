"""Feature flags, rules and variants: arguments and replies."""

from collections.abc import Mapping, Sequence

import msgspec

from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.json_types import JSONValue


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a flag can have.

    Attributes:
        key: Key of the variant.
        value: A boolean, text, a number or an object.
        is_control: Whether this is the control group of an experiment.
        split: Share of users, 0 to 1.
        is_sticky: Whether a user keeps this variant.
        description: Description.

    Example:
        ```python
        from mixpanel_async.actions import Variant

        variant = Variant(key="on", value=True, is_control=False, split=0.5)
        ```
    """

    key: str
    value: JSONValue
    is_control: bool
    split: float
    is_sticky: bool = False
    description: str | None = None


class Rollout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that assigns variants.

    Attributes:
        rollout_percentage: Share of users, 0 to 1.
        variant_splits: Share of each variant, by its key.
        name: Name.
        cohort_definition: The users that the rule applies to.
        cohort_hash: Mixpanel's hash of `cohort_definition`.
        runtime_evaluation_definition: A rule that is evaluated with the flag, as Mixpanel's web app shows it.
        runtime_evaluation_rule: The same rule as JsonLogic.
        runtime_event_rule: Events that turn the rule on: `event_name`, `time_window`, ...
        variant_override: `{"key": ...}` of the variant that every user gets.

    Example:
        ```python
        from mixpanel_async.actions import Rollout

        rollout = Rollout(rollout_percentage=0.1, variant_splits={"on": 1.0})
        ```
    """

    rollout_percentage: float
    variant_splits: Mapping[str, float]
    name: str | None = None
    cohort_definition: Mapping[str, JSONValue] | None = None
    cohort_hash: str | None = None
    runtime_evaluation_definition: Mapping[str, JSONValue] | None = None
    runtime_evaluation_rule: Mapping[str, JSONValue] | None = None
    runtime_event_rule: Mapping[str, JSONValue] | None = None
    variant_override: Mapping[str, JSONValue] | None = None


class Ruleset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The variants of a flag and the rules that assign them.

    Attributes:
        variants: The values that the flag can have.
        rollout: The rules, in order; the first one that applies decides.
        test: Variant by user, for testing: `{"users": {distinct_id: key}}`.

    Example:
        ```python
        from mixpanel_async.actions import Rollout, Ruleset, Variant

        on = Variant(key="on", value=True, is_control=False, split=1.0)
        rules = Ruleset(variants=[on], rollout=[Rollout(rollout_percentage=0.1, variant_splits={"on": 1.0})])
        ```
    """

    variants: Sequence[Variant]
    rollout: Sequence[Rollout]
    test: Mapping[str, Mapping[str, str]] | None = None


class AssignedVariant(msgspec.Struct, frozen=True):
    """The variant that a flag assigns to a user.

    Attributes:
        variant_key: Key of the variant.
        variant_value: Value of the variant.
        experiment_id: The experiment that the flag belongs to.
        is_experiment_active: Whether the experiment is running.
        is_qa_tester: Whether the variant was set for this user for testing.
    """

    variant_key: str
    variant_value: JSONValue
    experiment_id: str | None = None
    is_experiment_active: bool | None = None
    is_qa_tester: bool | None = None


class Variants(ApiObject, frozen=True):
    """The variant that each flag assigns to a user, by the flag's key; other flags are omitted."""

    flags: dict[str, AssignedVariant]


class Flags(msgspec.Struct, frozen=True):
    """The reply to an evaluation."""

    flags: dict[str, AssignedVariant]


class FlagDefinitions(msgspec.Struct, frozen=True):
    """The reply to a request for definitions."""

    flags: msgspec.Raw


class FlagDefinition(ApiObject, frozen=True):
    """A flag with its rules.

    Attributes:
        id: Feature flag ID.
        name: Name.
        key: The key that code asks for.
        status: enabled, disabled or archived.
        project_id: Project ID.
        workspace_id: Workspace ID.
        ruleset: `variants`, `rollout` and `test`, as Mixpanel returns them.
        context: What the variant is chosen by.
        experiment_id: The experiment that the flag belongs to.
        is_experiment_active: Whether the experiment is running.
    """

    id: str
    name: str | None = None
    key: str | None = None
    status: str | None = None
    project_id: int | None = None
    workspace_id: int | None = None
    ruleset: dict[str, JSONValue] = msgspec.field(default_factory=dict)
    context: str | None = None
    experiment_id: str | None = None
    is_experiment_active: bool | None = None


class FeatureFlag(FlagDefinition, frozen=True):
    """A flag with its management data; its `raw` has the fields that are not listed here, such as permissions.

    Attributes:
        description: Description.
        tags: Tags.
        data_group_id: Group key, if the variant is chosen by group.
        serving_method: Where the flag is evaluated.
        hash_salt: Salt of the random choice.
        created: Creation time, ISO 8601.
        modified: Time of the last change, ISO 8601.
        creator_id: User ID of the creator.
        creator_name: Name of the creator.
        creator_email: Email address of the creator.
        enabled_at: Time when the flag was turned on, ISO 8601.
        deleted: Time of deletion, ISO 8601.
    """

    description: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    data_group_id: int | str | None = None
    serving_method: str | None = None
    hash_salt: str | None = None
    created: str | None = None
    modified: str | None = None
    creator_id: int | None = None
    creator_name: str | None = None
    creator_email: str | None = None
    enabled_at: str | None = None
    deleted: str | None = None
