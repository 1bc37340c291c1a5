import urllib.parse

import aiohttp
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import BigQuery, GcsRaw
from mixpanel_async.actions.pipelines.destinations import PipelineKind
from mixpanel_async.errors import BadRequestError, NotFoundError
from tests.contract.calls import ENDLESS, KINDS
from tests.integration.emulator.api import Api, HandClock
from tests.integration.emulator.app.requests import PIPELINE

DAY_SECONDS = 86_400
RAW = GcsRaw(from_date="2025-10-07", gcs_bucket="b", gcs_region="us-east1")
NAME = "events-daily-gcs-raw"


@pytest.mark.parametrize("kind", [*KINDS, ENDLESS], ids=lambda kind: type(kind).__name__)
async def test_every_kind_is_created(mp: AsyncMixpanel, kind: PipelineKind) -> None:
    """The client's request for each kind, with every option, is accepted, and the pipeline is listed."""
    created = await mp.pipelines.create(kind)
    (name,) = created.pipeline_names
    (job,) = await mp.pipelines.list()
    assert (job.name, job.project_id) == (name, "1")
    assert (created.bigquery_dataset_name is not None) is isinstance(kind, BigQuery)


async def test_names_are_stable_and_unique(mp: AsyncMixpanel) -> None:
    """A name says what is exported; a second pipeline of the same kind gets a number, a trial two pipelines."""
    names = [(await mp.pipelines.create(RAW)).pipeline_names for _ in range(3)]
    assert names == [[NAME], [f"{NAME}-2"], [f"{NAME}-3"]]
    trial = BigQuery(trial=True, bq_region="US", gcp_project="g", bq_dataset_name="d")
    created = await mp.pipelines.create(trial)
    assert created.pipeline_names == [
        "trial-events-daily-bigquery-monoschema",
        "trial-people-daily-bigquery-monoschema",
    ]
    assert created.bigquery_dataset_name == "https://bigquery.cloud.google.com/dataset/g:d"
    await mp.pipelines.cancel(f"{NAME}-2")
    assert (await mp.pipelines.create(RAW)).pipeline_names == [f"{NAME}-2"]


async def test_tasks_follow_the_time(mp: AsyncMixpanel, clock: HandClock) -> None:
    """Past days are exported at once, a day when it is over, and none while the pipeline is paused."""
    await mp.pipelines.create(RAW)

    async def states() -> dict[str, object]:
        return dict((await mp.pipelines.status(NAME, summary=True)).tasks)

    assert await states() == {"succeeded": 2, "pending": 1}
    clock.seconds += DAY_SECONDS
    assert await states() == {"succeeded": 3, "pending": 1}
    await mp.pipelines.pause(NAME)
    clock.seconds += 3 * DAY_SECONDS
    assert await states() == {"succeeded": 3, "canceled": 1}
    await mp.pipelines.resume(NAME)
    assert await states() == {"succeeded": 6, "canceled": 1, "pending": 1}
    (pending,) = (await mp.pipelines.status(NAME, status="pending")).tasks["pending"]  # type: ignore[misc]
    assert pending.from_date.startswith("2025-10-13 00:00:00")  # type: ignore[union-attr]
    timeline = await mp.pipelines.timeline(NAME)
    assert [(day.date, day.status, len(day.sync_times)) for day in timeline.day_syncs][-3:] == [
        ("2025-10-11", "synced", 1), ("2025-10-12", "synced", 1), ("2025-10-13", "pending", 0)
    ]  # fmt: skip
    assert (await mp.pipelines.timeline()) == timeline
    (job,) = await mp.pipelines.list()
    assert (job.dispatcher, job.last_dispatched) == ("live", "2025-10-13 09:00:00 UTC")


async def test_a_window_ends(mp: AsyncMixpanel, clock: HandClock) -> None:
    """After the last day there is nothing more to do."""
    await mp.pipelines.create(
        GcsRaw(from_date="2025-10-08", to_date="2025-10-09", gcs_bucket="b", gcs_region="us-east1")
    )
    clock.seconds += 10 * DAY_SECONDS
    assert (await mp.pipelines.status(NAME, summary=True)).tasks == {"succeeded": 2}


