"""The window that recognises events admitted a moment ago. Pure."""

from collections import deque


class DedupeWindow:
    """Remembers the latest keys.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: set[bytes] = set()
        self._order: deque[bytes] = deque()

    def is_new(self, key: bytes) -> bool:
        """Return whether `key` was not seen within the window, and remember it."""
        if key in self._known:
            return False
        if self._size:
            self._known.add(key)
            self._order.append(key)
            if len(self._order) > self._size:
                self._known.discard(self._order.popleft())
        return True

    def forget(self, key: bytes) -> None:
        """Let `key` in again, because its record was not delivered."""
        self._known.discard(key)  # its place in the order goes when its turn comes

    def __len__(self) -> int:
        return len(self._known)
