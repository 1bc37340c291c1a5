"""A local Mixpanel server for tests, demonstrations and offline work.

It serves every published operation over a real socket, validates records by its own reading of Mixpanel's rules, stores
accepted records and documents in DuckDB, answers from what it stored, and injects faults on request. It shares only the
documented limits and the exception classes with the client, so that a test against it checks two independent readings
of the rules against each other.
"""

from mixpanel_async.emulator.activity import Rejection, RequestLog
from mixpanel_async.emulator.faults import FaultPlan, InjectedFault
from mixpanel_async.emulator.page.seeds import SeedReport
from mixpanel_async.emulator.server import Emulator, serve
from mixpanel_async.emulator.settings import EmulatorSettings
from mixpanel_async.emulator.state import ServerCounts

__all__ = [
    "Emulator",
    "EmulatorSettings",
    "FaultPlan",
    "InjectedFault",
    "Rejection",
    "RequestLog",
    "SeedReport",
    "ServerCounts",
    "serve",
]
