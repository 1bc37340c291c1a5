"""Builds the lane of /track, /import, /engage, /groups."""

from collections.abc import Mapping
from typing import Final

from mixpanel_async import limits
from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.config import Settings
from mixpanel_async.engine.decisions import IngestionPath
from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.errors import MissingCredentialsError

_SECONDS_OF_A_DAY: Final = 86_400.0


class LaneSpecs:
    """What is needed to make a client's lanes.

    Attributes:
        token: The project token, or None.

    Args:
        settings: Limits of batches, deadline, linger time.
        token: The project token, or None.
        credentials: The client's credential, or None.
        project_id: The project's id, or None.
    """

    def __init__(
        self, settings: Settings, *, token: str | None, credentials: Credential | None, project_id: int | None
    ) -> None:
        self._settings = settings
        self.token = token
        self._credentials = credentials
        self._project_id = project_id

    def token_for(self, call: str) -> str:
        """Return the project token.

        Raises:
            MissingCredentialsError: The client was not given one.
        """
        if self.token is None:
            raise MissingCredentialsError(f"{call} needs the project token: AsyncMixpanel(token=...) or MIXPANEL_TOKEN")
        return self.token

    def track(self) -> LaneSpec:
        """Return the lane of /track."""
        return self._spec("/track", {"verbose": "1", "ip": self._ip}, is_gzip=True)

    def events(self, *, is_bulk: bool = False) -> LaneSpec:
        """Return the lane of strict /import.

        Args:
            is_bulk: Whether it is a job's: it leaves room for live records, and its records do not expire in minutes.

        Raises:
            MissingCredentialsError: There is neither a credential nor a token, or a project_id is missing.
        """
        credential = self._credentials or (ProjectToken(self.token) if self.token else None)
        if credential is None:
            raise MissingCredentialsError(
                "/import needs a credential: a ServiceAccount with project_id, a ProjectSecret, an OAuthToken, or the "
                "project token"
            )
        needs_project = not credential.names_project
        if needs_project and self._project_id is None:
            raise MissingCredentialsError(
                f"/import with a {type(credential).__name__} needs project_id: AsyncMixpanel(project_id=...) or "
                "MIXPANEL_PROJECT_ID"
            )
        return self._spec(
            "/import", {"strict": "1"}, is_gzip=True, credential=credential, has_project=needs_project, is_bulk=is_bulk
        )

    def people(self, *, is_bulk: bool = False) -> LaneSpec:
        """Return the lane of /engage, whose bodies are not compressed."""
        query = {"strict": "1", "verbose": "1", "ip": self._ip}
        return self._spec("/engage", query, is_ordered=self._settings.ordered_profiles, is_bulk=is_bulk)

    def groups(self, *, is_bulk: bool = False) -> LaneSpec:
        """Return the lane of /groups, whose bodies are not compressed."""
        return self._spec(
            "/groups",
            {"strict": "1", "verbose": "1", "ip": self._ip},
            is_ordered=self._settings.ordered_profiles,
            is_bulk=is_bulk,
            max_records=min(self._settings.max_group_batch_records, self._settings.max_batch_records),
        )

    @property
    def max_age_seconds(self) -> float:
        """How old an event may be for /track."""
        return float(limits.MAX_TRACK_AGE_SECONDS)

    @property
    def _ip(self) -> str:
        return "1" if self._settings.use_request_ip else "0"

    def _spec(
        self,
        path: IngestionPath,
        query: Mapping[str, str],
        *,
        is_gzip: bool = False,
        is_ordered: bool = False,
        is_bulk: bool = False,
        credential: Credential | None = None,
        has_project: bool = False,
        max_records: int | None = None,
    ) -> LaneSpec:
        settings = self._settings
        return LaneSpec(
            path=path,
            credential=credential,
            query=tuple(query.items()),
            has_project=has_project,
            is_gzip=is_gzip,
            is_ordered=is_ordered,
            is_bulk=is_bulk,
            max_records=max_records or settings.max_batch_records,
            max_bytes=settings.max_batch_bytes,
            deadline_seconds=_SECONDS_OF_A_DAY if is_bulk else settings.delivery_deadline_seconds,
            linger_seconds=settings.linger_seconds,
        )
