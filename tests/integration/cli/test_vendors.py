"""`--from`: exports of other products, through the command line into the local server and back."""

import csv
import gzip
import io
import json
import pathlib
import zipfile
from collections.abc import Mapping, Sequence

import pytest

from mixpanel_async.emulator import Emulator
from mixpanel_async.jobs.vendors.snowplow_columns import SNOWPLOW_COLUMNS
from tests.integration.cli import vendor_samples as samples
from tests.integration.cli.conftest import Ended, Run
from tests.integration.cli.vendor_samples import UNUSUAL, UUID, Record, without

TIME = 1_704_164_645_678


def lines(records: Sequence[Record]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


async def imported(
    run: Run, emulator: Emulator, vendor: str, *records: Record, options: Sequence[str] = (), status: int = 0
) -> tuple[Sequence[Mapping[str, object]], Mapping[str, object]]:
    """Import records from standard input; return the events of the server, and the report."""
    ended = await run("import", "events", "-", "--from", vendor, "--json", *options, given=lines(records))
    assert ended.status == status, ended
    return await emulator.events(), report_of(ended)


def report_of(ended: Ended) -> Mapping[str, object]:
    report = ended.json
    assert isinstance(report, dict), ended
    kinds = ("imported", "rejected", "duplicates", "skipped", "undelivered")
    assert report["read"] == sum(report[kind] for kind in kinds), report
    return report


def properties_of(event: Mapping[str, object]) -> dict[str, object]:
    found = event["properties"]
    assert isinstance(found, dict)
    return found


async def test_amplitude(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """The zip of the Export API: IDs, milliseconds, exact numbers, Mixpanel's names; empty fields are not sent."""
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("254321/254321_2024-01-02_3#1.json.gz", gzip.compress(lines([samples.amplitude()])))
    ended = await run("import", "events", "export.zip", "--from", "amplitude", "--json")
    assert ended.status == 0, ended
    assert report_of(ended)["changed_by"] == {"left_out": 1}
    (event,) = await emulator.events()
    assert event["event"] == "Bought"
    assert properties_of(event) == {
        "time": TIME, "distinct_id": "ann@example.com", "$user_id": "ann@example.com", "$device_id": "dev-1",
        "$insert_id": UUID, "plan": "pro", "price": 19.99, "order": 7, "note": None,
        "company": ["acme"], "$city": "Berlin", "$region": "Land Berlin", "country": "Germany", "ip": "203.0.113.9",
        "$os": "ios", "$os_version": "17.1", "$manufacturer": "Apple", "$model": "iPhone15,2",
        "$app_version_string": "3.2.1", "device_family": "iPhone", "device_type": "Apple iPhone",
        "language": "German", "library": "amplitude-ios/8.0", "platform": "iOS", "session_id": 1704164640000,
    }  # fmt: skip


async def test_amplitude_on_the_web(run: Run, emulator: Emulator) -> None:
    """On the web, what Amplitude calls the operating system is the browser."""
    (event,), _ = await imported(run, emulator, "amplitude", samples.amplitude(platform="Web", os_name="Chrome"))
    found = properties_of(event)
    assert (found["$browser"], found["$browser_version"], found.get("$os")) == ("Chrome", "17.1", None)


async def test_unusual_records_of_amplitude(run: Run, emulator: Emulator) -> None:
    """Without a user the device is used, without an ID a hash; other records are rejected or skipped."""
    events, report = await imported(run, emulator, "amplitude", *UNUSUAL["amplitude"], status=1)
    users = {str(properties_of(event)["$insert_id"]): properties_of(event)["distinct_id"] for event in events}
    hashed = next(one for one in users if len(one) == 32)
    assert users == {"b": "dev-1", "c": "dev-1", "e": "ann@example.com", hashed: "ann@example.com"}
    assert all("$user_id" not in properties_of(event) for event in events if properties_of(event)["$insert_id"] == "b")
    assert (report["read"], report["imported"], report["rejected"]) == (9, 4, 4)
    assert report["skipped_by"] == {"$identify": 1}
    assert report["changed_by"] == {"left_out": 4, "placeholder_id": 1, "hashed_insert_id": 1}
    examples = report["examples"]
    assert isinstance(examples, list)
    assert sorted(one["field"] for one in examples) == ["distinct_id", "event", "event", "time"]


async def test_segment(run: Run, emulator: Emulator) -> None:
    """Calls to track, page and screen are events; the others are counted; reserved names are renamed."""
    kinds = [{"type": kind, "messageId": kind} for kind in ("identify", "group", "alias")]
    records = [samples.segment(), samples.segment(type="page", name="Home", messageId="p", userId=None),
               samples.segment(type="screen", name="Home", messageId="s"), samples.segment(type="other"),
               *(samples.segment(**kind) for kind in kinds)]  # fmt: skip
    events, report = await imported(run, emulator, "segment", *records, status=1)
    by_name = {event["event"]: properties_of(event) for event in events}
    assert set(by_name) == {"Order Completed", "Page Viewed", "Screen Viewed"}
    assert report["skipped_by"] == {"identify": 1, "group": 1, "alias": 1}
    assert report["rejected"] == 1
    track = by_name["Order Completed"]
    assert len(str(track.pop("$insert_id"))) == 32  # Segment's own has characters that Mixpanel refuses
    assert track == {
        "time": TIME, "distinct_id": "ann", "$user_id": "ann", "$device_id": "anon-1", "revenue": 19.99,
        "products": [{"sku": "a"}], "properties.time": "noon", "properties.token": "design", "ip": "203.0.113.9",
        "context.library.name": "analytics.js", "context.library.version": "4.1", "context.locale": "de-DE",
        "$current_url": "https://example.com/a", "$referrer": "https://example.org/", "context.page.path": "/a",
        "context.page.title": "A", "utm_source": "news", "utm_campaign": "tps", "$os": "iOS", "$os_version": "17",
        "mp_country_code": "DE", "$city": "Berlin", "channel": "client",
    }  # fmt: skip
    page = by_name["Page Viewed"]
    assert (page["name"], page["distinct_id"], page["$device_id"]) == ("Home", "anon-1", "anon-1")
    assert "$user_id" not in page


async def test_hashed_ids_are_stable(run: Run, emulator: Emulator) -> None:
    """The same export imported again has the same IDs, so that Mixpanel recognises its events."""
    for _ in range(2):
        await imported(run, emulator, "segment", samples.segment())
        await imported(run, emulator, "ga4", samples.ga4())
    assert len({str(properties_of(event)["$insert_id"]) for event in await emulator.events()}) == 2


async def test_ga4(run: Run, emulator: Emulator) -> None:
    """Parameters become properties with their types; microseconds become milliseconds; equal rows are one event."""
    records = [samples.ga4(), samples.ga4(), samples.ga4(user_id=None), samples.ga4(user_id=None, user_pseudo_id=None)]
    events, report = await imported(run, emulator, "ga4", *records)
    assert report["duplicates"] == 1
    assert report["changed_by"] == {"left_out": 4, "hashed_insert_id": 4, "without_user": 1}
    by_user = {properties_of(event)["distinct_id"]: properties_of(event) for event in events}
    assert set(by_user) == {"ann", "GA1.1.111.222", ""}
    found = by_user["ann"]
    del found["$insert_id"]
    assert found == {
        "time": TIME + 1, "distinct_id": "ann", "$user_id": "ann", "$device_id": "GA1.1.111.222",
        "$current_url": "https://example.com/a", "ga_session_id": 1704164640, "value": 19.99, "score": 0.5,
        "empty": None, "device.category": "desktop", "$os": "Macintosh", "$os_version": "14", "$browser": "Chrome",
        "$browser_version": "120.0", "device.web_info.hostname": "example.com", "$city": "Berlin", "$region": "Berlin",
        "geo.country": "Germany", "geo.continent": "Europe", "traffic_source.name": "(direct)",
        "traffic_source.medium": "(none)", "traffic_source.source": "(direct)", "stream_id": "99", "platform": "WEB",
        "ecommerce.transaction_id": "T-1", "ecommerce.purchase_revenue": 19.99,
        "items": [{"item_id": "sku", "price": 19.99}],
    }  # fmt: skip


async def test_mparticle(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Each event of a batch is a record of its own; a bad one costs itself alone, and can be repaired and replayed."""
    bad = samples.mparticle_event("Late", 3, timestamp_unixtime_ms="yesterday")
    good = [samples.mparticle_event("Bought", 4611686018427387904), samples.mparticle_event("Seen", None)]
    records = [samples.mparticle(*good, bad), samples.mparticle(events=None), samples.mparticle(events=[])]
    events, report = await imported(
        run, emulator, "mparticle", *records, options=["--dead-letters", "dead.ndjson"], status=1
    )
    assert (report["read"], report["imported"], report["skipped_by"]) == (5, 2, {"no events": 2})
    found = next(properties_of(event) for event in events if event["event"] == "Bought")
    assert found == {
        "time": TIME, "distinct_id": "ann", "$user_id": "ann", "$device_id": "dev-1",
        "$insert_id": "4611686018427387904", "plan": "pro", "custom_event_type": "transaction", "session_uuid": "s-1",
        "$latitude": 52.5, "$longitude": 13.4, "mpid": 7346244611012968789, "ip": "203.0.113.9",
        "environment": "production", "$os": "iOS", "$os_version": "17", "$brand": "Apple", "mp_country_code": "de",
        "$app_version_string": "3.2.1", "application_info.package": "com.example", "event_type": "custom_event",
    }  # fmt: skip
    letter = json.loads((tmp_path / "dead.ndjson").read_bytes())
    letter["record"]["events"][0]["data"]["timestamp_unixtime_ms"] = TIME
    (tmp_path / "fixed.ndjson").write_text(json.dumps(letter) + "\n")
    ended = await run("replay", "fixed.ndjson", "--from", "mparticle", "--json")
    assert report_of(ended)["imported"] == 1, ended
    assert {event["event"] for event in await emulator.events()} == {"Bought", "Seen", "Late"}


async def test_posthog(run: Run, emulator: Emulator) -> None:
    """The distinct_id is the device before the login and the user afterwards; no key of the project is sent."""
    anonymous = {"$device_id": "dev-1", "plan": "free"}
    mobile = {"$device_id": "hw-1", "$is_identified": False}
    records = [
        samples.posthog(),
        samples.posthog(uuid="a", event="anonymous", distinct_id="dev-1", properties=anonymous),
        samples.posthog(uuid="b", event="mobile", distinct_id="anon-9", properties=mobile),
        samples.posthog(uuid="c", event="server", distinct_id="bob", properties={}),
        samples.posthog(uuid="d", event="$identify", properties={"$anon_distinct_id": "dev-7"}),
        samples.posthog(uuid="e", event="$groupidentify"),
    ]
    events, report = await imported(run, emulator, "posthog", *records)
    ids = {
        event["event"]: tuple(properties_of(event).get(name) for name in ("distinct_id", "$user_id", "$device_id"))
        for event in events
    }
    assert ids == {
        "bought": ("ann", "ann", "dev-1"),
        "anonymous": ("dev-1", None, "dev-1"),
        "mobile": ("hw-1", None, "hw-1"),
        "server": ("bob", "bob", None),
        "Identified": ("ann", "ann", "dev-7"),
    }
    assert report["skipped_by"] == {"$groupidentify": 1}
    bought = next(properties_of(event) for event in events if event["event"] == "bought")
    assert bought == {
        "time": TIME, "distinct_id": "ann", "$user_id": "ann", "$device_id": "dev-1", "$insert_id": UUID, "plan": "pro",
        "$current_url": "https://example.com/a", "$os": "Mac OS X", "$browser": "Chrome", "$city": "Berlin",
        "mp_country_code": "DE", "$region": "Berlin", "$is_identified": True, "$lib": "web",
    }  # fmt: skip


async def test_heap_as_a_table(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """A table of a warehouse: empty cells have no value, objects may be text, the user's number is the device."""
    text = io.StringIO()
    rows = [samples.heap(properties='{"plan": "pro", "n": 7}'),
            samples.heap(event_id=2, identity="", properties="", time="2024-01-02 03:04:05 UTC"),
            samples.heap(event_id=3, time="")]  # fmt: skip
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    (tmp_path / "all_events.csv").write_text(text.getvalue())
    ended = await run("import", "events", "all_events.csv", "--from", "heap", "--json")
    assert ended.status == 1, ended
    assert report_of(ended)["rejected"] == 1
    events = sorted(map(properties_of, await emulator.events()), key=lambda one: str(one["$insert_id"]))
    device = "4810060720600030"
    assert events == [
        {"time": TIME // 1000, "distinct_id": device, "$device_id": device, "$insert_id": "2", "session_id": "99",
         "$city": "Berlin", "country": "Germany", "$browser": "Chrome 120", "$os": "Mac OS X 14",
         "$referrer": "https://example.org/", "library": "web"},
        {"time": TIME, "distinct_id": "ann", "$user_id": "ann", "$device_id": device,
         "$insert_id": "5224000000000001", "plan": "pro", "n": 7, "session_id": "99",
         "$city": "Berlin", "country": "Germany", "$browser": "Chrome 120", "$os": "Mac OS X 14",
         "$referrer": "https://example.org/", "library": "web"},
    ]  # fmt: skip


async def test_heap_as_json(run: Run, emulator: Emulator) -> None:
    """Exported JSON has a pair of project and user as the ID."""
    record = without(samples.heap(id="(2008543124,4810060720600030)", type="click"), "user_id", "event_table_name")
    (event,), _ = await imported(run, emulator, "heap", record)
    assert event["event"] == "click"
    assert properties_of(event)["$device_id"] == "4810060720600030"


async def test_snowplow(run: Run, emulator: Emulator) -> None:
    """Self-describing parts become properties and entities, as they are and as loaders unpack them."""
    unpacked = without(samples.snowplow(event_id="b", derived_tstamp=None), "unstruct_event", "contexts") | {
        "unstruct_event_com_acme_checkout_1": {"total": 5},
        "contexts_com_snowplowanalytics_snowplow_web_page_1": [{"id": "page-2"}],
    }
    struct = samples.snowplow(event_id="c", event="struct", event_name="event", se_action="add", unstruct_event=None)
    events, _ = await imported(run, emulator, "snowplow", samples.snowplow(), unpacked, struct)
    by_id = {properties_of(event)["$insert_id"]: properties_of(event) for event in events}
    assert {event["event"] for event in events} == {"checkout", "add"}
    assert by_id[UUID] == {
        "time": TIME, "distinct_id": "ann", "$user_id": "ann", "$device_id": "dev-1", "$insert_id": UUID,
        "total": 19.99, "app_id": "shop", "platform": "web", "network_userid": "net-1", "domain_sessionidx": 3,
        "$current_url": "https://example.com/a", "mp_country_code": "DE", "$city": "Berlin", "$browser": "Chrome",
        "br_family": "Chrome", "$os": "Mac OS X", "ip": "203.0.113.9", "utm_source": "news",
        "contexts_com_snowplowanalytics_snowplow_web_page_1": [{"id": "page-1"}],
    }  # fmt: skip
    assert (by_id["b"]["total"], by_id["b"]["time"]) == (5, 1704164646)
    assert by_id["b"]["contexts_com_snowplowanalytics_snowplow_web_page_1"] == [{"id": "page-2"}]


async def test_snowplow_without_a_header(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Enriched events as TSV have no header: the preset knows the columns, and the first line is an event."""
    records = [samples.snowplow(), samples.snowplow(event_id="b", derived_tstamp="2024-01-02 03:04:05.678")]
    lines = []
    for record in records:
        cells = [record.get(name, "") for name in SNOWPLOW_COLUMNS]
        lines.append("\t".join(cell if isinstance(cell, str) else json.dumps(cell) for cell in cells) + "\n")
    lines.append("web\tcut off\n")
    (tmp_path / "part-0000").write_text("".join(lines), encoding="utf-8")
    ended = await run("import", "events", "part-0000", "--format", "tsv", "--from", "snowplow", "--infer-types")
    assert "3 read = 2 imported + 1 rejected" in ended.out
    assert "part-0000:3: 2 cells, but 131 columns" in ended.out
    (first, second) = sorted(await emulator.events(), key=lambda event: str(properties_of(event)["$insert_id"]))
    assert [first["event"], second["event"]] == ["checkout", "checkout"]
    assert properties_of(first)["time"] == properties_of(second)["time"] == TIME
    assert properties_of(first)["total"] == 19.99
    assert properties_of(first)["domain_sessionidx"] == 3
    (tmp_path / "a.tsv").write_text("\t".join(SNOWPLOW_COLUMNS) + "\n" + lines[0], encoding="utf-8")
    ended = await run("validate", "a.tsv", "--from", "snowplow")
    assert "1 checked, 1 valid" in ended.out


async def test_mixpanel(run: Run, emulator: Emulator) -> None:
    """The raw export stays as it is; only an $insert_id that Mixpanel refuses today is replaced."""
    old = samples.mixpanel(**{"$insert_id": "api:0b1c"})
    no_user = samples.mixpanel(distinct_id="", **{"$insert_id": "id-3", "$user_id": None, "$device_id": None})
    events, report = await imported(run, emulator, "mixpanel", samples.mixpanel(), old, no_user)
    assert report["changed_by"] == {"hashed_insert_id": 1}
    assert samples.mixpanel() in events
    by_id = {properties_of(event)["$insert_id"]: properties_of(event) for event in events}
    assert by_id["id-3"]["distinct_id"] == ""
    assert sorted(map(len, map(str, by_id))) == [4, 4, 32]


async def test_with_other_options(run: Run, emulator: Emulator) -> None:
    """The other options of a mapping apply to the events that the preset makes."""
    options = ["--drop", "$city", "--rename", "plan=tariff", "--set", "origin=old", "--only-event", "Bought",
               "--from-time", "2024-01-01", "--scrub", "order", "--distinct-id-field", "user_properties.email",
               "--time-field", "client_event_time"]  # fmt: skip
    records = [samples.amplitude(), samples.amplitude(event_type="Other"),
               samples.amplitude(client_event_time="2023-12-31 00:00:00")]  # fmt: skip
    (event,), report = await imported(run, emulator, "amplitude", *records, options=options)
    found = properties_of(event)
    assert (found["tariff"], found["origin"], found["time"]) == ("pro", "old", 1704164640)
    assert not {"$city", "plan", "order"} & set(found)
    assert found["distinct_id"] == "ann@example.com"
    assert report["skipped_by"] == {"event": 1, "time": 1}


@pytest.mark.parametrize(
    ("vendor", "records", "profile", "skipped"),
    [
        (
            "amplitude",
            [samples.amplitude(), samples.amplitude(user_id=None), samples.amplitude(user_properties={})],
            {"ann@example.com": {"$email": "ann@example.com", "level": 3}},
            {"no user id": 1, "no user properties": 1},
        ),
        (
            "segment",
            [samples.segment(type="identify", traits={"firstName": "Ann", "plan": "pro"}), samples.segment()],
            {"ann": {"$first_name": "Ann", "plan": "pro"}},
            {"track": 1},
        ),
        ("ga4", [samples.ga4(), samples.ga4(user_properties=[])], {"ann": {"plan": "pro"}}, {"no user properties": 1}),
        ("mparticle", [samples.mparticle()], {"ann": {"$first_name": "Ann", "level": "3"}}, {}),
        (
            "posthog",
            [samples.posthog(), {"distinct_id": "bob", "person_id": "p", "team_id": 2, "properties": {"level": 4}}],
            {
                "ann": {"$email": "ann@example.com", "level": 3, "$initial_os": "Mac OS X"},
                "bob": {"level": 4},
            },
            {},
        ),
        (
            "heap",
            [{"user_id": 1, "identity": "ann", "email": "ann@example.com", "joindate": "2024-01-02", "plan": "pro"},
             {"user_id": 2, "identity": None, "plan": "pro"}],
            {"ann": {"$email": "ann@example.com", "$created": "2024-01-02", "plan": "pro"}},
            {"no user id": 1},
        ),
        ("mixpanel", [{"$distinct_id": "ann", "$properties": {"plan": "pro"}}], {"ann": {"plan": "pro"}}, {}),
    ],
)  # fmt: skip
async def test_profiles(  # noqa: PLR0917 - pytest gives them
    run: Run,
    emulator: Emulator,
    vendor: str,
    records: Sequence[Record],
    profile: Mapping[str, object],
    skipped: Mapping[str, int],
) -> None:
    """The properties of known users are set; records without any are counted with the reason."""
    ended = await run("import", "profiles", "-", "--from", vendor, "--json", given=lines(records))
    assert ended.status == 0, ended
    assert report_of(ended)["skipped_by"] == skipped
    assert await emulator.profiles() == profile


async def test_what_is_refused(run: Run, tmp_path: pathlib.Path) -> None:
    """An unknown preset, one without profiles, and a table without the columns are errors before anything is sent."""
    (tmp_path / "a.csv").write_text("event_time,device_id\n2024-01-02 03:04:05,d\n")
    unknown = await run("import", "events", "a.csv", "--from", "amplitud")
    no_profiles = await run("import", "profiles", "a.csv", "--from", "snowplow")
    no_column = await run("import", "events", "a.csv", "--from", "amplitude")
    assert [one.status for one in (unknown, no_profiles, no_column)] == [2, 2, 2]
    assert "'amplitud' is unknown; choose one of amplitude, ga4, heap, mixpanel, mparticle, posthog" in unknown.err
    assert "exports of snowplow have no properties of users" in no_profiles.err
    assert "no column 'event_type'" in no_column.err
