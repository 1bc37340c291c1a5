"""Pipelines and lookup tables from the command line."""

from pathlib import Path
from typing import get_args

import pytest

from mixpanel_async.cli.commands.pipelines import KindName
from mixpanel_async.cli.options.pipelines import KINDS
from tests.integration.actions.server import Script
from tests.integration.cli.conftest import Command

ROOT = "/api/2.0/nessie/pipeline"
GCS = ("--gcs-bucket", "b", "--gcs-region", "us-east1", "--from-date", "2026-08-01")


def test_every_kind_can_be_created() -> None:
    """A kind of pipeline that is added is offered."""
    assert set(get_args(KindName)) == {*KINDS, "generic"}


async def test_create_in_google_cloud_storage(inside: Command, mixpanel: Script) -> None:
    """Its fields are options."""
    ended = await inside(
        "pipelines", "create", "gcs-raw", *GCS, "--gcs-prefix", "p", "--event", "A", "--event", "B", "--where", "w",
        "--frequency", "hourly",
    )  # fmt: skip
    assert (ended.status, ended.json) == (0, [{"pipeline_names": ["trial-events"], "bigquery_dataset_name": None}])
    (seen,) = mixpanel.seen
    assert (seen.method, seen.path) == ("POST", f"{ROOT}/create")
    assert b"events=A&events=B" in seen.body
    sent = {"type": "gcs-raw", "gcs_bucket": "b", "gcs_region": "us-east1", "gcs_prefix": "p", "frequency": "hourly"}
    assert seen.form.items() >= {**sent, "from_date": "2026-08-01", "project_id": "1", "where": "w"}.items()


async def test_create_another_kind(inside: Command, mixpanel: Script, tmp_path: Path) -> None:
    """Fields come from --field and, where they are secret, from a file; the sum of both is checked."""
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"client_id": "c", "client_secret": "hidden", "tenant_id": "t"}', encoding="utf-8")
    fields = ("--field", "storage_account=s", "--field", "container_name=n", "--fields", f"@{secrets}", "--trial")
    assert (await inside("pipelines", "create", "azure-blob", *fields)).status == 0
    sent = {"type": "azure-blob", "client_secret": "hidden", "container_name": "n", "trial": "true", "sync": "true"}
    assert mixpanel.seen[0].form.items() >= sent.items()


async def test_create_generic(inside: Command, mixpanel: Script) -> None:
    """Any fields at all, for a kind that is not known here."""
    ended = await inside("pipelines", "create", "generic", "--field", "type=new", "--field", "project_id=1")
    assert (ended.status, mixpanel.seen[0].form) == (0, {"type": "new", "project_id": "1"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "gcs-raw", "--from-date", "2026-08-01"), "gcs-raw requires gcs_bucket"),
        (("create", "gcs-raw", "--gcs-bucket", "b", "--gcs-region", "us-east1"), "from_date is missing"),
        (("create", "gcs-raw", *GCS, "--field", "nonsense=1"), "gcs-raw has no field nonsense; choose from "),
        (("create", "gcs-raw", *GCS, "--to-date", "2026-08-02", "--frequency", "hourly"), "exclude each other"),
        (("create", "gcs-raw", "--gcs-region", "mars"), "--gcs-region"),
        (("create", "teapot"), "KIND"),
        (("create", "aws", "--fields", "[1]"), "--fields is invalid: not a JSON object"),
        (
            ("create", "aws", "--field", "s3_bucket=b", "--field", "s3_region=mars", "--field", "s3_role=r", "--trial"),
            "s3_region is invalid",
        ),
        (("edit", "p"), "nothing to change"),
        (("edit", "p", "--field", "nonsense=1"), "a pipeline has no field nonsense; choose from events, where, "),
        (("edit", "p", "--field", "glue_role=r", "--field", "azure_client_id=c"), "exclude each other"),
        (("status", "p", "--status", "lost"), "--status 'lost' is unknown; choose from pending"),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...], words: str, inside: Command, mixpanel: Script) -> None:
    """What Mixpanel would refuse is named on one line, before anything is sent."""
    ended = await inside("pipelines", *arguments)
    assert (ended.status, ended.out, mixpanel.seen, ended.err.count("\n")) == (2, "", [], 1)
    assert words in ended.err


