"""Typed calls for every operation of Mixpanel's API that is no ingestion.

Each family is imported when it is first asked for: importing the package stays cheap.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixpanel_async.actions.annotations import Annotations
    from mixpanel_async.actions.answers import Acknowledgement, Answer, AnswerList
    from mixpanel_async.actions.experiments import Experiments
    from mixpanel_async.actions.export import RawExport
    from mixpanel_async.actions.feature_flags import FeatureFlags
    from mixpanel_async.actions.gdpr import Gdpr
    from mixpanel_async.actions.lookup_tables import LookupTables
    from mixpanel_async.actions.pipelines import Pipelines
    from mixpanel_async.actions.projects import Projects
    from mixpanel_async.actions.query import Query
    from mixpanel_async.actions.raw_request import RequestOptions, request
    from mixpanel_async.actions.schemas import Schemas
    from mixpanel_async.actions.service_accounts import ServiceAccounts
    from mixpanel_async.actions.warehouse import Warehouse

_HOMES: Final = {
    "Acknowledgement": "answers",
    "Annotations": "annotations",
    "Answer": "answers",
    "AnswerList": "answers",
    "Experiments": "experiments",
    "FeatureFlags": "feature_flags",
    "Gdpr": "gdpr",
    "LookupTables": "lookup_tables",
    "Pipelines": "pipelines",
    "Projects": "projects",
    "Query": "query",
    "RawExport": "export",
    "RequestOptions": "raw_request",
    "Schemas": "schemas",
    "ServiceAccounts": "service_accounts",
    "Warehouse": "warehouse",
    "request": "raw_request",
}

__all__ = [
    "Acknowledgement",
    "Annotations",
    "Answer",
    "AnswerList",
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
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
