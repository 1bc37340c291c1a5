"""What the settings do to live records before they are encoded: sampling, opt-outs, denied properties, before_send."""

import zlib
from collections.abc import Callable, Mapping, MutableSet
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple, cast

from mixpanel_async.config import Settings
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.json_types import JSONValue, Properties
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, Update

_SAMPLED: Final = Verdict(Outcome.SKIPPED, "sampled", "", "the setting sample_rate excludes this user's event")
_OPTED_OUT: Final = Verdict(Outcome.SKIPPED, "opt_out", "", "the setting opt_out names this user")
_DROPPED: Final = Verdict(Outcome.SKIPPED, "before_send", "", "before_send returned None")
_DENIED: Final = Verdict(Outcome.SKIPPED, "property_denylist", "", "every property is on the property_denylist")
_OPERATIONS: Final = PROFILE_OPERATIONS | GROUP_OPERATIONS
_RANGE: Final = 2**32


class OutgoingEvent(NamedTuple):
    """An event as a caller gave it."""

    distinct_id: Any  # anything: it is checked when it is encoded
    event: str
    properties: Properties | None
    time: Any
    insert_id: str | None


class OutgoingRules:
    """Changes or excludes records as the settings say. Does no I/O.

    Args:
        settings: The client's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._sample_rate = settings.sample_rate
        opt_out = settings.opt_out
        # A set is kept as it is, so that it can grow; a list would be searched from its start for each event.
        self._opt_out = opt_out if isinstance(opt_out, AbstractSet) else frozenset(opt_out)
        self._denied = frozenset(settings.property_denylist)
        self._before_send = settings.before_send

    @classmethod
    def of(cls, settings: Settings) -> "OutgoingRules | None":
        """Return the rules, or None if the settings have none."""
        may_exclude = settings.opt_out or isinstance(settings.opt_out, MutableSet) or settings.sample_rate
        return cls(settings) if may_exclude or settings.property_denylist or settings.before_send else None

    def event(self, event: OutgoingEvent) -> OutgoingEvent | Verdict:
        """Return an event as it is to be sent, or why it is not sent.

        Raises:
            InvalidRecordError: before_send returned something else than an event.
        """
        verdict = self._excluded(event.distinct_id) or self._sampled(event)
        if verdict is not None:
            return verdict
        properties = event.properties
        if self._denied and properties:
            properties = self._allowed(properties)
        event = event._replace(properties=properties)
        return event if self._before_send is None else self._passed(event, self._before_send)

    def update(self, update: Update) -> Update | Verdict:
        """Return an update of a profile or group as it is to be sent, or why it is not sent.

        Raises:
            InvalidRecordError: before_send returned something else than an update.
        """
        verdict = self._excluded(update.get("$distinct_id"))
        if verdict is not None:
            return verdict
        if self._denied:
            had_any, update = not _OPERATIONS.isdisjoint(update), self._without_denied(update)
            if had_any and _OPERATIONS.isdisjoint(update):
                return _DENIED
        if self._before_send is None:
            return update
        changed = self._before_send({name: value for name, value in update.items() if name != "$token"})
        if changed is None:
            return _DROPPED
        if not isinstance(changed, Mapping):
            raise InvalidRecordError(f"before_send returned a {type(changed).__name__}; return the update or None")
        return {**changed, **({"$token": update["$token"]} if "$token" in update else {})}

    def _excluded(self, distinct_id: object) -> Verdict | None:
        if distinct_id is None or distinct_id == "":
            return None
        return _OPTED_OUT if str(distinct_id) in self._opt_out else None

    def _sampled(self, event: OutgoingEvent) -> Verdict | None:
        rate = self._sample_rate.get(event.event) if self._sample_rate else None
        if rate is None:
            return None
        # CRC-32 spreads well enough, and the same user falls on the same side everywhere.
        place = zlib.crc32(f"{event.event}\0{event.distinct_id}".encode(errors="surrogatepass")) / _RANGE
        return None if place < rate else _SAMPLED

    def _allowed(self, properties: Properties) -> Properties:
        if self._denied.isdisjoint(properties):
            return properties
        return {name: value for name, value in properties.items() if name not in self._denied}

    def _without_denied(self, update: Update) -> Update:
        allowed: dict[str, JSONValue] = {}
        for name, value in update.items():
            if not isinstance(value, Mapping):
                allowed[name] = value
            elif (rest := self._allowed(value)) or not value:
                allowed[name] = rest
        return allowed

    @staticmethod
    def _passed(
        event: OutgoingEvent, before_send: Callable[[dict[str, Any]], Mapping[str, JSONValue] | None]
    ) -> OutgoingEvent | Verdict:
        given = {"time": event.time, "$insert_id": event.insert_id}
        own = {name: value for name, value in given.items() if value is not None}
        properties = {**(event.properties or {}), "distinct_id": event.distinct_id, **own}
        token = properties.pop("token", None)
        changed = before_send({"event": event.event, "properties": properties})
        if changed is None:
            return _DROPPED
        found: object = changed
        sent = found.get("properties") if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping) or not isinstance(sent, Mapping):
            raise InvalidRecordError("before_send returned no event; return the event, changed or not, or None")
        kept = {name: value for name, value in sent.items() if name != "distinct_id"}
        if token is not None:
            kept["token"] = token
        return OutgoingEvent(sent.get("distinct_id"), cast("str", found.get("event")), kept, None, None)