async def test_edit(inside: Command, mixpanel: Script) -> None:
    """Known fields are checked and go with the client's project; with --generic any go, unchecked."""
    ended = await inside("pipelines", "edit", "p", "--event", "A", "--field", "glue_role=r")
    assert (ended.status, ended.json) == (0, [{"name": "p", "status": "ok"}])
    ended = await inside("pipelines", "edit", "p", "--generic", "--field", "new=1")
    assert (ended.status, ended.json) == (0, [{"status": "ok"}])
    checked, generic = mixpanel.seen
    assert checked.form == {"project_id": "1", "name": "p", "events": "A", "glue_role": "r"}
    assert (generic.path, generic.form) == (f"{ROOT}/edit", {"project_id": "1", "name": "p", "new": "1"})


async def test_list_status_and_timeline(inside: Command, mixpanel: Script) -> None:
    """What pipelines there are, their runs and the days that they exported."""
    jobs = await inside("pipelines", "list", "--output", "csv")
    assert jobs.out.splitlines()[1] == "trial-events,1,hourly,gcs,2026-08-02,"
    runs = await inside("pipelines", "status", "p", "--status", "failed", "--status", "pending", "--output", "csv")
    assert runs.out.splitlines()[0] == "state,from_date,to_date,run_at,last_finish,name,project_id"
    assert [line.partition(",")[0] for line in runs.out.splitlines()[1:]] == ["pending", "failed"]
    assert mixpanel.request is not None
    assert mixpanel.request.query.getall("status") == ["failed", "pending"]
    days = await inside("pipelines", "timeline")
    assert days.json == [{"date": "2026-08-01", "status": "ok", "sync_times": ["2026-08-02T01:00:00"]}]


async def test_summary_counts_runs(inside: Command, mixpanel: Script) -> None:
    """With --summary a row is a state and its number of runs."""
    mixpanel.handler = None
    mixpanel.answers({"pending": 3, "failed": 1})
    ended = await inside("pipelines", "status", "p", "--summary", "--output", "csv")
    assert ended.out == "state,count\npending,3\nfailed,1\n"


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_pause_and_resume(verb: str, inside: Command, mixpanel: Script) -> None:
    """Both name the pipeline, and need no confirmation: each undoes the other."""
    ended = await inside("pipelines", verb, "p")
    assert (ended.status, ended.json) == (0, [{"name": "p", "status": "ok"}])
    assert (mixpanel.seen[0].path, mixpanel.seen[0].form["name"]) == (f"{ROOT}/{verb}", "p")


async def test_lookup_tables(inside: Command, command: Command, mixpanel: Script, tmp_path: Path) -> None:
    """Tables are listed, and replaced from a file or standard input."""
    listed = await inside("lookup-tables", "list")
    assert listed.json == [{"id": "abc-1", "name": "Countries"}]
    table = tmp_path / "table.csv"
    table.write_bytes(b"id,name\n1,a\n")
    replaced = await inside("lookup-tables", "replace", "abc-1", str(table))
    assert (replaced.status, replaced.json) == (0, [{"name": "abc-1", "status": "OK"}])
    piped = await command("lookup-tables", "replace", "abc-1", "-", "--json", stdin=b"id\n2\n")
    assert (piped.status, piped.json) == (0, {"code": 200, "status": "OK"})
    assert [(seen.method, seen.body) for seen in mixpanel.seen[1:]] == [
        ("PUT", b"id,name\n1,a\n"),
        ("PUT", b"id\n2\n"),
    ]


async def test_a_wrong_table_is_not_sent(inside: Command, mixpanel: Script, tmp_path: Path) -> None:
    """A table that Mixpanel would refuse is named with its line, and the table at Mixpanel stays as it is."""
    table = tmp_path / "table.csv"
    table.write_bytes(b"id,name\n1\n")
    ended = await inside("lookup-tables", "replace", "abc-1", str(table))
    assert (ended.status, mixpanel.seen) == (2, [])
    assert f"{table}, line 2: the row has 1 fields, but the header has 2" in ended.err


async def test_projects(inside: Command) -> None:
    """The projects that the credentials can see."""
    ended = await inside("projects", "list")
    assert ended.json == [{"id": 12, "name": "Shop", "domain": None, "timezone": "Europe/Berlin"}]
