"""Window of recently admitted keys."""

from collections import OrderedDict


class DedupeWindow:
    """Recognises events that were admitted recently.

    Args:
        size: Number of keys.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def is_new(self, key: bytes) -> bool:
        """Return whether `key` was not seen within the window, and remember it."""
        if key in self._known:
            return False
        if self._size:
            self._known[key] = None
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return True

    def forget(self, key: bytes) -> None:
        """Forget `key`, because its record was not delivered: it may be sent again."""
        self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)
