"""Insert ids that are made from what an event is about."""

import datetime as dt
import hashlib
import uuid
from typing import Final

from mixpanel_async.errors import InvalidArgumentError

_DIGEST_BYTES: Final = 16


def make_insert_id(*parts: str | int | dt.datetime | dt.date | uuid.UUID) -> str:
    """Return an insert id that is the same whenever it is made from the same parts.

    Events with equal event, time, distinct_id and insert_id are one event for Mixpanel. So an event that is tracked
    again, for example by a job that is run twice, counts once.

    Args:
        parts: What identifies the event, for example an order's number. Text and numbers differ: "1" is not 1.

    Returns:
        32 hexadecimal digits.

    Raises:
        InvalidArgumentError: There is no part, or one is neither text, an integer, a date, a datetime nor a UUID.

    Example:
        ```python
        print(make_insert_id("order", 4711, "paid"))
        ```
    """
    if not parts:
        raise InvalidArgumentError("make_insert_id needs at least one part, such as an order's number")
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, str | int | dt.date | uuid.UUID):
            raise InvalidArgumentError(
                f"a part is invalid: it is a {type(part).__name__}; give text, an integer, a date, a datetime or a UUID"
            )
        text = part.isoformat() if isinstance(part, dt.date) else str(part)
        kind = "text" if isinstance(part, str) else "int" if isinstance(part, int) else type(part).__name__
        digest.update(f"{kind}:{len(text)}:{text};".encode(errors="surrogatepass"))
    return digest.hexdigest()
