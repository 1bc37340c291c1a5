"""Typed calls for every operation of Mixpanel's API that is no ingestion.

Each family is imported when it is first asked for: importing the package stays cheap.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixpanel_async.actions._core.responses import Acknowledgement, ApiList, ApiObject
    from mixpanel_async.actions.annotations import Annotations
    from mixpanel_async.actions.experiments.client import Experiments
    from mixpanel_async.actions.feature_flags.client import FeatureFlags
    from mixpanel_async.actions.gdpr import Gdpr
    from mixpanel_async.actions.lookup_tables import LookupTables
    from mixpanel_async.actions.pipelines.client import Pipelines
    from mixpanel_async.actions.projects import Projects
    from mixpanel_async.actions.query.client import Query
    from mixpanel_async.actions.raw_export import RawExport
    from mixpanel_async.actions.raw_request import RequestOptions, request
    from mixpanel_async.actions.schemas import Schemas
    from mixpanel_async.actions.service_accounts import ServiceAccounts
    from mixpanel_async.actions.warehouse.client import Warehouse

_HOMES: Final = {
    "Acknowledgement": "_core.responses",
    "Annotations": "annotations",
    "ApiObject": "_core.responses",
    "ApiList": "_core.responses",
    "Experiments": "experiments.client",
    "FeatureFlags": "feature_flags.client",
    "Gdpr": "gdpr",
    "LookupTables": "lookup_tables",
    "Pipelines": "pipelines.client",
    "Projects": "projects",
    "Query": "query.client",
    "RawExport": "raw_export",
    "RequestOptions": "raw_request",
    "Schemas": "schemas",
    "ServiceAccounts": "service_accounts",
    "Warehouse": "warehouse.client",
    "request": "raw_request",
}

# Names that 0.1 used.
_RENAMED: Final = {"Answer": "ApiObject", "AnswerList": "ApiList"}

__all__ = [
    "Acknowledgement",
    "Annotations",
    "ApiList",
    "ApiObject",
    "Experiments",
    "FeatureFlags",
    "Gdpr",
    "LookupTables",
    "Pipelines",
    "Projects",
    "Query",
    "RawExport",
    "RequestOptions",
    "Schemas",
    "ServiceAccounts",
    "Warehouse",
    "request",
]


def __getattr__(name: str) -> object:
    """Import a family on first use."""
    name = _RENAMED.get(name, name)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
