"""Settings and regions."""

import enum
import math
import re
import ssl
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin
from urllib.parse import SplitResult, urlsplit

import msgspec

from mixpanel_async import limits
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.redaction import shown
from mixpanel_async.telemetry import Telemetry

Server: TypeAlias = Literal["ingestion", "data", "query", "app"]
OnBadRecord: TypeAlias = Literal["reject", "raise"]
Overflow: TypeAlias = Literal["wait", "raise", "drop_newest", "drop_oldest"]
ForeignToken: TypeAlias = Literal["replace", "reject", "keep"]
Default: TypeAlias = Callable[[Any], JSONValue]
BeforeSend: TypeAlias = Callable[[dict[str, Any]], Mapping[str, JSONValue] | None]
BaseUrl: TypeAlias = str | Mapping[Server, str]

_SECRET_FIELDS: Final = frozenset({"proxy"})
# What a field may be that takes a function, apart from the function.
_WITH_FUNCTIONS: Final[Mapping[object, Any]] = {
    Default | None: None,
    BeforeSend | None: None,
}
_MIN_BUFFER_BATCHES: Final = 4  # one batch being compressed must fit beside what is queued


class Region(enum.StrEnum):
    """Where the project's data lives.

    Example:
        ```python
        mp = AsyncMixpanel("project-token", region=Region.EU)  # or region="eu"
        await mp.aclose()
        ```
    """

    US = "us"
    EU = "eu"
    IN = "in"


_HOSTS: Final[Mapping[Region, Mapping[Server, str]]] = {
    Region.US: {
        "ingestion": "https://api.mixpanel.com",
        "data": "https://data.mixpanel.com",
        "query": "https://mixpanel.com",
        "app": "https://mixpanel.com",
    },
    Region.EU: {
        "ingestion": "https://api-eu.mixpanel.com",
        "data": "https://data-eu.mixpanel.com",
        "query": "https://eu.mixpanel.com",
        "app": "https://eu.mixpanel.com",
    },
    Region.IN: {
        "ingestion": "https://api-in.mixpanel.com",
        "data": "https://data-in.mixpanel.com",
        "query": "https://in.mixpanel.com",
        "app": "https://in.mixpanel.com",
    },
}


# Every host of Mixpanel's API; credentials may be sent to each of them.
MIXPANEL_SERVERS: Final = frozenset(address for hosts in _HOSTS.values() for address in hosts.values())
# How Mixpanel's documents and other clients name a region: by a server, with or without its domain.
_SERVER_NAME: Final = re.compile(r"(?:https?://)?([a-z-]+?)(?:\.mixpanel)?(?:\.com)?/?")
_SERVER_REGIONS: Final[Mapping[str, Region]] = {
    "api": Region.US, "data": Region.US, "mixpanel": Region.US,
    "api-eu": Region.EU, "data-eu": Region.EU,
    "api-in": Region.IN, "data-in": Region.IN,
    **{region.value: region for region in Region},
}  # fmt: skip


def read_region(value: object) -> Region:
    """Return the region called `value`: us, eu or in, or a server there, such as api-eu or data-eu.mixpanel.

    Raises:
        InvalidSettingError: `value` is not a region.
    """
    found = _SERVER_NAME.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    region = None if found is None else _SERVER_REGIONS.get(found[1])
    if region is None:
        raise InvalidSettingError(
            f"region {value!r} is unknown; choose one of us, eu, in, or the name of a server such as api-eu"
        )
    return region


