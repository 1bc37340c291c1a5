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
    """The author of an annotation."""

    id: int | None = None
    first_name: str | None = None
    last_name: str | None = None


class AnnotationTag(ApiObject, frozen=True):
    """A tag for annotations."""

    id: int
    name: str | None = None
    project_id: int | None = None
    has_annotations: bool | None = None


class Annotation(ApiObject, frozen=True):
    """An annotation.

    Attributes:
        id: Annotation ID.
        date: The moment it marks, `YYYY-MM-DD HH:MM:SS` in the project's time zone.
        description: Text.
        user: Author.
        tags: Tags.
    """

    id: int
    date: str | None = None
    description: str | None = None
    user: AnnotationUser | None = None
    tags: list[AnnotationTag] = msgspec.field(default_factory=list)


class Annotations(Resource):
    """Annotations of a project's charts, and their tags.

    Each call takes the optional argument `project_id` (default: the client's).

    Args:
        session: Sends the requests.

    Example:
        ```python
        annotations = await mp.annotations.list(from_date="2026-08-01", to_date="2026-08-31")
        ```
    """

    async def list(
        self, *, from_date: Date | None = None, to_date: Date | None = None, **scope: Unpack[ProjectScope]
    ) -> ApiList[Annotation]:
        """Return the project's annotations, or those of some days.

        Args:
            from_date: First day, inclusive (default: no limit).
            to_date: Last day, inclusive (default: no limit).

        Raises:
            InvalidArgumentError: A date is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-all-annotations-for-project

        Example:
            ```python
            for annotation in await mp.annotations.list(from_date="2026-08-01"):
                print(annotation.date, annotation.description)
            ```
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
        """Create an annotation and return it.

        Args:
            date: The moment it marks, in the project's time zone: a datetime (its zone is ignored), a date (midnight)
                or `YYYY-MM-DD HH:MM:SS`.
            description: Text.
            tags: IDs of its tags.

        Raises:
            InvalidArgumentError: `date` is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-annotation

        Example:
            ```python
            annotation = await mp.annotations.create("2026-08-31 12:00:00", "Released 2.0")
            ```
        """
        path = self._project_path("annotations.create", scope, "/annotations")
        body = {"date": _moment(date), "description": description, "tags": tags}
        request = app_request("annotations.create", "POST", path, body=body)
        return read_results(request, await self._session.send(request), Annotation)

    async def get(self, annotation_id: Id, **scope: Unpack[ProjectScope]) -> Annotation:
        """Return one annotation.

        Args:
            annotation_id: Annotation ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-annotation

        Example:
            ```python
            annotation = await mp.annotations.get(640999)
            ```
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
        """Change the text or the tags of an annotation and return it.

        Args:
            annotation_id: Annotation ID.
            description: New text.
            tags: IDs of the new tags; an empty list removes all tags.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/patch-annotation

        Example:
            ```python
            await mp.annotations.update(640999, description="Released 2.0.1")
            ```
        """
        path = self._annotation("annotations.update", annotation_id, scope)
        request = app_request("annotations.update", "PATCH", path, body={"description": description, "tags": tags})
        return read_results(request, await self._session.send(request), Annotation)

    async def delete(self, annotation_id: Id, **scope: Unpack[ProjectScope]) -> Annotation:
        """Delete an annotation; of the returned object only `id` is set.

        Args:
            annotation_id: Annotation ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-annotation

        Example:
            ```python
            await mp.annotations.delete(640999)
            ```
        """
        path = self._annotation("annotations.delete", annotation_id, scope)
        request = app_request("annotations.delete", "DELETE", path)
        return read_results(request, await self._session.send(request), Annotation)

    async def list_tags(self, **scope: Unpack[ProjectScope]) -> ApiList[AnnotationTag]:
        """Return the tags that annotations can have.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-annotation-tags

        Example:
            ```python
            names = [tag.name for tag in await mp.annotations.list_tags()]
            ```
        """
        path = self._project_path("annotations.list_tags", scope, "/annotations/tags")
        request = app_request("annotations.list_tags", "GET", path)
        reply = await self._session.send(request)
        # The reference gives a bare array here and an envelope everywhere else; both are read.
        read = read_list if reply.body.lstrip().startswith(b"[") else read_result_list
        return read(request, reply, AnnotationTag)

    async def create_tag(self, name: str, **scope: Unpack[ProjectScope]) -> AnnotationTag:
        """Create a tag and return it.

        Args:
            name: Name of the tag.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-annotation-tag

        Example:
            ```python
            tag = await mp.annotations.create_tag("release")
            ```
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
            raise InvalidArgumentError(
                f"date is invalid: {value!r} is not a time; use a form such as 2026-08-31 12:00:00"
            ) from None
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    return moment.strftime("%Y-%m-%d %H:%M:%S")
