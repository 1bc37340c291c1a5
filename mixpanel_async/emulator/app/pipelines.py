"""Pipelines: what may be asked for, and their states active and paused."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixpanel_async.emulator.app.destinations import DESTINATIONS, SECRETS, Destination
from mixpanel_async.emulator.app.moments import read_day
from mixpanel_async.emulator.app.pipeline_tasks import paused_tasks, resumed_tasks, tasks_until
from mixpanel_async.emulator.expressions.parser import ExpressionError, parse_expression
from mixpanel_async.emulator.replies import RefusalError

Fields = Mapping[str, Sequence[str]]  # the fields of a form; a field may be repeated

_MANY: Final = frozenset({"events", "bq_share_with_group"})
_OLDEST_MONTHS: Final = 6
_TRIAL_DAYS: Final = 30


def new_pipelines(fields: Fields, now_ms: int, zone: zoneinfo.ZoneInfo) -> list[dict[str, Any]]:
    """Return the documents of the pipelines that a form asks for: one, or a trial of events and profiles.

    Args:
        fields: The form.
        now_ms: The time, in milliseconds since 1970.
        zone: The project's time zone.

    Raises:
        RefusalError: With 400, if a field is missing, unknown or invalid.
    """
    kind = _one(fields, "type") or ""
    if kind not in DESTINATIONS:
        found = "missing" if not kind else f"invalid: {kind!r} is not a kind of pipeline"
        raise RefusalError(400, f"type is {found}; give one of {', '.join(DESTINATIONS)}")
    destination = DESTINATIONS[kind]
    is_trial = _one(fields, "trial") == "true"
    _check_fields(fields, destination, is_trial=is_trial)
    _check_conflicts(fields, destination)
    first, last = _window(fields, dt.datetime.fromtimestamp(now_ms / 1000, zone).date(), is_trial=is_trial)
    has_people = is_trial and destination.has_schema
    sources = ["events", "people"] if has_people else [_one(fields, "data_source") or "events"]
    frequency = "daily" if is_trial else _one(fields, "frequency") or "daily"
    given = {
        name: list(values) if name in _MANY else values[-1]
        for name, values in fields.items()
        if name not in SECRETS | {"project_id"}
    }
    pipelines: list[dict[str, Any]] = [
        {
            "name": _name(kind, source, frequency, _one(fields, "schema_type"), is_trial=is_trial),
            "kind": kind,
            "data_source": source,
            "frequency": frequency,
            "first_day": first.isoformat(),
            "last_day": None if last is None else last.isoformat(),
            "created_ms": now_ms,
            "is_paused": False,
            "is_synced": destination.has_schema and not is_trial,
            "fields": given,
            "tasks": [],
        }
        for source in sources
    ]
    return [{**one, "tasks": resumed_tasks(one, now_ms, zone)} for one in pipelines]


def edited(document: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Return a changed pipeline.

    Raises:
        RefusalError: With 400, if a field is not one that this kind can change, or is invalid.
    """
    destination = DESTINATIONS[document["kind"]]
    unknown = sorted(fields.keys() - destination.editable)
    if unknown:
        raise RefusalError(
            400, f"{unknown[0]} is invalid: a pipeline of type {document['kind']} cannot change it; remove it"
        )
    _check_where(fields, document["data_source"])
    changes: dict[str, Any] = {
        name: list(values) if name in _MANY else values[-1]
        for name, values in fields.items()
        if name not in SECRETS | {"name", "project_id"}
    }
    if "bq_share_with_group" in changes:
        # Shares are only added.
        old = document["fields"].get("bq_share_with_group", [])
        changes["bq_share_with_group"] = list(dict.fromkeys([*old, *changes["bq_share_with_group"]]))
    return {**document, "fields": {**document["fields"], **changes}}


