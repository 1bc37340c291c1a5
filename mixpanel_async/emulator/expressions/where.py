"""The `where` parameter of exports and profile queries."""

from collections.abc import Mapping
from typing import Any

from mixpanel_async.emulator.expressions.parser import Expression, ExpressionError, Scope, parse_expression
from mixpanel_async.emulator.replies import RefusalError


def read_where(text: str | None) -> Expression | None:
    """Read the expression of a `where` parameter.

    Args:
        text: The parameter; None or "" if there is none.

    Raises:
        Refusal: With 400, if it is no expression.
    """
    if not text:
        return None
    try:
        return parse_expression(text)
    except ExpressionError as error:
        raise RefusalError(400, f"where cannot be read: {error}") from error


def event_scope(event: str, time_ms: int, properties: Mapping[str, Any], user: Mapping[str, Any]) -> Scope:
    """Lay out what an expression sees of an event; times are in seconds.

    Args:
        event: The event's name.
        time_ms: Its time, in milliseconds since 1970.
        properties: Its properties without the time.
        user: The properties of its user's profile.
    """
    seconds = time_ms / 1000
    own = {"$name": event, "$time": seconds}
    own.update({f"${name}": properties[name] for name in ("distinct_id",) if name in properties})
    return Scope({**properties, "time": seconds}, user, own)
