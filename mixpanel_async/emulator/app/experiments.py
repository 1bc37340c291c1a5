"""Experiments: draft, active, concluded, then success or fail; and archived or not."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from mixpanel_async.emulator.app.accounts import user_id
from mixpanel_async.emulator.app.moments import iso, read_iso
from mixpanel_async.emulator.replies import RefusalError

JsonObject = dict[str, Any]
ExperimentName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
ExperimentText = Annotated[str, msgspec.Meta(max_length=400)]

# The states, and those that may follow each of them.
FOLLOWING: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"active"}),
    "active": frozenset({"concluded"}),
    "concluded": frozenset({"success", "fail"}),
    "success": frozenset(),
    "fail": frozenset(),
}


class AskedExperiment(msgspec.Struct, frozen=True):
    """The body of a request for a new experiment."""

    name: ExperimentName
    description: ExperimentText | None = None
    hypothesis: str | None = None
    settings: JsonObject = {}
    variants: Sequence[Any] = ()
    metrics: Sequence[Any] = ()
    global_access_type: str | None = None


class ExperimentChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a request that changes an experiment; what is missing stays."""

    name: ExperimentName | msgspec.UnsetType = msgspec.UNSET
    description: ExperimentText | msgspec.UnsetType | None = msgspec.UNSET
    hypothesis: str | msgspec.UnsetType | None = msgspec.UNSET
    status: str | msgspec.UnsetType = msgspec.UNSET
    settings: JsonObject | msgspec.UnsetType = msgspec.UNSET
    variants: Sequence[Any] | msgspec.UnsetType = msgspec.UNSET
    metrics: Sequence[Any] | msgspec.UnsetType = msgspec.UNSET
    start_date: str | msgspec.UnsetType | None = msgspec.UNSET
    end_date: str | msgspec.UnsetType | None = msgspec.UNSET
    exposures_cache: JsonObject | msgspec.UnsetType = msgspec.UNSET
    results_cache: JsonObject | msgspec.UnsetType = msgspec.UNSET
    tags: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    global_access_type: str | msgspec.UnsetType = msgspec.UNSET


class Decision(msgspec.Struct, frozen=True):
    """The body of a request that decides an experiment."""

    success: bool
    variant: str | None = None
    message: str | None = None


class Conclusion(msgspec.Struct, frozen=True):
    """The body of a request that ends an experiment."""

    end_date: str | None = None


def new_experiment(new_id: str, workspace: str, asked: AskedExperiment, author: str, now: float) -> JsonObject:
    """Return the document of a new experiment, a draft."""
    return {
        **msgspec.to_builtins(asked),
        "id": new_id,
        "workspace_id": workspace,
        "status": "draft",
        "start_date": None,
        "end_date": None,
        "exposures_cache": {},
        "results_cache": {},
        "tags": [],
        "author": author,
        "editor": author,
        "created": iso(now),
        "modified": iso(now),
        "deleted": None,
    }


def changed_experiment(document: JsonObject, change: ExperimentChange, editor: str, now: float) -> JsonObject:
    """Return a changed experiment.

    Raises:
        RefusalError: With 400, if it is archived, a date is invalid, or the status cannot follow the present one.
    """
    _check_live(document)
    changes = msgspec.to_builtins(change)
    for name in ("start_date", "end_date"):
        if changes.get(name) is not None:
            changes[name] = iso(read_iso(name, changes[name]).timestamp())
    status = changes.pop("status", document["status"])
    moved = document if status == document["status"] else _in_state(document, status, now)
    return _modified({**moved, **changes}, editor, now)


def launched(document: JsonObject, editor: str, now: float) -> JsonObject:
    """Return an experiment that runs.

    Raises:
        RefusalError: With 400, if it is not a draft, or archived.
    """
    return _modified(_in_state(document, "active", now), editor, now)


