"""The shapes of Mixpanel's answers, and the exception that ends a request with one of them."""

import http
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web


def json_reply(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON.

    Args:
        body: What to encode.
        status: HTTP status.
        headers: Headers to add.
    """
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


class RefusalError(Exception):
    """Ends a request with an error of the form {code, error, status}.

    Args:
        code: HTTP status.
        error: What is wrong with the request.
        retry_after_seconds: Goes into Retry-After, rounded up; None leaves the header out.
        facts: Fields to add to the body.
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
        """Turn it into the answer."""
        headers = {}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_seconds)))
        if self.code == http.HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="mixpanel"'
        body = {"code": self.code, "error": self.error, "status": _phrase(self.code)}
        return json_reply({**body, **self.facts}, status=self.code, headers=headers)


def failed_records_reply(stored: int, failed: Sequence[Mapping[str, Any]]) -> web.Response:
    """Answer a strict request in which some records were refused.

    Args:
        stored: How many of the request's records are in.
        failed: One entry for each refused record.
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
    """Answer an import without refused records.

    Args:
        stored: How many records are in.
    """
    return json_reply({"code": 200, "num_records_imported": stored, "status": "OK"})


def verdict_reply(*, error: str | None, verbose: bool) -> web.Response:
    """Answer with 1 or 0, or with {status, error} when asked to be verbose.

    Args:
        error: What is wrong; None if nothing is.
        verbose: Whether the request asked for the reason.
    """
    verdict = 1 if error is None else 0
    if verbose:
        return json_reply({"status": verdict, "error": error})
    return web.Response(text=str(verdict))


def _phrase(code: int) -> str:
    # Python 3.13 says "Content Too Large" for 413; a fault may ask for a status that has no phrase at all.
    if code == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "Request Entity Too Large"
    return http.HTTPStatus(code).phrase if code in set(http.HTTPStatus) else "Error"
