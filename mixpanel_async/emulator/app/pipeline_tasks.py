"""The tasks of a pipeline, which follow from its window, its frequency and the time."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any, Final

STATES: Final = frozenset({"pending", "running", "retried", "failed", "canceled", "timed_out", "succeeded"})
_HOUR_MS: Final = 3_600_000

Task = dict[str, Any]  # from_ms, to_ms, state, run_ms, finish_ms


def tasks_until(pipeline: Mapping[str, Any], now_ms: int, zone: zoneinfo.ZoneInfo) -> list[Task]:
    """Return the tasks after those have run that were due; a paused pipeline runs none."""
    tasks: list[Task] = list(pipeline["tasks"])
    while tasks and tasks[-1]["state"] == "pending" and tasks[-1]["run_ms"] <= now_ms:
        done = tasks.pop()
        tasks.append({**done, "state": "succeeded", "finish_ms": done["run_ms"]})
        following = _next_task(pipeline, done["to_ms"], done["run_ms"], zone)
        if following is not None:
            tasks.append(following)
    return tasks


def resumed_tasks(pipeline: Mapping[str, Any], now_ms: int, zone: zoneinfo.ZoneInfo) -> list[Task]:
    """Return the tasks with the one that runs next: after the last that succeeded, or at the start of the window."""
    done = [task["to_ms"] for task in pipeline["tasks"] if task["state"] == "succeeded"]
    start = done[-1] if done else _start_of(dt.date.fromisoformat(pipeline["first_day"]), zone)
    following = _next_task(pipeline, start, now_ms, zone)
    return [*pipeline["tasks"], *([] if following is None else [following])]


def paused_tasks(tasks: Sequence[Task], now_ms: int) -> list[Task]:
    """Return the tasks with the pending one canceled."""
    if not tasks or tasks[-1]["state"] != "pending":
        return list(tasks)
    return [*tasks[:-1], {**tasks[-1], "state": "canceled", "finish_ms": now_ms}]


def tasks_by_state(pipeline: Mapping[str, Any], project: int, zone: zoneinfo.ZoneInfo) -> dict[str, list[Any]]:
    """Return the tasks by state, as the API shows them."""
    found: dict[str, list[Any]] = {}
    for task in pipeline["tasks"]:
        shown = {
            "project_id": project,
            "name": pipeline["name"],
            "state": task["state"],
            "last_finish": _go_time(task["finish_ms"], zone),
            "run_at": _go_time(task["run_ms"], zone),
            "from_date": _go_time(task["from_ms"], zone),
            "to_date": _go_time(task["to_ms"], zone),
        }
        found.setdefault(task["state"], []).append(shown)
    return found


def job_of(pipeline: Mapping[str, Any], zone: zoneinfo.ZoneInfo) -> dict[str, Any]:
    """Return a pipeline as the list of jobs shows it."""
    done = [task for task in pipeline["tasks"] if task["state"] == "succeeded"]
    is_live = bool(done) and done[-1]["to_ms"] > pipeline["created_ms"]
    last = "" if not done else f"{_local(done[-1]['finish_ms'], zone):%Y-%m-%d %H:%M:%S} {zone.key}"
    return {
        "name": pipeline["name"],
        "Dispatcher": "live" if is_live else "backfill",
        "last_dispatched": last,
        "frequency": pipeline["frequency"],
        "sync_enabled": "true" if pipeline["is_synced"] else "false",
    }


def days_of(pipelines: Sequence[Mapping[str, Any]], zone: zoneinfo.ZoneInfo) -> list[dict[str, Any]]:
    """Return when each day was exported, as the timeline shows it."""
    times: dict[str, list[int]] = {}
    unfinished = set()
    for pipeline in pipelines:
        for task in pipeline["tasks"]:
            day = f"{_local(task['from_ms'], zone):%Y-%m-%d}"
            if task["state"] == "succeeded":
                times.setdefault(day, []).append(task["finish_ms"])
            elif task["state"] == "pending":
                times.setdefault(day, [])
                unfinished.add(day)
    return [
        {
            "date": day,
            "sync_times": [_go_time(one, zone) for one in sorted(times[day])],
            "status": "pending" if day in unfinished else "synced",
        }
        for day in sorted(times)
    ]


def _next_task(pipeline: Mapping[str, Any], start_ms: int, earliest_ms: int, zone: zoneinfo.ZoneInfo) -> Task | None:
    """Return the task of the window that begins at `start_ms`; None after the last day.

    A window is a day, or with `hourly` an hour of a day that was not over when the pipeline was created.
    """
    day = _local(start_ms, zone).date()
    last = pipeline["last_day"]
    if last is not None and day > dt.date.fromisoformat(last):
        return None
    end_ms = _start_of(day + dt.timedelta(days=1), zone)
    if pipeline["frequency"] == "hourly" and end_ms > pipeline["created_ms"]:
        end_ms = min(start_ms + _HOUR_MS, end_ms)
    run_ms = max(end_ms, earliest_ms)
    return {"from_ms": start_ms, "to_ms": end_ms, "state": "pending", "run_ms": run_ms, "finish_ms": None}


def _start_of(day: dt.date, zone: zoneinfo.ZoneInfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def _local(ms: int, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, zone)


def _go_time(ms: int | None, zone: zoneinfo.ZoneInfo) -> str:
    return "" if ms is None else f"{_local(ms, zone):%Y-%m-%d %H:%M:%S.%f %z %Z}"
