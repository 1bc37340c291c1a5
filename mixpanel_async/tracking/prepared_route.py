"""The way of events that are changed before they are encoded."""

import datetime as dt

from mixpanel_async.engine.context import Context
from mixpanel_async.json_types import Properties
from mixpanel_async.models import Verdict
from mixpanel_async.records.rejection import record_for_report
from mixpanel_async.tracking.additions import Additions
from mixpanel_async.tracking.event_route import Admission, EventRoute
from mixpanel_async.tracking.outgoing import OutgoingEvent, OutgoingRules
from mixpanel_async.tracking.rejection import reject_record


class PreparedRoute:
    """Adds what the context has, applies the rules of the settings, and passes the event on.

    Args:
        context: The client's parts.
        route: The rest of the way.
        additions: Default properties and contexts.
        rules: Rules of the settings; None: there are none.
    """

    def __init__(self, context: Context, route: EventRoute, additions: Additions, rules: OutgoingRules | None) -> None:
        self._context = context
        self._route = route
        self._additions = additions
        self._rules = rules

    def offer(  # noqa: PLR0917 - called for every event: keywords cost
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None,
        time: float | dt.datetime | None,
        insert_id: str | None,
        waits: bool = True,
    ) -> Admission:
        """Queue an event; return its receipt, or what to await for it if it has to wait."""
        try:
            distinct_id, properties = self._additions.apply(distinct_id, properties)
            if self._rules is not None:
                found = self._rules.event(OutgoingEvent(distinct_id, event, properties, time, insert_id))
                if isinstance(found, Verdict):
                    record = {"event": event, "properties": properties, "distinct_id": distinct_id}
                    return self._context.engine.refuse(record_for_report(record), found, self._route.lane.spec.path)
                distinct_id, event, properties, time, insert_id = found
        except Exception as error:  # a function or mapping of the caller's may raise anything
            record = {"event": event, "properties": properties, "distinct_id": distinct_id}
            return reject_record(self._context, self._route.lane.spec.path, record, error)
        return self._route.offer(distinct_id, event, properties, time, insert_id, waits)
