"""GET /api/query/events/*: counts of deduplicated events."""

import csv
import datetime as dt
import io
from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_json
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.export import DAY_MILLISECONDS, read_days
from mixpanel_async.emulator.state import PROJECT, STATE, ServerState

_NAMES_DAYS = 31
_NAMES_LIMIT = 255
_TOP_LIMIT = 100
_MAX_BUCKETS = 20_000


async def get_top_events(request: web.Request) -> web.StreamResponse:
    """Return today's events by frequency, with the change since yesterday as a fraction.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = admit_query(request)
    kind = _kind(request)
    today = _today(state)
    limit = _limit(request, _TOP_LIMIT)
    amounts, before = [
        dict(await _ranked(request, kind, start, start + DAY_MILLISECONDS))
        for start in (today, today - DAY_MILLISECONDS)
    ]
    events = [
        {
            "amount": amount,
            "event": name,
            "percent_change": (amount - before[name]) / before[name] if name in before else 1,
        }
        for name, amount in amounts.items()
    ]
    return json_reply({"events": events[:limit], "type": kind})


async def get_event_names(request: web.Request) -> web.StreamResponse:
    """Return the names of the most frequent events of the last 31 days.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = admit_query(request)
    kind = _kind(request)
    until = _today(state) + DAY_MILLISECONDS
    ranked = await _ranked(request, kind, until - _NAMES_DAYS * DAY_MILLISECONDS, until)
    return json_reply([name for name, _ in ranked[: _limit(request, _NAMES_LIMIT)]])


async def get_event_counts(request: web.Request) -> web.StreamResponse:
    """Return event counts over time, in units from a minute to a month; events without a count are omitted.

    Raises:
        RefusalError: The credential or a parameter is invalid, or the rate limit is exceeded.
    """
    state = admit_query(request)
    kind, unit = _kind(request), request.query.get("unit", "")
    names = decode_json(request.query.get("event", ""))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusalError(400, "event must be a JSON array of names")
    from_ms, until_ms = _span(request, state, unit)
    series = _series(from_ms, until_ms, unit)
    query = (
        f"SELECT event, strftime(date_trunc(?, epoch_ms(time_ms)), ?) AS bucket, {_AMOUNT[kind]}"  # noqa: S608
        " FROM events WHERE project = ? AND NOT superseded AND time_ms >= ? AND time_ms < ?"
        " AND event IN (SELECT unnest(?::VARCHAR[]))"
        " GROUP BY event, bucket"
    )
    parameters = [unit, _LABEL[unit], request[PROJECT].id, from_ms, until_ms, names]
    values: dict[str, dict[str, Any]] = {}
    for name, bucket, amount in await state.run(partial(state.store.rows, query, parameters)):
        values.setdefault(name, {})[bucket] = amount
    if request.query.get("format") == "csv":
        return web.Response(text=_as_csv(series, values), content_type="text/csv")
    return json_reply({"data": {"series": series, "values": values}, "legend_size": len(values)})


def admit_query(request: web.Request) -> ServerState:
    """Check the credential and the rate limit of a query; return the shared state, and set `request[PROJECT]`.

    Raises:
        RefusalError: The credential is invalid, or the rate limit is exceeded.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    state.admit_call(state.windows_of(project).query, state.limits.query_per_hour)
    return state


_AMOUNT = {
    "general": "count(*)",
    "unique": "count(DISTINCT distinct_id)",
    "average": "count(*) / count(DISTINCT distinct_id)",
}
_LABEL = {
    "minute": "%Y-%m-%d %H:%M:00",
    "hour": "%Y-%m-%d %H:00:00",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m-%d",
}


async def _ranked(request: web.Request, kind: str, from_ms: int, until_ms: int) -> list[tuple[str, Any]]:
    query = (
        f"SELECT event, {_AMOUNT[kind]} AS amount FROM events"  # noqa: S608 - constants
        " WHERE project = ? AND NOT superseded AND time_ms >= ? AND time_ms < ?"
        " GROUP BY event ORDER BY amount DESC, event"
    )
    state = request.app[STATE]
    parameters = [request[PROJECT].id, from_ms, until_ms]
    found = await state.run(partial(state.store.rows, query, parameters))
    return [(name, amount) for name, amount in found]


def _kind(request: web.Request) -> str:
    kind = request.query.get("type", "")
    if kind not in _AMOUNT:
        raise RefusalError(400, f"type must be one of {', '.join(_AMOUNT)}")
    return kind


def _limit(request: web.Request, default: int) -> int:
    text = request.query.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise RefusalError(400, "limit must be a positive integer")
    return int(text)


def _today(state: ServerState) -> int:
    return int(state.now() * 1000) // DAY_MILLISECONDS * DAY_MILLISECONDS


def _span(request: web.Request, state: ServerState, unit: str) -> tuple[int, int]:
    if unit not in _LABEL:
        raise RefusalError(400, f"unit must be one of {', '.join(_LABEL)}")
    if "interval" not in request.query:
        return read_days(request.query.get("from_date"), request.query.get("to_date"))
    interval = request.query["interval"]
    if not (interval.isascii() and interval.isdigit() and 0 < int(interval) <= _MAX_BUCKETS):
        raise RefusalError(400, "interval must be a positive number of units")
    end = _truncated(dt.datetime.fromtimestamp(state.now(), dt.UTC), unit)
    start = end
    for _ in range(int(interval) - 1):
        start = _truncated(start - dt.timedelta(minutes=1), unit)
    return int(start.timestamp() * 1000), int(_following(end, unit).timestamp() * 1000)


def _series(from_ms: int, until_ms: int, unit: str) -> list[str]:
    bucket = _truncated(dt.datetime.fromtimestamp(from_ms / 1000, dt.UTC), unit)
    series: list[str] = []
    while bucket.timestamp() * 1000 < until_ms:
        series.append(bucket.strftime(_LABEL[unit]))
        if len(series) > _MAX_BUCKETS:
            raise RefusalError(400, f"the dates span more than {_MAX_BUCKETS} units")
        bucket = _following(bucket, unit)
    return series


def _truncated(moment: dt.datetime, unit: str) -> dt.datetime:
    moment = moment.replace(second=0, microsecond=0)
    if unit == "minute":
        return moment
    moment = moment.replace(minute=0)
    if unit == "hour":
        return moment
    moment = moment.replace(hour=0)
    if unit == "week":
        return moment - dt.timedelta(days=moment.weekday())
    return moment.replace(day=1) if unit == "month" else moment


def _following(bucket: dt.datetime, unit: str) -> dt.datetime:
    if unit == "month":
        return (bucket + dt.timedelta(days=31)).replace(day=1)
    return bucket + dt.timedelta(**{f"{unit}s": 1})


def _as_csv(series: list[str], values: dict[str, dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["event", *series])
    writer.writerows([name, *[amounts.get(bucket, 0) for bucket in series]] for name, amounts in values.items())
    return text.getvalue()
