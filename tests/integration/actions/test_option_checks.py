import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from mixpanel_async.actions import (
    Annotations,
    Aws,
    AzureRaw,
    BigQuery,
    Experiments,
    FeatureFlags,
    GcsRaw,
    Gdpr,
    LookupTables,
    Pipelines,
    Query,
    RawExport,
    S3Raw,
    Schemas,
    ServiceAccounts,
    Snowflake,
    request,
)
from mixpanel_async.actions._core.params import iso_date, iso_moment
from mixpanel_async.actions.warehouse.models import EventStreamImport, PeopleImport
from mixpanel_async.auth import OAuthToken, ProjectSecret
from mixpanel_async.errors import CannotEncodeError, InvalidArgumentError, MissingCredentialsError, UnexpectedReplyError
from tests.integration.actions.server import ACCOUNT, Recorder

DAY = dt.date(2026, 8, 31)
Case = tuple[Callable[[Recorder], object], str]

CASES: dict[str, Case] = {
    "dates in order": (
        lambda s: Query(s).segmentation("e", "2026-09-01", DAY),
        "to_date is invalid: 2026-08-31 is before from_date",
    ),
    "a date": (lambda s: Query(s).segmentation("e", "2026-9-1", DAY), "from_date is invalid: '2026-9-1'"),
    "a day that exists": (
        lambda s: Query(s).segmentation("e", "2026-02-30", DAY),
        "from_date is invalid: '2026-02-30'",
    ),
    "unit or interval": (lambda s: Query(s).segmentation("e", DAY, DAY, unit="day", interval=1), "unit and interval"),
    "interval and type": (
        lambda s: Query(s).segmentation("e", DAY, DAY, interval=1),
        "interval is invalid: it needs type",
    ),
    "limit in range": (
        lambda s: Query(s).segmentation("e", DAY, DAY, limit=10_001, on="x"),
        "limit is invalid: 10001 is outside",
    ),
    "format": (lambda s: Query(s).segmentation("e", DAY, DAY, format="xml"), "format is invalid: 'xml'"),  # type: ignore[call-overload]
    "funnel unit or interval": (lambda s: Query(s).funnels(1, DAY, DAY, unit="day", interval=2), "interval and unit"),
    "birth and born_event": (lambda s: Query(s).retention(DAY, DAY), "born_event is missing"),
    "frequency limit": (
        lambda s: Query(s).frequency(DAY, DAY, unit="day", addiction_unit="hour", limit=0),
        "limit is invalid: 0 is outside",
    ),
    "interval or dates": (
        lambda s: Query(s).event_counts("e", type="general", unit="day", interval=1, from_date=DAY),
        "interval and from_date exclude",
    ),
    "interval or to_date": (
        lambda s: Query(s).event_counts("e", type="general", unit="day", interval=1, to_date=DAY),
        "interval and to_date exclude",
    ),
    "both dates": (
        lambda s: Query(s).event_counts("e", type="general", unit="day", from_date=DAY),
        "give from_date and to_date, or interval",
    ),
    "neither": (
        lambda s: Query(s).property_counts("e", "p", type="general", unit="day"),
        "give from_date and to_date, or interval",
    ),
    "page and session": (lambda s: Query(s).profiles_page(page=1), "page above 0 needs session_id"),
    "page and session of all": (lambda s: Query(s).profiles(page=1), "page above 0 needs session_id"),
    "offset and session": (lambda s: Query(s).profiles(offset=1), "offset is invalid: it needs session_id"),
    "behaviors or cohort": (
        lambda s: Query(s).profiles(behaviors=[], filter_by_cohort=1),
        "behaviors and filter_by_cohort exclude",
    ),
    "as_of and behaviors": (
        lambda s: Query(s).profiles(as_of_timestamp=1),
        "as_of_timestamp is invalid: it needs behaviors",
    ),
    "one id or many": (
        lambda s: Query(s).profiles(distinct_id="u", distinct_ids=["v"]),
        "distinct_id and distinct_ids exclude",
    ),
    "export limit": (lambda s: RawExport(s).request(DAY, DAY, limit=100_001), "limit is invalid: 100001 is outside"),
    "no from_date": (lambda _: GcsRaw(gcs_bucket="b", gcs_region="us-east1"), "from_date is missing"),
    "frequency and to_date": (
        lambda _: GcsRaw(from_date=DAY, to_date=DAY, frequency="hourly", gcs_bucket="b", gcs_region="us-east1"),
        "frequency and to_date exclude",
    ),
    "kms": (
        lambda _: S3Raw(from_date=DAY, s3_bucket="b", s3_region="us-east-1", s3_role="r", s3_kms_key_id="k"),
        'needs s3_encryption "kms"',
    ),
    "glue": (
        lambda _: Aws(from_date=DAY, s3_bucket="b", s3_region="us-east-1", s3_role="r", use_glue=True),
        "use_glue is invalid: it needs glue_database",
    ),
    "glue role": (
        lambda _: Aws(from_date=DAY, s3_bucket="b", s3_region="us-east-1", s3_role="r", glue_role="r"),
        "glue_role is invalid: it needs use_glue",
    ),
    "one kind": (
        lambda s: Pipelines(s).edit("n", azure_client_id="i", glue_role="r"),
        "azure_client_id and glue_role exclude",
    ),
    "event name": (
        lambda _: EventStreamImport(
            warehouse_source_id=1,
            table_params={},
            time_column_name="t",
            sync_mode="full_sync",
            event_name="e",
            event_column_name="c",
        ),
        "event_name and event_column_name exclude",
    ),
    "no event name": (
        lambda _: EventStreamImport(
            warehouse_source_id=1, table_params={}, time_column_name="t", sync_mode="full_sync"
        ),
        "needs event_name or event_column_name",
    ),
    "time based": (
        lambda _: PeopleImport(warehouse_source_id=1, table_params={}, user_column_name="u", sync_mode="time_based"),
        "insert_time_column_name is missing",
    ),
    "single user": (
        lambda _: PeopleImport(
            warehouse_source_id=1,
            table_params={},
            user_column_name="u",
            sync_mode="full_sync",
            databricks_params={"export_cluster_config": {"data_security_mode": "SINGLE_USER"}},
        ),
        "single_user_name is missing",
    ),
    "disclosure": (
        lambda s: Gdpr(s).create_retrieval(["u"], disclosure_type="Data"),
        "disclosure_type is invalid: it needs",
    ),
    "gdpr ids": (lambda s: Gdpr(s).create_deletion(["u"] * 2001), "distinct_ids is invalid: it has 2,001 entries"),
    "gdpr no ids": (lambda s: Gdpr(s).create_deletion([]), "distinct_ids is invalid: it has 0 entries"),
    "gdpr one string": (lambda s: Gdpr(s).create_deletion("user"), "distinct_ids is invalid: it is a string"),
    "schemas": (lambda s: Schemas(s).upload([]), "entries is invalid: it has 0 entries"),
    "annotation date": (lambda s: Annotations(s).create("2026-08-31", "text"), "date is invalid: '2026-08-31'"),
    "expires": (
        lambda s: ServiceAccounts(s).create(1, "n", expires=dt.datetime(2027, 1, 1)),  # noqa: DTZ001 - the point
        "expires is invalid: it has no time zone",
    ),
    "experiment date": (lambda s: Experiments(s).update("e", start_date="soon"), "start_date is invalid: 'soon'"),
    "a path that climbs": (lambda s: Schemas(s).get("event", ".."), "name is invalid: '..'"),
    "an empty id": (lambda s: LookupTables(s).delete(""), "table_id is invalid: ''"),
    "two bodies": (lambda s: request(s, "POST", "/x", json={}, form={}), "json and form exclude"),
    "files and json": (lambda s: request(s, "POST", "/x", json={}, files={"f": b""}), "files and json exclude"),
    "unknown option": (lambda s: request(s, "POST", "/x", retries=1), "unknown option retries"),  # type: ignore[call-overload]
    "response": (lambda s: request(s, "GET", "/x", response="xml"), "response is invalid: 'xml'"),  # type: ignore[call-overload]
    "unknown id": (lambda s: Query(s).insights(1, projekt=2), "query.insights: unknown argument projekt"),  # type: ignore[call-arg]
    "an id that the path does not have": (
        lambda s: Annotations(s).list(workspace_id=2),  # type: ignore[call-arg]
        "annotations.list: unknown argument workspace_id",
    ),
    "a project for experiments": (
        lambda s: Experiments(s).list(project_id=2),  # type: ignore[call-arg]
        "experiments.list: unknown argument project_id",
    ),
    "type": (lambda s: Query(s).event_counts("e", type="bogus", unit="day", interval=1), "'bogus' is unknown; choose"),  # type: ignore[call-overload]
    "type of top events": (lambda s: Query(s).top_events(type="bogus"), "type is invalid: 'bogus'"),  # type: ignore[call-overload]
    "unit of counts": (
        lambda s: Query(s).event_counts("e", type="general", unit="year", interval=1),  # type: ignore[call-overload]
        "unit is invalid: 'year' is unknown; choose minute, hour, day, week or month",
    ),
    "unit of funnels": (lambda s: Query(s).funnels(1, DAY, DAY, unit="hour"), "unit is invalid: 'hour'"),  # type: ignore[arg-type]
    "unit of a length": (
        lambda s: Query(s).funnels(1, DAY, DAY, length=1, length_unit="week"),  # type: ignore[arg-type]
        "length_unit is invalid: 'week'",
    ),
    "unit of segments": (lambda s: Query(s).segmentation("e", DAY, DAY, unit="week"), "unit is invalid: 'week'"),  # type: ignore[call-overload]
    "unit of sums": (lambda s: Query(s).segmentation_sum("e", DAY, DAY, "x", unit="month"), "unit is invalid"),  # type: ignore[arg-type]
    "retention type": (
        lambda s: Query(s).retention(DAY, DAY, retention_type="reborn"),  # type: ignore[arg-type]
        "retention_type is invalid: 'reborn'",
    ),
    "states": (lambda s: Pipelines(s).status("n", status="lost"), "status is invalid: 'lost'"),  # type: ignore[arg-type]
    "one of some states": (lambda s: Pipelines(s).get("n", status=["failed", "lost"]), "status is invalid: 'lost'"),  # type: ignore[list-item]
    "GCS region": (lambda _: GcsRaw(trial=True, gcs_bucket="b", gcs_region="mars"), "gcs_region is invalid: 'mars'"),  # type: ignore[arg-type]
    "S3 encryption": (
        lambda _: S3Raw(trial=True, s3_bucket="b", s3_region="us-east-1", s3_role="r", s3_encryption="rot13"),  # type: ignore[arg-type]
        "s3_encryption is invalid: 'rot13'",
    ),
    "entity type": (lambda s: Schemas(s).list_for_entity("thing"), "entity_type is invalid: 'thing'"),  # type: ignore[arg-type]
    "law": (lambda s: Gdpr(s).create_deletion(["u"], compliance_type="HIPAA"), "compliance_type is invalid"),  # type: ignore[arg-type]
    "role": (lambda s: ServiceAccounts(s).create(1, "n", role="king"), "role is invalid: 'king'"),  # type: ignore[arg-type]
    "no events": (
        lambda s: Query(s).event_counts([], type="general", unit="day", interval=1),
        "event is invalid: the list is empty",
    ),
    "no users": (lambda s: Query(s).activity([], DAY, DAY), "distinct_ids is invalid: the list is empty"),
    "no users as JSON": (lambda s: Query(s).activity("[]", DAY, DAY), "distinct_ids is invalid: the list is empty"),
    "JSON among names": (
        lambda s: Query(s).event_counts(["a", '["b"]'], type="general", unit="day", interval=1),
        "event is invalid: it mixes JSON text with other entries",
    ),
    "a JSON object for a name": (
        lambda s: Query(s).activity('{"id": "u"}', DAY, DAY),
        "distinct_ids is invalid: it is a JSON object",
    ),
    "half of a JSON array": (
        lambda s: Query(s).event_counts('["a"', type="general", unit="day", interval=1),
        "event is invalid: it begins as JSON text and is not valid JSON",
    ),
    "a list as Python writes it": (
        lambda s: Query(s).activity("['a', 'b']", DAY, DAY),
        "distinct_ids is invalid: it begins as JSON text and is not valid JSON",
    ),
    "an empty name": (
        lambda s: Query(s).event_counts([""], type="general", unit="day", interval=1),
        "event is invalid: an entry is empty",
    ),
    "names for a name": (
        lambda s: Query(s).segmentation('["a", "b"]', DAY, DAY),
        "event is invalid: .* is JSON of several values; give one name",
    ),
    "an object for a name": (
        lambda s: Query(s).top_property_values("e", '{"a": 1}', limit=1),
        "name is invalid: .* is JSON of several values",
    ),
    "an object for names": (
        lambda s: Query(s).activity({"user": 1}, DAY, DAY),  # type: ignore[arg-type]
        "distinct_ids is invalid: it is a dict",
    ),
    "JSON among events of a pipeline": (
        lambda s: Pipelines(s).edit("n", events=["A", '["B"]']),
        "events is invalid: it mixes JSON text",
    ),
    "an object in a form": (
        lambda s: request(s, "POST", "/x", form={"filter_by_cohort": {"id": 7}}),  # type: ignore[dict-item]
        "filter_by_cohort is invalid: a dict has no one form as text",
    ),
    "a list in a list": (
        lambda s: request(s, "GET", "/x", query={"a": [[1]]}),  # type: ignore[list-item]
        "a is invalid: a list has no one form as text",
    ),
    "numbers for names": (
        lambda s: Query(s).event_counts("[1]", type="general", unit="day", interval=1),
        "event is invalid: an entry is not text",
    ),
    "a name for a cohort": (
        lambda s: Query(s).profiles(filter_by_cohort="VIPs"),
        "filter_by_cohort is invalid: 'VIPs' is not a cohort",
    ),
    "another object for a cohort": (
        lambda s: Query(s).profiles(filter_by_cohort={"cohort": 7}),
        "filter_by_cohort is invalid",
    ),
    "behaviors as other text": (lambda s: Query(s).profiles(behaviors="often"), "behaviors is invalid"),
    "jql params as other text": (lambda s: Query(s).jql("main()", "from_date=1"), "params is invalid"),
    "server": (lambda s: request(s, "GET", "/x", server="moon"), "server is invalid: 'moon'"),  # type: ignore[call-overload]
    "query and params": (
        lambda s: request(s, "GET", "/x", query={"a": 1}, params={"b": 1}),
        "query and params exclude",
    ),
    "names of no files": (
        lambda s: request(s, "POST", "/x", files={"f": b"1"}, file_names={"g": "n"}),
        "file_names is invalid: there is no file 'g'",
    ),
    "seconds and milliseconds": (
        lambda s: request(s, "GET", "/x", retry_delay_ms=1, retry_delay_seconds=1),
        "retry_delay_seconds and retry_delay_ms exclude",
    ),
    "delay": (lambda s: request(s, "GET", "/x", retry_delay_ms=-1), "retry_delay_ms is invalid: -1"),
    "a delay as text": (lambda s: request(s, "GET", "/x", retry_delay_seconds="1"), "retry_delay_seconds is invalid"),  # type: ignore[call-overload]
    "retries as text": (
        lambda s: request(s, "GET", "/x", max_retries="1"),  # type: ignore[call-overload]
        "max_retries is invalid",
    ),
    "timeout": (lambda s: request(s, "GET", "/x", timeout_seconds=-1), "timeout_seconds is invalid: -1"),
    "no timeout": (lambda s: request(s, "GET", "/x", timeout_seconds=0), "timeout_seconds is invalid: it is 0"),
    "a limit as text": (lambda s: Query(s).top_events(limit="5"), "limit is invalid: '5' is not a whole number"),  # type: ignore[call-overload]
    "a page as text": (lambda s: Query(s).profiles_page(page="1"), "page is invalid: '1' is not a whole number"),  # type: ignore[arg-type]
    "multipart of nothing": (lambda s: request(s, "POST", "/x", json={}, is_multipart=True), "is_multipart is invalid"),
    "a project where none fits": (
        lambda s: request(s, "GET", "/api/app/me", project_id=2),
        "project_id is invalid: /api/app/me takes none",
    ),
    "two projects": (
        lambda s: request(s, "GET", "/api/query/insights?project_id=3", project_id=2),
        "project_id is invalid: 2 contradicts",
    ),
    "two names": (
        lambda s: Pipelines(s).edit_generic("a", form={"name": "b"}),
        "name is invalid: 'a' contradicts",
    ),
    "generic response": (
        lambda s: Pipelines(s).create_generic(form={"type": "x"}, response="yaml"),  # type: ignore[arg-type]
        "response is invalid: 'yaml'",
    ),
    "retries": (lambda s: request(s, "GET", "/x", max_retries=-1), "max_retries is invalid: -1"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_contradiction_is_found_before_anything_is_sent(name: str) -> None:
    """Options that exclude or need each other raise, the error names them, and no request is made."""
    call, message = CASES[name]
    recorder = Recorder()

    async def make() -> None:
        made = call(recorder)
        if isinstance(made, Awaitable):
            await made

    with pytest.raises(InvalidArgumentError, match=message):
        await make()
    assert recorder.requests == []


async def _exported(recorder: Recorder, **options: Any) -> None:  # noqa: ANN401 - options of any type
    await recorder.send(RawExport(recorder).request(DAY, DAY, **options))


AS_DOCUMENTED: dict[str, tuple[Callable[[Recorder], Awaitable[object]], dict[str, str]]] = {
    "limit without on": (lambda s: Query(s).segmentation("e", DAY, DAY, limit=5), {"limit": "5"}),
    "length_unit alone": (lambda s: Query(s).funnels(1, DAY, DAY, length_unit="day"), {"length_unit": "day"}),
    "the default interval beside a unit": (
        lambda s: Query(s).funnels(1, DAY, DAY, unit="week", interval=1),
        {"unit": "week", "interval": "1"},
    ),
    "frequency limit without on": (
        lambda s: Query(s).frequency(DAY, DAY, unit="day", addiction_unit="hour", limit=1),
        {"limit": "1"},
    ),
    "all users without a cohort": (
        lambda s: Query(s).profiles_page(include_all_users=True),
        {"include_all_users": "true"},
    ),
    "the default frequency beside an end": (
        lambda s: Pipelines(s).create(GcsRaw(from_date=DAY, to_date=DAY, frequency="daily", gcs_bucket="b")),
        {"to_date": "2026-08-31", "gcs_region": "northamerica-northeast1", "frequency": ""},
    ),
    "one event as JSON": (
        lambda s: Query(s).event_counts('["Signup"]', type="general", unit="day", interval=1),
        {"event": '["Signup"]'},
    ),
    "events as JSON in a list": (
        lambda s: Query(s).event_counts(['["Signup", "Page View"]'], type="general", unit="day", interval=1),
        {"event": '["Signup","Page View"]'},
    ),
    "a name that only looks like JSON": (
        lambda s: Query(s).event_counts("[Ads] Click", type="general", unit="day", interval=1),
        {"event": '["[Ads] Click"]'},
    ),
    "one name as JSON": (lambda s: Query(s).segmentation('["Signup"]', DAY, DAY), {"event": "Signup"}),
    "a first event as JSON": (
        lambda s: Query(s).retention(DAY, DAY, born_event='["Signup"]'),
        {"born_event": "Signup"},
    ),
    "profiles as JSON": (
        lambda s: Query(s).profiles_page(distinct_ids='["a","b"]', output_properties='["$email"]'),
        {"distinct_ids": '["a","b"]', "output_properties": '["$email"]'},
    ),
    "a cohort as an object": (
        lambda s: Query(s).profiles_page(filter_by_cohort={"id": 7}),
        {"filter_by_cohort": '{"id":7}'},
    ),
    "a cohort as JSON": (
        lambda s: Query(s).profiles_page(filter_by_cohort='{"id": 7}'),
        {"filter_by_cohort": '{"id":7}'},
    ),
    "jql params as JSON": (lambda s: Query(s).jql("main()", '{"a": 1}'), {"params": '{"a":1}'}),
    "no events to export": (lambda s: _exported(s, event=[], where=""), {"event": "", "where": ""}),
    "no events to export as text": (lambda s: _exported(s, event="[]"), {"event": ""}),
    "events to export as JSON": (lambda s: _exported(s, event='["A", "B"]'), {"event": '["A","B"]'}),
    "events of a pipeline as JSON in a list": (lambda s: Pipelines(s).edit("n", events=['["A"]']), {"events": "A"}),
    "events of a pipeline as JSON": (lambda s: Pipelines(s).edit("n", events='["A"]'), {"events": "A"}),
}


@pytest.mark.parametrize("name", AS_DOCUMENTED)
async def test_what_the_documents_describe_is_taken(name: str) -> None:
    """Defaults of other integrations, which do nothing, and lists and objects as JSON text are sent as documented."""
    call, expected = AS_DOCUMENTED[name]
    recorder = Recorder()
    with contextlib.suppress(UnexpectedReplyError):  # the reply fits some of the calls only
        await call(recorder)
    (made,) = recorder.requests
    sent = {**dict(made.query), **dict(parse_qsl((made.body or b"").decode()))}
    assert {name: sent.get(name, "") for name in expected} == expected


NEEDS: dict[str, Case] = {
    "a project in a path": (lambda s: Annotations(s).list(), "annotations.list needs a project_id"),
    "a workspace in a path": (lambda s: Experiments(s).list(), "experiments.list needs a workspace_id"),
    "both": (lambda s: FeatureFlags(s).get("f", project_id=1), "feature_flags.get needs a workspace_id"),
    "a token": (lambda s: Gdpr(s).get_deletion("t"), "needs the project token"),
    "a project in any pipeline": (
        lambda s: Pipelines(s).create_generic(form={"type": "x"}),
        "pipelines.create_generic needs a project_id",
    ),
    "a project in a form": (lambda s: Pipelines(s).pause("n"), "pipelines.pause needs a project_id"),
}


@pytest.mark.parametrize("name", NEEDS)
async def test_a_missing_id_is_named(name: str) -> None:
    """A call whose path needs an id that neither the client nor the call gives says which."""
    call, message = NEEDS[name]
    recorder = Recorder(project_id=None, workspace_id=None, token=None)
    with pytest.raises(MissingCredentialsError, match=message):
        await call(recorder)  # type: ignore[misc]
    assert recorder.requests == []


async def test_a_project_secret_names_its_project() -> None:
    """A pipeline can be changed with a project's secret and no project_id; with a service account it cannot."""
    recorder = Recorder(credentials=ProjectSecret("s"), project_id=None)
    await Pipelines(recorder).pause("n")
    assert b"project_id" not in (recorder.requests[0].body or b"")
    with pytest.raises(MissingCredentialsError, match="needs a project_id"):
        await Pipelines(recorder).cancel("n", credential=ACCOUNT)


def test_dates_of_every_kind() -> None:
    """Dates, datetimes and ISO strings are the same day."""
    moment = dt.datetime(2026, 8, 31, 23, 59, tzinfo=dt.UTC)
    assert {iso_date("d", value) for value in (DAY, moment, "2026-08-31")} == {"2026-08-31"}
    assert iso_moment("d", moment) == "2026-08-31T23:59:00+00:00"
    assert iso_moment("d", "2026-08-31T23:59:00Z") == "2026-08-31T23:59:00Z"


async def test_nan_is_not_sent() -> None:
    """A number that JSON does not have raises; it does not become null."""
    recorder = Recorder()
    with pytest.raises(CannotEncodeError):
        await Experiments(recorder).create("n", settings={"x": float("nan")})
    with pytest.raises(CannotEncodeError):
        await Query(recorder).jql("main", {"x": float("inf")})
    assert recorder.requests == []


def test_required_fields_of_a_kind() -> None:
    """A kind of pipeline cannot be made without what it needs, nor with what it does not know."""
    with pytest.raises(TypeError, match="gcp_project"):
        BigQuery(from_date=DAY, bq_region="EU", bq_dataset_name="d")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="gcs_bukket"):
        GcsRaw(from_date=DAY, gcs_bukket="b", gcs_region="us-east1")  # type: ignore[call-arg]


def test_a_kind_does_not_show_its_secrets() -> None:
    """No representation holds a password or a client secret."""
    azure = AzureRaw(
        from_date=DAY, storage_account="s", container_name="c", client_id="i", client_secret="hush", tenant_id="t"
    )
    names = ("account_name", "warehouse", "storage_integration", "user", "role", "database", "schema")
    snowflake = Snowflake(
        from_date=DAY,
        snowflake_password="hush",
        **{f"snowflake_{name}": "x" for name in names},  # type: ignore[arg-type]
    )
    assert "hush" not in f"{azure!r} {azure} {snowflake!r} {snowflake}"
    assert "storage_account='s'" in repr(azure)


async def test_gdpr_sends_the_oauth_token_that_it_is_given() -> None:
    """A client that has a service account can give the OAuth token for one call."""
    recorder = Recorder(b'{"status": "ok", "results": {"task_id": "1"}}')
    token = OAuthToken("oauth")
    job = await Gdpr(recorder).create_deletion(["u"], credential=token)
    [sent] = recorder.requests
    assert job.task_id == "1"
    assert sent.credential == token
    assert sent.query == [("token", "project-token")]
