"""Mixpanel's documented limits, each with its source.

Plain constants, so that the client and the local server read the same page and nothing else of each other.
Sources are pages of https://developer.mixpanel.com/reference as read in August 2026.
"""

from typing import Final

# --- requests to /track, /import, /engage, /groups ---
MAX_BATCH_RECORDS: Final = 2000  # import-events, track-event, profile-batch-update: "up to 2000"
MAX_BATCH_BYTES: Final = 2_000_000  # uncompressed; the 413 example says 2,097,152, the /import page 10 MB: the lowest
MAX_INSERT_ID_BYTES: Final = 36  # import-events: $insert_id
MAX_EVENT_BYTES: Final = 1_000_000  # import-events: one event, uncompressed JSON
MAX_PROFILE_BYTES: Final = 1_000_000  # profile-set: one update
MAX_PROPERTIES: Final = 254  # import-events: "fewer than 255 properties"
MAX_OBJECT_KEYS: Final = 254  # import-events: nested objects, "fewer than 255 keys"
MAX_OBJECT_DEPTH: Final = 3  # import-events: nested objects
MAX_ARRAY_ELEMENTS: Final = 254  # import-events: arrays, "fewer than 255 elements"
MAX_STRING_CHARACTERS: Final = 255  # import-events: the server cuts longer strings, it does not refuse them

# --- time of an event ---
MIN_EVENT_TIME_SECONDS: Final = 31_536_000  # import-events: 1971-01-01T00:00:00Z
MAX_EVENT_AHEAD_SECONDS: Final = 3600  # import-events: a later time is rewritten to the arrival time
MAX_TRACK_AGE_SECONDS: Final = 5 * 86_400  # track-event: "within the last 5 days"
# 1971-01-01 in milliseconds is a date in the year 2969 when read as seconds: below it a number is seconds.
MIN_EVENT_TIME_MILLISECONDS: Final = MIN_EVENT_TIME_SECONDS * 1000

# import-events: values that Mixpanel refuses as distinct_id and $insert_id; "" is allowed as distinct_id only.
FORBIDDEN_IDS: Final = frozenset(
    {
        "00000000-0000-0000-0000-000000000000",
        "anon",
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "<nil>",
        "0",
        "-1",
        "true",
        "false",
        "[]",
        "{}",
    }
)

# --- rates, per project ---
INGESTION_EVENTS_PER_MINUTE: Final = 1_800_000  # import-events: about 30,000 events a second, rolling minute
INGESTION_BYTES_PER_MINUTE: Final = 2_000_000_000  # import-events: 2 GB of uncompressed JSON, rolling minute
INGESTION_CONCURRENCY: Final = 20  # import-events: "10-20 concurrent requests"
QUERY_PER_HOUR: Final = 60  # rate-limits: Query API, JQL included
QUERY_CONCURRENCY: Final = 5
EXPORT_PER_HOUR: Final = 60  # rate-limits: Raw Data Export API
EXPORT_PER_SECOND: Final = 3
EXPORT_CONCURRENCY: Final = 100
SCHEMAS_PER_MINUTE: Final = 5  # lexicon-schemas
SCHEMAS_ENTITIES_PER_MINUTE: Final = 4000
SCHEMAS_MAX_DELETIONS: Final = 3000
GDPR_PER_SECOND: Final = 1  # gdpr-api
GDPR_MAX_DISTINCT_IDS: Final = 2000
EXPORT_MAX_LIMIT: Final = 100_000  # raw-event-export: limit

# --- backing off: import-events, "Rate limits" ---
BACKOFF_FIRST_SECONDS: Final = 2.0
BACKOFF_MAX_SECONDS: Final = 60.0
BACKOFF_JITTER_MIN_SECONDS: Final = 1.0
BACKOFF_JITTER_MAX_SECONDS: Final = 5.0
