"""Typed calls for every operation of Mixpanel's API that is no ingestion."""

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
