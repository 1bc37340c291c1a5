"""An async-first Python client for Mixpanel with a batching engine that accounts for every record."""

import importlib
from typing import TYPE_CHECKING, Final

from mixpanel_async._version import __version__
from mixpanel_async.auth import OAuthToken, ProjectSecret, ProjectToken, ServiceAccount
from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.config import Rates, Region, Settings
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import MixpanelError
from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
from mixpanel_async.jobs.model.report import Ack, ImportProgress, ImportReport, RecordError
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.models import DeliveryReport, Outcome, Stats, Verdict

if TYPE_CHECKING:
    from mixpanel_async.actions import Aws, AzureBlob, AzureRaw, BigQuery, GcsRaw, GcsSchema, S3Raw, Snowflake

# The destinations of pipelines are imported when one is first used, so that importing the package stays fast.
_DESTINATIONS: Final = frozenset(
    {"Aws", "AzureBlob", "AzureRaw", "BigQuery", "GcsRaw", "GcsSchema", "S3Raw", "Snowflake"}
)

__all__ = [
    "Ack",
    "AsyncMixpanel",
    "Aws",
    "AzureBlob",
    "AzureRaw",
    "BigQuery",
    "DeliveryReport",
    "FileOptions",
    "GcsRaw",
    "GcsSchema",
    "ImportProgress",
    "ImportReport",
    "JobOptions",
    "MixpanelError",
    "OAuthToken",
    "Outcome",
    "ProjectSecret",
    "ProjectToken",
    "Rates",
    "Receipt",
    "RecordError",
    "RecordMapping",
    "Region",
    "S3Raw",
    "ServiceAccount",
    "Settings",
    "Snowflake",
    "Stats",
    "UpdateMapping",
    "Verdict",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import the destinations of pipelines when one is first used."""
    if name not in _DESTINATIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("mixpanel_async.actions"), name)
