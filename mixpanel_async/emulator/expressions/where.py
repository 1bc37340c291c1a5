"""The `where` parameter of exports and profile queries."""

from collections.abc import Mapping
from typing import Any

from mixpanel_async.emulator.expressions.parser import Expression, ExpressionError, Scope, parse_expression
from mixpanel_async.emulator.replies import RefusalError


def read_where(text: str | None) -> Expression | None:
    """Parse the `where` parameter; return None if it is missing or empty.

    Raises:
        RefusalError: With 400, if the expression is invalid.
    """
    if not text:
        return None
    try:
        return parse_expression(text)
    except ExpressionError as error:
        raise RefusalError(400, f"where is invalid: {error}") from error


def event_scope(event: str, time_ms: int, properties: Mapping[str, Any], user: Mapping[str, Any]) -> Scope:
    """Return the scope of an expression over an event; times are in seconds.

    Args:
        event: The event name.
        time_ms: The time, in milliseconds since 1970.
        properties: The properties without the time.
        user: The properties of the user's profile.
    """
    seconds = time_ms / 1000
    own = {"$name": event, "$time": seconds}
    own.update({f"${name}": properties[name] for name in ("distinct_id",) if name in properties})
    return Scope({**properties, "time": seconds}, user, own)
