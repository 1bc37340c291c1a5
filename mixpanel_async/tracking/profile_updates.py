"""Updates of profiles: what one may say, and its way into the queue."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError
from mixpanel_async.records.encoder import encode_update, is_unsafe
from mixpanel_async.records.rejection import record_for_report, rejected
from mixpanel_async.records.updates import Update, check_update


class Updates(ABC):
    """What profiles of users and groups have in common."""

    _operations: frozenset[str]

    def __init__(self, engine: Engine, endpoints: LaneSpecs, settings: Settings) -> None:
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
        except CannotEncodeError:
            raise
        except InvalidRecordError as error:
            return await self._engine.refuse(record_for_report(update), rejected(error))
        return await self._engine.admit(self._lane, part, is_unsafe=is_unsafe(record))

    async def update(self, updates: Iterable[Update]) -> list[Receipt]:
        """Send updates as Mixpanel spells them, of any mix of operations.

        Args:
            updates: For each, whom it is about (`$distinct_id`, or `$group_key` and `$group_id`) and its operations;
                `$token` is filled in.

        Returns:
            A receipt for each, in their order.

        Raises:
            CannotEncodeError: One cannot become JSON; those before it are queued.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update and group-batch-update
        """
        return [await self._admit(update) for update in updates]
