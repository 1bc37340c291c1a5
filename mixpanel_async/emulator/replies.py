"""Mixpanel's reply formats, and the exception that ends a request with an error reply."""

import http
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web


def json_reply(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON reply.

    Args:
        body: The value to encode.
        status: HTTP status.
        headers: Additional headers.
    """
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def results_reply(results: object, *, status: int = 200) -> web.Response:
    """Return a reply of the app API: {status, results}."""
    return json_reply({"status": "ok", "results": results}, status=status)


class RefusalError(Exception):
    """Ends a request with an error reply of the form {code, error, status}.

    Args:
        code: HTTP status.
        error: The error message.
        retry_after_seconds: Value of Retry-After, rounded up; None omits the header.
        facts: Additional fields of the body.
    """

    def __init__(
        self,
        code: int,
        error: str,
        *,
        retry_after_seconds: float | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(error)
        self.code = code
        self.error = error
        self.retry_after_seconds = retry_after_seconds
        self.facts = dict(facts or {})

    def reply(self) -> web.Response:
        """Return the reply."""
        body = {"code": self.code, "error": self.error, "status": _phrase(self.code)}
        return json_reply({**body, **self.facts}, status=self.code, headers=self._headers())

    def app_reply(self, *, has_type: bool) -> web.Response:
        """Return the reply in the form of the app and pipeline APIs, {error, status}.

        Args:
            has_type: Whether to add `type`, as experiments and feature flags do.
        """
        kind = {"type": _phrase(self.code).lower().replace(" ", "_")} if has_type else {}
        return json_reply({"error": self.error, "status": "error", **kind}, status=self.code, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_seconds)))
        if self.code == http.HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="mixpanel"'
        return headers


def failed_records_reply(stored: int, failed: Sequence[Mapping[str, Any]]) -> web.Response:
    """Return the reply to a strict request with rejected records.

    Args:
        stored: Number of the request's records that were stored.
        failed: One entry for each rejected record.
    """
    body = {
        "code": 400,
        "error": "some data points in the request failed validation",
        "status": "Bad Request",
        "num_records_imported": stored,
        "failed_records": list(failed),
    }
    return json_reply(body, status=400)


def imported_reply(stored: int) -> web.Response:
    """Return the reply to an import that stored all its records."""
    return json_reply({"code": 200, "num_records_imported": stored, "status": "OK"})


def _phrase(code: int) -> str:
    # Python 3.13 says "Content Too Large" for 413; a fault may ask for a status without a phrase.
    if code == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "Request Entity Too Large"
    return http.HTTPStatus(code).phrase if code in set(http.HTTPStatus) else "Error"
