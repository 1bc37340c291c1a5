"""An async-first Python client for Mixpanel with a batching engine that accounts for every record."""

from mixpanel_async._version import __version__
from mixpanel_async.auth import OAuthToken, ProjectSecret, ServiceAccount
from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.config import Rates, Region, Settings
from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import MixpanelError
from mixpanel_async.jobs.mapping.config import RecordMapping, UpdateMapping
from mixpanel_async.jobs.model.report import Ack, ImportProgress, ImportReport, RecordError
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.models import DeliveryReport, Outcome, Stats, Verdict

__all__ = [
    "Ack",
    "AsyncMixpanel",
    "DeliveryReport",
    "FileOptions",
    "ImportProgress",
    "ImportReport",
    "JobOptions",
    "MixpanelError",
    "OAuthToken",
    "Outcome",
    "ProjectSecret",
    "Rates",
    "Receipt",
    "RecordError",
    "RecordMapping",
    "Region",
    "ServiceAccount",
    "Settings",
    "Stats",
    "UpdateMapping",
    "Verdict",
    "__version__",
]
