"""Typed calls for every operation of Mixpanel's API except ingestion.

The groups are attributes of a client, such as `mp.query`. A module is imported when one of its names is first used, so
that importing the package stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixpanel_async.actions._core.responses import Acknowledgement, ApiList, ApiObject
    from mixpanel_async.actions._core.scope import Scope
    from mixpanel_async.actions.annotations import Annotations
    from mixpanel_async.actions.experiments.client import Experiments
    from mixpanel_async.actions.feature_flags.client import FeatureFlags
    from mixpanel_async.actions.feature_flags.models import Rollout, Ruleset, Variant
    from mixpanel_async.actions.gdpr import Gdpr
    from mixpanel_async.actions.ingest.client import Ingest
    from mixpanel_async.actions.ingest.models import IngestReply
    from mixpanel_async.actions.ingest.options import ImportOptions, IngestOptions
    from mixpanel_async.actions.lookup_tables import LookupTables
    from mixpanel_async.actions.pipelines.client import Pipelines
    from mixpanel_async.actions.pipelines.destinations import AzureRaw, GcsRaw, S3Raw
    from mixpanel_async.actions.pipelines.schema_destinations import Aws, AzureBlob, BigQuery, GcsSchema, Snowflake
    from mixpanel_async.actions.projects import Projects
    from mixpanel_async.actions.query.client import Query
    from mixpanel_async.actions.raw_export import RawExport
    from mixpanel_async.actions.raw_request import RequestOptions, request
    from mixpanel_async.actions.schemas import Schema, SchemaJson, Schemas
    from mixpanel_async.actions.service_accounts import ServiceAccounts
    from mixpanel_async.actions.warehouse.client import Warehouse
    from mixpanel_async.actions.warehouse.models import (
        EventStreamImport,
        GroupsImport,
        LookupTableImport,
        MixpanelProperty,
        PeopleImport,
    )

_HOMES: Final = {
    "Acknowledgement": "_core.responses",
    "Annotations": "annotations",
    "ApiList": "_core.responses",
    "ApiObject": "_core.responses",
    "Aws": "pipelines.schema_destinations",
    "AzureBlob": "pipelines.schema_destinations",
    "AzureRaw": "pipelines.destinations",
    "BigQuery": "pipelines.schema_destinations",
    "EventStreamImport": "warehouse.models",
    "Experiments": "experiments.client",
    "FeatureFlags": "feature_flags.client",
    "GcsRaw": "pipelines.destinations",
    "GcsSchema": "pipelines.schema_destinations",
    "Gdpr": "gdpr",
    "GroupsImport": "warehouse.models",
    "ImportOptions": "ingest.options",
    "Ingest": "ingest.client",
    "IngestOptions": "ingest.options",
    "IngestReply": "ingest.models",
    "LookupTableImport": "warehouse.models",
    "LookupTables": "lookup_tables",
    "MixpanelProperty": "warehouse.models",
    "PeopleImport": "warehouse.models",
    "Pipelines": "pipelines.client",
    "Projects": "projects",
    "Query": "query.client",
    "RawExport": "raw_export",
    "RequestOptions": "raw_request",
    "Rollout": "feature_flags.models",
    "Ruleset": "feature_flags.models",
    "S3Raw": "pipelines.destinations",
    "Schema": "schemas",
    "SchemaJson": "schemas",
    "Schemas": "schemas",
    "Scope": "_core.scope",
    "ServiceAccounts": "service_accounts",
    "Snowflake": "pipelines.schema_destinations",
    "Variant": "feature_flags.models",
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
    "Aws",
    "AzureBlob",
    "AzureRaw",
    "BigQuery",
    "EventStreamImport",
    "Experiments",
    "FeatureFlags",
    "GcsRaw",
    "GcsSchema",
    "Gdpr",
    "GroupsImport",
    "ImportOptions",
    "Ingest",
    "IngestOptions",
    "IngestReply",
    "LookupTableImport",
    "LookupTables",
    "MixpanelProperty",
    "PeopleImport",
    "Pipelines",
    "Projects",
    "Query",
    "RawExport",
    "RequestOptions",
    "Rollout",
    "Ruleset",
    "S3Raw",
    "Schema",
    "SchemaJson",
    "Schemas",
    "Scope",
    "ServiceAccounts",
    "Snowflake",
    "Variant",
    "Warehouse",
    "request",
]


def __getattr__(name: str) -> object:
    """Import a module when one of its names is first used."""
    name = _RENAMED.get(name, name)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
