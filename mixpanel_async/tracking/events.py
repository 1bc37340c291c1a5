"""The routes of track and import_event; identify, alias and merge."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Final

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.json_types import JSONValue, Properties
from mixpanel_async.records.encoder import EventEncoder
from mixpanel_async.records.json_writer import encode_json
from mixpanel_async.records.validation import check_uuid_v4, read_distinct_id
from mixpanel_async.tracking.additions import Additions, DefaultProperties, UserId
from mixpanel_async.tracking.event_route import EventRoute, Route, finished
from mixpanel_async.tracking.outgoing import OutgoingEvent, OutgoingRules
from mixpanel_async.tracking.prepared_route import PreparedRoute
from mixpanel_async.tracking.rejection import reject_record

_DISTINCT_IDS_OF_A_MERGE: Final = 2


class Events:
    """Encodes live events; `AsyncMixpanel` documents each call.

    Args:
        context: The client's parts.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine = context.engine
        self._additions = Additions()
        self._rules = OutgoingRules.of(context.settings)
        self._is_prepared = self._rules is not None

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

        return await self._send_identity(self._import_lane, "$merge", properties, self._context.lanes.token)

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
            part = encode_json(record, event, self._context.values)
        except InvalidRecordError as error:
            return await reject_record(self._context, lane.spec.path, {"event": event}, error)
        return await self._engine.admit(lane, part)

    @property
    def default_properties(self) -> DefaultProperties:
        """Properties of every event, or a function that returns them."""
        return self._additions.defaults

    @default_properties.setter
    def default_properties(self, value: DefaultProperties) -> None:
        self._additions.defaults = value
        self._prepare_all()

    def surround(self, distinct_id: UserId, properties: Properties) -> AbstractContextManager[None]:
        """Return a context in which events have a user and properties."""
        self._prepare_all()
        return self._additions.context(distinct_id, properties)

    def take(self, event: OutgoingEvent) -> Receipt:
        """Queue an event without waiting."""
        return finished(self.track_route.offer(*event, waits=False))

    def add_surroundings(
        self, distinct_id: str | int | None, properties: Properties | None
    ) -> tuple[str | int | None, Properties | None]:
        """Return an event's user and properties with what its surroundings add, in any thread."""
        return self._additions.apply(distinct_id, properties) if self._is_prepared else (distinct_id, properties)

    def _prepare_all(self) -> None:
        """From now on, look for what the surroundings add; until then, events do not pay for it."""
        if not self._is_prepared:
            self._is_prepared = True
            for name in ("track_route", "import_route"):
                self.__dict__.pop(name, None)

    def _prepared(self, route: EventRoute) -> Route:
        if not self._is_prepared:
            return route
        return PreparedRoute(self._context, route, self._additions, self._rules)

    @property
    def _import_lane(self) -> Lane:
        return self._engine.lane(self._context.lanes.events())

    @cached_property
    def track_route(self) -> Route:
        """The way to /track, or to /import where `Settings.track_via` says so."""
        context = self._context
        max_bytes = context.settings.max_batch_bytes - 2
        if context.settings.track_via == "import":  # unlike import_event(), an event without a time happened now
            encoder = EventEncoder(
                token=None, max_bytes=max_bytes, own_token=context.lanes.token, values=context.values
            )
            return self._prepared(EventRoute(context, self._import_lane, encoder))
        token = context.lanes.token_for("track()")
        encoder = EventEncoder(
            token=token, max_age_seconds=context.lanes.max_age_seconds, max_bytes=max_bytes, values=context.values
        )
        return self._prepared(EventRoute(context, self._engine.lane(context.lanes.track()), encoder))

    @cached_property
    def import_route(self) -> Route:
        """The way to strict /import."""
        context = self._context
        max_bytes = context.settings.max_batch_bytes - 2
        encoder = EventEncoder(
            token=None, needs_time=True, max_bytes=max_bytes, own_token=context.lanes.token, values=context.values
        )
        return self._prepared(EventRoute(context, self._import_lane, encoder))
