"""Events and identity: the calls that put an event into its lane."""

import datetime as dt
from functools import cached_property
from typing import Final

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError
from mixpanel_async.models import JSONValue, Properties
from mixpanel_async.records import validation
from mixpanel_async.records.encoder import EventEncoder, encode_json
from mixpanel_async.records.rejection import record_for_report, rejected
from mixpanel_async.records.validation import check_uuid_v4

_DISTINCT_IDS_OF_A_MERGE: Final = 2


class Tracker:
    """Takes events.

    Args:
        engine: Delivers them.
        endpoints: Knows the lanes.
        settings: `track_via` and limits.
        clock: The time of events without one.
    """

    def __init__(self, engine: Engine, endpoints: LaneSpecs, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._endpoints = endpoints
        self._settings = settings
        self._clock = clock
        self._now = clock.time

    async def track(
        self,
        distinct_id: str,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Record that something happened; returns as soon as the event is queued.

        The network never raises here: await the receipt to hear what became of the event.

        Args:
            distinct_id: Whose event it is, as a string; "" for nobody's.
            event: Its name.
            properties: Up to 250 values that JSON can hold; left untouched. `time` and `$insert_id` may be among them.
            time: When it happened: Unix seconds, milliseconds, or an aware datetime; None: now. With
                `track_via="track"` at most five days ago.
            insert_id: 1 to 36 of A-Z a-z 0-9 and -; equal (event, time, distinct_id, insert_id) are one event. None:
                one is made.

        Returns:
            The receipt. An event that Mixpanel would refuse is not sent: its outcome is REJECTED, with the field.

        Raises:
            CannotEncodeError: The event cannot become JSON: NaN, a key that is no string, an unknown type.
            MissingCredentialsError: The client has no token, or no credential for /import.
            BufferFullError: The buffer is full and `overflow="raise"`.
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/track-event
        """
        lane, encoder = self._track_way
        try:
            part, key = encoder.encode(event, distinct_id, properties, self._now(), time, insert_id)
        except CannotEncodeError:
            raise
        except InvalidRecordError as error:
            return await self._refuse(event, distinct_id, properties, error)
        if key is None:
            receipt = self._engine.offer(lane, part)
            if receipt is not None:
                return receipt
        return await self._engine.admit(lane, part, key=key)

    async def import_event(
        self,
        distinct_id: str,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Record an event of any age over strict /import, which gives each event its own verdict.

        Args:
            distinct_id: Whose event it is, as a string; "" for nobody's.
            event: Its name.
            properties: Up to 251 values that JSON can hold; left untouched. `time` and `$insert_id` may be among them.
            time: When it happened: Unix seconds, milliseconds, or an aware datetime, from 1971 on. Needed, here or in
                the properties: nothing is stamped with now.
            insert_id: 1 to 36 of A-Z a-z 0-9 and -; None: one is made, and the event is not recognised when it is
                imported again.

        Returns:
            The receipt.

        Raises:
            CannotEncodeError: The event cannot become JSON.
            MissingCredentialsError: The client has neither credential nor token, or no project_id for its credential.
            BufferFullError: The buffer is full and `overflow="raise"`.
            ClientClosedError: The client was closed.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/import-events
        """
        lane, encoder = self._import_way
        try:
            part, key = encoder.encode(event, distinct_id, properties, self._now(), time, insert_id)
        except CannotEncodeError:
            raise
        except InvalidRecordError as error:
            return await self._refuse(event, distinct_id, properties, error)
        if key is None:
            receipt = self._engine.offer(lane, part)
            if receipt is not None:
                return receipt
        return await self._engine.admit(lane, part, key=key)

    async def identify(self, identified_id: str, anon_id: str) -> Receipt:
        """Join an anonymous id to a user's id (Original ID Merge projects).

        Args:
            identified_id: The user's id.
            anon_id: A UUID of version 4 that was not joined before.

        Raises:
            InvalidRecordError: An id is one that Mixpanel refuses, or `anon_id` is no UUID of version 4.
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/create-identity
        """
        identified = validation.check_distinct_id(identified_id, "$identified_id", may_be_empty=False)
        anonymous = check_uuid_v4(anon_id, "$anon_id")
        return await self._track_identity("$identify", {"$identified_id": identified, "$anon_id": anonymous})

    async def alias(self, distinct_id: str, alias: str) -> Receipt:
        """Give a user's id another name; each alias belongs to one id (Original ID Merge projects).

        Args:
            distinct_id: The id that there is.
            alias: The new one.

        Raises:
            InvalidRecordError: An id is one that Mixpanel refuses.
            MissingCredentialsError: The client has no token.

        Reference: https://developer.mixpanel.com/reference/identity-create-alias
        """
        known = validation.check_distinct_id(distinct_id, "distinct_id", may_be_empty=False)
        other = validation.check_distinct_id(alias, "alias", may_be_empty=False)
        return await self._track_identity("$create_alias", {"distinct_id": known, "alias": other})

    async def merge(self, distinct_id: str, other_distinct_id: str) -> Receipt:
        """Merge two ids into one user, over strict /import (Original ID Merge projects).

        Args:
            distinct_id: One id.
            other_distinct_id: The other.

        Raises:
            InvalidRecordError: An id is one that Mixpanel refuses, or both are the same.
            MissingCredentialsError: The client has no credential for /import.

        Reference: https://developer.mixpanel.com/reference/identity-merge
        """
        ids = [
            validation.check_distinct_id(each, "$distinct_ids", may_be_empty=False)
            for each in (distinct_id, other_distinct_id)
        ]
        if len(set(ids)) < _DISTINCT_IDS_OF_A_MERGE:
            raise InvalidRecordError("an id cannot be merged with itself", field="$distinct_ids")
        lane, _ = self._import_way
        properties: dict[str, JSONValue] = {"$distinct_ids": ids}
        if self._endpoints.token is not None:
            properties["token"] = self._endpoints.token
        record = {"event": "$merge", "properties": properties}
        return await self._engine.admit(lane, encode_json(record, "merge"))

    async def _track_identity(self, event: str, properties: dict[str, JSONValue]) -> Receipt:
        token = self._endpoints.token_for(event)
        record = {"event": event, "properties": {**properties, "token": token}}
        lane = self._engine.lane(self._endpoints.track())
        return await self._engine.admit(lane, encode_json(record, event))

    async def _refuse(
        self, event: str, distinct_id: str, properties: Properties | None, error: InvalidRecordError
    ) -> Receipt:
        record = {"event": event, "properties": {"distinct_id": distinct_id, **(properties or {})}}
        return await self._engine.refuse(record_for_report(record), rejected(error))

    @cached_property
    def _track_way(self) -> tuple[Lane, EventEncoder]:
        max_bytes = self._settings.max_batch_bytes - 2
        if self._settings.track_via == "import":  # its time is now where none is given, as over /track
            return self._import_way[0], EventEncoder(token=None, max_bytes=max_bytes)
        token = self._endpoints.token_for("track()")
        encoder = EventEncoder(
            token=token,
            max_age_seconds=self._endpoints.max_age_seconds,
            max_bytes=max_bytes,
        )
        return self._engine.lane(self._endpoints.track()), encoder

    @cached_property
    def _import_way(self) -> tuple[Lane, EventEncoder]:
        lane = self._engine.lane(self._endpoints.events())
        return lane, EventEncoder(token=None, needs_time=True, max_bytes=self._settings.max_batch_bytes - 2)
