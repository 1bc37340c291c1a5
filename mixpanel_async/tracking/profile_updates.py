"""What updates of user profiles and group profiles have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.models import Verdict
from mixpanel_async.records.parsing import as_object
from mixpanel_async.records.rejection import record_for_report
from mixpanel_async.records.tokens import TokenRule
from mixpanel_async.records.updates import Update, encode_update, is_unsafe
from mixpanel_async.tracking.outgoing import OutgoingRules
from mixpanel_async.tracking.rejection import reject_record


class Updates(ABC):
    """Validates, encodes and queues updates.

    Args:
        context: The client's parts.
    """

    _operations: frozenset[str]
    _example: str

    def __init__(self, context: Context) -> None:
        self._context = context
        self._max_bytes = context.settings.max_batch_bytes - 2
        self._rules = OutgoingRules.of(context.settings)
        self._tokens = TokenRule(context.settings.foreign_token, context.lanes.token, field="$token", takes_tokens=True)

    @abstractmethod
    def _target(self, update: Update) -> Mapping[str, str]:
        """Return the fields that name the profile, checked.

        Raises:
            InvalidRecordError: A field is missing or invalid.
        """

    @property
    @abstractmethod
    def _lane(self) -> Lane:
        """The lane of the endpoint."""

    async def _admit(self, update: Update) -> Receipt:
        self._context.lanes.token_for("a profile update")
        try:
            fields = as_object(update, self._example)
            if self._rules is not None:
                found = self._rules.update(fields)
                if isinstance(found, Verdict):
                    return await self._context.engine.refuse(record_for_report(fields), found, self._lane.spec.path)
                fields = found
            token, is_replaced = self._tokens.apply(fields.get("$token"))
            record: dict[str, JSONValue] = {"$token": token, **fields, **self._target(fields)}
            record["$token"] = token
            part = encode_update(record, self._operations, self._max_bytes, self._context.values)
        except Exception as error:  # a mapping, key or subclass of the caller's may raise anything
            return await reject_record(self._context, self._lane.spec.path, update, error)
        field = "$token" if is_replaced else ""
        return await self._context.engine.admit(self._lane, part, is_unsafe=is_unsafe(record), replaced_token=field)

    async def update(self, updates: Iterable[Update]) -> list[Receipt]:
        """Send updates in Mixpanel's own form, with any mix of operations.

        Args:
            updates: Each names its profile (`$distinct_id`, or `$group_key` and `$group_id`) and its operations;
                `$token` is added; for an update with another one, see `Settings.foreign_token`.

        Returns:
            One receipt for each update, in their order. An invalid update is REJECTED; the others are sent.

        Raises:
            InvalidArgumentError: `updates` is not a list, but one update or text.
            MissingCredentialsError: The client has no token.
            InvalidRecordError: An update is invalid and `Settings.on_bad_record` is "raise"; those before it are
                queued.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update and group-batch-update

        Example:
            ```python
            await mp.people.update([{"$distinct_id": "user-1", "$set": {"plan": "pro"}, "$unset": ["trial"]}])
            ```
        """
        if isinstance(updates, str | bytes | Mapping) or not isinstance(updates, Iterable):
            raise InvalidArgumentError(
                f"updates is invalid: it is a {type(updates).__name__}; give a list of updates, such as "
                '[{"$distinct_id": "user-1", "$set": {...}}]'
            )
        return [await self._admit(update) for update in updates]
