"""Profiles of users and groups, of the Query API."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Unpack

import msgspec

from mixpanel_async.actions._core.params import (
    Field,
    Id,
    check_exclusive,
    check_needs,
    check_range,
    form_body,
    json_list,
    json_text,
    parsed_text,
    text_list,
)
from mixpanel_async.actions._core.resource import FORM, Resource
from mixpanel_async.actions._core.responses import RESULTS, keep_body, list_of, read_json, read_off_loop
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions.query._requests import query_request
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor, ProfilePage, ProfileStream
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request

Behaviors: TypeAlias = Sequence[Mapping[str, JSONValue]] | str
CohortFilter: TypeAlias = Id | Mapping[str, Id]
_MAX_PAGE = 2**31


class ProfileReports(Resource):
    """Profiles of users and groups, one page or all of them."""

    def profiles(
        self,
        *,
        distinct_id: str | None = None,
        distinct_ids: str | Sequence[str] | None = None,
        data_group_id: Id | None = None,
        where: AnyExpression | None = None,
        output_properties: str | Sequence[str] | None = None,
        behaviors: Behaviors | None = None,
        as_of_timestamp: int | None = None,
        filter_by_cohort: CohortFilter | None = None,
        include_all_users: bool | None = None,
        session_id: str | None = None,
        page: int | None = None,
        offset: int = 0,
        **scope: Unpack[Scope],
    ) -> ProfileStream:
        """Return all matching profiles for `async for`; the next page is requested while one is consumed.

        Args:
            distinct_id: Only this profile; excludes `distinct_ids`.
            distinct_ids: Only these profiles, also as the text of a JSON array; excludes `distinct_id`.
            data_group_id: ID of a group key: return profiles of groups, not users.
            where: Expression to filter by.
            output_properties: Return only these properties, also as the text of a JSON array.
            behaviors: Event selectors, as Mixpanel documents them; excludes `filter_by_cohort`.
            as_of_timestamp: Unix time in seconds at which `behaviors` are evaluated; needs `behaviors`.
            filter_by_cohort: Cohort ID, or an object such as `{"id": 7}`, also as JSON text; excludes `behaviors`.
            include_all_users: Include users without a profile (default: True); does nothing without
                `filter_by_cohort`.
            session_id: To resume: `cursor.session_id` of an earlier iteration.
            page: To resume: `cursor.page`; above 0 it needs `session_id`.
            offset: To resume: `cursor.offset`, the number of profiles of that page to skip.

        Raises:
            InvalidArgumentError: The options conflict.
            ApiError: Mixpanel refused the request; raised by the loop that needs the page.
            TruncatedReplyError: Mixpanel sent another number of profiles than it announced; raised after the last one.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for profile in mp.query.profiles(where='user["plan"] == "pro"'):
                print(profile.distinct_id, profile.properties)
            ```
        """
        form = _form(
            distinct_id=distinct_id, distinct_ids=distinct_ids, data_group_id=data_group_id, where=where,
            output_properties=output_properties, behaviors=behaviors, as_of_timestamp=as_of_timestamp,
            filter_by_cohort=filter_by_cohort, include_all_users=include_all_users,
        )  # fmt: skip
        _check_place(session_id, page, offset)

        async def read_page(session_id: str | None, page: int) -> ProfilePage:
            return await self._read_page(form, session_id, page or None, scope)

        return ProfileStream(read_page, ProfileCursor(session_id, page or 0, offset))

    async def profiles_page(
        self,
        *,
        distinct_id: str | None = None,
        distinct_ids: str | Sequence[str] | None = None,
        data_group_id: Id | None = None,
        where: AnyExpression | None = None,
        output_properties: str | Sequence[str] | None = None,
        behaviors: Behaviors | None = None,
        as_of_timestamp: int | None = None,
        filter_by_cohort: CohortFilter | None = None,
        include_all_users: bool | None = None,
        session_id: str | None = None,
        page: int | None = None,
        **scope: Unpack[Scope],
    ) -> ProfilePage:
        """Return one page of the matching profiles.

        Args:
            distinct_id: Only this profile; excludes `distinct_ids`.
            distinct_ids: Only these profiles, also as the text of a JSON array; excludes `distinct_id`.
            data_group_id: ID of a group key: return profiles of groups, not users.
            where: Expression to filter by.
            output_properties: Return only these properties, also as the text of a JSON array.
            behaviors: Event selectors, as Mixpanel documents them; excludes `filter_by_cohort`.
            as_of_timestamp: Unix time in seconds at which `behaviors` are evaluated; needs `behaviors`.
            filter_by_cohort: Cohort ID, or an object such as `{"id": 7}`, also as JSON text; excludes `behaviors`.
            include_all_users: Include users without a profile (default: True); does nothing without
                `filter_by_cohort`.
            session_id: The `session_id` of the first page.
            page: Page number, from 0; above 0 it needs `session_id`.

        Raises:
            InvalidArgumentError: The options conflict.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            page = await mp.query.profiles_page(output_properties=["$email"])
            print(page.total, page.is_last)
            ```
        """
        form = _form(
            distinct_id=distinct_id, distinct_ids=distinct_ids, data_group_id=data_group_id, where=where,
            output_properties=output_properties, behaviors=behaviors, as_of_timestamp=as_of_timestamp,
            filter_by_cohort=filter_by_cohort, include_all_users=include_all_users,
        )  # fmt: skip
        _check_place(session_id, page, 0)
        return await self._read_page(form, session_id, page, scope)

    async def _read_page(
        self,
        form: Mapping[str, Field],
        session_id: str | None,
        page: int | None,
        scope: Scope,
    ) -> ProfilePage:
        request = query_request("profiles", "/engage", scope, method="POST")
        body = form_body({**form, "session_id": session_id, "page": page})
        request = msgspec.structs.replace(request, body=body, content_type=FORM)
        return await read_off_loop(self._page_of, request, await self._session.send(request))

    def _page_of(self, request: Request, reply: Reply) -> ProfilePage:
        return page_of(request, reply)


class _Page(msgspec.Struct, frozen=True):
    results: msgspec.Raw
    page: int | None = None
    page_size: int | None = None
    session_id: str | None = None
    total: int | None = None
    status: str | None = None


def page_of(request: Request, reply: Reply) -> ProfilePage:
    """Return a reply as a page of profiles.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The reply is not a page, or one of its profiles is not a profile.
    """
    page = read_json(request, reply, _Page)
    return keep_body(
        ProfilePage(
            results=list_of(request, reply, Profile, page.results, RESULTS),
            page=page.page,
            page_size=page.page_size,
            session_id=page.session_id,
            total=page.total,
            status=page.status,
        ),
        reply.body,
    )


def _form(
    *,
    distinct_id: str | None,
    distinct_ids: str | Sequence[str] | None,
    data_group_id: Id | None,
    where: AnyExpression | None,
    output_properties: str | Sequence[str] | None,
    behaviors: Behaviors | None,
    as_of_timestamp: int | None,
    filter_by_cohort: CohortFilter | None,
    include_all_users: bool | None,
) -> dict[str, Field]:
    check_exclusive(distinct_id=distinct_id, distinct_ids=distinct_ids)
    check_exclusive(behaviors=behaviors, filter_by_cohort=filter_by_cohort)
    check_needs("as_of_timestamp", as_of_timestamp, "behaviors", behaviors)
    return {
        "distinct_id": distinct_id,
        "distinct_ids": text_list("distinct_ids", distinct_ids),
        "data_group_id": data_group_id,
        "where": where,
        "output_properties": text_list("output_properties", output_properties, may_be_empty=True),
        "behaviors": _behaviors(behaviors),
        "as_of_timestamp": as_of_timestamp,
        "filter_by_cohort": _cohort(filter_by_cohort),
        "include_all_users": include_all_users,
    }


def _cohort(value: CohortFilter | None) -> str | None:
    """Return the filter as Mixpanel's object with a single key called id."""
    if value is None:
        return None
    found = parsed_text(value)
    cohort = value if found is msgspec.UNSET else found
    if isinstance(cohort, Mapping):
        cohort = cohort.get("id") if set(cohort) == {"id"} else None
    if isinstance(cohort, bool) or not isinstance(cohort, int | str) or not str(cohort).strip().isdecimal():
        raise InvalidArgumentError(
            f'filter_by_cohort is invalid: {value!r} is not a cohort; give its ID, such as 7, or {{"id": 7}}'
        )
    return json_text({"id": int(cohort)})


def _behaviors(value: Behaviors | None) -> str | None:
    """Return the event selectors as a JSON array."""
    if value is None or not isinstance(value, str):
        return json_list(value)
    if not isinstance(parsed_text(value), list):
        raise InvalidArgumentError("behaviors is invalid: the text is not a JSON array; give a list of selectors")
    return value


def _check_place(session_id: str | None, page: int | None, offset: int) -> None:
    check_range("page", page, 0, _MAX_PAGE)
    check_range("offset", offset, 0, _MAX_PAGE)
    if page and session_id is None:
        raise InvalidArgumentError("page is invalid: a page above 0 needs session_id; take it from the reply to page 0")
    if offset and session_id is None:
        raise InvalidArgumentError(
            "offset is invalid: it needs session_id; take both from the cursor of an earlier iteration"
        )
