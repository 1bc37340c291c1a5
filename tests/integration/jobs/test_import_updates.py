"""Imports of user and group profiles."""

import pathlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, Settings, UpdateMapping
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import InvalidArgumentError, MissingCredentialsError
from tests.records import ndjson

Write = Callable[[str, bytes], pathlib.Path]


async def test_updates_of_users(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Updates arrive in order with the project token; a record that is not an update is rejected with its line."""
    updates: list[dict[str, object]] = [
        {"$distinct_id": "ann", "$set": {"plan": "free", "visits": 1}},
        {"$distinct_id": "ann", "$add": {"visits": 2}},
        {"$distinct_id": "bob", "$properties": {"plan": "team"}},
        {"$distinct_id": "", "$set": {}},
        {"$distinct_id": "cyd", "$put": {}},
        {"$distinct_id": "cyd", "$add": {"visits": "many"}},
    ]
    report = await mp.import_profiles(write("users.ndjson", ndjson(updates)))
    assert (report.read, report.imported, report.rejected) == (6, 3, 3)
    assert [fault.field for fault in report.examples] == ["$distinct_id", "", "$add.visits"]
    assert await emulator.profiles() == {"ann": {"plan": "free", "visits": 3}, "bob": {"plan": "team"}}


async def test_placeholders_of_ids(mp: AsyncMixpanel, write: Write) -> None:
    """A profile whose ID looks like a missing value is counted with an example, or rejected."""
    path = write("users.csv", b"id,a\nNone,1\nNora,2\nNULL,3\n")
    report = await mp.import_profiles(path, mapping=UpdateMapping(id_field="id"))
    assert (report.imported, report.noticed_by) == (3, {"placeholder_id": 2})
    assert [notice.position.rpartition(":")[2] for notice in report.notices] == ["2", "4"]
    report = await mp.import_profiles(path, mapping=UpdateMapping(id_field="id", placeholder_ids="reject"))
    assert (report.imported, report.rejected, report.noticed_by) == (1, 2, {})
    lines = write("users.ndjson", ndjson([{"$group_key": "k", "$group_id": "NaN", "$set": {}}]))
    assert (await mp.import_groups(lines)).noticed_by == {"placeholder_id": 1}


async def test_users_of_a_table(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A row sets its other columns as properties of the user in the ID column."""
    path = write("users.csv", b"email,id,age\na@x.org,7,31\n,8,x\n")
    report = await mp.import_profiles(path, mapping=UpdateMapping(id_field="id", types={"age": "int"}))
    assert (report.read, report.imported, report.rejected) == (2, 1, 1)
    assert await emulator.profiles() == {"7": {"email": "a@x.org", "age": 31}}
    with pytest.raises(InvalidArgumentError, match="no column 'distinct_id'"):
        await mp.import_profiles(path)


async def test_groups(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """Groups come as updates, or as rows of a table with a group key."""
    lines = ndjson([{"$group_key": "company", "$group_id": "acme", "$set": {"plan": "pro"}}])
    assert (await mp.import_groups(write("a.ndjson", lines))).imported == 1
    table = write("a.csv", b"id,plan\nbolt,free\n")
    with pytest.raises(InvalidArgumentError, match="group_key"):
        await mp.import_groups(table, mapping=UpdateMapping(id_field="id"))
    assert (await mp.import_groups(table, mapping=UpdateMapping(id_field="id", group_key="company"))).imported == 1
    assert await emulator.groups() == {("company", "acme"): {"plan": "pro"}, ("company", "bolt"): {"plan": "free"}}


async def test_what_must_not_be_applied_twice(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """$add is not resent after a lost reply, and is rejected where a later run might repeat it."""
    path = write(
        "a.ndjson", ndjson([{"$distinct_id": "ann", "$add": {"n": 1}}, {"$distinct_id": "bob", "$set": {"n": 1}}])
    )
    report = await mp.import_profiles(path, checkpoint=path.with_name("checkpoint"))
    assert (report.imported, report.rejected) == (1, 1)
    assert "checkpoint" in report.examples[0].message
    emulator.faults.add(InjectedFault(path="/engage", kind="reset_after"))
    only = write("b.ndjson", ndjson([{"$distinct_id": "ann", "$add": {"n": 1}}]))
    report = await mp.import_profiles(only)
    assert (report.imported, report.undelivered_by) == (0, {"answer_lost": 1})
    assert (await emulator.profiles())["ann"] == {"n": 1}


async def test_a_token_is_needed(emulator: Emulator, write: Write) -> None:
    """Imports of profiles need the project token."""
    async with AsyncMixpanel(base_url=emulator.url, settings=Settings()) as mp:
        with pytest.raises(MissingCredentialsError, match="token"):
            await mp.import_profiles(write("a.ndjson", b""))


@pytest.mark.parametrize("is_group", [False, True])
async def test_dead_letters_hold_no_token(emulator: Emulator, write: Write, *, is_group: bool) -> None:
    """Dead letters hold no project token, own or foreign, and can be imported once they are fixed."""
    target = {"$group_key": "company", "$group_id": "acme"} if is_group else {"$distinct_id": "ann"}
    updates = [{**target, "$set": {"plan": "pro"}}, {**target, "$token": "other", "$set": {"plan": "free"}}]
    emulator.faults.add(InjectedFault(path="/groups" if is_group else "/engage", kind="status", status=400, times=3))
    path = write("a.ndjson", ndjson(updates))
    dead = path.with_name("dead.ndjson")
    async with AsyncMixpanel('a "token"', base_url=emulator.url, settings=Settings(linger_seconds=0.05)) as mp:
        run = mp.import_groups if is_group else mp.import_profiles
        assert (await run(path, dead_letters=dead)).rejected == 2
        assert b"a \\" not in dead.read_bytes()
        found = [orjson.loads(line)["record"] for line in dead.read_bytes().splitlines()]
        assert found == [{**target, "$set": {"plan": plan}} for plan in ("pro", "free")]
        assert (await run(write("b.ndjson", ndjson(found[:1])))).imported == 1
    assert {"plan": "pro"} in (await (emulator.groups() if is_group else emulator.profiles())).values()


async def test_updates_that_are_no_objects(mp: AsyncMixpanel) -> None:
    """An update in memory that is not a mapping is rejected by number; the others are delivered."""
    good = {"$distinct_id": "u", "$set": {"a": 1}}
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"a": deep}
    too_deep = [{"$distinct_id": "u", operation: {"a": deep}} for operation in ("$set", "$add")]
    records: list[Any] = [good, None, 5, "text", ["list"], object(), *too_deep, good]
    report = await mp.import_profiles(records)
    assert (report.read, report.imported, report.rejected) == (9, 2, 7)
    assert sum("must be an object" in fault.message for fault in report.examples) == 5


async def test_properties_beside_set_are_not_lost(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """An update with both $set and $properties is rejected: the second one would be ignored silently."""
    updates: list[dict[str, object]] = [{"$distinct_id": "u3", "$set": {"a": 1}, "$properties": {"b": 2}}]
    report = await mp.import_profiles(write("p.ndjson", ndjson(updates)))
    assert (report.imported, report.examples[0].field) == (0, "$properties")
    assert not await emulator.profiles()