def concluded(document: JsonObject, conclusion: Conclusion, editor: str, now: float) -> JsonObject:
    """Return an experiment that has ended.

    Raises:
        RefusalError: With 400, if it does not run, is archived, or the end is invalid or before the start.
    """
    ended = _in_state(document, "concluded", now)
    if conclusion.end_date is not None:
        end = read_iso("end_date", conclusion.end_date)
        if end.date() < dt.datetime.fromisoformat(ended["start_date"]).date():
            raise RefusalError(400, f"end_date is invalid: it is before the start {ended['start_date']}")
        ended = {**ended, "end_date": iso(end.timestamp())}
    return _modified(ended, editor, now)


def decided(document: JsonObject, decision: Decision, editor: str, now: float) -> JsonObject:
    """Return an experiment that is decided; the results name the variant and the reason.

    Raises:
        RefusalError: With 400, if it has not ended or is decided already, is archived, or has no such variant.
    """
    keys = {one.get("key") for one in document["variants"] if isinstance(one, dict)}
    if decision.variant is not None and keys and decision.variant not in keys:
        raise RefusalError(400, f"variant is invalid: the experiment has no variant {decision.variant!r}")
    moved = _in_state(document, "success" if decision.success else "fail", now)
    found = {"variant": decision.variant, "message": decision.message}
    return _modified({**moved, "results_cache": {**moved["results_cache"], **found}}, editor, now)


def archived(document: JsonObject, editor: str, now: float) -> JsonObject:
    """Return an archived experiment.

    Raises:
        RefusalError: With 400, if it is archived already.
    """
    _check_live(document)
    return _modified({**document, "deleted": iso(now)}, editor, now)


def restored(document: JsonObject, editor: str, now: float) -> JsonObject:
    """Return an experiment that is archived no more.

    Raises:
        RefusalError: With 400, if it is not archived.
    """
    if document["deleted"] is None:
        raise RefusalError(400, "the experiment is not archived; nothing is to be restored")
    return _modified({**document, "deleted": None}, editor, now)


def shown_experiment(document: JsonObject, flag: JsonObject | None) -> JsonObject:
    """Return an experiment as the API shows it.

    Args:
        document: The experiment.
        flag: Document of the feature flag that belongs to it.
    """
    hidden = {"author", "editor", "workspace_id", "global_access_type"}
    author, editor = document["author"], document["editor"]
    return {
        **{name: value for name, value in document.items() if name not in hidden},
        "content_type": "experiment",
        "creator_id": user_id(author),
        "creator_name": author,
        "creator_email": None,
        "last_modified_by_id": user_id(editor),
        "last_modified_by_name": editor,
        "last_modified_by_email": "",
        "is_favorited": False,
        "pinned_date": None,
        "can_view": True,
        "can_update_basic": True,
        "can_update_restricted": True,
        "can_update_visibility": True,
        "is_superadmin": False,
        "allow_staff_override": False,
        "can_share": True,
        "is_shared_with_project": document["global_access_type"] not in {None, "off"},
        "feature_flag": None if flag is None else {name: flag[name] for name in ("id", "key", "name", "status")},
    }


def _in_state(document: JsonObject, status: str, now: float) -> JsonObject:
    _check_live(document)
    before = document["status"]
    if status not in FOLLOWING:
        raise RefusalError(400, f"status is invalid: {status!r}; give one of {', '.join(FOLLOWING)}")
    if status not in FOLLOWING[before]:
        after = " or ".join(sorted(FOLLOWING[before]))
        advice = f"it can only become {after}" if after else "it is decided and stays so"
        raise RefusalError(400, f"the experiment is in state {before} and cannot become {status}; {advice}")
    dates = {"active": "start_date", "concluded": "end_date"}
    return {**document, "status": status, **({dates[status]: iso(now)} if status in dates else {})}


def _check_live(document: JsonObject) -> None:
    if document["deleted"] is not None:
        raise RefusalError(400, "the experiment is archived; restore it first")


def _modified(document: JsonObject, editor: str, now: float) -> JsonObject:
    return {**document, "editor": editor, "modified": iso(now)}
