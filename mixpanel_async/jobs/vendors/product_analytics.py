"""The presets of products that analyse usage: Amplitude, Heap, Mixpanel and PostHog."""

from typing import Final

from mixpanel_async.jobs.vendors.model import Kind, Preset, Profiles, SpecialNames
from mixpanel_async.jobs.vendors.names import PERSON

AMPLITUDE: Final = Preset(
    title="Amplitude",
    reads="the files of the Export API: JSON lines in .json.gz, in a zip",
    reference="https://amplitude.com/docs/apis/analytics/export",
    kind="event_type",
    kinds={
        "$identify": Kind(skipped="$identify"),
        "$groupidentify": Kind(skipped="$groupidentify"),
    },
    names=("event_type",),
    time=("event_time",),
    time_zone="UTC",
    user_id=("user_id",),
    device_id=("device_id",),
    insert_id=("$insert_id", "uuid"),
    forms={"event_properties": "own", "groups": "own"},
    rename={
        "city": "$city",
        "region": "$region",
        "country": "mp_country_code",
        "ip_address": "ip",
        "os_name": "$os",
        "os_version": "$os_version",
        "device_brand": "$brand",
        "device_manufacturer": "$manufacturer",
        "device_model": "$model",
        "device_carrier": "$carrier",
        "version_name": "$app_version_string",
        "location_lat": "$latitude",
        "location_lng": "$longitude",
    },
    special_names=(  # on the web, Amplitude's os_name is the browser
        SpecialNames(
            path="platform", value="Web", rename={"os_name": "$browser", "os_version": "$browser_version"}
        ),
    ),
    drop=frozenset({
        "user_properties", "global_user_properties", "group_properties", "data", "plan", "uuid", "app",
        "amplitude_id", "amplitude_event_type", "amplitude_attribution_ids", "client_event_time", "client_upload_time",
        "server_received_time", "server_upload_time", "processed_time", "user_creation_time", "event_id", "data_type",
        "source_id", "partner_id", "sample_rate", "is_attribution_event", "$insert_key", "$schema",
    }),
    profiles=Profiles(id=("user_id",), set=("user_properties",), rename=PERSON),
)  # fmt: skip

HEAP: Final = Preset(
    title="Heap",
    reads="rows of Heap Connect: events, pageviews and users, as tables or as JSON",
    reference="https://help.heap.io/heap-connect/heap-connect-guide/data-schema",
    names=("event_name", "event_table_name", "type", "object"),
    time=("time",),
    time_zone="UTC",
    user_id=("identity",),
    device_id=("user_id", "id"),
    insert_id=("event_id",),
    id_patterns={"id": r"\(\s*\d+\s*,\s*(\d+)\s*\)"},
    forms={"properties": "own"},
    rename={
        "city": "$city",
        "region": "$region",
        "country": "mp_country_code",
        "ip": "ip",
        "browser": "$browser",
        "platform": "$os",
        "referrer": "$referrer",
        "app_version": "$app_version_string",
        "device_brand": "$brand",
        "device_manufacturer": "$manufacturer",
        "device_model": "$model",
        "carrier": "$carrier",
    },
    drop=frozenset({"id"}),
    profiles=Profiles(
        id=("identity",),
        rows=("event_id",),
        rename={
            **PERSON,
            "_email": "$email",
            "joindate": "$created",
            "join_date": "$created",
            "initial_referrer": "$initial_referrer",
        },
        drop=frozenset({"user_id", "id"}),
    ),
)

MIXPANEL: Final = Preset(
    title="Mixpanel",
    reads="the raw export, and profiles as the query API returns them",
    reference="https://developer.mixpanel.com/reference/raw-event-export",
    names=("event",),
    time=("properties.time",),
    distinct_id=("properties.distinct_id",),
    user_id=("properties.$user_id",),
    device_id=("properties.$device_id",),
    insert_id=("properties.$insert_id",),
    forms={"properties": "own"},
    profiles=Profiles(id=("$distinct_id",)),
)

POSTHOG: Final = Preset(
    title="PostHog",
    reads="batch exports of events and persons, as JSON lines or Parquet",
    reference="https://posthog.com/docs/cdp/batch-exports",
    kind="event",
    kinds={
        "$identify": Kind(name="Identified"),
        "$set": Kind(skipped="$set"),
        "$groupidentify": Kind(skipped="$groupidentify"),
        "$create_alias": Kind(skipped="$create_alias"),
        "$merge_dangerously": Kind(skipped="$merge_dangerously"),
        "$snapshot": Kind(skipped="$snapshot"),
    },
    names=("event",),
    time=("timestamp",),
    time_zone="UTC",
    user_id=("properties.$user_id",),
    device_id=("properties.$device_id", "properties.$anon_distinct_id"),
    mixed_id="distinct_id",
    anonymous={"properties.$is_identified": False, "properties.$process_person_profile": False},
    insert_id=("uuid", "id"),
    forms={"properties": "own"},
    rename={
        "properties.$geoip_city_name": "$city",
        "properties.$geoip_subdivision_1_name": "$region",
        "properties.$geoip_country_code": "mp_country_code",
        "properties.$geoip_latitude": "$latitude",
        "properties.$geoip_longitude": "$longitude",
        "properties.$ip": "ip",
        "properties.$app_version": "$app_version_string",
        "properties.$device_manufacturer": "$manufacturer",
        "properties.$device_model": "$model",
        "ip": "ip",
    },
    drop=frozenset({
        "properties.token", "properties.$set", "properties.$set_once", "person_properties", "person", "set", "set_once",
        "person_id", "team_id", "project_id", "created_at", "inserted_at", "_inserted_at", "elements", "elements_chain",
    }),
    profiles=Profiles(
        id=("distinct_id",),
        set=("person_properties", "properties.$set", "set"),
        set_once=("properties.$set_once", "set_once"),
        rows=("event",),
        rename=PERSON,
        drop=frozenset({
            "person_id", "team_id", "project_id", "person_version", "person_distinct_id_version", "created_at",
            "is_deleted", "_inserted_at",
        }),
    ),
)  # fmt: skip
