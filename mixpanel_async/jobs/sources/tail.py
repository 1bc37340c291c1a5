"""The end of what was read before a position, by which a changed source is found."""

import hashlib
from typing import Final

from mixpanel_async.errors import InvalidArgumentError

TAIL_BYTES: Final = 4096


class Tail:
    """The last bytes before a position.

    Args:
        held: The last bytes at the beginning.
    """

    def __init__(self, held: bytes = b"") -> None:
        self._held = held[-TAIL_BYTES:]

    def add(self, part: bytes) -> None:
        """Move on by some bytes."""
        self._held = part[-TAIL_BYTES:] if len(part) >= TAIL_BYTES else (self._held + part)[-TAIL_BYTES:]

    def before(self, block: bytes, end: int) -> "Tail":
        """Return the tail at a position in the block that follows.

        Args:
            block: What follows.
            end: Index of the position in it.
        """
        found = Tail(self._held)
        found.add(block[max(0, end - TAIL_BYTES) : end])
        return found

    def mark(self) -> str:
        """Return a hash of the tail, as a checkpoint holds it."""
        return mark_of(self._held)


def mark_of(content: bytes) -> str:
    """Return the hash of some bytes, as a checkpoint holds it."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def check_mark(name: str, found: str, wanted: str) -> None:
    """Check that what is before a position is what an earlier run read there.

    Args:
        name: Name of the source, for the error.
        found: The mark that the source has there now.
        wanted: The mark of the checkpoint; "" if it has none.

    Raises:
        InvalidArgumentError: The source has changed.
    """
    if wanted and found != wanted:
        raise InvalidArgumentError(
            f"{name} has changed since the checkpoint was written (before the position where reading goes on); name "
            "another checkpoint, or remove it to start again"
        )
