"""Finds tracked events by name, user and properties, and explains what is different about the nearest one."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Event: TypeAlias = dict[str, Any]
_MISSING: Final = object()
_MAX_NAMES: Final = 10
_MAX_REJECTIONS: Final = 5


class UntrackedError(AssertionError):
    """An expected event was not tracked, or an unexpected one was; the message shows the nearest event.

    Example:
        ```python
        from mixpanel_async.testing import LocalMixpanel, UntrackedError

        with LocalMixpanel() as server:
            try:
                server.assert_tracked("Signed Up")
            except UntrackedError as error:
                print(error)
        ```
    """


@dataclass(frozen=True)
class Wanted:
    """What an event must have.

    Attributes:
        name: The event's name; None for any.
        properties: Values by the names of properties; a value may be `unittest.mock.ANY`.
    """

    name: str | None
    properties: Mapping[str, object]

    def is_met_by(self, event: Event) -> bool:
        """Return whether an event has everything."""
        return self.name in {None, event["event"]} and not self.differences(event)

    def differences(self, event: Event) -> list[str]:
        """Return how the properties of an event differ, as text."""
        found = event["properties"]
        return [
            f"{name}: expected {value!r}, got {_shown(found.get(name, _MISSING))}"
            for name, value in self.properties.items()
            if not _is_equal(found.get(name, _MISSING), value)
        ]

    def __str__(self) -> str:
        name = "event" if self.name is None else f"event {self.name!r}"
        values = ", ".join(f"{name}={value!r}" for name, value in self.properties.items())
        return f"{name} with {values}" if values else name


def explain_missing(wanted: Wanted, events: Sequence[Event], rejections: Sequence[str]) -> str:
    """Return why no event is the wanted one: the nearest event, the names that were tracked, what was rejected.

    Args:
        wanted: What was wanted.
        events: All events.
        rejections: Rejected records, as text.
    """
    lines = [f"no {wanted} was tracked"]
    nearest = _nearest(wanted, events)
    if nearest is not None:
        lines.append(f"nearest: event {nearest['event']!r} of {nearest['properties'].get('distinct_id')!r}")
        lines += (f"    {difference}" for difference in wanted.differences(nearest))
    names = Counter(event["event"] for event in events)
    tracked = ", ".join(f"{name!r} ({count})" for name, count in names.most_common(_MAX_NAMES))
    lines.append(f"tracked: {tracked}" if tracked else "tracked: nothing; was the client flushed?")
    lines += (f"rejected: {rejection}" for rejection in rejections[-_MAX_REJECTIONS:])
    return "\n".join(lines)


def explain_unexpected(wanted: Wanted, found: Sequence[Event]) -> str:
    """Return that an event was tracked that should not have been."""
    return f"{len(found)} {wanted} tracked, expected none; the first: {found[0]}"


def explain_count(wanted: Wanted, found: Sequence[Event], count: int, rejections: Sequence[str]) -> str:
    """Return that an event was tracked too rarely or too often, and what was rejected."""
    times = "once" if len(found) == 1 else f"{len(found)} times"
    lines = [f"{wanted} was tracked {times}, expected {count}", *(f"    {one}" for one in found[:_MAX_NAMES])]
    return "\n".join([*lines, *(f"rejected: {rejection}" for rejection in rejections[-_MAX_REJECTIONS:])])


def _nearest(wanted: Wanted, events: Sequence[Event]) -> Event | None:
    """Return the event with the fewest differences, of the same name if there is one, or of the most similar name."""
    if not events:
        return None
    names = {event["event"] for event in events}
    if wanted.name is not None and wanted.name not in names:
        similar = difflib.get_close_matches(wanted.name, names, n=1)
        if not similar:
            return None
        names = set(similar)
    elif wanted.name is not None:
        names = {wanted.name}
    same = [event for event in events if event["event"] in names]
    return min(same, key=lambda event: len(wanted.differences(event)))


def _is_equal(found: object, wanted: object) -> bool:
    if isinstance(found, bool) is not isinstance(wanted, bool) and isinstance(wanted, bool | int | float):
        return False  # True == 1 in Python, not in JSON
    return bool(found == wanted)


def _shown(value: object) -> str:
    return "nothing" if value is _MISSING else repr(value)
