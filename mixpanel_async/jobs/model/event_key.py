"""The fields by which Mixpanel identifies an event."""

from typing import Annotated

import msgspec

from mixpanel_async import limits

# These link IDs; they need neither a time nor an $insert_id and are never duplicates.
IDENTITY_EVENTS = frozenset({"$identify", "$create_alias", "$merge"})


class KeyProperties(msgspec.Struct, gc=False):
    """The properties by which Mixpanel identifies an event.

    Attributes:
        token: The event's own project token, found in the same pass; it is not compared, and None once it is checked.
    """

    time: int | float
    distinct_id: str
    insert_id: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.MAX_INSERT_ID_BYTES)] = msgspec.field(
        name="$insert_id"
    )
    token: object = None


class EventFields(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The identifying fields of an event; events with equal fields are duplicates."""

    event: Annotated[str, msgspec.Meta(min_length=1)]
    properties: KeyProperties
