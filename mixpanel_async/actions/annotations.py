"""Annotations of a project's charts, and their tags."""

import datetime as dt
from collections.abc import Sequence
from typing import TypeAlias, Unpack

import msgspec

from mixpanel_async.actions._core.params import Date, Id, iso_date, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    ApiList,
    ApiObject,
    read_bare_or_results,
    read_list,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import ProjectScope
from mixpanel_async.errors import InvalidArgumentError

Moment: TypeAlias = dt.datetime | dt.date | str


class AnnotationUser(msgspec.Struct, frozen=True):
    """Who made an annotation."""

    id: int | None = None
    first_name: str | None = None
    last_name: str | None = None


class AnnotationTag(ApiObject, frozen=True):
    """A tag of annotations."""

    id: int | None = None
    name: str | None = None
    project_id: int | None = None
    has_annotations: bool | None = None


class Annotation(ApiObject, frozen=True):
    """An annotation.

    Attributes:
        id: Its id.
        date: The moment it marks, `YYYY-MM-DD HH:MM:SS` in the project's time zone.
        description: Its text.
        user: Who made it.
        tags: Its tags.
    """

    id: int | None = None
    date: str | None = None
    description: str | None = None
    user: AnnotationUser | None = None
    tags: list[AnnotationTag] = msgspec.field(default_factory=list)


class Annotations(Resource):
    """Annotations and their tags.

    Args:
        session: Sends the requests.
    """

    async def list(
        self, *, from_date: Date | None = None, to_date: Date | None = None, **scope: Unpack[ProjectScope]
    ) -> ApiList[Annotation]:
        """Return the annotations, of some days or all.

        Args:
            from_date: First day.
            to_date: Last day.

        Raises:
            InvalidArgumentError: A date is none.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-all-annotations-for-project
        """
        query = {
            "fromDate": None if from_date is None else iso_date("from_date", from_date),
            "toDate": None if to_date is None else iso_date("to_date", to_date),
        }
        path = self._project_path("annotations.list", scope, "/annotations")
        request = app_request("annotations.list", "GET", path, query=query)
        return read_result_list(request, await self._session.send(request), Annotation)

    async def create(
        self, date: Moment, description: str, *, tags: Sequence[int] | None = None, **scope: Unpack[ProjectScope]
    ) -> Annotation:
        """Make an annotation.

        Args:
            date: The moment it marks, in the project's time zone: a datetime (its zone is not looked at), a date
                (its midnight) or `YYYY-MM-DD HH:MM:SS`.
            description: Its text.
            tags: Ids of its tags.

        Raises:
            InvalidArgumentError: The date is none.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-annotation
        """
        path = self._project_path("annotations.create", scope, "/annotations")
        body = {"date": _moment(date), "description": description, "tags": tags}
        request = app_request("annotations.create", "POST", path, body=body)
        return read_results(request, await self._session.send(request), Annotation)

    async def get(self, annotation_id: Id, **scope: Unpack[ProjectScope]) -> Annotation:
        """Return one annotation.

        Args:
            annotation_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-annotation
        """
        request = app_request("annotations.get", "GET", self._annotation("annotations.get", annotation_id, scope))
        return read_results(request, await self._session.send(request), Annotation)

    async def update(
        self,
        annotation_id: Id,
        *,
        description: str | None = None,
        tags: Sequence[int] | None = None,
        **scope: Unpack[ProjectScope],
    ) -> Annotation:
        """Change the text or the tags of an annotation.

        Args:
            annotation_id: Its id.
            description: Its new text.
            tags: Ids of its new tags; an empty list takes all away.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/patch-annotation
        """
        path = self._annotation("annotations.update", annotation_id, scope)
        request = app_request("annotations.update", "PATCH", path, body={"description": description, "tags": tags})
        return read_results(request, await self._session.send(request), Annotation)

    async def delete(self, annotation_id: Id, **scope: Unpack[ProjectScope]) -> Annotation:
        """Delete an annotation; of the answer only `id` is set.

        Args:
            annotation_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-annotation
        """
        path = self._annotation("annotations.delete", annotation_id, scope)
        request = app_request("annotations.delete", "DELETE", path)
        return read_results(request, await self._session.send(request), Annotation)

    async def list_tags(self, **scope: Unpack[ProjectScope]) -> ApiList[AnnotationTag]:
        """Return the tags that annotations can have.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-annotation-tags
        """
        path = self._project_path("annotations.list_tags", scope, "/annotations/tags")
        request = app_request("annotations.list_tags", "GET", path)
        reply = await self._session.send(request)
        # The reference gives a bare array here and an envelope everywhere else; both are read.
        read = read_list if reply.body.lstrip().startswith(b"[") else read_result_list
        return read(request, reply, AnnotationTag)

    async def create_tag(self, name: str, **scope: Unpack[ProjectScope]) -> AnnotationTag:
        """Make a tag.

        Args:
            name: Its name.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-annotation-tag
        """
        path = self._project_path("annotations.create_tag", scope, "/annotations/tags")
        request = app_request("annotations.create_tag", "POST", path, body={"name": name})
        return read_bare_or_results(request, await self._session.send(request), AnnotationTag)

    def _annotation(self, operation: str, annotation_id: Id, scope: ProjectScope) -> str:
        return self._project_path(operation, scope, f"/annotations/{segment('annotation_id', annotation_id)}")


def _moment(value: Moment) -> str:
    if isinstance(value, str):
        try:
            return dt.datetime.strptime(value, "%Y-%m-%d %H:%M:%S").strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the project's zone
        except ValueError:
            raise InvalidArgumentError(f"date is {value!r}; it must look like 2026-08-31 12:00:00") from None
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    return moment.strftime("%Y-%m-%d %H:%M:%S")
