"""One request to an ingestion endpoint, with Mixpanel's own answer."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias, Unpack, cast

import msgspec

from mixpanel_async.actions._core.params import form_body
from mixpanel_async.actions._core.resource import FORM, Resource
from mixpanel_async.actions.ingest.models import IngestReply, read_ingest_reply
from mixpanel_async.actions.ingest.options import ImportOptions, IngestOptions, check_options, switch
from mixpanel_async.actions.ingest.records import (
    EncodedBody,
    IngestRecords,
    encode_records,
    event_preparer,
    update_preparer,
)
from mixpanel_async.actions.ingest.requests import import_request, track_request, with_body
from mixpanel_async.auth import ProjectToken
from mixpanel_async.config import ForeignToken
from mixpanel_async.errors import InvalidArgumentError, MissingCredentialsError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.tokens import TokenRule
from mixpanel_async.records.validation import check_uuid_v4, read_distinct_id
from mixpanel_async.records.values import ValueConverter
from mixpanel_async.session import Reply, Request, Session

_BAD_REQUEST: Final = 400
NoteReplaced: TypeAlias = Callable[[str, int], None]


class Ingest(Resource):
    """One request with up to 2,000 records, and Mixpanel's own answer to it; nothing is queued or batched.

    The calls share the client's connections and rate limits. The events and updates may be a list, a single one,
    `{"data": [...]}`, or the JSON text of these. `track`, `people` and `groups` of the client are for everyday use:
    they batch, retry and account for every record. A project token is all that the calls need, but for `import_` and
    `merge` with a client that has other credentials.

    Args:
        session: Sends the requests.
        foreign_token: What becomes of a record with another project token.
        note_replaced: Called with the path and the number of records whose token was replaced.
        values: Converts what JSON does not have.

    Reference: https://developer.mixpanel.com/reference/ingestion-api

    Example:
        ```python
        reply = await mp.ingest.track([{"event": "Signed Up", "properties": {"distinct_id": "user-1"}}])
        ```
    """

    def __init__(
        self, session: Session, foreign_token: ForeignToken, note_replaced: NoteReplaced, values: ValueConverter
    ) -> None:
        super().__init__(session)
        self._foreign_token: ForeignToken = foreign_token
        self._note_replaced = note_replaced
        self._values = values

    async def track(self, events: IngestRecords, **options: Unpack[IngestOptions]) -> IngestReply:
        """Send events to /track.

        Args:
            events: Up to 2,000 events in Mixpanel's form, `{"event": ..., "properties": {...}}`.
            **options: See `IngestOptions`: verbose, ip, img, redirect, callback, strict, gzip, token, ...

        Raises:
            InvalidArgumentError: The events are not a list, too many or too large, or an option is unknown.
            InvalidRecordError: An event is invalid; the error names it. Nothing was sent.
            MissingCredentialsError: An event has no project token, and the client has none.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/track-event

        Example:
            ```python
            event = {"event": "Button Clicked", "properties": {"distinct_id": "user@example.com", "button": "Submit"}}
            reply = await mp.ingest.track([event])
            ```
        """
        tokens = self._tokens("ingest.track", options, "properties.token")
        encoded = encode_records("events", events, event_preparer(tokens, needs_token=True), self._values)
        return await self._send("/track", encoded, options)

    async def import_(self, events: IngestRecords, **options: Unpack[ImportOptions]) -> IngestReply:
        """Send events to /import.

        The good events of a request are imported even if others are refused: `failed_records` of the reply names those.

        Args:
            events: Up to 2,000 events in Mixpanel's form; each needs time, distinct_id and $insert_id.
            **options: See `ImportOptions`: strict, gzip, project_id, credential, ...

        Raises:
            InvalidArgumentError: The events are not a list, too many or too large, or an option is unknown.
            InvalidRecordError: An event is invalid; the error names it. Nothing was sent.
            MissingCredentialsError: There is no credential and no token, or no project_id for a service account.
            ApiError: Mixpanel refused the whole request.

        Reference: https://developer.mixpanel.com/reference/import-events

        Example:
            ```python
            properties = {"distinct_id": "user-1", "time": 1700000000, "$insert_id": "signup-1"}
            reply = await mp.ingest.import_([{"event": "Signed Up", "properties": properties}])
            ```
        """
        tokens = self._tokens("ingest.import_", options, "properties.token", takes_tokens=False)
        encoded = encode_records("events", events, event_preparer(tokens, needs_token=False), self._values)
        return await self._import("ingest.import_", encoded, options)

    async def engage(self, updates: IngestRecords, **options: Unpack[IngestOptions]) -> IngestReply:
        """Send updates of user profiles to /engage.

        Args:
            updates: Up to 2,000 updates such as `{"$distinct_id": "user-1", "$set": {"plan": "pro"}}`.
            **options: See `IngestOptions`: verbose, ip, redirect, callback, strict, gzip, token, ...

        Raises:
            InvalidArgumentError: The updates are not a list, too many or too large, or an option is unknown.
            InvalidRecordError: An update is invalid; the error names it. Nothing was sent.
            MissingCredentialsError: An update has no project token, and the client has none.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/profile-batch-update

        Example:
            ```python
            reply = await mp.ingest.engage([{"$distinct_id": "user-1", "$set": {"plan": "pro"}}])
            ```
        """
        tokens = self._tokens("ingest.engage", options, "$token")
        encoded = encode_records("updates", updates, update_preparer(tokens), self._values)
        return await self._send("/engage", encoded, options)

    async def groups(self, updates: IngestRecords, **options: Unpack[IngestOptions]) -> IngestReply:
        """Send updates of group profiles to /groups.

        Args:
            updates: Up to 2,000 updates such as `{"$group_key": "company", "$group_id": "acme", "$set": {...}}`.
            **options: See `IngestOptions`: verbose, ip, redirect, callback, strict, gzip, token, ...

        Raises:
            InvalidArgumentError: The updates are not a list, too many or too large, or an option is unknown.
            InvalidRecordError: An update is invalid; the error names it. Nothing was sent.
            MissingCredentialsError: An update has no project token, and the client has none.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/group-batch-update

        Example:
            ```python
            update = {"$group_key": "company", "$group_id": "acme", "$set": {"plan": "enterprise"}}
            reply = await mp.ingest.groups([update])
            ```
        """
        tokens = self._tokens("ingest.groups", options, "$token")
        encoded = encode_records("updates", updates, update_preparer(tokens), self._values)
        return await self._send("/groups", encoded, options)

    async def identify(self, identified_id: str | int, anon_id: str, **options: Unpack[IngestOptions]) -> IngestReply:
        """Link an anonymous id to a user's id (Original ID Merge projects).

        Args:
            identified_id: The user's id.
            anon_id: A UUID of version 4 that is not linked yet.
            **options: See `IngestOptions`: strict, verbose, redirect, token, ...

        Raises:
            InvalidArgumentError: An option is unknown.
            InvalidRecordError: An id is invalid.
            MissingCredentialsError: There is no project token.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-identity

        Example:
            ```python
            reply = await mp.ingest.identify("user-1", "0f8fad5b-d9cb-469f-a165-70867728950e", strict=True)
            ```
        """
        identified = read_distinct_id(identified_id, "$identified_id", may_be_empty=False)
        properties = {"$identified_id": identified, "$anon_id": check_uuid_v4(anon_id, "$anon_id")}
        return await self._link("ingest.identify", "$identify", properties, options)

    async def alias(self, distinct_id: str | int, alias: str | int, **options: Unpack[IngestOptions]) -> IngestReply:
        """Give a user's id another name (Original ID Merge projects).

        Args:
            distinct_id: The existing id.
            alias: The new id.
            **options: See `IngestOptions`: strict, verbose, redirect, token, ...

        Raises:
            InvalidArgumentError: An option is unknown.
            InvalidRecordError: An id is invalid.
            MissingCredentialsError: There is no project token.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/identity-create-alias

        Example:
            ```python
            reply = await mp.ingest.alias("user-1", "ann@example.com")
            ```
        """
        known = read_distinct_id(distinct_id, "distinct_id", may_be_empty=False)
        properties = {"distinct_id": known, "alias": read_distinct_id(alias, "alias", may_be_empty=False)}
        return await self._link("ingest.alias", "$create_alias", properties, options)

    async def merge(
        self, distinct_id: str | int, other_distinct_id: str | int, **options: Unpack[ImportOptions]
    ) -> IngestReply:
        """Merge two ids into one user, over /import (Original ID Merge projects).

        Args:
            distinct_id: The first id.
            other_distinct_id: The second id.
            **options: See `ImportOptions`: strict, project_id, credential, token, ...

        Raises:
            InvalidArgumentError: An option is unknown, or both ids are equal.
            InvalidRecordError: An id is invalid.
            MissingCredentialsError: There is no credential and no token, or no project_id for a service account.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/identity-merge

        Example:
            ```python
            reply = await mp.ingest.merge("user-1", "user-2")
            ```
        """
        ids = [read_distinct_id(each, "$distinct_ids", may_be_empty=False) for each in (distinct_id, other_distinct_id)]
        if ids[0] == ids[1]:
            raise InvalidArgumentError("other_distinct_id is invalid: an id cannot be merged with itself; give another")
        tokens = self._tokens("ingest.merge", options, "properties.token", takes_tokens=False)
        event = {"event": "$merge", "properties": {"$distinct_ids": ids, "token": tokens.own}}
        encoded = encode_records("events", [event], event_preparer(tokens, needs_token=False), self._values)
        return await self._import("ingest.merge", encoded, options)

    def _tokens(
        self, operation: str, options: Mapping[str, object], field: str, *, takes_tokens: bool = True
    ) -> TokenRule:
        check_options(operation, options, IngestOptions if takes_tokens else ImportOptions)
        policy = cast("ForeignToken", options.get("foreign_token") or self._foreign_token)
        token = cast("str | None", options.get("token") or self._session.token)
        if token is not None:
            ProjectToken(token)  # rejects an invalid token
        return TokenRule(policy, token, field=field, takes_tokens=takes_tokens)

    async def _link(
        self, operation: str, event: str, properties: Mapping[str, JSONValue], options: IngestOptions
    ) -> IngestReply:
        """Send an event that links ids, in the published form: `data` and `strict` are fields of a form."""
        token = self._tokens(operation, options, "properties.token").own
        if token is None:
            raise MissingCredentialsError(f"{operation} needs the project token: give one to the client or the call")
        if options.get("gzip"):
            raise InvalidArgumentError("gzip is invalid: Mixpanel takes this call as a form, uncompressed; omit it")
        record = {"event": event, "properties": {**properties, "token": token}}
        encoded = encode_records("events", [record], lambda one: (one, False), self._values)
        form = {"data": encoded.body[1:-1].decode(), "strict": switch(options.get("strict"))}
        request = msgspec.structs.replace(
            track_request(operation, "/track", options, ("verbose", "ip", "img", "redirect", "callback")),
            body=form_body(form), content_type=FORM, records=1,
        )  # fmt: skip
        return await self._answer(request, encoded, options)

    async def _send(self, path: str, encoded: EncodedBody, options: IngestOptions) -> IngestReply:
        query = ("verbose", "ip", "img", "redirect", "callback", "strict")
        request = track_request(f"ingest{path.replace('/', '.')}", path, options, query)
        return await self._answer(await with_body(request, encoded, options), encoded, options)

    async def _import(self, operation: str, encoded: EncodedBody, options: ImportOptions) -> IngestReply:
        given = options.get("credential")
        token = options.get("token") or self._session.token
        if given is None and token and not self._session.has_credentials:
            given = ProjectToken(token)
        has_project = not self._session.names_project(given)
        request = import_request(operation, options, given, has_project=has_project)
        return await self._answer(await with_body(request, encoded, options), encoded, {})

    async def _answer(self, request: Request, encoded: EncodedBody, options: IngestOptions) -> IngestReply:
        reply = await self._session.send(request)
        if encoded.replaced:
            self._note_replaced(request.path, encoded.replaced)
        is_image, callback = bool(options.get("img")), options.get("callback")
        if reply.status != _BAD_REQUEST:
            return read_ingest_reply(request, reply, is_image=is_image, callback=callback, replaced=encoded.replaced)
        # /import and strict calls refuse some records with 400 and take the others.
        if (answer := _partial(request, reply, callback, encoded)) is not None:
            return answer
        error = self._session.error_of(reply, request.operation, request.credential)
        raise error or AssertionError("the status table does not list 400 as an error")


def _partial(request: Request, reply: Reply, callback: str | None, encoded: EncodedBody) -> IngestReply | None:
    """Return the answer that takes some records and refuses others, or None if the reply is another one."""
    with suppress(UnexpectedReplyError):
        answer = read_ingest_reply(request, reply, is_image=False, callback=callback, replaced=encoded.replaced)
        if answer.failed_records or answer.num_records_imported is not None:
            return answer
    return None
