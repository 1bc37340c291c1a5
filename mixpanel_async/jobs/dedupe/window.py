"""Duplicate detection among the last N events of a job, in memory.

The fields themselves are compared, not a hash, so different events are never mistaken for duplicates.
"""

from collections.abc import Sequence

from mixpanel_async.jobs.model.event_key import EventFields


class _Generation:
    """Events by key.

    A set tells whether a key is new: it is smaller than a dict, so that lookups miss the CPU cache less often. The dict
    from keys to events is only needed, and only built, when a key appears again.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self._by_key: dict[str, EventFields] = {}
        self._late_keys: list[str] = []
        self._late_fields: list[EventFields] = []

    def add(self, keys: Sequence[str], fields: Sequence[EventFields]) -> None:
        """Remember events whose keys are in `keys`."""
        self._late_keys += keys
        self._late_fields += fields

    def find(self, key: str) -> EventFields | None:
        if key not in self.keys:
            return None
        self._by_key.update(zip(self._late_keys, self._late_fields, strict=True))
        self._late_keys, self._late_fields = [], []
        return self._by_key[key]


class EventWindow:
    """Remembers the last events: at least `size` and at most 1.5 times as many.

    They are kept in three generations of half the size each; the oldest generation is dropped as a whole. Events are
    looked up by `$insert_id` first: it is nearly always new, and then there is nothing to compare.

    Args:
        size: Number of events; 0 remembers none.
    """

    def __init__(self, size: int) -> None:
        self._half = (size + 1) // 2
        self._young, self._middle, self._old = _Generation(), _Generation(), _Generation()

    def __len__(self) -> int:
        return len(self._young.keys) + len(self._middle.keys) + len(self._old.keys)

    def add_new(self, ids: Sequence[str], fields: Sequence[EventFields]) -> bool:
        """Remember events and return True if all their `$insert_id`s are new; otherwise change nothing."""
        young = self._young.keys
        if not (young.isdisjoint(ids) and self._middle.keys.isdisjoint(ids) and self._old.keys.isdisjoint(ids)):
            return False
        size = len(young) + len(ids)
        young.update(ids)
        if len(young) < size:  # some of them are equal
            young.difference_update(ids)
            return False
        self._remember(ids, fields)
        return True

    def is_new(self, fields: EventFields) -> bool:
        """Return whether no equal event is in the window, and remember this one."""
        key = fields.properties.insert_id
        known = self._find(key)
        if known is not None:
            if known == fields:
                return False
            # Different events with the same $insert_id: store this one under a longer key.
            own = fields.properties
            key = f"{key}\0{len(fields.event)}\0{fields.event}\0{own.time}\0{own.distinct_id}"
            if self._find(key) is not None:
                return False
        self._young.keys.add(key)
        self._remember((key,), (fields,))
        return True

    def _find(self, key: str) -> EventFields | None:
        return self._young.find(key) or self._middle.find(key) or self._old.find(key)

    def _remember(self, keys: Sequence[str], fields: Sequence[EventFields]) -> None:
        self._young.add(keys, fields)
        if len(self._young.keys) >= self._half:
            newest = self._young if self._half else _Generation()
            self._young, self._middle, self._old = _Generation(), newest, self._middle
