"""A local Mixpanel server for tests, demonstrations and offline work.

It speaks the ingestion, export and a part of the query API over a real socket, checks records by its own reading of
Mixpanel's rules, keeps what it accepted in DuckDB, and can be told to fail in the ways a network fails. It shares
nothing with the client but the page of documented limits, so that a test against it is a test against a second opinion.
"""

from mixpanel_async.emulator.faults import FaultPlan, InjectedFault
from mixpanel_async.emulator.server import Emulator, serve
from mixpanel_async.emulator.settings import EmulatorSettings
from mixpanel_async.emulator.state import RequestLog, ServerCounts

__all__ = ["Emulator", "EmulatorSettings", "FaultPlan", "InjectedFault", "RequestLog", "ServerCounts", "serve"]
