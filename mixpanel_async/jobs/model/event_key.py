"""The fields that identify an event."""

from typing import Annotated

import msgspec

from mixpanel_async import limits

# They link ids and are no events: neither time nor id is asked of them.
IDENTITY_EVENTS = frozenset({"$identify", "$create_alias", "$merge"})


class OwnFields(msgspec.Struct, gc=False):
    """The properties that Mixpanel recognises an event by."""

    time: int | float
    distinct_id: str
    insert_id: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.MAX_INSERT_ID_BYTES)] = msgspec.field(
        name="$insert_id"
    )


class EventFields(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields of an event that are looked at; two equal ones are one event."""

    event: Annotated[str, msgspec.Meta(min_length=1)]
    properties: OwnFields
