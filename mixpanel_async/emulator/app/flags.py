"""Feature flags: what may be asked for, and what management and definitions show."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from mixpanel_async.emulator.app.accounts import user_id
from mixpanel_async.emulator.app.moments import iso
from mixpanel_async.emulator.replies import RefusalError

# Kinds of the documents.
FLAGS: Final = "feature-flags"
EXPERIMENTS: Final = "experiments"

FlagName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Salt = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
JsonObject = dict[str, Any]

_MAX_VARIANT_TEXT: Final = 32_768


class FlagVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that a flag can have."""

    key: str
    value: Any
    is_control: bool
    split: Share
    description: str | None = None
    is_sticky: bool = False


class VariantKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key of a variant."""

    key: str


class EventRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that turns a rollout on for its user."""

    event_name: str
    time_window: Literal["while_flag_enabled"]
    duration: Literal["end_of_session", "indefinitely"] | None = None
    property_filters: JsonObject | None = None


class FlagRollout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that assigns variants."""

    rollout_percentage: Share
    variant_splits: Mapping[str, float]
    name: str | None = None
    cohort_definition: JsonObject | None = None
    runtime_evaluation_definition: JsonObject | None = None
    runtime_evaluation_rule: JsonObject | None = None
    runtime_event_rule: EventRule | None = None
    cohort_hash: str | None = None
    variant_override: VariantKey | None = None


class FlagRuleset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The variants, and the rules that assign them."""

    variants: Annotated[Sequence[FlagVariant], msgspec.Meta(max_length=11)]
    rollout: Sequence[FlagRollout]
    test: Mapping[str, Mapping[str, str]] | None = None


class AskedFlag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request that creates or replaces a flag."""

    name: FlagName
    key: FlagName
    tags: Sequence[str]
    context: FlagName
    serving_method: Literal["client", "server", "remote_or_local", "remote_only"]
    ruleset: FlagRuleset
    description: str | None = None
    experiment_id: str | None = None
    status: Literal["enabled", "disabled", "archived"] = "disabled"
    data_group_id: str | int | None = None
    workspace_id: int | None = None
    is_experiment_active: bool | None = None
    hash_salt: Salt | None = None
    reset_hash_salt: bool | None = None


def check_flag(asked: AskedFlag, others: Iterable[Mapping[str, Any]]) -> None:
    """Check what a flag's type does not say.

    Args:
        asked: What was asked for.
        others: The other flags of the project.

    Raises:
        RefusalError: With 400, if the key is taken, or a rule names a variant that the flag does not have.
    """
    if any(one["key"] == asked.key for one in others):
        raise RefusalError(400, f"key is invalid: there is a flag {asked.key!r}; give another key")
    keys = [variant.key for variant in asked.ruleset.variants]
    if not keys:
        raise RefusalError(400, "ruleset.variants is empty; give at least one variant")
    if len(keys) != len(set(keys)):
        raise RefusalError(400, "ruleset.variants is invalid: two variants have the same key; change one")
    for variant in asked.ruleset.variants:
        if isinstance(variant.value, str) and len(variant.value) > _MAX_VARIANT_TEXT:
            raise RefusalError(400, f"the value of variant {variant.key!r} is longer than {_MAX_VARIANT_TEXT:,}")
    for rollout in asked.ruleset.rollout:
        override = [] if rollout.variant_override is None else [rollout.variant_override.key]
        unknown = [key for key in (*rollout.variant_splits, *override) if key not in keys]
        if unknown:
            raise RefusalError(400, f"ruleset.rollout is invalid: there is no variant {unknown[0]!r}")


def new_flag(workspace: int, asked: AskedFlag, salt: str, author: str, now: float) -> JsonObject:
    """Return the document of a new flag.

    Args:
        workspace: The workspace's ID.
        asked: What was asked for.
        salt: A new salt, for a flag that comes without one.
        author: Name of the user.
        now: The time, in seconds since 1970.
    """
    first = {
        "id": str(uuid.uuid4()),
        "workspace_id": workspace,
        "author": author,
        "created": iso(now),
        "enabled_at": None,
        "deleted": None,
        "status": "",
        "hash_salt": salt,
    }
    return replaced_flag(first, asked, salt, author, now)


def replaced_flag(document: JsonObject, asked: AskedFlag, salt: str, editor: str, now: float) -> JsonObject:
    """Return a flag with other content. Without a salt, it keeps its own, so that users keep their variants."""
    fields = msgspec.to_builtins(asked)
    del fields["reset_hash_salt"]
    kept = salt if asked.reset_hash_salt else document["hash_salt"]
    was_enabled = document["status"] == "enabled"
    dates = {
        "modified": iso(now),
        "enabled_at": iso(now) if asked.status == "enabled" and not was_enabled else document["enabled_at"],
        "deleted": (document["deleted"] or iso(now)) if asked.status == "archived" else None,
    }
    fixed = {"workspace_id": document["workspace_id"], "hash_salt": asked.hash_salt or kept, "editor": editor}
    return {**document, **fields, **fixed, **dates}


def shown_flag(document: JsonObject, project: int, project_name: str) -> JsonObject:
    """Return a flag as management shows it."""
    author, editor = document["author"], document["editor"]
    return {
        **{name: value for name, value in document.items() if name not in {"author", "editor"}},
        "reset_hash_salt": None,
        "project_id": project,
        "project_name": project_name,
        "content_type": "feature-flags",
        "creator_id": user_id(author),
        "creator_name": author,
        "creator_email": None,
        "last_modified_by_id": user_id(editor),
        "last_modified_by_name": editor,
        "last_modified_by_email": None,
        "is_favorited": False,
        "pinned_date": None,
        "content_environments_id": None,
        "can_update_basic": True,
        "is_superadmin": False,
        "allow_staff_override": False,
        "can_view": True,
        "can_share": True,
        "can_pin": True,
        "is_shared_with_project": True,
    }


def definitions_of(
    flags: Iterable[JsonObject], experiments: Mapping[str, JsonObject], project: int
) -> list[JsonObject]:
    """Return the definitions of the enabled flags, as servers evaluate them.

    Args:
        flags: The flags of the project.
        experiments: The project's experiments, by ID.
        project: The project's ID.
    """
    return [_definition(flag, experiments, project) for flag in flags if flag["status"] == "enabled"]


def _definition(flag: JsonObject, experiments: Mapping[str, JsonObject], project: int) -> JsonObject:
    names = ("id", "name", "key", "status", "workspace_id", "context", "hash_salt")
    definition = {**{name: flag[name] for name in names}, "project_id": project}
    ruleset = {name: value for name, value in flag["ruleset"].items() if value is not None}
    rollouts = [{key: value for key, value in one.items() if value is not None} for one in ruleset["rollout"]]
    definition["ruleset"] = {**ruleset, "rollout": rollouts}
    if flag["experiment_id"] is not None:
        definition["experiment_id"] = flag["experiment_id"]
        running = experiments.get(flag["experiment_id"], {}).get("status") == "active"
        is_active = flag["is_experiment_active"]
        definition["is_experiment_active"] = running if is_active is None else is_active
    return definition
