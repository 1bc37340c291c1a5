"""Small exports of other products, made after the formats that they publish."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Record: TypeAlias = dict[str, object]
UUID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


def amplitude(**changes: object) -> Record:
    """A line of a file of the Export API; fields without a value are null there."""
    return {
        "$insert_id": UUID, "$insert_key": None, "$schema": None, "adid": None, "amplitude_attribution_ids": None,
        "amplitude_event_type": None, "amplitude_id": 123456789012, "app": 254321, "city": "Berlin",
        "client_event_time": "2024-01-02 03:04:00.000000", "client_upload_time": "2024-01-02 03:04:06.000000",
        "country": "Germany", "data": {"path": "/2/httpapi"}, "data_type": "event", "device_brand": None,
        "device_carrier": None, "device_family": "iPhone", "device_id": "dev-1", "device_manufacturer": "Apple",
        "device_model": "iPhone15,2", "device_type": "Apple iPhone", "dma": None, "event_id": 7,
        "event_properties": {"plan": "pro", "price": 19.99, "order": 7, "note": None},
        "event_time": "2024-01-02 03:04:05.678000", "event_type": "Bought", "global_user_properties": {},
        "group_properties": {}, "groups": {"company": ["acme"]}, "idfa": None, "ip_address": "203.0.113.9",
        "is_attribution_event": False, "language": "German", "library": "amplitude-ios/8.0", "location_lat": None,
        "location_lng": None, "os_name": "ios", "os_version": "17.1", "paying": None, "plan": {}, "platform": "iOS",
        "processed_time": "2024-01-02 03:04:08.000000", "region": "Land Berlin", "sample_rate": None,
        "server_received_time": "2024-01-02 03:04:06.000000", "server_upload_time": "2024-01-02 03:04:07.000000",
        "session_id": 1704164640000, "source_id": None, "start_version": None, "user_creation_time": None,
        "user_id": "ann@example.com", "user_properties": {"email": "ann@example.com", "level": 3},
        "uuid": "aa3b2c1d-58cc-4372-a567-0e02b2c3d479", "version_name": "3.2.1",
    } | changes  # fmt: skip


def segment(**changes: object) -> Record:
    """A message as Segment archives it."""
    return {
        "type": "track", "event": "Order Completed", "userId": "ann", "anonymousId": "anon-1",
        "messageId": "ajs-next-1704164645678-8nDH:f47ac10b-58cc-4372-a567", "timestamp": "2024-01-02T03:04:05.678Z",
        "originalTimestamp": "2024-01-02T03:04:05.000Z", "sentAt": "2024-01-02T03:04:06.000Z",
        "receivedAt": "2024-01-02T03:04:06.500Z", "version": 2, "integrations": {"All": True}, "channel": "client",
        "writeKey": "wk", "projectId": "p-1",
        "properties": {"revenue": 19.99, "products": [{"sku": "a"}], "time": "noon", "token": "design"},
        "context": {
            "ip": "203.0.113.9", "library": {"name": "analytics.js", "version": "4.1"}, "locale": "de-DE",
            "page": {"url": "https://example.com/a", "referrer": "https://example.org/", "path": "/a", "title": "A"},
            "campaign": {"source": "news", "name": "tps"}, "traits": {"email": "ann@example.com"},
            "os": {"name": "iOS", "version": "17"}, "location": {"country": "DE", "city": "Berlin"},
        },
    } | changes  # fmt: skip


def ga4(**changes: object) -> Record:
    """A row of a table events_*, as `bq extract` writes it: integers are text."""
    none = {"string_value": None, "int_value": None, "float_value": None, "double_value": None}
    return {
        "event_date": "20240102", "event_timestamp": "1704164645678901", "event_name": "purchase",
        "event_params": [
            {"key": "page_location", "value": {**none, "string_value": "https://example.com/a"}},
            {"key": "ga_session_id", "value": {**none, "int_value": "1704164640"}},
            {"key": "value", "value": {**none, "double_value": 19.99}},
            {"key": "score", "value": {**none, "float_value": 0.5}},
            {"key": "empty", "value": none},
        ],
        "event_previous_timestamp": None, "event_bundle_sequence_id": "-12", "event_server_timestamp_offset": "5",
        "user_id": "ann", "user_pseudo_id": "GA1.1.111.222",
        "user_properties": [
            {"key": "plan", "value": {"string_value": "pro", "set_timestamp_micros": "1704164640000000"}}
        ],
        "user_first_touch_timestamp": "1704000000000000",
        "device": {"category": "desktop", "operating_system": "Macintosh", "operating_system_version": "14",
                   "web_info": {"browser": "Chrome", "browser_version": "120.0", "hostname": "example.com"}},
        "geo": {"city": "Berlin", "region": "Berlin", "country": "Germany", "continent": "Europe"},
        "app_info": None, "traffic_source": {"name": "(direct)", "medium": "(none)", "source": "(direct)"},
        "stream_id": "99", "platform": "WEB", "event_dimensions": None,
        "ecommerce": {"transaction_id": "T-1", "purchase_revenue": 19.99},
        "items": [{"item_id": "sku", "price": 19.99}],
    } | changes  # fmt: skip


def mparticle(*events: object, **changes: object) -> Record:
    """A batch of events."""
    return {
        "events": list(events) or [mparticle_event("Bought", 4611686018427387904)], "mpid": 7346244611012968789,
        "mp_deviceid": "dev-1", "ip": "203.0.113.9", "environment": "production", "schema_version": 2,
        "user_identities": [{"identity_type": "customer_id", "identity": "ann"},
                            {"identity_type": "email", "identity": "ann@example.com"}],
        "user_attributes": {"$FirstName": "Ann", "level": "3"}, "message_type": "events", "batch_id": 5,
        "device_info": {"os": "iOS", "os_version": "17", "brand": "Apple", "network_country": "de"},
        "application_info": {"application_version": "3.2.1", "package": "com.example"},
    } | changes  # fmt: skip


def mparticle_event(name: str, event_id: int | None, **data: object) -> Record:
    """An event of a batch."""
    return {
        "event_type": "custom_event",
        "data": {"event_name": name, "event_id": event_id, "timestamp_unixtime_ms": 1704164645678,
                 "custom_event_type": "transaction", "session_uuid": "s-1", "custom_attributes": {"plan": "pro"},
                 "location": {"latitude": 52.5, "longitude": 13.4}} | data,
    }  # fmt: skip


def posthog(**changes: object) -> Record:
    """A line of a batch export of events."""
    own: Mapping[str, object] = {
        "plan": "pro", "$current_url": "https://example.com/a", "$os": "Mac OS X", "$browser": "Chrome",
        "$geoip_city_name": "Berlin", "$geoip_country_code": "DE", "$geoip_subdivision_1_name": "Berlin",
        "$device_id": "dev-1", "$user_id": "ann", "$is_identified": True, "token": "phc_secret", "$lib": "web",
        "$set": {"email": "ann@example.com"}, "$set_once": {"$initial_os": "Mac OS X"},
    }  # fmt: skip
    return {
        "uuid": UUID, "event": "bought", "distinct_id": "ann", "person_id": "p-1", "team_id": 2,
        "timestamp": "2024-01-02T03:04:05.678000+00:00", "created_at": "2024-01-02T03:04:07+00:00", "properties": own,
        "person_properties": {"email": "old@example.com", "level": 3}, "elements_chain": "",
    } | changes  # fmt: skip


def heap(**changes: object) -> Record:
    """A row of all_events of Heap Connect."""
    return {
        "event_id": 5224000000000001, "event_table_name": "checkout", "time": "2024-01-02 03:04:05.678",
        "user_id": 4810060720600030, "session_id": 99, "identity": "ann", "city": "Berlin", "country": "Germany",
        "browser": "Chrome 120", "platform": "Mac OS X 14", "referrer": "https://example.org/", "library": "web",
        "properties": {"plan": "pro"},
    } | changes  # fmt: skip


def snowplow(**changes: object) -> Record:
    """An enriched event as JSON, before a loader has unpacked the self-describing parts."""
    return {
        "app_id": "shop", "platform": "web", "event": "unstruct", "event_name": "checkout", "event_id": UUID,
        "event_vendor": "com.acme", "event_format": "jsonschema", "event_version": "1-0-0",
        "collector_tstamp": "2024-01-02T03:04:06.000Z", "derived_tstamp": "2024-01-02T03:04:05.678Z",
        "dvce_created_tstamp": "2024-01-02T03:04:05.000Z", "etl_tstamp": "2024-01-02T03:05:00.000Z",
        "user_id": "ann", "domain_userid": "dev-1", "network_userid": "net-1", "domain_sessionidx": 3,
        "page_url": "https://example.com/a", "geo_country": "DE", "geo_city": "Berlin", "br_name": "Chrome",
        "br_family": "Chrome", "os_name": "Mac OS X", "user_ipaddress": "203.0.113.9", "mkt_source": "news",
        "v_tracker": "js-3.1",
        "unstruct_event": {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
                           "data": {"schema": "iglu:com.acme/checkout/jsonschema/1-0-0", "data": {"total": 19.99}}},
        "contexts": {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
                     "data": [{"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0",
                               "data": {"id": "page-1"}}]},
    } | changes  # fmt: skip


def mixpanel(**changes: object) -> Record:
    """A line of the raw export."""
    own = {"time": 1704164645, "distinct_id": "ann", "$user_id": "ann", "$device_id": "dev-1", "$insert_id": "id-1",
           "mp_processing_time_ms": 1704164650000, "plan": "pro"}  # fmt: skip
    return {"event": "Bought", "properties": own | changes}


def without(record: Record, *names: str) -> Record:
    """Return a record without some fields."""
    return {name: value for name, value in record.items() if name not in names}


UNUSUAL: Mapping[str, Sequence[Record]] = {
    "amplitude": [
        amplitude(user_id=None, **{"$insert_id": "b"}),
        amplitude(user_id="undefined", **{"$insert_id": "c"}),
        amplitude(user_id=None, device_id=None, **{"$insert_id": "d"}),
        without(amplitude(), "event_time"),
        amplitude(event_type="$identify"),
        amplitude(event_type="$merge"),
        amplitude(event_type=None),
        amplitude(event_properties=[], **{"$insert_id": "e"}),
        amplitude(uuid=None, **{"$insert_id": None}),
    ],
}
