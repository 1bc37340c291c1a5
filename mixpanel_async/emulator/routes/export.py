"""GET /api/2.0/export: raw events as JSON lines, duplicates included."""

import datetime as dt
import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from mixpanel_async import limits
from mixpanel_async.emulator.expressions.parser import Expression
from mixpanel_async.emulator.expressions.values import is_true
from mixpanel_async.emulator.expressions.where import event_scope, read_where
from mixpanel_async.emulator.faults import FaultVariant
from mixpanel_async.emulator.http.broken_replies import reset_connection, send_broken
from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_json
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import FAULT, STATE, ServerState
from mixpanel_async.emulator.store.database import Store
from mixpanel_async.emulator.store.profiles import ProfileKey

DAY_MILLISECONDS = 86_400_000
_WINDOW_ROWS = 10_000
_GZIP_FROM_BYTES = 1400  # as documented for the raw event export: smaller replies are not compressed
_GZIP_WINDOW = 31  # zlib's wbits for a stream with gzip header and trailer
_DEFAULT_VARIANT: FaultVariant = "cut_line"


class ExportQuery(NamedTuple):
    """Parameters of an export: `from_ms` is inclusive, `until_ms` exclusive; None for all events."""

    project: int
    from_ms: int
    until_ms: int
    events: list[str] | None
    limit: int | None
    time_in_ms: bool
    where: Expression | None


async def get_export(request: web.Request) -> web.StreamResponse:
    """Stream the events of a range of days in the order of arrival.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    query = read_export_query(request, project.id)
    state.admit_call(state.windows_of(project).export, state.limits.export_per_hour)
    lines = _read_lines(state, query)
    gzipped = "gzip" in request.headers.get("Accept-Encoding", "")
    fault = request.get(FAULT)
    if fault is not None and fault.kind in {"truncate", "reset_after"}:
        whole = b"".join([part async for part in lines])
        if fault.kind == "truncate":
            variant = fault.variant or _DEFAULT_VARIANT
            send_broken(request, whole, variant=variant, content_type="text/plain", gzipped=gzipped)
        else:
            reset_connection(request)
        return web.Response()
    if fault is not None and fault.kind == "garbage_body":
        return web.Response()
    return await _stream(request, lines, gzipped=gzipped)


def read_export_query(request: web.Request, project: int) -> ExportQuery:
    """Return the parameters of an export.

    Raises:
        RefusalError: With 400, if a parameter is missing or invalid.
    """
    from_ms, until_ms = read_days(request.query.get("from_date"), request.query.get("to_date"))
    events: Any = None
    if request.query.get("event"):
        events = decode_json(request.query["event"])
        if not isinstance(events, list) or not all(isinstance(name, str) for name in events):
            raise RefusalError(400, "event must be a JSON array of names")
    limit: int | None = None
    if "limit" in request.query:
        text = request.query["limit"]
        limit = int(text) if text.isascii() and text.isdigit() else 0
        if not 0 < limit <= limits.EXPORT_MAX_LIMIT:
            raise RefusalError(400, f"limit must be from 1 to {limits.EXPORT_MAX_LIMIT}")
    time_in_ms = request.query.get("time_in_ms", "").lower() in {"1", "true"}
    return ExportQuery(project, from_ms, until_ms, events, limit, time_in_ms, read_where(request.query.get("where")))


def read_days(from_date: str | None, to_date: str | None) -> tuple[int, int]:
    """Parse two dates of the form yyyy-mm-dd, both inclusive, in UTC.

    Returns:
        Milliseconds since 1970: the start of the first day, and the end of the last day.

    Raises:
        RefusalError: With 400, if a date is missing or invalid, or if the first date is after the last one.
    """
    try:
        first, last = (dt.datetime.strptime(date or "", "%Y-%m-%d").date() for date in (from_date, to_date))  # noqa: DTZ007
    except ValueError as error:
        raise RefusalError(400, "from_date and to_date are required, as yyyy-mm-dd") from error
    if last.year == dt.MAXYEAR:
        raise RefusalError(400, "to_date is too far in the future")
    if last < first:
        raise RefusalError(400, "to_date must not be before from_date")
    epoch = dt.date(1970, 1, 1).toordinal()
    return (first.toordinal() - epoch) * DAY_MILLISECONDS, (last.toordinal() - epoch + 1) * DAY_MILLISECONDS


async def _read_lines(state: ServerState, query: ExportQuery) -> AsyncIterator[bytes]:
    """Read windows of sequence numbers up to the newest event at the start; later events are not exported."""
    last_seq = await state.run(state.store.last_seq)
    left = query.limit
    for first in range(0, last_seq + 1, _WINDOW_ROWS):
        until = min(first + _WINDOW_ROWS, last_seq + 1)
        count, part = await state.run(partial(_window_lines, state.store, query, first, until, left))
        if part:
            yield part
        if left is not None:
            left -= count
            if left <= 0:
                return


def _window_lines(store: Store, query: ExportQuery, first: int, until: int, most: int | None) -> tuple[int, bytes]:
    condition = "" if query.events is None else " AND event IN (SELECT unnest(?::VARCHAR[]))"
    found = store.rows(
        "SELECT event, time_ms, received_ms, properties FROM events"  # noqa: S608 - a constant condition
        f" WHERE project = ? AND seq >= ? AND seq < ? AND time_ms >= ? AND time_ms < ?{condition} ORDER BY seq",
        [query.project, first, until, query.from_ms, query.until_ms, *([] if query.events is None else [query.events])],
    )
    if query.where is not None:
        found = [row for row in found if _matches(store, query.project, query.where, row)]
    kept = found if most is None else found[:most]
    return len(kept), "".join([_line(*row, time_in_ms=query.time_in_ms) for row in kept]).encode()


def _matches(store: Store, project: int, where: Expression, row: tuple[Any, ...]) -> bool:
    event, time_ms, _, text = row
    properties = orjson.loads(text)
    profile = store.profiles.get(ProfileKey(project, "", store.users.canonical(project, properties["distinct_id"])))
    user = {} if profile is None else profile.properties
    return is_true(where(event_scope(event, time_ms, properties, user)))


def _line(event: str, time_ms: int, received_ms: int, properties: str, *, time_in_ms: bool) -> str:
    time = time_ms if time_in_ms else time_ms // 1000
    rest = f",{properties[1:]}" if len(properties) > 2 else "}"  # noqa: PLR2004 - "{}" has nothing to add
    head = f'"time":{time},"mp_processing_time_ms":{received_ms}'
    return f'{{"event":{json_text(event)},"properties":{{{head}{rest}}}\n'


def json_text(text: str) -> str:
    """Return a string as JSON."""
    return orjson.dumps(text).decode()


async def _stream(request: web.Request, lines: AsyncIterator[bytes], *, gzipped: bool) -> web.StreamResponse:
    state = request.app[STATE]
    first = await anext(lines, b"")
    reply = web.StreamResponse(headers={"Content-Type": "text/plain"})
    if not gzipped or len(first) <= _GZIP_FROM_BYTES:
        await reply.prepare(request)
        await reply.write(first)
        async for part in lines:
            await reply.write(part)
    else:
        reply.headers["Content-Encoding"] = "gzip"
        await reply.prepare(request)
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW)
        await reply.write(await state.run(partial(packer.compress, first)))
        async for part in lines:
            await reply.write(await state.run(partial(packer.compress, part)))
        await reply.write(packer.flush())
    await reply.write_eof()
    return reply
