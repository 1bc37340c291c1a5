"""One rule for bad records: data never makes a live call raise, and a bad record never costs another one."""

import datetime as dt
import decimal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Properties, Receipt, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidRecordError
from tests.conftest import Connect


class Broken(Mapping[str, object]):
    """A mapping of a caller whose every access raises."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


BAD: dict[str, Callable[[Any], Awaitable[Receipt]]] = {
    "properties are a list": lambda mp: mp.track("u", "E", ["a"]),
    "properties are pairs": lambda mp: mp.track("u", "E", [("a", 1)]),
    "properties are a number": lambda mp: mp.track("u", "E", 5),
    "properties are text": lambda mp: mp.import_event("u", "E", "text", time=1_700_000_000),
    "properties raise": lambda mp: mp.track("u", "E", Broken()),
    "a name that is not text": lambda mp: mp.track("u", ["E"], None),
    "an id that is not text": lambda mp: mp.track(None, "E"),
    "an id that is refused": lambda mp: mp.track("anon", "E"),
    "a decimal": lambda mp: mp.track("u", "E", {"a": object(), "b": decimal.Decimal("Infinity")}),
    "not a number": lambda mp: mp.track("u", "E", {"a": float("nan")}),
    "half a character": lambda mp: mp.track("\ud800", "E"),
    "a long integer": lambda mp: mp.track(10**5000, "E"),
    "a time without a zone": lambda mp: mp.track("u", "E", time=dt.datetime(2026, 1, 1)),  # noqa: DTZ001 - the point
    "a time that is text": lambda mp: mp.track("u", "E", time="yesterday"),
    "no time": lambda mp: mp.import_event("u", "E"),
    "an insert id with a space": lambda mp: mp.track("u", "E", insert_id="a b"),
    "an insert id that is not text": lambda mp: mp.track("u", "E", insert_id=7),
    "identify: not a UUID": lambda mp: mp.identify("u", "not-a-uuid"),
    "alias: a refused id": lambda mp: mp.alias("anon", "a"),
    "merge: with itself": lambda mp: mp.merge("u", "u"),
    "profile: a list": lambda mp: mp.people.set("u", ["a"]),
    "profile: not a number": lambda mp: mp.people.set("u", {"a": float("inf")}),
    "profile: no number to add": lambda mp: mp.people.add("u", {"a": "b"}),
    "profile: an object": lambda mp: mp.people.set("u", {"a": object()}),
    "profile: raises": lambda mp: mp.people.set("u", Broken()),
    "group: a refused id": lambda mp: mp.groups.set("company", "", {"a": 1}),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_record_is_rejected_alone(name: str, connect: Connect, server: Emulator) -> None:
    """Whatever the data is, the call returns a receipt that says REJECTED and why; the others are delivered."""
    async with connect() as client:
        good = [await client.track(f"u{number}", "Good", {"n": number}) for number in range(20)]
        verdict = await (await BAD[name](client))
        assert verdict.outcome is Outcome.REJECTED
        assert verdict.message
        await client.flush()
        assert [receipt.outcome for receipt in good] == [Outcome.UNVERIFIED] * 20
    assert len(await server.events()) == 20


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_record_raises_where_the_settings_say_so(name: str, connect: Connect) -> None:
    """With on_bad_record="raise" the same records raise InvalidRecordError, for tests that want to notice them."""
    async with connect(Settings(on_bad_record="raise")) as client:
        with pytest.raises(InvalidRecordError):
            await BAD[name](client)
        assert client.stats.admitted == 0


async def test_updates_that_are_not_objects_are_rejected_alone(connect: Connect) -> None:
    """update() gives each of its entries a receipt, also those that are not updates."""
    async with connect() as client:
        updates: list[Any] = [{"$distinct_id": 7, "$set": {"a": 1}}, None, ["a"], "text", {"$distinct_id": "u"}]
        receipts = await client.people.update(updates)
        outcomes = [(await receipt).outcome for receipt in receipts]
        assert outcomes == [Outcome.UNVERIFIED, *[Outcome.REJECTED] * 4]


class Named(AsyncMixpanel):
    """A client of a caller that names its events."""

    async def track(
        self,
        distinct_id: str | int | None,
        event: str,
        properties: Properties | None = None,
        *,
        time: float | dt.datetime | None = None,
        insert_id: str | None = None,
    ) -> Receipt:
        return await super().track(distinct_id, f"app: {event}", properties, time=time, insert_id=insert_id)


async def test_a_subclass_can_override_track(server: Emulator) -> None:
    """The shortcut that makes track() fast does not hide the method of a subclass."""
    async with Named("token-0123456789abcdef", base_url=server.url) as client:
        await client.track(7, "E", {"a": 1})
    [event] = await server.events()
    assert event["event"] == "app: E"
