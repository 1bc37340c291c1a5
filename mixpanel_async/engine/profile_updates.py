"""Updates of profiles: what one may say, and its way into the queue."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from mixpanel_async.config import Settings
from mixpanel_async.engine.encode import encode_update, is_unsafe
from mixpanel_async.engine.endpoints import Endpoints
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.engine.tracker import record_for_report, refusal
from mixpanel_async.errors import CannotEncode, InvalidRecord
from mixpanel_async.models import JSONValue

Update: TypeAlias = Mapping[str, JSONValue]
PROFILE_OPERATIONS: Final = frozenset(
    {"$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"}
)
GROUP_OPERATIONS: Final = PROFILE_OPERATIONS - {"$add", "$append"}


def check_update(update: Update, operations: frozenset[str]) -> None:
    """Check the operations of one update.

    Raises:
        InvalidRecord: There is none, or one has a value of the wrong shape.
    """
    found = [name for name in update if name in operations]
    if not found:
        raise InvalidRecord(f"it has no operation; use one of {', '.join(sorted(operations))}")
    for name in found:
        _check_operation(name, update[name])


def _check_operation(name: str, value: JSONValue) -> None:
    if name == "$delete":
        return
    if name == "$unset":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidRecord("must be a list of property names", field=name)
        return
    if not isinstance(value, Mapping):
        raise InvalidRecord("must map property names to values", field=name)
    for key, one in value.items():
        if name == "$add" and (isinstance(one, bool) or not isinstance(one, int | float)):
            raise InvalidRecord(f"a {type(one).__name__} is no number", field=f"$add.{key}")
        if name == "$union" and (isinstance(one, str) or not isinstance(one, Sequence)):
            raise InvalidRecord("must be a list of values", field=f"$union.{key}")


class Updates(ABC):
    """What profiles of users and groups have in common."""

    _operations: frozenset[str]

    def __init__(self, engine: Engine, endpoints: Endpoints, settings: Settings) -> None:
        self._engine = engine
        self._endpoints = endpoints
        self._max_bytes = settings.max_batch_bytes - 2

    @abstractmethod
    def _check_target(self, update: Update) -> None:
        """Check whom an update is about."""

    @property
    @abstractmethod
    def _lane(self) -> Lane:
        """Where updates go."""

    async def _admit(self, update: Update) -> Receipt:
        record = {"$token": self._endpoints.token_for("a profile update"), **update}
        try:
            self._check_target(record)
            check_update(record, self._operations)
            part, _ = encode_update(record, self._max_bytes)
        except CannotEncode:
            raise
        except InvalidRecord as error:
            return await self._engine.refuse(record_for_report(update), refusal(error))
        return await self._engine.admit(self._lane, part, is_unsafe=is_unsafe(record))

    async def update(self, updates: Iterable[Update]) -> list[Receipt]:
        """Send updates as Mixpanel spells them, of any mix of operations.

        Args:
            updates: For each, whom it is about (`$distinct_id`, or `$group_key` and `$group_id`) and its operations;
                `$token` is filled in.

        Returns:
            A receipt for each, in their order.

        Raises:
            CannotEncode: One cannot become JSON; those before it are queued.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update and group-batch-update
        """
        return [await self._admit(update) for update in updates]
