"""One user, and what is tracked of them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Unpack

from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.json_types import Properties, PropertyValue
from mixpanel_async.tracking.event_route import finished
from mixpanel_async.tracking.events import Events
from mixpanel_async.tracking.profiles import People, ProfileOptions


def with_device(distinct_id: str | int | None, device_id: str | None, properties: Properties) -> Properties:
    """Return properties with the ids of Simplified ID Merge, if a device is given.

    Args:
        distinct_id: The user's id, or None for a device without a known user.
        device_id: The device's id.
        properties: Further properties.
    """
    if device_id is None:
        return properties
    ids: dict[str, PropertyValue] = {"$device_id": device_id}
    if distinct_id is not None:
        ids["$user_id"] = distinct_id
    return {**ids, **properties}


class BoundUser:
    """The calls of a client for one user; made by `AsyncMixpanel.for_user` and `for_device`.

    Args:
        events: Queues events.
        people: Queues updates of profiles.
        distinct_id: The user's id.
        properties: Properties of every event.
    """

    def __init__(self, events: Events, people: People, distinct_id: str | int, properties: Properties) -> None:
        self._events = events
        self._people = people
        self._properties: dict[str, PropertyValue] = {**properties}
        self.distinct_id = distinct_id

    async def track(
        self,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Track an event of the user; see `AsyncMixpanel.track`.

        Args:
            event: Name of the event.
            properties: Its properties; they win over those of the user.
            time: When it happened; None: now.
            insert_id: Its insert id; None: generated.

        Raises:
            The same as `AsyncMixpanel.track`.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            user = mp.for_user("user-1", plan="pro")
            await user.track("Signed Up")
            ```
        """
        receipt = self._events.track_route.offer(self.distinct_id, event, self._merged(properties), time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    def track_nowait(
        self,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Track an event of the user without waiting; see `AsyncMixpanel.track_nowait`.

        Args:
            event: Name of the event.
            properties: Its properties; they win over those of the user.
            time: When it happened; None: now.
            insert_id: Its insert id; None: generated.

        Raises:
            The same as `AsyncMixpanel.track_nowait`.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            mp.for_user("user-1").track_nowait("Signed Up")
            ```
        """
        route = self._events.track_route
        return finished(route.offer(self.distinct_id, event, self._merged(properties), time, insert_id, False))

    async def import_event(
        self,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Import an event of the user; see `AsyncMixpanel.import_event`.

        Args:
            event: Name of the event.
            properties: Its properties; they win over those of the user.
            time: When it happened; required here or in the properties.
            insert_id: Its insert id; None: generated.

        Raises:
            The same as `AsyncMixpanel.import_event`.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            await mp.for_user("user-1").import_event("Signed Up", time=1700000000)
            ```
        """
        receipt = self._events.import_route.offer(self.distinct_id, event, self._merged(properties), time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    async def set(self, properties: Properties, **options: Unpack[ProfileOptions]) -> Receipt:
        """Set properties of the user's profile; see `People.set`.

        Args:
            properties: Properties to set.
            **options: See `People.set`.

        Raises:
            The same as `People.set`.

        Reference: https://developer.mixpanel.com/reference/profile-set

        Example:
            ```python
            await mp.for_user("user-1").set({"plan": "pro"})
            ```
        """
        return await self._people.set(self.distinct_id, properties, **options)

    async def set_once(self, properties: Properties, **options: Unpack[ProfileOptions]) -> Receipt:
        """Set properties of the user's profile that it does not have; see `People.set_once`.

        Args:
            properties: Properties to set.
            **options: See `People.set`.

        Raises:
            The same as `People.set`.

        Reference: https://developer.mixpanel.com/reference/profile-set-property-once

        Example:
            ```python
            await mp.for_user("user-1").set_once({"first seen": "2026-08-01"})
            ```
        """
        return await self._people.set_once(self.distinct_id, properties, **options)

    async def add(self, properties: Mapping[str, float], **options: Unpack[ProfileOptions]) -> Receipt:
        """Add to numbers of the user's profile; see `People.add`.

        Args:
            properties: Numbers to add.
            **options: See `People.set`.

        Raises:
            The same as `People.set`.

        Reference: https://developer.mixpanel.com/reference/profile-numerical-add

        Example:
            ```python
            await mp.for_user("user-1").add({"logins": 1})
            ```
        """
        return await self._people.add(self.distinct_id, properties, **options)

    async def unset(self, names: Sequence[str], **options: Unpack[ProfileOptions]) -> Receipt:
        """Remove properties of the user's profile; see `People.unset`.

        Args:
            names: Names of the properties.
            **options: See `People.set`.

        Raises:
            The same as `People.set`.

        Reference: https://developer.mixpanel.com/reference/profile-delete-property

        Example:
            ```python
            await mp.for_user("user-1").unset(["trial ends"])
            ```
        """
        return await self._people.unset(self.distinct_id, names, **options)

    def _merged(self, properties: Properties | None) -> Properties | None:
        if not self._properties:
            return properties
        return {**self._properties, **(properties or {})}
