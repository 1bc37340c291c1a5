"""EventRoute: encodes events for one endpoint and hands them to its lane."""

import datetime as dt
from collections.abc import Coroutine
from typing import Final, Protocol, TypeAlias

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.json_types import Properties
from mixpanel_async.records.encoder import EventEncoder
from mixpanel_async.records.tokens import ForeignTokenError, TokenRule
from mixpanel_async.tracking.rejection import reject_record

# The receipt of an event that could be queued at once, else what to await for it.
Admission: TypeAlias = Receipt | Coroutine[object, object, Receipt]
_PLACE: Final = "properties.token"


class Route(Protocol):
    """The way of an event, from the caller to its lane."""

    def offer(  # noqa: PLR0917 - called for every event: keywords cost
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
        waits: bool = True,
    ) -> Admission:
        """Queue an event; return its receipt, or what to await for it."""


class EventRoute:
    """The way of an event to one endpoint.

    Attributes:
        lane: The endpoint's lane.

    Args:
        context: The client's parts.
        lane: The endpoint's lane.
        encoder: Encodes events for the endpoint.
    """

    def __init__(self, context: Context, lane: Lane, encoder: EventEncoder) -> None:
        self.lane = lane
        self._context = context
        self._encoder = encoder
        self._encode = encoder.encode
        self._now = context.clock.time
        self._queue = context.engine.offer

    def offer(  # noqa: PLR0917 - called for every event: keywords cost
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
        waits: bool = True,
    ) -> Admission:
        """Queue an event; return its receipt, or what to await for it if it has to wait.

        A plain function: nearly every event ends here, and a coroutine for each would cost a tenth of the whole. If
        it must not wait, the coroutine never suspends: see `finished`.
        """
        try:
            part, key = self._encode(event, distinct_id, properties, self._now(), time, insert_id)
        except ForeignTokenError as error:
            return self._admit_foreign(distinct_id, event, properties, time, insert_id, waits, error.token)
        except Exception as error:  # a mapping, key or subclass of the caller's may raise anything
            record = {"event": event, "properties": properties, "distinct_id": distinct_id}
            return reject_record(self._context, self.lane.spec.path, record, error)
        if key is None:
            receipt = self._queue(self.lane, part)
            if receipt is not None:
                return receipt
        return self._context.engine.admit(self.lane, part, key=key, waits=waits)

    async def _admit_foreign(  # noqa: PLR0917 - the arguments of `offer`
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
        waits: bool,
        foreign: object,
    ) -> Receipt:
        """Return the receipt of an event with a foreign token: replaced, rejected or kept, as the settings say."""
        context, path = self._context, self.lane.spec.path
        takes_tokens = path != "/import"
        rule = TokenRule(context.settings.foreign_token, context.lanes.token, field=_PLACE, takes_tokens=takes_tokens)
        encoder = self._encoder
        try:
            token, is_replaced = rule.apply(foreign)
            own = {name: value for name, value in (properties or {}).items() if name != "token"}
            if token is not None and not takes_tokens:
                own["token"] = token
            elif token is not None and not is_replaced:
                encoder = encoder.with_token(token)
            part, key = encoder.encode(event, distinct_id, own, self._now(), time, insert_id)
        except Exception as error:
            record = {"event": event, "properties": properties, "distinct_id": distinct_id}
            return await reject_record(context, path, record, error)
        replaced_token = _PLACE if is_replaced else ""
        return await context.engine.admit(self.lane, part, key=key, replaced_token=replaced_token, waits=waits)


def finished(admission: Admission) -> Receipt:
    """Return the receipt of an event that must not wait."""
    if isinstance(admission, Receipt):
        return admission
    try:
        admission.send(None)
    except StopIteration as done:
        receipt: Receipt = done.value
        return receipt
    raise AssertionError("an event that must not wait was held")
