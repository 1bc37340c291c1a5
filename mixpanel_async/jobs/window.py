"""The window in which a job recognises equal events. Pure.

Equal means equal: the fields themselves are compared, not a hash of them.
"""

from collections.abc import Collection, Sequence

from mixpanel_async.jobs.event_rules import EventFields


class EventWindow:
    """Remembers the latest events, at least `size` of them and at most twice as many.

    Events are found by `$insert_id` first: where it is new, and it nearly always is, there is nothing to compare.

    Args:
        size: How many; 0 remembers none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[str, EventFields] = {}
        self._old: dict[str, EventFields] = {}

    def add_new(self, ids: Sequence[str], fields: Collection[EventFields]) -> bool:
        """Remember events if no `$insert_id` among them was seen; else do nothing and return False."""
        if not self._young.keys().isdisjoint(ids) or not self._old.keys().isdisjoint(ids):
            return False
        if len(set(ids)) != len(ids):
            return False
        self._young.update(zip(ids, fields, strict=True))
        self._turn()
        return True

    def is_new(self, fields: EventFields) -> bool:
        """Return whether no equal event was seen within the window, and remember this one."""
        key = fields.properties.insert_id
        known = self._young.get(key) or self._old.get(key)
        if known is not None:
            if known == fields:
                return False
            # The same id on different events: the rest of them goes under a longer key.
            own = fields.properties
            key = f"{key}\0{fields.event}\0{own.time}\0{own.distinct_id}"
            if key in self._young or key in self._old:
                return False
        if self._size:
            self._young[key] = fields
            self._turn()
        return True

    def _turn(self) -> None:
        if len(self._young) >= self._size:
            self._old = self._young if self._size else {}
            self._young = {}
