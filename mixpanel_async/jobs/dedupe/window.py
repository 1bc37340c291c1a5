"""The window in which a job recognises equal events. Pure.

Equal means equal: the fields themselves are compared, not a hash of them.
"""

from collections.abc import Sequence

from mixpanel_async.jobs.model.event_key import EventFields


class _Generation:
    """Events by their keys.

    Whether a key is new is asked of a set: it lies closer together than a dict, and that is felt on each event. Which
    event a key stands for is asked only where it comes again, and so is found only then.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self._by_key: dict[str, EventFields] = {}
        self._late_keys: list[str] = []
        self._late_fields: list[EventFields] = []

    def add(self, keys: Sequence[str], fields: Sequence[EventFields]) -> None:
        self.keys.update(keys)
        self._late_keys += keys
        self._late_fields += fields

    def find(self, key: str) -> EventFields | None:
        if key not in self.keys:
            return None
        self._by_key.update(zip(self._late_keys, self._late_fields, strict=True))
        self._late_keys, self._late_fields = [], []
        return self._by_key[key]


class EventWindow:
    """Remembers the latest events, at least `size` of them and at most half as many more.

    They lie in three generations of half the size each; the oldest is forgotten as a whole. Events are found by
    `$insert_id` first: where it is new, and it nearly always is, there is nothing to compare.

    Args:
        size: How many; 0 remembers none.
    """

    def __init__(self, size: int) -> None:
        self._half = (size + 1) // 2
        self._young, self._middle, self._old = _Generation(), _Generation(), _Generation()

    def __len__(self) -> int:
        return len(self._young.keys) + len(self._middle.keys) + len(self._old.keys)

    def add_new(self, ids: Sequence[str], fields: Sequence[EventFields]) -> bool:
        """Remember events if no `$insert_id` among them was seen; else do nothing and return False."""
        for known in (self._young, self._middle, self._old):
            if not known.keys.isdisjoint(ids):
                return False
        if len(set(ids)) != len(ids):
            return False
        self._remember(ids, fields)
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
            key = f"{key}\0{len(fields.event)}\0{fields.event}\0{own.time}\0{own.distinct_id}"
            if self._find(key) is not None:
                return False
        self._remember((key,), (fields,))
        return True

    def _find(self, key: str) -> EventFields | None:
        return self._young.find(key) or self._middle.find(key) or self._old.find(key)

    def _remember(self, keys: Sequence[str], fields: Sequence[EventFields]) -> None:
        self._young.add(keys, fields)
        if len(self._young.keys) >= self._half:
            newest = self._young if self._half else _Generation()
            self._young, self._middle, self._old = _Generation(), newest, self._middle
