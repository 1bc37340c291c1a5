"""Joins and compresses the records of a batch."""

from collections.abc import Sequence

from mixpanel_async.codecs.gzip import gzip_bytes


def join_body(parts: Sequence[bytes]) -> bytes:
    """Return one or more records as a JSON array."""
    if len(parts) == 1:
        return b"[%b]" % parts[0]
    # Putting brackets around the joined bytes would copy a megabyte again, which costs more than compressing it.
    return b",".join((b"[" + parts[0], *parts[1:-1], parts[-1] + b"]"))


def gzip_body(parts: Sequence[bytes], level: int) -> bytes:
    """Return records as one compressed JSON array, the same bytes each time."""
    return gzip_bytes(join_body(parts), level)
