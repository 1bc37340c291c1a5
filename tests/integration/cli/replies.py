"""What the local server of these tests answers with, by path; shapes as Mixpanel documents them."""

import json
from typing import Final

from mixpanel_async.json_types import JSONValue

_SERIES: Final = {
    "data": {
        "series": ["2026-08-01", "2026-08-02"],
        "values": {"pro": {"2026-08-01": 3, "2026-08-02": 4}, "free, or so": {"2026-08-01": 1}},
    },
    "legend_size": 2,
}
_DAYS: Final = {"results": {"2026-08-01": 1.5, "2026-08-02": 0.1}, "status": "ok", "computed_at": "2026-08-03T00:00:00"}
_STEP: Final = {"count": 32688, "goal": "App Open", "step_conv_ratio": 1, "overall_conv_ratio": 1, "event": "App Open"}
_RUN: Final = {"project_id": 1, "name": "trial-events", "state": "pending", "from_date": "2026-08-01"}

REPLIES: Final[dict[str, JSONValue]] = {
    "/api/query/segmentation": _SERIES,
    "/api/query/segmentation/numeric": _SERIES,
    "/api/query/segmentation/sum": _DAYS,
    "/api/query/segmentation/average": _DAYS,
    "/api/query/events": _SERIES,
    "/api/query/events/properties": _SERIES,
    "/api/query/events/top": {
        "events": [{"amount": 2, "event": "funnel", "percent_change": -0.357}],
        "type": "unique",
    },
    "/api/query/events/names": ["Signed Up", "Rückruf"],
    "/api/query/events/properties/top": {"plan": {"count": 5}, "city": {"count": 2}},
    "/api/query/events/properties/values": ["Berlin", "São Paulo"],
    "/api/query/insights": {
        "computed_at": "2026-08-03T00:00:00",
        "date_range": {"from_date": "2026-08-01", "to_date": "2026-08-02"},
        "headers": ["$event"],
        "series": {"Logged in": {"2026-08-01": 9852, "2026-08-02": 4325}},
    },
    "/api/query/funnels": {
        "meta": {"dates": ["2026-08-01"]},
        "data": {"2026-08-01": {"steps": [_STEP, {**_STEP, "count": 20524, "goal": "Game Played"}], "analysis": {}}},
    },
    "/api/query/funnels/list": [{"funnel_id": 7509, "name": "Signup funnel"}],
    "/api/query/retention": {"2026-08-01": {"counts": [9, 7], "first": 10}},
    "/api/query/retention/addiction": {"data": {"2026-08-01": [305, 107]}},
    "/api/query/stream/query": {
        "status": "ok",
        "results": {"events": [{"event": "Game Played", "properties": {"time": 1599589453, "$os": "iOS"}}]},
    },
    "/api/query/cohorts/list": [
        {
            "id": 1000, "name": "Cohort 1", "count": 150, "description": "Visited the home page",
            "created": "2019-03-19 23:49:51", "is_visible": 1, "project_id": 1,
        }
    ],
    "/api/query/jql": [{"key": ["Berlin"], "value": 3}, {"key": ["Rom"], "value": 1}],
    "/api/app/me": {"status": "ok", "results": {"projects": {"12": {"name": "Shop", "timezone": "Europe/Berlin"}}}},
    "/lookup-tables": {"code": 200, "status": "OK", "results": [{"id": "abc-1", "name": "Countries"}]},
    "/lookup-tables/abc-1": {"code": 200, "status": "OK"},
    "/api/2.0/nessie/pipeline/jobs": {
        "1": [{"name": "trial-events", "Dispatcher": "gcs", "last_dispatched": "2026-08-02", "frequency": "hourly"}]
    },
    "/api/2.0/nessie/pipeline/status": {"pending": [_RUN], "failed": [{**_RUN, "state": "failed"}]},
    "/api/2.0/nessie/pipeline/timeline": {
        "day_syncs": [{"date": "2026-08-01", "sync_times": ["2026-08-02T01:00:00"], "status": "ok"}]
    },
    "/api/2.0/nessie/pipeline/create": {"pipeline_names": ["trial-events"]},
    "/api/2.0/nessie/pipeline/edit": {"status": "ok"},
    "/api/2.0/nessie/pipeline/cancel": {"status": "ok"},
    "/api/2.0/nessie/pipeline/pause": {"status": "ok"},
    "/api/2.0/nessie/pipeline/resume": {"status": "ok"},
}  # fmt: skip
PAGE_SIZE: Final = 3
PROFILES: Final = 7
OWN_CSV: Final = "date,pro\n2026-08-01,3\n"


def profile(number: int) -> dict[str, JSONValue]:
    """A profile as Mixpanel sends it."""
    properties = {"plan": "pro", "seats": number} if number % 2 else {"plan": 'fr"ee'}
    return {"$distinct_id": f"user-{number}", "$properties": properties}


def page_of(number: int) -> bytes:
    """A page of the profiles as Mixpanel sends it."""
    first = number * PAGE_SIZE
    results = [profile(n) for n in range(first, min(first + PAGE_SIZE, PROFILES))]
    page = {"page": number, "page_size": PAGE_SIZE, "session_id": "s-1", "status": "ok", "total": PROFILES}
    return json.dumps({**page, "results": results}).encode()