def is_number(value: object) -> bool:
    """Return whether a value is the number of a project, a workspace or a report: an int above 0, or its digits."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and value.strip("0") != ""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def checked_number(name: str, value: int | None) -> int | None:
    """Return a number of a project or a workspace that the client was given.

    Raises:
        InvalidSettingError: `value` is not a whole number above 0.
    """
    if value is not None and not is_number(value):
        raise InvalidSettingError(
            f"{name} is invalid: {value!r} is not a whole number above 0; give one such as 1234567"
        )
    return value


def servers(region: Region, base_url: BaseUrl | None = None) -> Mapping[Server, str]:
    """Return the address of each of Mixpanel's four servers.

    Args:
        region: Where the project lives.
        base_url: One address for all four, or a mapping from a server's name to its address.

    Raises:
        InvalidSettingError: A URL is not an http(s) URL, or contains a user, a query or a fragment.
    """
    hosts = dict(_HOSTS[region])
    if base_url is None:
        return hosts
    given: Mapping[Server, str] = dict.fromkeys(hosts, base_url) if isinstance(base_url, str) else base_url
    for server, address in given.items():
        if server not in hosts:
            raise InvalidSettingError(f"base_url: there is no server {server!r}; choose from {', '.join(hosts)}")
        hosts[server] = _checked_address(address)
    return hosts


def _checked_address(address: str) -> str:
    parts = _http_parts(address)
    if parts is None or not address.isprintable() or " " in address:
        raise InvalidSettingError(
            "base_url is invalid: it is not the URL of a server; give https://host or http://host:port"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidSettingError(
            "base_url must not contain a user, password, query or fragment; pass credentials separately"
        )
    return address.rstrip("/")


def _http_parts(address: str) -> SplitResult | None:
    """Return the parts of an http(s) URL, or None if the URL is invalid."""
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port above 65535, a bracket that is not closed
        return None
    return parts if is_one else None


def _check_proxy(address: str) -> None:
    parts = _http_parts(address)
    # A password with / ? # in it would end the host there, and the rest of it would be shown as a path.
    if parts is None or not address.isprintable() or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidSettingError(
            "proxy must look like http://host:port or http://user:password@host:port, "
            "with / ? # @ : in user and password written as %2F and so on"
        )


class StrictStruct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Struct whose constructor checks the types of its fields, which msgspec does only when it decodes."""

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(type(self)):
            value = getattr(self, field.name)
            kind = field.type
            if kind in _WITH_FUNCTIONS:  # types that msgspec does not know
                if callable(value):
                    continue
                kind = _WITH_FUNCTIONS[kind]
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError:
                shown = repr(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
                shown = f"a {type(value).__name__}" if field.name in _SECRET_FIELDS else shown
                raise InvalidSettingError(f"{field.name} is invalid: it is {shown}; give {_describe(kind)}") from None


def _describe(annotation: object) -> str:
    """Return what a field may be, for people."""
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if get_origin(annotation) is types.UnionType:
        return " or ".join(map(_describe, get_args(annotation)))
    names = {int: "a whole number", float: "a number", bool: "True or False", str: "text", type(None): "None"}
    return names.get(annotation, f"a {getattr(annotation, '__name__', annotation)}")  # type: ignore[call-overload, no-any-return]


class Rates(StrictStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rate limits of a project; the defaults are Mixpanel's documented limits. None: no limit.

    Attributes:
        ingestion_events_per_minute: Records to /track, /import, /engage and /groups, rolling minute.
        ingestion_bytes_per_minute: Uncompressed body bytes of them, rolling minute.
        ingestion_requests_per_hour: Requests to them, rolling hour.
        query_per_hour: Calls of the Query API, JQL included.
        query_concurrency: Concurrent calls of it.
        export_per_hour: Calls of the Raw Data Export API.
        export_per_second: Calls of it in a second.
        export_concurrency: Concurrent calls of it.
        schemas_per_minute: Calls of the Lexicon Schemas API.
        schemas_entities_per_minute: Entities that they write.
        gdpr_per_second: Calls of the GDPR API.
        max_wait_seconds: Longest time that a call waits for its rate limit; then it raises RateLimitedError.

    Example:
        ```python
        settings = Settings(rates=Rates(query_per_hour=30))
        ```
    """

    ingestion_events_per_minute: int | None = limits.INGESTION_EVENTS_PER_MINUTE
    ingestion_bytes_per_minute: int | None = limits.INGESTION_BYTES_PER_MINUTE
    ingestion_requests_per_hour: int | None = None
    query_per_hour: int | None = limits.QUERY_PER_HOUR
    query_concurrency: int = limits.QUERY_CONCURRENCY
    export_per_hour: int | None = limits.EXPORT_PER_HOUR
    export_per_second: int | None = limits.EXPORT_PER_SECOND
    export_concurrency: int = limits.EXPORT_CONCURRENCY
    schemas_per_minute: int | None = limits.SCHEMAS_PER_MINUTE
    schemas_entities_per_minute: int | None = limits.SCHEMAS_ENTITIES_PER_MINUTE
    gdpr_per_second: int | None = limits.GDPR_PER_SECOND
    max_wait_seconds: float = 90.0  # longer than any window of a minute

    def __post_init__(self) -> None:
        StrictStruct.__post_init__(self)
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidSettingError(
                    f"Rates.{name} is invalid: {value!r} is not above 0; give a limit, or None for none"
                )


class Settings(StrictStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a client; the defaults suit a service.

    Attributes:
        track_via: Endpoint of `track()`: `"track"` (token only, outcome UNVERIFIED) or strict `"import"` (a verdict
            for each record; the client's credentials, or the token).
        max_batch_records: Records in one request, at most 2000.
        max_batch_bytes: Uncompressed bytes of one request's body, at most 2,000,000 unless your project takes more.
        max_group_batch_records: Records in one request to /groups.
        linger_seconds: How long a record may wait for its batch to fill.
        max_buffer_bytes: Bound on queued, in-flight and compressed bytes together.
        max_buffer_records: Bound on queued and in-flight records, or None.
        overflow: What `track()` does when the buffer is full: `"wait"`, `"raise"`, `"drop_newest"`, `"drop_oldest"`.
        on_bad_record: What a live call does with a record that is invalid: `"reject"` (the receipt says REJECTED) or
            `"raise"` (InvalidRecordError; for tests).
        foreign_token: What becomes of a record with a project token that is not the client's: `"replace"` (sent with
            the client's; the verdict, `stats` and a WARNING say so), `"reject"` (REJECTED) or `"keep"` (sent with its
            own; not to /import, which delivers to the project of the credential).
        default: Called with a value of a record that the library cannot write as JSON; returns one that it can, or
            raises TypeError. Out of the box go what JSON has, Decimal, datetime, timedelta, UUID, Enum, sets, other
            collections and mappings, UTF-8 bytes, paths, IP addresses, lazy texts, dataclasses, attrs and msgspec
            classes, pydantic models, and scalars and arrays of numpy and pandas.
        inexact_decimals: What becomes of a Decimal with more digits than a JSON number keeps: `"reject"` (the record
            is REJECTED) or `"text"` (sent as a string).
        check_properties: Whether live events are checked for Mixpanel's limits on properties (number, keys, elements,
            depth) before they are sent. False leaves that to Mixpanel, which may reject the event or cut it. The check
            costs ordinary events nothing; NaN and values that JSON does not have are found in any case.
        overflow_wait_seconds: Longest wait under `"wait"`; after it the record's outcome is DROPPED.
        delivery_deadline_seconds: From admission; a record not delivered by then is EXPIRED (or UNKNOWN).
        dedupe_window_records: How many of the latest (event, time, distinct_id, $insert_id) are remembered.
        max_concurrency: Ingestion requests at once, at most; the engine starts at 4 and adapts.
        max_call_retries: Retries of a query, export or other call that has an answer; records have their deadline.
        max_retry_after_seconds: Longest wait that a server's Retry-After header can ask for.
        retry_quota: Retries that may be made in a burst; each second gives one back, each success a tenth.
        use_request_ip: Let Mixpanel set a user's location from the IP address of this machine; off for servers.
        ordered_profiles: Deliver updates of profiles and groups strictly in the order they were made.
        replay_unsafe_updates: Retry $add, $append, $union and $remove after an ambiguous failure; they may then be
            applied twice.
        gzip_level: 0 to 3, of isal; 0 stores.
        close_timeout_seconds: How long leaving `async with` may take to deliver what is left.
        connect_timeout_seconds: For name look-up, TCP and TLS.
        total_timeout_seconds: For one ingestion or app request, its reply included.
        query_timeout_seconds: For one query; Mixpanel itself gives JQL two minutes.
        max_connections: Size of the connection pool.
        proxy: URL of an HTTP proxy, with user and password if required (they are never shown); or None.
        ssl_context: Replaces the default verification of certificates.
        user_agent: Put in front of the library's own.
        rates: Rate limits of the project.
        enabled: Whether records are sent. If not, each is checked and counted as usual, and its outcome is SKIPPED,
            reason `disabled`; for tests and for local development. The environment variable MIXPANEL_DISABLED=1 does
            the same. Calls that have an answer, such as queries, are not affected.
        dry_run: Print each request's endpoint and records to standard output in place of sending them; SKIPPED.
        sample_rate: Share of users whose events are sent, from 0 to 1, by event name. It is decided by the distinct_id:
            of a user, either all of these events are sent or none. The others are SKIPPED, reason `sampled`.
        opt_out: distinct_ids of users of whom nothing is sent; SKIPPED, reason `opt_out`. A set may be changed while
            the client runs.
        property_denylist: Names of properties of events and profiles that are never sent.
        before_send: Called with each live event and update, as Mixpanel takes them but without the token, after the
            settings above; returns the record to send, changed or not, or None to send nothing (SKIPPED, reason
            `before_send`). If it raises, the record is REJECTED. `$identify`, `$create_alias` and `$merge` do not
            pass it; nor do the records of imports and pipes, which have `transform`.
        telemetry: Follows the client's requests and counters, such as `mixpanel_async.otel.OpenTelemetry()`.

    Example:
        ```python
        settings = Settings(track_via="import", max_buffer_bytes=16 * 1024 * 1024)
        mp = AsyncMixpanel("project-token", settings=settings)
        await mp.aclose()
        ```
    """

    track_via: Literal["track", "import"] = "track"
    max_batch_records: int = limits.MAX_BATCH_RECORDS
    max_batch_bytes: int = limits.MAX_BATCH_BYTES
    max_group_batch_records: int = 200
    linger_seconds: float = 0.5
    max_buffer_bytes: int = 64 * 1024 * 1024
    max_buffer_records: int | None = None
    on_bad_record: OnBadRecord = "reject"
    overflow: Overflow = "wait"
    foreign_token: ForeignToken = "replace"  # noqa: S105 - a policy
    default: Default | None = None
    inexact_decimals: Literal["reject", "text"] = "reject"
    check_properties: bool = True
    overflow_wait_seconds: float = 1.0
    delivery_deadline_seconds: float = 300.0
    dedupe_window_records: int = 65_536
    max_concurrency: int = limits.INGESTION_CONCURRENCY
    max_call_retries: int = 4
    max_retry_after_seconds: float = 300.0
    retry_quota: int = 100
    use_request_ip: bool = False
    ordered_profiles: bool = False
    replay_unsafe_updates: bool = False
    gzip_level: int = 1
    close_timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 10.0
    total_timeout_seconds: float = 60.0
    query_timeout_seconds: float = 150.0
    max_connections: int = 100
    proxy: str | None = None
    ssl_context: ssl.SSLContext | None = None
    user_agent: str | None = None
    rates: Rates = Rates()
    enabled: bool = True
    dry_run: bool = False
    sample_rate: Mapping[str, float] = {}
    opt_out: Collection[str] = frozenset()
    property_denylist: Collection[str] = frozenset()
    before_send: BeforeSend | None = None
    telemetry: Telemetry | None = None

    @property
    def is_sending(self) -> bool:
        """Whether records leave this machine."""
        return self.enabled and not self.dry_run

    def __post_init__(self) -> None:
        StrictStruct.__post_init__(self)
        for event, rate in self.sample_rate.items():
            _check_range(f"sample_rate of {event!r}", rate, 0, 1)
        for name in ("opt_out", "property_denylist"):
            if isinstance(given := getattr(self, name), str):
                raise InvalidSettingError(f"{name} is invalid: it is text; give a list, such as [{given!r}]")
        _check_range("max_batch_records", self.max_batch_records, 1, limits.MAX_BATCH_RECORDS)
        _check_range("max_group_batch_records", self.max_group_batch_records, 1, limits.MAX_BATCH_RECORDS)
        _check_range("max_batch_bytes", self.max_batch_bytes, 1_000, 10_000_000)
        _check_range("gzip_level", self.gzip_level, 0, 3)
        _check_range("max_concurrency", self.max_concurrency, 1, 100)
        _check_range("max_call_retries", self.max_call_retries, 0, 1000)
        _check_range("retry_quota", self.retry_quota, 0, 1_000_000)
        _check_range("dedupe_window_records", self.dedupe_window_records, 0, 10_000_000)
        _check_range("max_connections", self.max_connections, 1, 10_000)
        _check_range("linger_seconds", self.linger_seconds, 0, 3600)
        for name in (
            "overflow_wait_seconds",
            "max_retry_after_seconds",
            "close_timeout_seconds",
            "delivery_deadline_seconds",
        ):
            _check_range(name, getattr(self, name), 0, math.inf)
        for name in ("connect_timeout_seconds", "total_timeout_seconds", "query_timeout_seconds"):
            _check_range(name, getattr(self, name), 0.001, 86_400)
        _check_range("max_buffer_bytes", self.max_buffer_bytes, _MIN_BUFFER_BATCHES * self.max_batch_bytes, 2**50)
        if self.max_buffer_records is not None:
            _check_range("max_buffer_records", self.max_buffer_records, 1, 2**50)
        if self.track_via == "import" and self.foreign_token == "keep":  # noqa: S105 - a policy
            raise InvalidSettingError(
                'foreign_token is "keep"; it must be replace or reject with track_via="import": /import delivers to '
                "the project of the credential"
            )
        if self.user_agent is not None and not self.user_agent.isprintable():
            raise InvalidSettingError(f"user_agent is invalid: {self.user_agent!r} has control characters; remove them")
        if self.proxy is not None:
            _check_proxy(self.proxy)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return the fields as they may be shown: the proxy's address without user and password."""
        proxy = None if self.proxy is None else shown(self.proxy)
        return [(name, proxy if name == "proxy" else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not low <= value <= high:
        raise InvalidSettingError(
            f"{name} is invalid: {value!r} is out of range; give a number from {low:,} to {high:,}"
        )
