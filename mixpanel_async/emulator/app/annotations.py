"""Annotations and their tags."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from mixpanel_async.emulator.app.accounts import user_id
from mixpanel_async.emulator.replies import RefusalError


class AskedAnnotation(msgspec.Struct, frozen=True):
    """The body of a request for a new annotation."""

    date: str
    description: str
    tags: Sequence[int] = ()


class AnnotationChange(msgspec.Struct, frozen=True):
    """The body of a request that changes an annotation; what is missing stays."""

    description: str | None = None
    tags: Sequence[int] | None = None


class AskedTag(msgspec.Struct, frozen=True):
    """The body of a request for a new tag."""

    name: Annotated[str, msgspec.Meta(min_length=1)]


def new_annotation(new_id: int, asked: AskedAnnotation, tags: Mapping[int, str], author: str) -> dict[str, Any]:
    """Return the document of a new annotation.

    Args:
        new_id: Its ID.
        asked: What was asked for.
        tags: Names of the project's tags, by ID.
        author: Name of the user.

    Raises:
        RefusalError: With 400, if the date is invalid or a tag is unknown.
    """
    try:
        dt.datetime.strptime(asked.date, "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError:
        raise RefusalError(
            400, f"date is invalid: {asked.date!r} is not a time; give YYYY-MM-DD HH:MM:SS, such as 2026-08-31 12:00:00"
        ) from None
    document = {"id": new_id, "date": asked.date, "description": asked.description, "author": author}
    return {**document, "tags": _known(asked.tags, tags)}


def changed_annotation(document: dict[str, Any], change: AnnotationChange, tags: Mapping[int, str]) -> dict[str, Any]:
    """Return a changed annotation.

    Raises:
        RefusalError: With 400, if a tag is unknown.
    """
    changes: dict[str, Any] = {}
    if change.description is not None:
        changes["description"] = change.description
    if change.tags is not None:
        changes["tags"] = _known(change.tags, tags)
    return {**document, **changes}


def shown_annotation(document: Mapping[str, Any], tags: Mapping[int, str]) -> dict[str, Any]:
    """Return an annotation as the API shows it."""
    author = document["author"]
    return {
        "id": document["id"],
        "date": document["date"],
        "description": document["description"],
        "user": {"id": user_id(author), "first_name": author, "last_name": ""},
        "tags": [{"id": one, "name": tags[one]} for one in document["tags"]],
    }


def is_between(document: Mapping[str, Any], first: dt.date | None, last: dt.date | None) -> bool:
    """Return whether an annotation is of one of some days; None is no limit."""
    day = dt.date.fromisoformat(document["date"][:10])
    return (first is None or day >= first) and (last is None or day <= last)


def _known(asked: Sequence[int], tags: Mapping[int, str]) -> list[int]:
    unknown = [one for one in asked if one not in tags]
    if unknown:
        raise RefusalError(400, f"tags is invalid: there is no tag {unknown[0]}; create it first")
    return list(dict.fromkeys(asked))
