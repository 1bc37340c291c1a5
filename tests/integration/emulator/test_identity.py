"""Which IDs belong to one user, with Original and with Simplified ID Merge."""

import pathlib
from collections.abc import AsyncIterator
from typing import Any, Literal

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.emulator.rules.identity import Clusters, Merge, event_user
from tests.integration.emulator.api import NOON, Api, HandClock, event

ANONYMOUS = "7d2b8f0e-94b9-4e2c-9a50-0f7cf1c3a111"
OTHER = "8d2b8f0e-94b9-4e2c-9a50-0f7cf1c3a222"


@pytest.fixture
async def original(clock: HandClock) -> AsyncIterator[Api]:
    settings = EmulatorSettings(id_merge="original")
    async with Emulator(settings, now=clock.now) as emulator, aiohttp.ClientSession() as session:
        yield Api(emulator, session)


def identify(user: str, anonymous: str) -> dict[str, Any]:
    return {"event": "$identify", "properties": {"$identified_id": user, "$anon_id": anonymous, "token": "t"}}


def alias(user: str, other: str) -> dict[str, Any]:
    return {"event": "$create_alias", "properties": {"distinct_id": user, "alias": other, "token": "t"}}


def merge(first: str, second: str) -> dict[str, Any]:
    return {"event": "$merge", "properties": {"$distinct_ids": [first, second], "token": "t"}}


def seen(name: str, **ids: str) -> dict[str, Any]:
    return {"event": name, "properties": {"token": "t", "time": NOON, "$insert_id": name, **ids}}


async def test_identify_links_an_anonymous_id_once(original: Api) -> None:
    """With Original ID Merge the identified ID is canonical, and an anonymous ID belongs to its first user."""
    await original.import_events([identify("ann", ANONYMOUS), identify("bob", ANONYMOUS), identify("ann", OTHER)])
    assert await original.emulator.canonical_ids() == {"ann": "ann", ANONYMOUS: "ann", OTHER: "ann"}


async def test_an_alias_leads_to_the_users_id(original: Api) -> None:
    """$create_alias through /track adds an ID to a user; an alias of an alias leads to the same user."""
    await original.post_json("/track", [alias("ann", "ann@example.com"), alias("ann@example.com", "ann-2")])
    assert await original.emulator.canonical_ids() == {"ann": "ann", "ann@example.com": "ann", "ann-2": "ann"}


async def test_merge_joins_whole_users(original: Api) -> None:
    """$merge joins two users with all their IDs; the first ID's user stays."""
    await original.import_events([identify("ann", ANONYMOUS), identify("bob", OTHER), merge("ann", OTHER)])
    assert set((await original.emulator.canonical_ids()).values()) == {"ann"}
    assert len(await original.emulator.canonical_ids()) == 4


async def test_profiles_follow_the_merge(original: Api) -> None:
    """The profiles of merged IDs are one; the kept one's values win; later updates of either ID reach it."""
    for user, values in (("ann", {"a": 1, "b": 1}), (ANONYMOUS, {"b": 2, "c": 2})):
        await original.post_json("/engage", {"$token": "t", "$distinct_id": user, "$set": values})
    await original.import_events([identify("ann", ANONYMOUS)])
    assert await original.emulator.profiles() == {"ann": {"a": 1, "b": 1, "c": 2}}
    await original.post_json("/engage", {"$token": "t", "$distinct_id": ANONYMOUS, "$set": {"d": 3}})
    ignoring = {"$token": "t", "$distinct_id": ANONYMOUS, "$ignore_alias": True, "$set": {"e": 4}}
    await original.post_json("/engage", ignoring)
    assert await original.emulator.profiles() == {"ann": {"a": 1, "b": 1, "c": 2, "d": 3}, ANONYMOUS: {"e": 4}}


async def test_original_merge_does_not_look_at_devices(original: Api) -> None:
    """With Original ID Merge $user_id and $device_id only replace a missing distinct_id."""
    await original.post_json("/track", [seen("A", **{"$user_id": "u", "$device_id": "d"})])
    (stored,) = await original.emulator.events()
    assert stored["properties"]["distinct_id"] == "u"
    assert await original.emulator.canonical_ids() == {}


