"""The action groups of a client, each made when it is first asked for: importing the package stays cheap."""

from functools import cached_property
from typing import TYPE_CHECKING, Literal, Unpack, cast, overload

from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session

if TYPE_CHECKING:
    from mixpanel_async.actions.annotations import Annotations
    from mixpanel_async.actions.experiments.client import Experiments
    from mixpanel_async.actions.feature_flags.client import FeatureFlags
    from mixpanel_async.actions.gdpr import Gdpr
    from mixpanel_async.actions.lookup_tables import LookupTables
    from mixpanel_async.actions.pipelines.client import Pipelines
    from mixpanel_async.actions.projects import Projects
    from mixpanel_async.actions.query.client import Query
    from mixpanel_async.actions.raw_request import RequestOptions, ResponseType
    from mixpanel_async.actions.schemas import Schemas
    from mixpanel_async.actions.service_accounts import ServiceAccounts
    from mixpanel_async.actions.warehouse.client import Warehouse


class Catalogue:
    """Every operation that is no ingestion, by family.

    Args:
        session: Sends the requests.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def annotations(self) -> "Annotations":
        """Annotations of reports, and their tags."""
        from mixpanel_async.actions.annotations import Annotations

        return Annotations(self._session)

    @cached_property
    def experiments(self) -> "Experiments":
        """Experiments."""
        from mixpanel_async.actions.experiments.client import Experiments

        return Experiments(self._session)

    @cached_property
    def feature_flags(self) -> "FeatureFlags":
        """Feature flags: evaluation and management."""
        from mixpanel_async.actions.feature_flags.client import FeatureFlags

        return FeatureFlags(self._session)

    @cached_property
    def gdpr(self) -> "Gdpr":
        """Retrieval and deletion of a user's data."""
        from mixpanel_async.actions.gdpr import Gdpr

        return Gdpr(self._session)

    @cached_property
    def lookup_tables(self) -> "LookupTables":
        """Lookup tables: list, replace, delete."""
        from mixpanel_async.actions.lookup_tables import LookupTables

        return LookupTables(self._session)

    @cached_property
    def pipelines(self) -> "Pipelines":
        """Data pipelines."""
        from mixpanel_async.actions.pipelines.client import Pipelines

        return Pipelines(self._session)

    @cached_property
    def projects(self) -> "Projects":
        """The projects that the credential can see."""
        from mixpanel_async.actions.projects import Projects

        return Projects(self._session)

    @cached_property
    def query(self) -> "Query":
        """Reports, profiles, cohorts, JQL."""
        from mixpanel_async.actions.query.client import Query

        return Query(self._session)

    @cached_property
    def schemas(self) -> "Schemas":
        """Lexicon schemas."""
        from mixpanel_async.actions.schemas import Schemas

        return Schemas(self._session)

    @cached_property
    def service_accounts(self) -> "ServiceAccounts":
        """Service accounts of the organisation."""
        from mixpanel_async.actions.service_accounts import ServiceAccounts

        return ServiceAccounts(self._session)

    @cached_property
    def warehouse(self) -> "Warehouse":
        """Warehouse connectors."""
        from mixpanel_async.actions.warehouse.client import Warehouse

        return Warehouse(self._session)

    @overload
    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        response: Literal["json"] = "json",
        **options: "Unpack[RequestOptions]",
    ) -> JSONValue: ...

    @overload
    async def request(
        self, method: str, path_or_url: str, *, response: Literal["text"], **options: "Unpack[RequestOptions]"
    ) -> str: ...

    @overload
    async def request(
        self, method: str, path_or_url: str, *, response: Literal["bytes"], **options: "Unpack[RequestOptions]"
    ) -> bytes: ...

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        response: "ResponseType" = "json",
        **options: "Unpack[RequestOptions]",
    ) -> JSONValue:
        """Send any request through the client's pool, credentials, retries and rate limits.

        Args:
            method: HTTP method.
            path_or_url: A path such as `/api/app/me`, or a whole URL; only Mixpanel's servers and the client's base
                URL get the credentials.
            response: What the reply becomes: decoded JSON (None if it is empty), text, or bytes.
            **options: See `mixpanel_async.actions.RequestOptions`.

        Raises:
            InvalidSettingError: Options are unknown or contradict each other.
            ApiError: Mixpanel refused.
            TransportError: No complete reply arrived.
            UnexpectedReplyError: The reply is no JSON, and `response` says it is.

        Reference: https://developer.mixpanel.com/reference/overview
        """
        from mixpanel_async.actions.raw_request import request

        # The overloads are the promise; which one it is, is known only at run time.
        return await request(self._session, method, path_or_url, response=cast("Literal['json']", response), **options)
