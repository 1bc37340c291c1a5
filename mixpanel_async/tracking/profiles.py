"""people.* and groups.*: updates of user and group profiles."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict, Unpack

from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.json_types import JSONValue, Properties, PropertyValue
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, Update
from mixpanel_async.records.validation import read_distinct_id
from mixpanel_async.tracking.profile_updates import Updates

Operation: TypeAlias = Literal["$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"]


class ProfileOptions(TypedDict, total=False):
    """Options of every update of a user profile.

    Attributes:
        ip: IP address that sets the user's location; None: no location, unless `Settings.use_request_ip` is set.
        time: Unix seconds of the update, for "Last seen"; None: set by Mixpanel.
        ignore_time: Do not change "Last seen".
    """

    ip: str | None
    time: int | None
    ignore_time: bool


class People(Updates):
    """User profiles.

    Every call returns a receipt as soon as the update is queued; an invalid update is REJECTED on its receipt. Calls
    raise MissingCredentialsError (no token), BufferFullError (`overflow="raise"`), ClientClosedError and
    WrongLoopError. `distinct_id` is the user's id, a string or an integer.
    """

    _operations = PROFILE_OPERATIONS
    _example = '{"$distinct_id": "user-1", "$set": {...}}'

    @property
    def _lane(self) -> Lane:
        return self._context.engine.lane(self._context.lanes.people())

    def _target(self, update: Update) -> Mapping[str, str]:
        distinct_id = read_distinct_id(update.get("$distinct_id", ""), "$distinct_id", may_be_empty=False)
        return {"$distinct_id": distinct_id}

    async def set(self, distinct_id: str | int, properties: Properties, **options: Unpack[ProfileOptions]) -> Receipt:
        """Set properties, replacing existing values.

        Args:
            distinct_id: The user's id.
            properties: Property names and values.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-set

        Example:
            ```python
            await mp.people.set("user-1", {"plan": "pro"})
            ```
        """
        return await self._update("$set", distinct_id, properties, **options)

    async def set_once(
        self, distinct_id: str | int, properties: Properties, **options: Unpack[ProfileOptions]
    ) -> Receipt:
        """Set properties that have no value yet.

        Args:
            distinct_id: The user's id.
            properties: Property names and values.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-set-property-once

        Example:
            ```python
            await mp.people.set_once("user-1", {"first_seen": "2026-01-31T12:00:00"})
            ```
        """
        return await self._update("$set_once", distinct_id, properties, **options)

    async def add(
        self, distinct_id: str | int, properties: Mapping[str, float], **options: Unpack[ProfileOptions]
    ) -> Receipt:
        """Add numbers to properties. Not retried after an ambiguous failure.

        Args:
            distinct_id: The user's id.
            properties: Property names and numbers; a negative number subtracts.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-numerical-add

        Example:
            ```python
            await mp.people.add("user-1", {"logins": 1})
            ```
        """
        return await self._update("$add", distinct_id, properties, **options)

    async def append(
        self, distinct_id: str | int, properties: Properties, **options: Unpack[ProfileOptions]
    ) -> Receipt:
        """Append a value to list properties. Not retried after an ambiguous failure.

        Args:
            distinct_id: The user's id.
            properties: Property names, each with the value to append.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-append-to-list-property

        Example:
            ```python
            await mp.people.append("user-1", {"viewed": "page-1"})
            ```
        """
        return await self._update("$append", distinct_id, properties, **options)

    async def union(
        self,
        distinct_id: str | int,
        properties: Mapping[str, Sequence[PropertyValue]],
        **options: Unpack[ProfileOptions],
    ) -> Receipt:
        """Add values to list properties that lack them. Not retried after an ambiguous failure.

        Args:
            distinct_id: The user's id.
            properties: Property names, each with a list of values.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/user-profile-union

        Example:
            ```python
            await mp.people.union("user-1", {"tags": ["beta", "vip"]})
            ```
        """
        return await self._update("$union", distinct_id, properties, **options)

    async def remove(
        self, distinct_id: str | int, properties: Properties, **options: Unpack[ProfileOptions]
    ) -> Receipt:
        """Remove a value from list properties. Not retried after an ambiguous failure.

        Args:
            distinct_id: The user's id.
            properties: Property names, each with the value to remove.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-remove-from-list-property

        Example:
            ```python
            await mp.people.remove("user-1", {"tags": "beta"})
            ```
        """
        return await self._update("$remove", distinct_id, properties, **options)

    async def unset(self, distinct_id: str | int, names: Sequence[str], **options: Unpack[ProfileOptions]) -> Receipt:
        """Delete properties.

        Args:
            distinct_id: The user's id.
            names: Names of the properties.
            **options: See `ProfileOptions`: ip, time, ignore_time.

        Reference: https://developer.mixpanel.com/reference/profile-delete-property

        Example:
            ```python
            await mp.people.unset("user-1", ["trial_ends"])
            ```
        """
        return await self._update("$unset", distinct_id, names, **options)

    async def delete(self, distinct_id: str | int, *, ignore_alias: bool = False) -> Receipt:
        """Delete a profile permanently.

        Args:
            distinct_id: The user's id.
            ignore_alias: Delete the profile of this very id, not the one that it is an alias of.

        Reference: https://developer.mixpanel.com/reference/delete-profile

        Example:
            ```python
            await mp.people.delete("user-1")
            ```
        """
        update: dict[str, JSONValue] = {"$distinct_id": distinct_id, "$delete": ""}
        if ignore_alias:
            update["$ignore_alias"] = True
        return await self._admit(update)

    async def _update(
        self,
        operation: Operation,
        distinct_id: str | int,
        value: PropertyValue,
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        update: dict[str, JSONValue] = {"$distinct_id": distinct_id}
        if ip is not None:
            update["$ip"] = ip
        if time is not None:
            update["$time"] = time
        if ignore_time:
            update["$ignore_time"] = True
        update[operation] = value
        return await self._admit(update)


class Groups(Updates):
    """Group profiles.

    Every call returns a receipt as soon as the update is queued, and raises what the calls of `People` raise.
    `group_key` is the group's type, for example `company`; `group_id` is the group's id.
    """

    _operations = GROUP_OPERATIONS
    _example = '{"$group_key": "company", "$group_id": "acme", "$set": {...}}'

    @property
    def _lane(self) -> Lane:
        return self._context.engine.lane(self._context.lanes.groups())

    def _target(self, update: Update) -> Mapping[str, str]:
        return {
            name: read_distinct_id(update.get(name, ""), name, may_be_empty=False)
            for name in ("$group_key", "$group_id")
        }

    async def set(self, group_key: str, group_id: str | int, properties: Properties) -> Receipt:
        """Set properties, replacing existing values.

        Args:
            group_key: The group's type.
            group_id: The group's id.
            properties: Property names and values.

        Reference: https://developer.mixpanel.com/reference/group-set-property

        Example:
            ```python
            await mp.groups.set("company", "acme", {"plan": "enterprise"})
            ```
        """
        return await self._update("$set", group_key, group_id, properties)

    async def set_once(self, group_key: str, group_id: str | int, properties: Properties) -> Receipt:
        """Set properties that have no value yet.

        Args:
            group_key: The group's type.
            group_id: The group's id.
            properties: Property names and values.

        Reference: https://developer.mixpanel.com/reference/group-set-property-once

        Example:
            ```python
            await mp.groups.set_once("company", "acme", {"signed": "2026-01-31T12:00:00"})
            ```
        """
        return await self._update("$set_once", group_key, group_id, properties)

    async def union(
        self, group_key: str, group_id: str | int, properties: Mapping[str, Sequence[PropertyValue]]
    ) -> Receipt:
        """Add values to list properties that lack them. Not retried after an ambiguous failure.

        Args:
            group_key: The group's type.
            group_id: The group's id.
            properties: Property names, each with a list of values.

        Reference: https://developer.mixpanel.com/reference/group-union

        Example:
            ```python
            await mp.groups.union("company", "acme", {"features": ["sso"]})
            ```
        """
        return await self._update("$union", group_key, group_id, properties)

    async def remove(self, group_key: str, group_id: str | int, properties: Properties) -> Receipt:
        """Remove a value from list properties. Not retried after an ambiguous failure.

        Args:
            group_key: The group's type.
            group_id: The group's id.
            properties: Property names, each with the value to remove.

        Reference: https://developer.mixpanel.com/reference/group-remove-from-list-property

        Example:
            ```python
            await mp.groups.remove("company", "acme", {"features": "sso"})
            ```
        """
        return await self._update("$remove", group_key, group_id, properties)

    async def unset(self, group_key: str, group_id: str | int, names: Sequence[str]) -> Receipt:
        """Delete properties.

        Args:
            group_key: The group's type.
            group_id: The group's id.
            names: Names of the properties.

        Reference: https://developer.mixpanel.com/reference/group-delete-property

        Example:
            ```python
            await mp.groups.unset("company", "acme", ["trial_ends"])
            ```
        """
        return await self._update("$unset", group_key, group_id, names)

    async def delete(self, group_key: str, group_id: str | int) -> Receipt:
        """Delete a group profile permanently.

        Args:
            group_key: The group's type.
            group_id: The group's id.

        Reference: https://developer.mixpanel.com/reference/delete-group

        Example:
            ```python
            await mp.groups.delete("company", "acme")
            ```
        """
        return await self._update("$delete", group_key, group_id, "")

    async def _update(self, operation: Operation, group_key: str, group_id: str | int, value: PropertyValue) -> Receipt:
        return await self._admit({"$group_key": group_key, "$group_id": group_id, operation: value})
