"""The bound on memory. Pure."""

from typing import Final

from mixpanel_async.config import Settings

LANE_SHARE: Final = 8
# A job needs no more ahead of the wire than what is in flight; the rest would only be memory.
BULK_SHARE: Final = 1
_BODY_SHARE: Final = 8  # this part of the buffer is kept for the bodies of requests
_BODY_OVERHEAD_BYTES: Final = 1024  # what gzip can add to data that does not compress


def has_share(held: int, more: int, free: int, share: int = LANE_SHARE) -> bool:
    """Return whether a lane that holds `held` of something may take `more` of the `free` rest.

    A lane may hold `share` times what it leaves free: with eight times, alone nearly everything, and however many lanes
    are stuck, the next one finds something. One that holds nothing takes what there is. (Switches share their memory by
    this rule.)
    """
    return not held or held + more <= share * (free - more)


class Budget:
    """Counts the bytes of records and of request bodies against one bound.

    Args:
        settings: `max_buffer_bytes`, `max_buffer_records`, `max_batch_bytes`.
    """

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_buffer_bytes
        self._max_records = settings.max_buffer_records
        bodies = max(settings.max_batch_bytes + _BODY_OVERHEAD_BYTES, settings.max_buffer_bytes // _BODY_SHARE)
        self.max_record_bytes = settings.max_buffer_bytes - bodies
        self.record_bytes = 0
        self.body_bytes = 0
        self.records = 0

    @property
    def held_bytes(self) -> int:
        """Bytes held in all."""
        return self.record_bytes + self.body_bytes

    def fits(self, lane_bytes: int, size: int, records: int, share: int) -> bool:
        """Return whether a lane that holds `lane_bytes` may take in `size` bytes of `records` more."""
        free = self.max_record_bytes - self.record_bytes
        if self._max_records is not None and self.records + records > self._max_records and self.records:
            return False
        if size > free or self.held_bytes + size > self._max_bytes:
            return False
        return has_share(lane_bytes, size, free, share)

    def body_fits(self, size: int) -> bool:
        """Return whether a body of at most `size` bytes may be made now."""
        return self.held_bytes + size <= self._max_bytes

    def take(self, size: int, records: int) -> None:
        """Count records that came in."""
        self.record_bytes += size
        if self._max_records is not None:
            self.records += records

    def release(self, size: int, records: int) -> None:
        """Count records that have their outcome."""
        self.record_bytes -= size
        if self._max_records is not None:
            self.records -= records

    @staticmethod
    def body_bound(body_bytes: int) -> int:
        """Return the most bytes that a compressed body can have."""
        return body_bytes + _BODY_OVERHEAD_BYTES
