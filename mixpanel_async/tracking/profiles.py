"""Profiles of users and groups: the calls that update them."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.models import JSONValue, Properties
from mixpanel_async.records import validation
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, Update
from mixpanel_async.tracking.profile_updates import Updates

Operation: TypeAlias = Literal["$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"]


class People(Updates):
    """User profiles.

    Every call returns a receipt as soon as the update is queued, and raises only what cannot be sent at all:
    CannotEncodeError, MissingCredentialsError (no token), BufferFullError, ClientClosedError, WrongLoopError.

    Args of every call:
        distinct_id: Whose profile.
        ip: Address that sets the user's place; None: none does, unless `use_request_ip` is set.
        time: Unix seconds at which the profile is said to be updated; None: left to Mixpanel.
        ignore_time: Leave the profile's "Last seen" as it is.
    """

    _operations = PROFILE_OPERATIONS

    @property
    def _lane(self) -> Lane:
        return self._engine.lane(self._endpoints.people())

    def _check_target(self, update: Update) -> None:
        validation.check_distinct_id(update.get("$distinct_id", ""), "$distinct_id", may_be_empty=False)

    async def set(
        self,
        distinct_id: str,
        properties: Properties,
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Set properties, overwriting what is there.

        Reference: https://developer.mixpanel.com/reference/profile-set
        """
        return await self._one("$set", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def set_once(
        self,
        distinct_id: str,
        properties: Properties,
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Set properties that are not there yet.

        Reference: https://developer.mixpanel.com/reference/profile-set-property-once
        """
        return await self._one("$set_once", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def add(
        self,
        distinct_id: str,
        properties: Mapping[str, float],
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Add numbers to properties; a negative one subtracts. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/profile-numerical-add
        """
        return await self._one("$add", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def append(
        self,
        distinct_id: str,
        properties: Properties,
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Append a value to each list property. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/profile-append-to-list-property
        """
        return await self._one("$append", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def union(
        self,
        distinct_id: str,
        properties: Mapping[str, Sequence[JSONValue]],
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Add values to list properties that do not hold them. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/user-profile-union
        """
        return await self._one("$union", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def remove(
        self,
        distinct_id: str,
        properties: Properties,
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Remove a value from each list property. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/profile-remove-from-list-property
        """
        return await self._one("$remove", distinct_id, properties, ip=ip, time=time, ignore_time=ignore_time)

    async def unset(
        self,
        distinct_id: str,
        names: Sequence[str],
        *,
        ip: str | None = None,
        time: int | None = None,
        ignore_time: bool = False,
    ) -> Receipt:
        """Delete properties by name.

        Reference: https://developer.mixpanel.com/reference/profile-delete-property
        """
        return await self._one("$unset", distinct_id, names, ip=ip, time=time, ignore_time=ignore_time)

    async def delete(self, distinct_id: str, *, ignore_alias: bool = False) -> Receipt:
        """Delete a whole profile, for good.

        Args:
            distinct_id: Whose profile.
            ignore_alias: Delete the profile of this id itself, not of the id that it is an alias of.

        Reference: https://developer.mixpanel.com/reference/delete-profile
        """
        update: dict[str, JSONValue] = {"$distinct_id": distinct_id, "$delete": ""}
        if ignore_alias:
            update["$ignore_alias"] = True
        return await self._admit(update)

    async def _one(
        self,
        operation: Operation,
        distinct_id: str,
        value: JSONValue,
        *,
        ip: str | None,
        time: int | None,
        ignore_time: bool,
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

    Every call returns a receipt as soon as the update is queued, and raises what those of `People` raise.

    Args of every call:
        group_key: The group's kind, for example `company`.
        group_id: Which one.
    """

    _operations = GROUP_OPERATIONS

    @property
    def _lane(self) -> Lane:
        return self._engine.lane(self._endpoints.groups())

    def _check_target(self, update: Update) -> None:
        for name in ("$group_key", "$group_id"):
            validation.check_distinct_id(update.get(name, ""), name, may_be_empty=False)

    async def set(self, group_key: str, group_id: str, properties: Properties) -> Receipt:
        """Set properties, overwriting what is there.

        Reference: https://developer.mixpanel.com/reference/group-set-property
        """
        return await self._one("$set", group_key, group_id, properties)

    async def set_once(self, group_key: str, group_id: str, properties: Properties) -> Receipt:
        """Set properties that are not there yet.

        Reference: https://developer.mixpanel.com/reference/group-set-property-once
        """
        return await self._one("$set_once", group_key, group_id, properties)

    async def union(self, group_key: str, group_id: str, properties: Mapping[str, Sequence[JSONValue]]) -> Receipt:
        """Add values to list properties that do not hold them. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/group-union
        """
        return await self._one("$union", group_key, group_id, properties)

    async def remove(self, group_key: str, group_id: str, properties: Properties) -> Receipt:
        """Remove a value from each list property. Not repeated after an ambiguous failure.

        Reference: https://developer.mixpanel.com/reference/group-remove-from-list-property
        """
        return await self._one("$remove", group_key, group_id, properties)

    async def unset(self, group_key: str, group_id: str, names: Sequence[str]) -> Receipt:
        """Delete properties by name.

        Reference: https://developer.mixpanel.com/reference/group-delete-property
        """
        return await self._one("$unset", group_key, group_id, names)

    async def delete(self, group_key: str, group_id: str) -> Receipt:
        """Delete a whole group profile, for good.

        Reference: https://developer.mixpanel.com/reference/delete-group
        """
        return await self._one("$delete", group_key, group_id, "")

    async def _one(self, operation: Operation, group_key: str, group_id: str, value: JSONValue) -> Receipt:
        return await self._admit({"$group_key": group_key, "$group_id": group_id, operation: value})
