"""Requests to the ingestion endpoints, as their pages describe them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, cast

import msgspec

from mixpanel_async.actions._core.params import Field, pairs
from mixpanel_async.actions._core.raw_retry import checked_timeout
from mixpanel_async.actions._core.resource import JSON
from mixpanel_async.actions.ingest.options import SWITCHES, ImportOptions, IngestOptions, switch
from mixpanel_async.actions.ingest.records import EncodedBody
from mixpanel_async.auth import Credential
from mixpanel_async.codecs.gzip import gzip_bytes
from mixpanel_async.session import Request

_GZIP_LEVEL: Final = 1


def track_request(operation: str, path: str, options: IngestOptions, names: Sequence[str]) -> Request:
    """Return a request to /track, /engage or /groups, without its body.

    Args:
        operation: Name in errors and logs.
        path: The endpoint.
        options: The caller's options.
        names: Names of the options that are query parameters.
    """
    given = {"verbose": True, **cast("Mapping[str, object]", options)}
    found = {name: given[name] for name in names if given.get(name) is not None}
    query = {name: switch(value) if name in SWITCHES else value for name, value in found.items()}
    return Request(
        operation=operation,
        method="POST",
        server="ingestion",
        path=path,
        query=pairs(cast("Mapping[str, Field]", query)),
        is_authorized=False,
        credential=options.get("credential"),
        is_redirect_wanted=options.get("redirect") is not None,
        is_rejection_wanted=True,
        family="ingestion",
        timeout_seconds=checked_timeout(options.get("timeout_seconds")),
    )


def import_request(
    operation: str, options: ImportOptions, credential: Credential | None, *, has_project: bool
) -> Request:
    """Return a request to /import, without its body.

    Args:
        operation: Name in errors and logs.
        options: The caller's options.
        credential: Replaces the client's credentials.
        has_project: Whether the request has to say which project it is about.
    """
    return Request(
        operation=operation,
        method="POST",
        server="ingestion",
        path="/import",
        query=pairs({"strict": switch(options.get("strict", True)), "project_id": options.get("project_id")}),
        credential=credential,
        takes_token=True,
        has_project=has_project,
        is_rejection_wanted=True,
        family="ingestion",
        timeout_seconds=checked_timeout(options.get("timeout_seconds")),
    )


async def with_body(request: Request, encoded: EncodedBody, options: Mapping[str, object]) -> Request:
    """Return a request with records as its body, compressed if the options ask for it."""
    body, headers = encoded.body, {}
    if options.get("gzip"):
        body, headers = await asyncio.to_thread(gzip_bytes, body, _GZIP_LEVEL), {"Content-Encoding": "gzip"}
    return msgspec.structs.replace(
        request,
        body=body,
        headers=headers,
        content_type=JSON,
        records=encoded.records,
        body_bytes=len(encoded.body),
    )
