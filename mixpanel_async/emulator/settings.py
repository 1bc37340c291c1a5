"""Settings of the local server, and the limits that may change while it runs."""

import math
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

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
        query_concurrency: Maximum number of concurrent query requests; None for no limit.
        export_per_hour: Maximum number of export requests in any 3600 s; None for no limit.
        schemas_per_minute: Maximum number of requests for schemas in any 60 s; None for no limit.
        schemas_entities_per_minute: Maximum number of uploaded schemas in any 60 s; None for no limit.
        schemas_max_deletions: Maximum number of schemas that a request may delete.
        gdpr_per_second: Maximum number of retrieval and deletion requests in any second; None for no limit.
        export_per_second: Maximum number of export requests in any second; None for no limit.
        export_concurrency: Maximum number of concurrent export requests; None for no limit.
        limits_scale: Factor of Mixpanel's documented rates, which then replace each None above, and are at least 1:
            1.0 for the rates of Mixpanel, 0.1 to reach them sooner. None for no other limits.
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
    query_concurrency: int | None = None
    export_per_hour: int | None = None
    schemas_per_minute: int | None = None
    schemas_entities_per_minute: int | None = None
    schemas_max_deletions: int = limits.SCHEMAS_MAX_DELETIONS
    gdpr_per_second: int | None = None
    export_per_second: int | None = None
    export_concurrency: int | None = None
    limits_scale: float | None = None


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


_DOCUMENTED: Final[Mapping[str, int]] = {
    "events_per_minute": limits.INGESTION_EVENTS_PER_MINUTE,
    "bytes_per_minute": limits.INGESTION_BYTES_PER_MINUTE,
    "query_per_hour": limits.QUERY_PER_HOUR,
    "query_concurrency": limits.QUERY_CONCURRENCY,
    "export_per_hour": limits.EXPORT_PER_HOUR,
    "export_per_second": limits.EXPORT_PER_SECOND,
    "export_concurrency": limits.EXPORT_CONCURRENCY,
    "schemas_per_minute": limits.SCHEMAS_PER_MINUTE,
    "schemas_entities_per_minute": limits.SCHEMAS_ENTITIES_PER_MINUTE,
    "gdpr_per_second": limits.GDPR_PER_SECOND,
}


class Limits(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The limits in force; see `EmulatorSettings` for the fields."""

    max_batch_records: int
    max_batch_bytes: int
    events_per_minute: int | None
    bytes_per_minute: int | None
    concurrency: int | None
    query_per_hour: int | None
    query_concurrency: int | None
    export_per_hour: int | None
    schemas_per_minute: int | None
    schemas_entities_per_minute: int | None
    schemas_max_deletions: int
    gdpr_per_second: int | None
    export_per_second: int | None
    export_concurrency: int | None

    @classmethod
    def of(cls, settings: EmulatorSettings) -> "Limits":
        """Return the limits of some settings.

        Raises:
            InvalidSettingError: `limits_scale` is not a positive number.
        """
        given = {name: getattr(settings, name) for name in cls.__struct_fields__}
        scale = settings.limits_scale
        if scale is not None:
            if not 0 < scale < math.inf:
                raise InvalidSettingError(
                    "limits_scale is invalid: must be a number above 0; give 1 for Mixpanel's rates"
                )
            for name, documented in _DOCUMENTED.items():
                if given[name] is None:
                    given[name] = max(1, round(documented * scale))
        return cls(**given)

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
