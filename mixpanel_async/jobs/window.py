"""The window in which a job recognises equal events. Pure.

Equal means equal: the fields themselves are compared, not a hash of them.
"""

from collections.abc import Collection, Sequence

from mixpanel_async.jobs.event_rules import EventFields


class EventWindow:
    """Remembers the latest events, at least `size` of them and at most half as many more.

    They lie in three generations of half the size each; the oldest is forgotten as a whole. Events are found by
    `$insert_id` first: where it is new, and it nearly always is, there is nothing to compare.

    Args:
        size: How many; 0 remembers none.
    """

    def __init__(self, size: int) -> None:
        self._half = (size + 1) // 2
        self._young: dict[str, EventFields] = {}
        self._middle: dict[str, EventFields] = {}
        self._old: dict[str, EventFields] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._middle) + len(self._old)

    def add_new(self, ids: Sequence[str], fields: Collection[EventFields]) -> bool:
        """Remember events if no `$insert_id` among them was seen; else do nothing and return False."""
        for known in (self._young, self._middle, self._old):
            if not known.keys().isdisjoint(ids):
                return False
        if len(set(ids)) != len(ids):
            return False
        self._young.update(zip(ids, fields, strict=True))
        self._turn()
        return True

    def is_new(self, fields: EventFields) -> bool:
        """Return whether no equal event was seen within the window, and remember this one."""
        key = fields.properties.insert_id
        known = self._find(key)
        if known is not None:
            if known == fields:
                return False
            # The same id on different events: the rest of them goes under a longer key.
            own = fields.properties
            key = f"{key}\0{fields.event}\0{own.time}\0{own.distinct_id}"
            if self._find(key) is not None:
                return False
        self._young[key] = fields
        self._turn()
        return True

    def _find(self, key: str) -> EventFields | None:
        return self._young.get(key) or self._middle.get(key) or self._old.get(key)

    def _turn(self) -> None:
        if len(self._young) >= self._half:
            self._young, self._middle, self._old = {}, self._young if self._half else {}, self._middle
