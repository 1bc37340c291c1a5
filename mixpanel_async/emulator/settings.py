"""Settings of the local server, and the limits that may change while it runs."""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from mixpanel_async import limits


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """Address, credentials and limits of a local server.

    With `service_accounts`, `project_secret` and `oauth_tokens` all empty, any credential is accepted; endpoints that
    need a credential still need one.

    Attributes:
        host: Address to listen on.
        port: TCP port to listen on; 0 chooses a free one.
        data: DuckDB file to store the data in (default: in memory).
        token: The project's token; None accepts any. An event with another token gets the usual reply and is not
            stored.
        project_id: The project's ID, compared with the query parameter `project_id`; None accepts any.
        service_accounts: User name to secret.
        project_secret: The project's secret: the user name of Basic authorization without a password.
        oauth_tokens: Accepted bearer tokens.
        max_batch_records: Maximum number of records in a request; more get a 413.
        max_batch_bytes: Maximum size of an uncompressed body; a larger one gets a 413.
        events_per_minute: Maximum number of records in any 60 s; None for no limit.
        bytes_per_minute: Maximum number of uncompressed bytes in any 60 s; None for no limit.
        concurrency: Maximum number of concurrent ingestion requests; None for no limit.
        query_per_hour: Maximum number of query requests in any 3600 s; None for no limit.
        export_per_hour: Maximum number of export requests in any 3600 s; None for no limit.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data: pathlib.Path | None = None
    token: str | None = field(default=None, repr=False)
    project_id: int | None = None
    service_accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    project_secret: str | None = field(default=None, repr=False)
    oauth_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    max_batch_records: int = limits.MAX_BATCH_RECORDS
    max_batch_bytes: int = limits.MAX_BATCH_BYTES
    events_per_minute: int | None = None
    bytes_per_minute: int | None = None
    concurrency: int | None = None
    query_per_hour: int | None = None
    export_per_hour: int | None = None


class Limits(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The limits in force; see `EmulatorSettings` for the fields."""

    max_batch_records: int
    max_batch_bytes: int
    events_per_minute: int | None
    bytes_per_minute: int | None
    concurrency: int | None
    query_per_hour: int | None
    export_per_hour: int | None

    @classmethod
    def of(cls, settings: EmulatorSettings) -> "Limits":
        """Return the limits of some settings."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})

    def change(self, changes: Mapping[str, object]) -> None:
        """Change some limits and keep the others.

        Args:
            changes: New values by the names of limits.

        Raises:
            msgspec.ValidationError: A name is unknown, or a value is not an integer; nothing is changed.
        """
        changed = msgspec.convert({**msgspec.structs.asdict(self), **changes}, Limits)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(changed, name))
