"""The page: its files, and the stream of changes that it shows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from mixpanel_async.emulator.page.assets import HEADERS, HOME, Asset, read_assets
from mixpanel_async.emulator.page.changes import (
    Position,
    as_message,
    listed,
    read_position,
    rejections_after,
    requests_after,
)
from mixpanel_async.emulator.page.selection import EventFilter, events_from, read_filter
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import QUERY_SECONDS, STATE, ServerState

_PAUSE_SECONDS: Final = 0.25  # between two messages: a page cannot show more
_SILENCE_SECONDS: Final = 15.0  # then a comment shows that the connection lives
_MAX_STREAMS: Final = 16


def page_routes() -> list[web.RouteDef]:
    """Return a route for each file of the page: no path of a request is looked up anywhere."""
    assets = read_assets()
    files = [web.get(f"/_admin/page/{name}", _sends(asset)) for name, asset in assets.items() if name != HOME]
    return [web.get("/", _sends(assets[HOME])), *files, web.get("/_admin/stream", get_stream)]


async def get_stream(request: web.Request) -> web.StreamResponse:
    """Send changes as they happen, as server-sent events, at most four times a second.

    Each message has the newest lines since the one before, a bounded number of each kind, and says if there are more.
    A reader that comes back with Last-Event-ID gets what it missed in the same form. Nothing is kept for a slow reader:
    the next message is made when it has taken the one before.

    Raises:
        RefusalError: With 400, if a filter is invalid; with 503, if there are too many streams.
    """
    state = request.app[STATE]
    wanted = read_filter(request.query)
    if state.activity.watchers >= _MAX_STREAMS:
        raise RefusalError(503, f"{_MAX_STREAMS} pages are open already; close one", retry_after_seconds=5.0)
    reply = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    state.activity.watchers += 1
    try:
        await reply.prepare(request)
        await _send_changes(state, wanted, read_position(request.headers.get("Last-Event-ID", "")), reply)
    finally:
        state.activity.watchers -= 1
    return reply


async def changes_since(
    state: ServerState, wanted: EventFilter, position: Position | None
) -> tuple[Position, dict[str, Any]]:
    """Return the changes since a position, and the new one; without one, or one of another epoch, the newest lines."""
    activity = state.activity
    is_fresh = position is None or position.epoch != activity.epoch
    if position is None or is_fresh:
        position = Position(activity.epoch, 0, 0, 0)
    since = position.event

    def read_events() -> tuple[int, list[tuple[Any, ...]], dict[str, int]]:
        store = state.store
        return store.last_seq() + 1, store.query(events_from(wanted, since), QUERY_SECONDS), store.counts()

    next_event, rows, stored = await state.run(read_events)
    tally = state.tally
    changes = {
        "is_fresh": is_fresh,
        "epoch": position.epoch,
        "counts": {
            **stored,
            "requests": tally.requests,
            "rejected": tally.rejected,
            "ignored": tally.ignored,
            "open": tally.requests - activity.ended,
        },
        "events": listed(rows),
        "rejections": rejections_after(activity, position.rejection),
        "requests": requests_after(activity, position.request),
        "faults": [
            {"number": number, "left": left, **msgspec.to_builtins(fault)}
            for number, fault, left in state.faults.armed()
        ],
        "limits": msgspec.to_builtins(state.limits),
    }
    return Position(position.epoch, next_event, activity.rejected, activity.ended), changes


async def _send_changes(
    state: ServerState, wanted: EventFilter, position: Position | None, reply: web.StreamResponse
) -> None:
    stopping = asyncio.ensure_future(state.stopping.wait())
    try:
        while not stopping.done():
            changed = asyncio.ensure_future(state.activity.changed())
            try:
                await asyncio.sleep(0)  # from here on no change is missed
                position, changes = await changes_since(state, wanted, position)
                await reply.write(as_message(position, changes))
                await asyncio.wait((stopping,), timeout=_PAUSE_SECONDS)
                while not (changed.done() or stopping.done()):
                    done, _ = await asyncio.wait(
                        (changed, stopping), timeout=_SILENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    if not done:
                        await reply.write(b": nothing new\n\n")
            finally:
                changed.cancel()
    finally:
        stopping.cancel()


def _sends(asset: Asset) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def get_asset(_: web.Request) -> web.StreamResponse:
        return web.Response(body=asset.content, content_type=asset.content_type, charset="utf-8", headers=HEADERS)

    return get_asset
