"""The tables that exports write as Parquet and CSV, and that imports recognise."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import orjson

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord

# The columns of a table of events; chosen properties follow. An import reads `event` and `properties` alone: the
# properties are the text that Mixpanel sent, so that nothing of them changes on the way through a table.
TABLE_COLUMNS: Final = ("event", "time", "distinct_id", "insert_id", "properties")
LAYOUT_KEY: Final = b"mixpanel_async.layout"
LAYOUT: Final = b"events 1"
# Tables of profiles have the names of Mixpanel's own form of a profile, so that no table of a user's is taken for one.
PROFILE_COLUMNS: Final = ("$distinct_id", "$properties")
GROUP_COLUMNS: Final = ("$group_key", "$group_id", "$properties")
PROFILE_LAYOUTS: Final = {PROFILE_COLUMNS: b"profiles 1", GROUP_COLUMNS: b"groups 1"}
_LAYOUTS: Final = frozenset({LAYOUT, *PROFILE_LAYOUTS.values()})


def is_event_table(header: Sequence[str]) -> bool:
    """Return whether a table with these columns is an export of events."""
    return tuple(header[: len(TABLE_COLUMNS)]) == TABLE_COLUMNS


def is_profile_table(header: Sequence[str]) -> bool:
    """Return whether a table with these columns is an export of user or group profiles."""
    return tuple(header) in PROFILE_LAYOUTS


def check_layout(name: str, metadata: Mapping[bytes, bytes] | None) -> None:
    """Check that a Parquet file is no export in a layout that is not known here.

    Args:
        name: Name of the file, for the error.
        metadata: Its key-value metadata.

    Raises:
        SourceError: A newer version of this package wrote it.
    """
    layout = (metadata or {}).get(LAYOUT_KEY, LAYOUT)
    if layout not in _LAYOUTS:
        shown = layout[:40].decode("ascii", "backslashreplace")
        raise SourceError(f"{name}: is an export in the layout {shown!r}; update mixpanel-async to read it")


def with_event_lines(chunk: Chunk) -> Chunk:
    """Return the rows of an exported table as the lines of their events, and any other chunk as it is."""
    if not chunk.rows or not is_event_table(tuple(chunk.rows[0])):
        return chunk
    return msgspec.structs.replace(chunk, lines=list(map(event_line, chunk.rows)), rows=(), is_table=False)


def event_line(row: FlatRecord) -> bytes:
    """Return a row of an exported table as the event that it is, in JSON."""
    # The text of the properties is joined as it is. What is no text makes a line that is rejected as no valid event.
    event, properties = row.get("event"), row.get("properties")
    text = properties.encode() if isinstance(properties, str) else orjson.dumps(None)
    return b'{"event":%b,"properties":%b}' % (orjson.dumps(event if isinstance(event, str) else None), text)


def with_profile_lines(chunk: Chunk) -> Chunk:
    """Return the rows of an exported table as the lines of their profiles, and any other chunk as it is."""
    if not chunk.rows or not is_profile_table(tuple(chunk.rows[0])):
        return chunk
    return msgspec.structs.replace(chunk, lines=list(map(_profile_line, chunk.rows)), rows=(), is_table=False)


def _profile_line(row: FlatRecord) -> bytes:
    """Return a row of an exported table as the profile that it is, in JSON."""
    properties = row.get("$properties")
    text = properties.encode() if isinstance(properties, str) else orjson.dumps(None)
    ids = {name: value for name, value in row.items() if name != "$properties"}
    return b'%b,"$properties":%b}' % (orjson.dumps(ids)[:-1], text)
