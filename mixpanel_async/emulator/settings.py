"""Settings of the local server, and the limits that may change while it runs."""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from mixpanel_async import limits
from mixpanel_async.emulator.projects import IdMerge, Project, Projects, read_projects
from mixpanel_async.errors import InvalidSettingError


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """Address, credentials and limits of a local server.

    There is one project, which `token` to `oauth_tokens` describe, or those of the file `projects`. With
    `service_accounts`, `project_secret` and `oauth_tokens` all empty, any credential is accepted; endpoints that need a
    credential still need one.

    Attributes:
        host: Address to listen on.
        port: TCP port to listen on; 0 chooses a free one.
        data: DuckDB file to store the data in (default: in memory).
        projects: TOML file of projects; None for the one project that the following settings describe.
        token: The project's token; None accepts any. An event with another token gets the usual reply and is not
            stored.
        project_id: The project's ID, compared with the query parameter `project_id`; None accepts any.
        id_merge: How IDs of one user are merged: "original" or "simplified".
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
        schemas_per_minute: Maximum number of requests for schemas in any 60 s; None for no limit.
        schemas_entities_per_minute: Maximum number of uploaded schemas in any 60 s; None for no limit.
        schemas_max_deletions: Maximum number of schemas that a request may delete.
        gdpr_per_second: Maximum number of retrieval and deletion requests in any second; None for no limit.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data: pathlib.Path | None = None
    projects: pathlib.Path | None = None
    token: str | None = field(default=None, repr=False)
    project_id: int | None = None
    id_merge: IdMerge = "simplified"
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
    schemas_per_minute: int | None = None
    schemas_entities_per_minute: int | None = None
    schemas_max_deletions: int = limits.SCHEMAS_MAX_DELETIONS
    gdpr_per_second: int | None = None


def projects_of(settings: EmulatorSettings) -> Projects:
    """Return the projects of a server: those of the file, or the one that the settings describe.

    Raises:
        InvalidSettingError: The file is invalid, or a setting of the one project comes with a file.
    """
    if settings.projects is None:
        one = Project(
            token=settings.token,
            secret=settings.project_secret,
            service_accounts=settings.service_accounts,
            oauth_tokens=settings.oauth_tokens,
            id=1 if settings.project_id is None else settings.project_id,
            id_merge=settings.id_merge,
            has_any_id=settings.project_id is None,
        )
        return Projects([one])
    described = (settings.token, settings.project_secret, settings.service_accounts, settings.oauth_tokens)
    if settings.project_id is not None or any(described):
        raise InvalidSettingError(
            "the settings of the server are invalid: `projects` excludes settings of one project such as `token` and"
            " `project_id`; write them into the file"
        )
    return read_projects(settings.projects)


class Limits(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The limits in force; see `EmulatorSettings` for the fields."""

    max_batch_records: int
    max_batch_bytes: int
    events_per_minute: int | None
    bytes_per_minute: int | None
    concurrency: int | None
    query_per_hour: int | None
    export_per_hour: int | None
    schemas_per_minute: int | None
    schemas_entities_per_minute: int | None
    schemas_max_deletions: int
    gdpr_per_second: int | None

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
