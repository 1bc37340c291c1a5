"""Feature flags as values: rules that are sent, flags and variants that come back."""

from collections.abc import Mapping, Sequence

import msgspec

from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.models import JSONValue


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a flag can have.

    Attributes:
        key: Its key.
        value: The value: a boolean, text, a number or an object.
        is_control: Whether it is the control of an experiment.
        split: Its share, 0 to 1.
        is_sticky: Whether a user keeps it.
        description: Its description.
    """

    key: str
    value: JSONValue
    is_control: bool
    split: float
    is_sticky: bool = False
    description: str | None = None


class Rollout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who gets the variants.

    Attributes:
        rollout_percentage: Share of users, 0 to 1.
        variant_splits: Share of each variant, by its key.
        name: Its name.
        cohort_definition: Users it is for.
        cohort_hash: Hash of that, as Mixpanel gives it.
        runtime_evaluation_definition: Rule that is evaluated with the flag, as Mixpanel's pages show it.
        runtime_evaluation_rule: The same as JsonLogic.
        runtime_event_rule: Events that switch it on: `event_name`, `time_window`, ...
        variant_override: `{"key": ...}` of the variant that everybody gets.
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
    """Variants of a flag and who gets them.

    Attributes:
        variants: The values that the flag can have.
        rollout: Who gets them; the first that fits counts.
        test: Variant by user, for testing: `{"users": {distinct_id: key}}`.
    """

    variants: Sequence[Variant]
    rollout: Sequence[Rollout]
    test: Mapping[str, Mapping[str, str]] | None = None


class AssignedVariant(msgspec.Struct, frozen=True):
    """The variant that a user gets.

    Attributes:
        variant_key: Its key.
        variant_value: Its value.
        experiment_id: The experiment that the flag belongs to.
        is_experiment_active: Whether that runs.
        is_qa_tester: Whether the user was set to it for testing.
    """

    variant_key: str
    variant_value: JSONValue
    experiment_id: str | None = None
    is_experiment_active: bool | None = None
    is_qa_tester: bool | None = None


class Variants(ApiObject, frozen=True):
    """The variant of each flag, by the flag's key; a flag that does not concern the user is not there."""

    flags: dict[str, AssignedVariant] = msgspec.field(default_factory=dict)


class Flags(msgspec.Struct, frozen=True):
    """The body of an evaluation."""

    flags: dict[str, AssignedVariant] = msgspec.field(default_factory=dict)


class FlagDefinitions(msgspec.Struct, frozen=True):
    """The body of a list of definitions."""

    flags: list[msgspec.Raw] = msgspec.field(default_factory=list)


class FlagDefinition(ApiObject, frozen=True):
    """A flag with its rules.

    Attributes:
        id: Its id.
        name: Its name.
        key: The key that code asks for.
        status: enabled, disabled or archived.
        project_id: Its project.
        workspace_id: Its workspace.
        ruleset: `variants`, `rollout` and `test`, as Mixpanel gives them.
        context: What it is decided by.
        experiment_id: The experiment that it belongs to.
        is_experiment_active: Whether that runs.
    """

    id: str | None = None
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
    """A flag as it is managed; rights, dates of pinning and the like are in its `raw`.

    Attributes:
        description: Its description.
        tags: Its tags.
        data_group_id: Group key, if it is decided by group.
        serving_method: Where it is evaluated.
        hash_salt: Salt of the random choice.
        created: When it was made, ISO 8601.
        modified: When it was changed last, ISO 8601.
        creator_id: Who made it.
        creator_name: That user's name.
        creator_email: That user's address.
        enabled_at: When it was switched on, ISO 8601.
        deleted: When it was deleted, ISO 8601.
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
