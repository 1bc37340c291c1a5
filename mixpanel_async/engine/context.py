"""What the client hands to each of its groups and jobs."""

import msgspec

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.records.values import ValueConverter
from mixpanel_async.session import Session


class Context(msgspec.Struct, frozen=True):
    """The parts of one client.

    Attributes:
        session: Sends requests.
        engine: Delivers records.
        lanes: Builds the lane of each ingestion endpoint.
        settings: The client's settings.
        clock: Time, sleep and randomness.
        values: Converts values that JSON does not have.
    """

    session: Session
    engine: Engine
    lanes: LaneSpecs
    settings: Settings
    clock: Clock
    values: ValueConverter
