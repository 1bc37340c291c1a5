"""What an emulator is told at the start, and the limits that may change while it runs."""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from mixpanel_async import limits


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """How an emulator listens, whom it lets in and what it enforces.

    With `service_accounts`, `project_secret` and `oauth_tokens` all empty, any credentials are let in, but the
    endpoints that need credentials still need some.

    Attributes:
        host: Address to listen on.
        port: TCP port to listen on; 0 takes a free one.
        data: DuckDB file that keeps the data between runs; None keeps it in memory.
        token: The project's token; None accepts any. An event with another token is answered as usual, not stored.
        project_id: The project's id, compared with `project_id` of the query; None accepts any.
        service_accounts: User name to secret.
        project_secret: The project's secret, the user name of a basic authorization without a password.
        oauth_tokens: Bearer tokens that are let in.
        max_batch_records: Records a request may hold; one more is answered with 413.
        max_batch_bytes: Bytes of uncompressed body a request may hold; one more is answered with 413.
        events_per_minute: Records let in within any 60 s; None does not enforce it.
        bytes_per_minute: Uncompressed bytes let in within any 60 s; None does not enforce it.
        concurrency: Ingestion requests served at the same time; None does not enforce it.
        query_per_hour: Query requests let in within any 3600 s; None does not enforce it.
        export_per_hour: Export requests let in within any 3600 s; None does not enforce it.
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
    """The limits in force; the fields mean what they mean in `EmulatorSettings`."""

    max_batch_records: int
    max_batch_bytes: int
    events_per_minute: int | None
    bytes_per_minute: int | None
    concurrency: int | None
    query_per_hour: int | None
    export_per_hour: int | None

    @classmethod
    def of(cls, settings: EmulatorSettings) -> "Limits":
        """Take the limits out of the settings.

        Args:
            settings: What the emulator was started with.
        """
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})

    def change(self, changes: Mapping[str, object]) -> None:
        """Change some limits and keep the others.

        Args:
            changes: Limit name to its new value.

        Raises:
            msgspec.ValidationError: A name is unknown or a value is no integer; nothing is changed then.
        """
        changed = msgspec.convert({**msgspec.structs.asdict(self), **changes}, Limits)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(changed, name))
