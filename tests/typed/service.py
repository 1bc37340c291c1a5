# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""A service with its types; mypy checks this file with all others, a test runs pyright on it, another runs it."""

import dataclasses
import datetime as dt
import enum
import ipaddress
import pathlib
import uuid
from array import array
from collections import OrderedDict, UserString
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, TypedDict

import attrs
import msgspec
import numpy as np
import polars as pl
import pydantic

from mixpanel_async import AsyncMixpanel, JSONValue, Properties, PropertyValue, Receipt, Verdict


class Plan(enum.StrEnum):
    """A member is sent as its text."""

    PRO = "pro"


class Address(TypedDict):
    """Sent as an object."""

    city: str
    zip: int | None


class Point(NamedTuple):
    """Sent as a list."""

    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Item:
    """Sent as an object."""

    sku: str
    price: Decimal


@attrs.frozen
class Size:
    """Sent as an object."""

    width: int


class Session(msgspec.Struct):
    """Sent as an object."""

    id: uuid.UUID


class Client(pydantic.BaseModel):
    """Sent as an object."""

    version: str


class SignedUp(TypedDict):
    """The properties of an event."""

    plan: Plan
    invited_by: str | None
    address: Address


ITEM = Item("a-1", Decimal("9.50"))
ID = uuid.UUID("5b1ee6d3-0f5f-4d0f-9a52-0f8d7d8f6d11")
NUMBERS: dict[str, int] = {"a": 1}
BY_DAY: dict[dt.date, int] = {dt.date(2026, 1, 2): 3}
NESTED: Mapping[str, list[dict[str, list[float | None]]]] = {"a": [{"b": [1.5, None]}]}

# Every type that is converted, with what is sent.
VALUES: dict[str, tuple[PropertyValue, JSONValue]] = {
    "none": (None, None),
    "flag": (True, True),
    "text": (UserString("text"), "text"),
    "bytes": (b"bytes", "bytes"),
    "amount": (Decimal("1.25"), 1.25),
    "plan": (Plan.PRO, "pro"),
    "at": (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
    "day": (dt.date(2026, 1, 2), "2026-01-02"),
    "took": (dt.timedelta(seconds=1.5), 1.5),
    "id": (ID, str(ID)),
    "path": (pathlib.PurePosixPath("a/b"), "a/b"),
    "host": (ipaddress.ip_address("192.0.2.1"), "192.0.2.1"),
    "list": ([1, "two", [3.0, None]], [1, "two", [3.0, None]]),
    "tuple": (Point(1.0, 2.0), [1.0, 2.0]),
    "range": (range(3), [0, 1, 2]),
    "set": ({"b", "a"}, ["a", "b"]),
    "keys": (NUMBERS.keys(), ["a"]),
    "values": (NUMBERS.values(), [1]),
    "ordered": (OrderedDict(a=1), {"a": 1}),
    "by day": (BY_DAY, {"2026-01-02": 3}),
    "nested": (NESTED, {"a": [{"b": [1.5, None]}]}),
    "typed": (Address(city="Bern", zip=None), {"city": "Bern", "zip": None}),
    "items": ([ITEM], [{"sku": "a-1", "price": 9.5}]),
    "size": (Size(3), {"width": 3}),
    "session": (Session(ID), {"id": str(ID)}),
    "client": (Client(version="1"), {"version": "1"}),
    "scalar": (np.float64(1.5), 1.5),
    "array": (np.array([1, 2]), [1, 2]),
    "native": (array("i", [1, 2]), [1, 2]),
    "column": (pl.Series([1, 2]), [1, 2]),
}


async def track(mp: AsyncMixpanel) -> Receipt:
    """Track one event with every value."""
    return await mp.track("user-1", "Typed", {name: value for name, (value, _) in VALUES.items()})


async def sign_up(mp: AsyncMixpanel, properties: SignedUp) -> Verdict:
    """Track an event whose properties are a TypedDict, in a context, and set a profile."""
    common: Properties = {"source": "web", "amount": 3}
    mp.default_properties = common
    with mp.context("user-1", plan=properties["plan"], tags=["a", "b"]):
        receipt = await mp.track(None, "Signed Up", properties)
        await mp.people.set("user-1", properties)
        await mp.people.union("user-1", {"plans": [Plan.PRO]})
        await mp.for_user("user-1", device=None).track("Seen", {"at": dt.datetime.now(dt.UTC)})
    return await receipt


async def plans(mp: AsyncMixpanel) -> set[str]:
    """Read properties of exported events; their types are known to the caller only."""
    found: set[str] = set()
    async for event in mp.export.events("2026-01-01", "2026-01-02"):
        plan = event["properties"].get("plan")
        if isinstance(plan, str):
            found.add(plan)
    return found


class Unknown:
    """No JSON says what it is."""


async def refused(mp: AsyncMixpanel) -> None:
    """What type checkers refuse: they report an ignored error that is none."""
    await mp.track("user-1", "E", {"a": Unknown()})  # type: ignore[dict-item]
    await mp.track("user-1", "E", {"a": [Unknown()]})  # type: ignore[list-item]
    await mp.track("user-1", "E", {"a": 1j})  # type: ignore[dict-item]
    await mp.track("user-1", "E", ["a"])  # type: ignore[arg-type]
    await mp.track("user-1", "E", {1: "a"})  # type: ignore[dict-item]
    await mp.track("user-1", "E", ITEM)  # type: ignore[arg-type]
    await mp.people.set("user-1", {"a": Unknown()})  # type: ignore[dict-item]
