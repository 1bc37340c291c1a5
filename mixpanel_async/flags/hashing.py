"""The share of a user, by which rollouts and variants are chosen: FNV-1a with 64 bits, modulo 100."""

from typing import Final

_OFFSET: Final = 14695981039346656037
_PRIME: Final = 1099511628211
_MASK: Final = 2**64 - 1
_UNMASKED: Final = 40  # bytes whose products may grow; to cut each of them to 64 bits takes longer
_MAX_KEPT: Final = 256  # bytes of a value whose hash is remembered
_MAX_KNOWN: Final = 4096
_known: Final[dict[str, int]] = {}


def hash_of(value: str) -> int:
    """Return the FNV-1a hash of a text."""
    found = _known.get(value)
    if found is None:
        found = _OFFSET
        try:
            data = value.encode()
        except UnicodeEncodeError:
            data = _bytes_of(value)
        size = len(data)
        if size > _UNMASKED:
            found = _from(found, data)
        else:  # `_from`, inlined: it runs for every new user
            for byte in data:
                found = (found ^ byte) * _PRIME
            found &= _MASK
        if size <= _MAX_KEPT:
            if len(_known) >= _MAX_KNOWN:
                _known.clear()  # to find the oldest one would take longer than to hash again
            _known[value] = found
    return found


class Salt:
    """Continues hashes with a text that stays the same.

    A byte of the text meets only the lowest byte of the hash, and multiplication distributes over sums. So what the
    text adds to `hash * prime ** length` depends on the lowest byte alone: at most 256 numbers, computed when needed.

    Args:
        text: The text.
    """

    __slots__ = ("_added", "_bytes", "_factor")

    def __init__(self, text: str) -> None:
        self._bytes = _bytes_of(text)
        self._factor = pow(_PRIME, len(self._bytes), _MASK + 1)
        self._added: list[int | None] = [None] * 256

    def percent(self, hashed: int) -> int:
        """Return the hash of the text behind the one that was hashed, modulo 100.

        Args:
            hashed: The hash of what is in front of the text.
        """
        added = self._added[hashed & 255]
        if added is None:
            low = hashed & 255
            added = self._added[low] = _from(low, self._bytes) - low * self._factor
        return (hashed * self._factor + added & _MASK) % 100


def _from(start: int, data: bytes) -> int:
    hashed = start
    if len(data) > _UNMASKED:
        for begin in range(0, len(data), _UNMASKED):
            hashed = _from(hashed, data[begin : begin + _UNMASKED])
        return hashed
    for byte in data:
        hashed = (hashed ^ byte) * _PRIME
    return hashed & _MASK


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of an emoji; clients in JavaScript hash U+FFFD
        return "".join("\ufffd" if "\ud800" <= one <= "\udfff" else one for one in text).encode()
