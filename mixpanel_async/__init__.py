"""An async-first Python client for Mixpanel with a batching engine that accounts for every record."""

import importlib
from typing import TYPE_CHECKING, Final

from mixpanel_async._version import __version__

if TYPE_CHECKING:
    from mixpanel_async.actions import Aws, AzureBlob, AzureRaw, BigQuery, GcsRaw, GcsSchema, S3Raw, Snowflake
    from mixpanel_async.auth import OAuthToken, ProjectSecret, ProjectToken, ServiceAccount
    from mixpanel_async.client import AsyncMixpanel
    from mixpanel_async.config import Rates, Region, Settings
    from mixpanel_async.engine.receipts import Receipt
    from mixpanel_async.errors import MixpanelError
    from mixpanel_async.jobs.exports.lake import SyncReport
    from mixpanel_async.jobs.exports.report import ExportProgress, ExportReport
    from mixpanel_async.jobs.lake.views import open_lake
    from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
    from mixpanel_async.jobs.model.report import Ack, ImportProgress, ImportReport, RecordError
    from mixpanel_async.jobs.options import JobOptions
    from mixpanel_async.jobs.reconcile.options import ReconcileOptions, ReconcileProgress
    from mixpanel_async.jobs.reconcile.report import EventDifference, ReconcileReport
    from mixpanel_async.jobs.sources.options import FileOptions
    from mixpanel_async.json_types import JSONValue, Properties, PropertyValue
    from mixpanel_async.models import DeliveryReport, Outcome, Stats, Verdict
    from mixpanel_async.records.insert_ids import make_insert_id

# Each name is imported when it is first used: the pytest plugin and the command line need only a part of the package.
_MODULES: Final = {
    "actions": ("Aws", "AzureBlob", "AzureRaw", "BigQuery", "GcsRaw", "GcsSchema", "S3Raw", "Snowflake"),
    "auth": ("OAuthToken", "ProjectSecret", "ProjectToken", "ServiceAccount"),
    "client": ("AsyncMixpanel",),
    "config": ("Rates", "Region", "Settings"),
    "engine.receipts": ("Receipt",),
    "errors": ("MixpanelError",),
    "jobs.exports.report": ("ExportProgress", "ExportReport"),
    "jobs.exports.lake": ("SyncReport",),
    "jobs.lake.views": ("open_lake",),
    "jobs.mapping.config": ("RecordMapping", "UpdateMapping"),
    "jobs.model.report": ("Ack", "ImportProgress", "ImportReport", "RecordError"),
    "jobs.options": ("JobOptions",),
    "jobs.reconcile.options": ("ReconcileOptions", "ReconcileProgress"),
    "jobs.reconcile.report": ("EventDifference", "ReconcileReport"),
    "jobs.sources.options": ("FileOptions",),
    "json_types": ("JSONValue", "Properties", "PropertyValue"),
    "models": ("DeliveryReport", "Outcome", "Stats", "Verdict"),
    "records.insert_ids": ("make_insert_id",),
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Ack",
    "AsyncMixpanel",
    "Aws",
    "AzureBlob",
    "AzureRaw",
    "BigQuery",
    "DeliveryReport",
    "EventDifference",
    "ExportProgress",
    "ExportReport",
    "FileOptions",
    "GcsRaw",
    "GcsSchema",
    "ImportProgress",
    "ImportReport",
    "JSONValue",
    "JobOptions",
    "MixpanelError",
    "OAuthToken",
    "Outcome",
    "ProjectSecret",
    "ProjectToken",
    "Properties",
    "PropertyValue",
    "Rates",
    "Receipt",
    "ReconcileOptions",
    "ReconcileProgress",
    "ReconcileReport",
    "RecordError",
    "RecordMapping",
    "Region",
    "S3Raw",
    "ServiceAccount",
    "Settings",
    "Snowflake",
    "Stats",
    "SyncReport",
    "UpdateMapping",
    "Verdict",
    "__version__",
    "make_insert_id",
    "open_lake",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
