"""track, import_event, identify, alias, merge: encode an event and hand it to its lane."""

import datetime as dt
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Final, TypeAlias

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.models import JSONValue, Properties
from mixpanel_async.records.encoder import EventEncoder, encode_json
from mixpanel_async.records.tokens import ForeignTokenError, TokenRule
from mixpanel_async.records.validation import check_uuid_v4, read_distinct_id
from mixpanel_async.tracking.rejection import reject_record

_DISTINCT_IDS_OF_A_MERGE: Final = 2
Route: TypeAlias = tuple[Lane, EventEncoder]


class Events:
    """Encodes live events; `AsyncMixpanel` documents each call.

    Args:
        context: The client's parts.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine = context.engine
        self._now = context.clock.time
        policy, token = context.settings.foreign_token, context.lanes.token
        self._track_tokens = TokenRule(policy, token, field="properties.token", takes_tokens=True)
        self._import_tokens = TokenRule(policy, token, field="properties.token", takes_tokens=False)

    async def track(
        self,
        distinct_id: str | int,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Queue an event for /track, or for /import where `Settings.track_via` says so."""
        receipt = self._offer(self._track_route, event, distinct_id, properties, time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    async def import_event(
        self,
        distinct_id: str | int,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        """Queue an event for strict /import."""
        receipt = self._offer(self._import_route, event, distinct_id, properties, time, insert_id)
        return receipt if isinstance(receipt, Receipt) else await receipt

    def _offer(  # noqa: PLR0917 - called for every event: keywords cost
        self,
        route: Route,
        event: str,
        distinct_id: str | int,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
    ) -> Receipt | Coroutine[object, object, Receipt]:
        """Return the receipt if the event can be queued at once, else what to await for it.

        A plain function: nearly every event ends here, and a coroutine for each would cost more than the call itself.
        """
        lane, encoder = route
        try:
            part, key = encoder.encode(event, distinct_id, properties, self._now(), time, insert_id)
        except ForeignTokenError as error:
            return self._admit_foreign(route, event, distinct_id, properties, time, insert_id, error)
        except Exception as error:  # a mapping, key or subclass of the caller's may raise anything
            record = {"event": event, "properties": properties, "distinct_id": distinct_id}
            return reject_record(self._context, lane.spec.path, record, error)
        if key is None:
            receipt = self._engine.offer(lane, part)
            if receipt is not None:
                return receipt
        return self._engine.admit(lane, part, key=key)

    async def _admit_foreign(  # noqa: PLR0917 - the arguments of `_offer`
        self,
        route: Route,
        event: str,
        distinct_id: str | int,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
        error: ForeignTokenError,
    ) -> Receipt:
        """Return the receipt of an event with a foreign token: replaced, rejected or kept, as the settings say."""
        lane, encoder = route
        tokens = self._import_tokens if lane.spec.path == "/import" else self._track_tokens
        try:
            token, is_replaced = tokens.apply(error.token)
            own = {name: value for name, value in (properties or {}).items() if name != "token"}
            if token is not None and lane.spec.path == "/import":
                own["token"] = token
            elif token is not None and not is_replaced:
                encoder = encoder.with_token(token)
            part, key = encoder.encode(event, distinct_id, own, self._now(), time, insert_id)
        except Exception as error_of_rule:
            record = {"event": event, "properties": properties, "distinct_id": distinct_id}
            return await reject_record(self._context, lane.spec.path, record, error_of_rule)
        field = "properties.token" if is_replaced else ""
        return await self._engine.admit(lane, part, key=key, replaced_token=field)

    async def identify(self, identified_id: str | int, anon_id: str) -> Receipt:
        """Queue a $identify event."""

        def properties() -> dict[str, JSONValue]:
            identified = read_distinct_id(identified_id, "$identified_id", may_be_empty=False)
            return {"$identified_id": identified, "$anon_id": check_uuid_v4(anon_id, "$anon_id")}

        return await self._track_identity("$identify", properties)

    async def alias(self, distinct_id: str | int, alias: str | int) -> Receipt:
        """Queue a $create_alias event."""

        def properties() -> dict[str, JSONValue]:
            known = read_distinct_id(distinct_id, "distinct_id", may_be_empty=False)
            return {"distinct_id": known, "alias": read_distinct_id(alias, "alias", may_be_empty=False)}

        return await self._track_identity("$create_alias", properties)

    async def merge(self, distinct_id: str | int, other_distinct_id: str | int) -> Receipt:
        """Queue a $merge event for strict /import."""

        def properties() -> dict[str, JSONValue]:
            ids = [
                read_distinct_id(each, "$distinct_ids", may_be_empty=False) for each in (distinct_id, other_distinct_id)
            ]
            if len(set(ids)) < _DISTINCT_IDS_OF_A_MERGE:
                raise InvalidRecordError("an id cannot be merged with itself", field="$distinct_ids")
            return {"$distinct_ids": ids}

        lane, _ = self._import_route
        return await self._send_identity(lane, "$merge", properties, self._context.lanes.token)

    async def _track_identity(self, event: str, properties: Callable[[], dict[str, JSONValue]]) -> Receipt:
        token = self._context.lanes.token_for(event)
        lane = self._engine.lane(self._context.lanes.track())
        return await self._send_identity(lane, event, properties, token)

    async def _send_identity(
        self, lane: Lane, event: str, properties: Callable[[], dict[str, JSONValue]], token: str | None
    ) -> Receipt:
        try:
            checked = properties()
            record = {"event": event, "properties": checked if token is None else {**checked, "token": token}}
            part = encode_json(record, event)
        except InvalidRecordError as error:
            return await reject_record(self._context, lane.spec.path, {"event": event}, error)
        return await self._engine.admit(lane, part)

    @cached_property
    def _track_route(self) -> Route:
        context = self._context
        max_bytes = context.settings.max_batch_bytes - 2
        if context.settings.track_via == "import":  # unlike import_event(), an event without a time happened now
            return self._import_route[0], EventEncoder(token=None, max_bytes=max_bytes, own_token=context.lanes.token)
        token = context.lanes.token_for("track()")
        encoder = EventEncoder(token=token, max_age_seconds=context.lanes.max_age_seconds, max_bytes=max_bytes)
        return self._engine.lane(context.lanes.track()), encoder

    @cached_property
    def _import_route(self) -> Route:
        lane = self._engine.lane(self._context.lanes.events())
        max_bytes = self._context.settings.max_batch_bytes - 2
        own_token = self._context.lanes.token
        return lane, EventEncoder(token=None, needs_time=True, max_bytes=max_bytes, own_token=own_token)
