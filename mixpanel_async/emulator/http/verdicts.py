"""The replies of /track, /engage, /groups and the older form of /import, in every shape that a request may ask for."""

import base64
import re
import urllib.parse
from collections.abc import Mapping

from aiohttp import web

from mixpanel_async.emulator.replies import RefusalError, json_reply

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# A dotted JavaScript name, or the function without effect that browsers without XMLHttpRequest send.
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*|\(function\(\)\{\}\)", re.ASCII)
_MAX_CALLBACK_CHARACTERS = 128
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def check_reply_parameters(parameters: Mapping[str, str]) -> None:
    """Check `callback` and `redirect`, before anything is stored.

    Raises:
        RefusalError: With 400, if `callback` is not a JavaScript name, or `redirect` is not an HTTP URL: anything else
            would run as a script.
    """
    callback = parameters.get("callback")
    if callback and (len(callback) > _MAX_CALLBACK_CHARACTERS or _CALLBACK.fullmatch(callback) is None):
        raise RefusalError(400, "callback is invalid: must be the name of a JavaScript function")
    redirect = parameters.get("redirect")
    if redirect and not _is_http_url(redirect):
        raise RefusalError(400, "redirect is invalid: must be a complete http:// or https:// URL")


def verdict_reply(parameters: Mapping[str, str], error: str | None) -> web.Response:
    """Return a redirect, an image, a script, an object of status and error, or 1 or 0, as the request asks for.

    Args:
        parameters: The parameters of the request; see `check_reply_parameters`.
        error: The error message; None for a success.
    """
    if parameters.get("redirect"):
        return web.Response(status=302, headers={"Location": parameters["redirect"]})
    if parameters.get("img") == "1":
        return web.Response(body=_PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store"})
    verdict = 0 if error else 1
    reply = web.Response(text=str(verdict))
    if parameters.get("verbose") == "1":
        reply = json_reply({"status": verdict, "error": error})
    if parameters.get("callback"):
        script = f"{parameters['callback']}({reply.text});"
        headers = {"X-Content-Type-Options": "nosniff"}
        return web.Response(text=script, content_type="text/javascript", headers=headers)
    return reply


def _is_http_url(text: str) -> bool:
    if _CONTROL.search(text) is not None:
        return False
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