async def test_hours(mp: AsyncMixpanel, clock: HandClock) -> None:
    """An hourly pipeline exports past days at once and the present one by the hour."""
    await mp.pipelines.create(GcsRaw(from_date="2025-10-08", frequency="hourly", gcs_bucket="b", gcs_region="us-east1"))
    name = "events-hourly-gcs-raw"
    assert (await mp.pipelines.status(name, summary=True)).tasks == {"succeeded": 10, "pending": 1}
    clock.seconds += 3600
    assert (await mp.pipelines.status(name, summary=True)).tasks == {"succeeded": 11, "pending": 1}


async def test_edits(mp: AsyncMixpanel, api: Api) -> None:
    """Fields that a kind can change are kept, without secrets; those of other kinds are refused."""
    await mp.pipelines.create(RAW)
    await mp.pipelines.edit(NAME, events=["a", "b"], where='properties["x"] == 1')
    with pytest.raises(BadRequestError, match="glue_role"):
        await mp.pipelines.edit(NAME, glue_role="r")
    with pytest.raises(BadRequestError, match="where"):
        await mp.pipelines.edit(NAME, where='properties["x"] ==')
    azure = KINDS[2]
    (name,) = (await mp.pipelines.create(azure)).pipeline_names
    await mp.pipelines.edit(name, azure_client_secret="hidden", azure_client_id="i")
    kept = {one["name"]: one["fields"] for one in await api.emulator.documents("pipelines")}
    assert (kept[NAME]["events"], kept[NAME]["where"]) == (["a", "b"], 'properties["x"] == 1')
    assert kept[name]["azure_client_id"] == "i"
    assert not {"client_secret", "azure_client_secret"} & kept[name].keys()


async def test_wrong_states_and_names(mp: AsyncMixpanel) -> None:
    """A paused pipeline cannot be paused, an active one not resumed; an unknown name gets a 404."""
    await mp.pipelines.create(RAW)
    with pytest.raises(BadRequestError, match="not paused"):
        await mp.pipelines.resume(NAME)
    await mp.pipelines.pause(NAME)
    with pytest.raises(BadRequestError, match="paused already"):
        await mp.pipelines.pause(NAME)
    await mp.pipelines.cancel(NAME)
    for call in (mp.pipelines.pause, mp.pipelines.resume, mp.pipelines.cancel, mp.pipelines.edit, mp.pipelines.status,
                 mp.pipelines.timeline):  # fmt: skip
        with pytest.raises(NotFoundError, match=NAME):
            await call(NAME)
    assert await mp.pipelines.list() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": ""}, "type is missing"),
        ({"type": "ftp"}, "'ftp'"),
        ({"gcs_bucket": ""}, "gcs_bucket is missing"),
        ({"from_date": ""}, "from_date is missing"),
        ({"from_date": "2025-1-1x"}, "from_date is invalid"),
        ({"from_date": "2025-04-08"}, "six months"),
        ({"to_date": "2025-10-01"}, "before from_date"),
        ({"to_date": "2025-10-20", "frequency": "daily"}, "frequency is invalid"),
        ({"frequency": "weekly"}, "frequency is invalid"),
        ({"gcs_region": "moon"}, "gcs_region is invalid"),
        ({"data_source": "people"}, "data_source is invalid"),
        ({"where": "1 +"}, "where is invalid"),
        ({"s3_bucket": "b"}, "s3_bucket is invalid"),
        ({"trial": "maybe"}, "trial is invalid"),
        ({"type": "gcs-schema"}, "schema_type is missing"),
        ({"type": "gcs-schema", "schema_type": "monoschema", "sync": "false"}, "sync is invalid"),
    ],
)
async def test_what_is_refused(api: Api, change: dict[str, str], message: str) -> None:
    """A missing, unknown or invalid field gets a 400 that names it."""
    body = urllib.parse.urlencode({**PIPELINE, **change}).encode()
    answer = await api.call("POST", "/api/2.0/nessie/pipeline/create", body=body)
    assert (answer.status, answer.json()["status"]) == (400, "error")
    assert message in answer.json()["error"]


async def test_credentials(api: Api) -> None:
    """The project secret is accepted; a service account without a project is not, and no credential gets a 401."""
    path = "/api/2.0/nessie/pipeline/jobs"
    assert (await api.call("GET", path, authorization=aiohttp.encode_basic_auth("project-secret", ""))).status == 200
    assert (await api.call("GET", path)).status == 400
    assert (await api.call("GET", path, authorization=None)).status == 401