async def test_simplified_merge_links_devices(api: Api) -> None:
    """With Simplified ID Merge an event with both IDs links the device to its first user, also for earlier events."""
    await api.post_json(
        "/track",
        [
            seen("A", **{"$device_id": "d"}),
            seen("B", **{"$device_id": "d", "$user_id": "u", "distinct_id": "u"}),
            seen("C", **{"$device_id": "d", "$user_id": "v"}),
            seen("D", **{"$device_id": "$device:e", "$user_id": "u"}),
        ],
    )
    assert [one["properties"]["distinct_id"] for one in await api.emulator.events()] == ["$device:d", "u", "v", "u"]
    assert await api.emulator.canonical_ids() == {"u": "u", "$device:d": "u", "$device:e": "u"}


@pytest.mark.parametrize("id_merge", ["original", "simplified"])
async def test_the_identify_event_of_the_sdks(clock: HandClock, id_merge: Literal["original", "simplified"]) -> None:
    """The SDKs' own form of $identify links the device in both kinds of projects."""
    properties = {"distinct_id": "ann", "$user_id": "ann", "$device_id": "d", "$anon_distinct_id": "$device:d"}
    async with (
        Emulator(EmulatorSettings(id_merge=id_merge), now=clock.now) as emulator,
        aiohttp.ClientSession() as session,
    ):
        api = Api(emulator, session)
        sent = {"event": "$identify", "properties": {"token": "t", **properties}}
        assert (await api.post_json("/track", sent)).text == "1"
        assert await emulator.canonical_ids() == {"ann": "ann", "$device:d": "ann"}
        assert await emulator.identities() == [("$identify", "ann", "$device:d")]
        wrong = {"event": "$identify", "properties": {"token": "t", "$anon_distinct_id": "", "distinct_id": "ann"}}
        assert (await api.post_json("/track", wrong)).text == "0"


async def test_simplified_merge_ignores_links(api: Api) -> None:
    """With Simplified ID Merge $identify, $create_alias and $merge change nothing."""
    await api.import_events([identify("ann", ANONYMOUS), alias("ann", "b"), merge("ann", "c")])
    assert await api.emulator.canonical_ids() == {}
    assert len(await api.emulator.identities()) == 3


async def test_import_needs_no_distinct_id_with_a_user(api: Api) -> None:
    """An imported event with $user_id or $device_id gets its distinct_id from it."""
    answer = await api.import_events(
        [event(1, distinct_id=..., **{"$user_id": "u"}), event(2, distinct_id=..., **{"$device_id": "d"})]
    )
    assert answer.status == 200
    assert [one["properties"]["distinct_id"] for one in await api.emulator.events()] == ["u", "$device:d"]


async def test_merges_are_kept_in_a_file(tmp_path: pathlib.Path, clock: HandClock) -> None:
    """A merge is there after a restart, and goes on from there."""
    settings = EmulatorSettings(data=tmp_path / "data.duckdb", id_merge="original")
    for first, second in (("a", "b"), ("c", "d"), ("d", "b")):
        async with Emulator(settings, now=clock.now) as emulator, aiohttp.ClientSession() as session:
            await Api(emulator, session).import_events([merge(first, second)])
    async with Emulator(settings, now=clock.now) as emulator:
        assert await emulator.canonical_ids() == dict.fromkeys("abcd", "c")
        assert await emulator.identities() == [("$merge", "a", "b"), ("$merge", "c", "d"), ("$merge", "d", "b")]
        await emulator.reset()
        assert await emulator.canonical_ids() == {}


@pytest.mark.parametrize("value", [None, 7, "", [], {}])
def test_ids_that_are_not_text_do_not_count(value: object) -> None:
    """$user_id and $device_id that are not a text with characters are as if they were missing."""
    properties = {"$user_id": value, "$device_id": value, "distinct_id": "x"}
    assert event_user(properties, "simplified") == ("x", None)
    assert event_user({"$user_id": value}, "original") == ("", None)


@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.booleans())))
def test_clusters_are_consistent(merges: list[tuple[int, str, str, bool]]) -> None:
    """A forced merge always joins; canonical IDs are canonical of themselves; nothing crosses projects."""
    clusters = Clusters()
    known: dict[tuple[int, str], str] = {}
    for project, first, second, is_forced in merges:
        clusters.merge(Merge(project, first, second, is_forced))
        if is_forced:
            assert clusters.canonical(project, first) == clusters.canonical(project, second)
        known.update({key: clusters.canonical(*key) for key in clusters.changed})
        clusters.changed.clear()
    for project in (1, 2):
        for one in "abcdef":
            canonical = clusters.canonical(project, one)
            assert clusters.canonical(project, canonical) == canonical
            assert known.get((project, one), one) == canonical
    again = Clusters((project, one, canonical) for (project, one), canonical in known.items())
    assert all(again.canonical(*key) == canonical for key, canonical in known.items())
