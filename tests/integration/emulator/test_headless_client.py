"""`mixpanel-headless`, a client that others wrote: its discovery, queries and exports against the local server."""

import asyncio
import os
import pathlib
import subprocess
import sys
import textwrap
import venv

import orjson
import pytest

from mixpanel_async.emulator import Emulator
from tests.integration.emulator.api import Api, event

SCRIPT = textwrap.dedent("""
    import json
    import mixpanel_headless

    w = mixpanel_headless.Workspace()
    days = {"from_date": "2025-10-08", "to_date": "2025-10-09"}
    funnel = w.funnel(w.funnels()[0].funnel_id, **days)
    cohort = w.cohorts()[0]
    retention = w.retention(born_event="A", return_event="B", interval_count=1, **days)
    print(json.dumps({
        "events": w.events(),
        "properties": w.properties("A"),
        "values": w.property_values("plan", event="A"),
        "top": [[one.event, one.count] for one in w.top_events()],
        "segmentation": w.segmentation("A", on='properties["plan"]', where='properties["n"] > 0', **days).series,
        "counts": w.event_counts(["A", "B"], unit="week", **days).series,
        "property_counts": w.property_counts("A", "plan", type="unique", **days).series,
        "numeric": w.segmentation_numeric("A", on="n", **days).series,
        "sum": w.segmentation_sum("A", on="n", **days).results,
        "average": w.segmentation_average("A", on="n", **days).results,
        "funnel": [[step.event, step.count] for step in funnel.steps],
        "retention": [[one.date, one.size, one.retention] for one in retention.cohorts],
        "frequency": w.frequency(unit="week", addiction_unit="day", **days).data,
        "cohort": [cohort.name, cohort.count],
        "exported": sorted(one["distinct_id"] for one in w.stream_events(where='properties["plan"] == "pro"', **days)),
        "profiles": sorted(one["distinct_id"] for one in w.stream_profiles(where='user["plan"] == "pro"')),
        "members": sorted(one["distinct_id"] for one in w.stream_profiles(cohort_id=str(cohort.id))),
    }))
""")
EXPECTED = {
    "events": ["A", "B"],
    "properties": ["$insert_id", "distinct_id", "n", "plan"],
    "values": ["free", "pro"],
    "top": [["A", 3], ["B", 3]],
    "segmentation": {"free": {"2025-10-09": 2}},
    "counts": {"A": {"2025-10-06": 3}, "B": {"2025-10-06": 3}},
    "property_counts": {"free": {"2025-10-09": 2}, "pro": {"2025-10-09": 1}},
    "numeric": {"0 - 1": {"2025-10-09": 1}, "2 - 3": {"2025-10-09": 1}, "4 - 5": {"2025-10-09": 1}},
    "sum": {"2025-10-08": 0, "2025-10-09": 6},
    "average": {"2025-10-08": 0, "2025-10-09": 2},
    "funnel": [["A", 3], ["B", 3]],
    "retention": [["2025-10-08", 0, [0.0, 0.0]], ["2025-10-09", 3, [1.0, 0.0]]],
    "frequency": {"2025-10-06": [3, 0, 0, 0, 0, 0, 0]},
    "cohort": ["Pro", 2],
    "exported": ["u0", "u0"],
    "profiles": ["u0", "u4"],
    "members": ["u0", "u4"],
}


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A Python that has the client, in an environment of its own."""
    folder = tmp_path_factory.mktemp("headless")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "mixpanel-headless>=0.4"]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    if installed.returncode:
        pytest.skip(f"mixpanel-headless cannot be installed here: {installed.stderr.strip().splitlines()[-1]}")
    return python


async def fill(api: Api) -> None:
    """Store events of three users, their profiles, a funnel and a cohort."""
    plans = {0: "pro", 2: "free", 4: "free"}
    events = [
        event(n + offset, "AB"[offset], distinct_id=f"u{n}", plan=plan, n=n)
        for n, plan in plans.items()
        for offset in (0, 1)
    ]
    assert (await api.import_events(events)).status == 200
    profiles = [{"$token": "t", "$distinct_id": f"u{n}", "$set": {"plan": "pro" if n != 2 else "free"}} for n in plans]
    await api.post_json("/engage", profiles)
    await api.post_json("/_admin/funnels", {"name": "F", "steps": [{"event": "A"}, {"event": "B"}]})
    await api.post_json("/_admin/cohorts", {"name": "Pro", "where": 'user["plan"] == "pro"'})


async def test_the_headless_client(
    headless: pathlib.Path, api: Api, emulator: Emulator, tmp_path: pathlib.Path
) -> None:
    """Unchanged but for the address, it finds, queries and exports what the local server stored."""
    await fill(api)
    own = {"MP_API_BASE_URL": emulator.url, "MP_USERNAME": "user", "MP_SECRET": "secret", "MP_PROJECT_ID": "1"}
    process = await asyncio.create_subprocess_exec(
        str(headless), "-c", SCRIPT, cwd=tmp_path,
        env={**os.environ, **own, "MP_REGION": "us", "MP_STORAGE_DIR": str(tmp_path), "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert orjson.loads(out) == EXPECTED
