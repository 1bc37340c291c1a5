"""Lexicon schemas of events and profiles."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from mixpanel_async.emulator.replies import RefusalError

EntityType = Literal["event", "profile"]
ENTITY_TYPES: Final = frozenset({"event", "profile"})


class PropertyNotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Mixpanel's own data about a property."""

    displayName: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - the name in the API
    hidden: bool | msgspec.UnsetType = msgspec.UNSET
    dropped: bool | msgspec.UnsetType = msgspec.UNSET


class EntityNotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Mixpanel's own data about an event or profile."""

    source: str | msgspec.UnsetType = msgspec.field(name="$source", default=msgspec.UNSET)
    displayName: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - the name in the API
    tags: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    hidden: bool | msgspec.UnsetType = msgspec.UNSET
    dropped: bool | msgspec.UnsetType = msgspec.UNSET
    contacts: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    teamContacts: Sequence[str] | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - the name in the API


class PropertyMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """Metadata of a property, by vendor."""

    mixpanel: PropertyNotes | msgspec.UnsetType = msgspec.field(name="com.mixpanel", default=msgspec.UNSET)


class EntityMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """Metadata of an event or profile, by vendor."""

    mixpanel: EntityNotes | msgspec.UnsetType = msgspec.field(name="com.mixpanel", default=msgspec.UNSET)


class PropertySchema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The schema of a property."""

    type: Literal["array", "boolean", "integer", "null", "number", "object", "string"]
    description: str | msgspec.UnsetType = msgspec.UNSET
    metadata: PropertyMetadata | msgspec.UnsetType = msgspec.UNSET


class EntitySchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """The schema of an event or profile."""

    description: str | msgspec.UnsetType = msgspec.UNSET
    properties: Mapping[str, PropertySchema] | msgspec.UnsetType = msgspec.UNSET
    metadata: EntityMetadata | msgspec.UnsetType = msgspec.UNSET


class SchemaEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schema, and the event or profile that it describes."""

    entityType: EntityType  # noqa: N815 - the name in the API
    name: str
    schemaJson: EntitySchema  # noqa: N815 - the name in the API


class AskedUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request that uploads many schemas."""

    entries: Sequence[SchemaEntry]
    truncate: bool = False


def checked_type(text: str) -> str:
    """Return a type of entities.

    Raises:
        RefusalError: With 400, if it is none.
    """
    if text not in ENTITY_TYPES:
        raise RefusalError(400, f"entityType is invalid: {text!r}; give event or profile")
    return text


def schema_id(entity_type: str, name: str) -> str:
    """Return the ID of the document of a schema."""
    return f"{entity_type}/{name}"


def new_schemas(entries: Sequence[SchemaEntry]) -> dict[str, Any]:
    """Return the documents of schemas by their IDs; the last one of a name counts."""
    return {schema_id(one.entityType, one.name): msgspec.to_builtins(one) for one in entries}


def check_deletions(count: int, most: int) -> None:
    """Check how many schemas a request deletes.

    Raises:
        RefusalError: With 400, if it deletes too many.
    """
    if count > most:
        raise RefusalError(400, f"the request deletes {count:,} schemas; at most {most:,} can be deleted at once")
