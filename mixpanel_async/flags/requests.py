"""The two requests for flags."""

import uuid
from typing import Final

from mixpanel_async._version import __version__
from mixpanel_async.auth import ProjectToken
from mixpanel_async.errors import MissingCredentialsError
from mixpanel_async.session import Request, Session
from mixpanel_async.session.messages import RetryRule

_NO_RETRY: Final = RetryRule(max_retries=0)


def definitions_request(session: Session, etag: str | None, timeout_seconds: float) -> Request:
    """Return the request for all definitions.

    Args:
        session: The client's session, which has the project token.
        etag: The tag of the definitions that are known; the server may answer that they are the latest.
        timeout_seconds: Longest time for the reply.

    Raises:
        MissingCredentialsError: The client has no token.
    """
    known = {} if etag is None else {"If-None-Match": etag}
    return _request(session, "flags.definitions", "/flags/definitions", timeout_seconds, known)


def variants_request(session: Session, context: str, key: str | None, timeout_seconds: float) -> Request:
    """Return the request for the variants of a context.

    Args:
        session: The client's session, which has the project token.
        context: The context as JSON.
        key: The only flag to evaluate; None: all.
        timeout_seconds: Longest time for the reply.

    Raises:
        MissingCredentialsError: The client has no token.
    """
    wanted = {"context": context} if key is None else {"context": context, "flag_key": key}
    return _request(session, "flags.variants", "/flags", timeout_seconds, {}, **wanted)


def _request(
    session: Session, operation: str, path: str, timeout_seconds: float, headers: dict[str, str], **query: str
) -> Request:
    if session.token is None:
        raise MissingCredentialsError(f"{operation} needs the project token: give it to the client")
    common = {"mp_lib": "python", "lib_version": __version__, "token": session.token}
    return Request(
        operation=operation,
        method="GET",
        server="ingestion",
        path=path,
        query=list({**common, **query}.items()),
        headers={
            "X-Scheme": "https",
            "X-Forwarded-Proto": "https",
            "traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
            **headers,
        },
        content_type="application/json",
        credential=ProjectToken(session.token),
        has_project=True,
        timeout_seconds=timeout_seconds,
        max_wait_seconds=timeout_seconds,
        retry=_NO_RETRY,  # definitions are polled, and whoever waits for a variant has a fallback
    )
