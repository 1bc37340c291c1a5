"""Retrievals and deletions of users' data: tasks that go from PENDING over STARTED to SUCCESS, or to REVOKED.

A task moves one step each time it is looked at, so that whoever polls it sees every state, however fast.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from mixpanel_async import limits
from mixpanel_async.emulator.app.moments import iso
from mixpanel_async.emulator.replies import RefusalError

# Kinds of the documents.
RETRIEVALS: Final = "retrievals"
DELETIONS: Final = "deletions"

_NEXT: Final = {"PENDING": "STARTED", "STARTED": "SUCCESS"}

DistinctIds = Annotated[Sequence[str], msgspec.Meta(min_length=1, max_length=limits.GDPR_MAX_DISTINCT_IDS)]
Law = Literal["GDPR", "CCPA", "gdpr", "ccpa"]


class AskedRetrieval(msgspec.Struct, frozen=True):
    """The body of a request for a retrieval."""

    distinct_ids: DistinctIds
    compliance_type: Law = "GDPR"
    disclosure_type: Literal["Data", "Categories", "Sources"] | None = None


class AskedDeletion(msgspec.Struct, frozen=True):
    """The body of a request for a deletion."""

    distinct_ids: DistinctIds
    compliance_type: Law = "GDPR"


def new_task(asked: AskedRetrieval | AskedDeletion, project: int, task_id: str, key: str, now: float) -> dict[str, Any]:
    """Return the document of a new task.

    Args:
        asked: What was asked for.
        project: The project's ID.
        task_id: Its ID.
        key: What the address of its result ends with, so that nobody can guess it.
        now: The time, in seconds since 1970.
    """
    return {
        "tracking_id": task_id,
        "status": "PENDING",
        "requesting_user": "user@localhost",
        "compliance_type": asked.compliance_type.upper(),
        "project_id": project,
        "date_requested": iso(now).removesuffix("Z"),
        "distinct_ids": list(asked.distinct_ids),
        "key": key,
    }


def next_step(task: dict[str, Any]) -> dict[str, Any]:
    """Return a task that has moved one step on."""
    return {**task, "status": _NEXT.get(task["status"], task["status"])}


def revoked(task: dict[str, Any]) -> dict[str, Any]:
    """Return a canceled task.

    Raises:
        RefusalError: With 400, if it is over.
    """
    if task["status"] not in _NEXT:
        raise RefusalError(400, f"the task is in state {task['status']} and cannot be canceled anymore")
    return {**task, "status": "REVOKED"}


def shown_retrieval(task: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return a retrieval as the API shows it.

    Args:
        task: Its document.
        url: The address of its result.
    """
    is_done = task["status"] == "SUCCESS"
    return {"status": task["status"], "results": url if is_done else "", "distinct_ids": task["distinct_ids"]}


def shown_deletion(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deletion as the API shows it."""
    return {name: value for name, value in task.items() if name != "key"}
