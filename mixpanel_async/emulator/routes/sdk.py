"""Endpoints of the SDKs that carry no events: settings, session recordings and the former /decide."""

from aiohttp import web

from mixpanel_async.emulator.http.request_body import read_body
from mixpanel_async.emulator.replies import json_reply
from mixpanel_async.emulator.state import STATE


async def get_decide(request: web.Request) -> web.StreamResponse:
    """Return an answer without messages, surveys or changed settings."""
    del request
    return json_reply({"notifications": [], "surveys": [], "config": {}, "integrations": [], "automatic_events": True})


async def get_settings(request: web.Request) -> web.StreamResponse:
    """Return settings that change nothing."""
    del request
    return json_reply({"sdk_config": {"config": {}}})


async def post_record(request: web.Request) -> web.StreamResponse:
    """Read a part of a session recording and forget it.

    Raises:
        RefusalError: With 413, if it is larger than a batch may be.
    """
    await read_body(request, request.app[STATE].limits.max_batch_bytes)
    return json_reply({"code": 200, "status": "OK"})