def paused(document: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return a paused pipeline; its pending task is canceled.

    Raises:
        RefusalError: With 400, if it is paused already.
    """
    if document["is_paused"]:
        raise RefusalError(400, f"pipeline {document['name']!r} is paused already; resume it first")
    return {**document, "is_paused": True, "tasks": paused_tasks(document["tasks"], now_ms)}


def resumed(document: dict[str, Any], now_ms: int, zone: zoneinfo.ZoneInfo) -> dict[str, Any]:
    """Return an active pipeline; it goes on where it was paused.

    Raises:
        RefusalError: With 400, if it is not paused.
    """
    if not document["is_paused"]:
        raise RefusalError(400, f"pipeline {document['name']!r} is not paused; nothing is to be resumed")
    active = {**document, "is_paused": False}
    return {**active, "tasks": resumed_tasks(active, now_ms, zone)}


def advanced(document: dict[str, Any], now_ms: int, zone: zoneinfo.ZoneInfo) -> dict[str, Any]:
    """Return a pipeline whose tasks have run that were due until now."""
    return {**document, "tasks": tasks_until(document, now_ms, zone)}


def free_name(name: str, taken: frozenset[str]) -> str:
    """Return a name that no pipeline has: the given one, or with the first number that is free."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _check_fields(fields: Fields, destination: Destination, *, is_trial: bool) -> None:
    unknown = sorted(fields.keys() - destination.known)
    if unknown:
        kind = _one(fields, "type")
        raise RefusalError(400, f"{unknown[0]} is invalid: a pipeline of type {kind} has no such field; remove it")
    required = destination.required | (set() if is_trial else {"from_date"})
    absent = sorted(name for name in required if not _one(fields, name))
    if absent:
        raise RefusalError(400, f"{absent[0]} is missing: a pipeline of type {_one(fields, 'type')} needs it; give it")
    for name in sorted(fields):
        values, given = destination.values_of(name), _one(fields, name)
        if values is not None and given not in values:
            raise RefusalError(400, f"{name} is invalid: {given!r}; give one of {', '.join(sorted(values))}")


def _check_conflicts(fields: Fields, destination: Destination) -> None:
    _check_where(fields, _one(fields, "data_source") or "events")
    if _one(fields, "to_date") and _one(fields, "frequency"):
        raise RefusalError(400, "frequency is invalid: a pipeline with to_date has none; remove one of them")
    if _one(fields, "s3_kms_key_id") and _one(fields, "s3_encryption") != "kms":
        raise RefusalError(400, "s3_kms_key_id is invalid: it needs s3_encryption kms; give both or neither")
    if _one(fields, "use_glue") == "true":
        for name in sorted(destination.edits - {"glue_table_prefix"}):
            if not _one(fields, name):
                raise RefusalError(400, f"{name} is missing: use_glue needs it; give it")


def _check_where(fields: Fields, source: str) -> None:
    where = _one(fields, "where")
    if not where:
        return
    if source == "people":
        raise RefusalError(400, "where is invalid: a pipeline of people takes none; remove it")
    try:
        parse_expression(where)
    except ExpressionError as error:
        raise RefusalError(400, f"where is invalid: {error}") from error


def _window(fields: Fields, today: dt.date, *, is_trial: bool) -> tuple[dt.date, dt.date | None]:
    if is_trial:
        first = today - dt.timedelta(days=1)
        return first, first + dt.timedelta(days=_TRIAL_DAYS - 1)
    first = read_day("from_date", _one(fields, "from_date") or "")
    last_text = _one(fields, "to_date")
    last = read_day("to_date", last_text) if last_text else None
    if last is not None and last < first:
        raise RefusalError(400, f"to_date is invalid: {last} is before from_date {first}; give a later day")
    if first < _months_before(today, _OLDEST_MONTHS):
        raise RefusalError(400, f"from_date is invalid: {first} is more than six months ago; give a later day")
    return first, last


def _months_before(day: dt.date, months: int) -> dt.date:
    month = day.year * 12 + day.month - 1 - months
    first = dt.date(month // 12, month % 12 + 1, 1)
    next_first = (first + dt.timedelta(days=31)).replace(day=1)
    return min(first + dt.timedelta(days=day.day - 1), next_first - dt.timedelta(days=1))


def _name(kind: str, source: str, frequency: str, schema_type: str | None, *, is_trial: bool) -> str:
    # All profiles are exported as one table.
    schema = "monoschema" if source == "people" and schema_type else schema_type
    parts = ["trial"] * is_trial + [source, frequency, kind] + [schema] * (schema is not None)
    return "-".join(str(part) for part in parts)


def _one(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    return values[-1] if values else None
