"""GET /api/2.0/export: raw events as JSON lines, duplicates included."""

import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from mixpanel_async import limits
from mixpanel_async.emulator.faults import FaultVariant
from mixpanel_async.emulator.http.broken_replies import reset_connection, send_broken
from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.queries.calendar import Zone
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.source import EventSource
from mixpanel_async.emulator.state import FAULT, STATE, ServerState

_WINDOW_ROWS = 10_000
_GZIP_FROM_BYTES = 1400  # as documented for the raw event export: smaller replies are not compressed
_GZIP_WINDOW = 31  # zlib's wbits for a stream with gzip header and trailer
_DEFAULT_VARIANT: FaultVariant = "cut_line"


class ExportQuery(NamedTuple):
    """Parameters of an export."""

    source: EventSource
    limit: int | None
    time_in_ms: bool


async def get_export(request: web.Request) -> web.StreamResponse:
    """Stream the events of a range of days in the order of arrival.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    query = read_export_query(Parameters(request.query), project)
    windows = state.windows_of(project)
    state.admit_call(windows.export_burst, state.limits.export_per_second)
    state.admit_call(windows.export, state.limits.export_per_hour)
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


def read_export_query(parameters: Parameters, project: Project) -> ExportQuery:
    """Return the parameters of an export; days are those of the project's time zone.

    Raises:
        RefusalError: With 400, if a parameter is missing or invalid.
    """
    span = Zone(project.timezone).days(*parameters.days())
    source = EventSource(project.id, span, parameters.names("event"), is_raw=True)
    source.keep(parameters.condition())
    limit = parameters.count("limit", 0, limits.EXPORT_MAX_LIMIT) or None
    return ExportQuery(source, limit, parameters.flag("time_in_ms", default=False))


async def _read_lines(state: ServerState, query: ExportQuery) -> AsyncIterator[bytes]:
    """Read windows of sequence numbers up to the newest event at the start; later events are not exported."""
    last_seq = await state.run(state.store.last_seq)
    left = query.limit
    for first in range(0, last_seq + 1, _WINDOW_ROWS):
        until = min(first + _WINDOW_ROWS, last_seq + 1)
        rows = await state.query(_window_sql(query, first, until, left))
        if rows:
            yield await state.run(partial(_lines, rows, time_in_ms=query.time_in_ms))
        if left is not None:
            left -= len(rows)
            if left <= 0:
                return


def _window_sql(query: ExportQuery, first: int, until: int, most: int | None) -> str:
    also = f"AND e.seq >= {first} AND e.seq < {until} ORDER BY e.seq" + ("" if most is None else f" LIMIT {most}")
    return query.source.select("e.event", "e.time_ms", "e.received_ms", "e.properties", also=also)


def _lines(rows: list[tuple[Any, ...]], *, time_in_ms: bool) -> bytes:
    return "".join([_line(*row, time_in_ms=time_in_ms) for row in rows]).encode()


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
