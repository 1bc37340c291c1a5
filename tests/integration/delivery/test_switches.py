"""Settings that exclude or change records: enabled, dry_run, sample_rate, opt_out, property_denylist, before_send."""

import pathlib
from collections.abc import Collection, Sequence
from typing import Any, cast

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Settings, Verdict
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidSettingError
from tests.conftest import TOKEN, Connect


async def test_disabled(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """Nothing is sent, neither live records nor those of jobs; all are counted as SKIPPED, and none as a failure."""
    failed: list[Verdict] = []
    client = connect(Settings(enabled=False), on_failure=lambda _, verdict: failed.append(verdict))
    receipt = await client.track("u", "A")
    await client.people.set("u", {"a": 1})
    bad = await client.track("undefined", "A")
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"event":"E","properties":{"time":1700000000,"distinct_id":"u","$insert_id":"1"}}\n' * 3)
    report = await client.import_events(path, dead_letters=tmp_path / "dead.ndjson")
    delivery = await client.flush(10)
    assert delivery.is_complete
    assert (await receipt).outcome is Outcome.SKIPPED
    assert (await receipt).reason == "disabled"
    assert bad.outcome is Outcome.REJECTED
    assert report.imported == 0
    assert (report.skipped, report.duplicates) == (1, 2)
    assert (tmp_path / "dead.ndjson").read_bytes() == b""
    assert [verdict.outcome for verdict in failed] == [Outcome.REJECTED]
    assert not server.requests


@pytest.mark.parametrize(("value", "is_sent"), [("1", False), ("true", False), ("0", True), ("", True)])
async def test_disabled_by_the_environment(
    value: str, is_sent: bool, connect: Connect, server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MIXPANEL_DISABLED=1 switches every client of a process off."""
    monkeypatch.setenv("MIXPANEL_DISABLED", value)
    client = connect()
    await client.track("u", "A")
    assert (await client.flush(10)).is_complete
    assert bool(server.requests) is is_sent


def test_an_odd_value_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is neither yes nor no is an error, and not a guess."""
    monkeypatch.setenv("MIXPANEL_DISABLED", "maybe")
    with pytest.raises(InvalidSettingError, match="MIXPANEL_DISABLED is invalid"):
        AsyncMixpanel("token-0123456789")


async def test_dry_run(connect: Connect, server: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is printed with its endpoint and without the token, and none is sent."""
    client = connect(Settings(dry_run=True))
    receipt = await client.track("u", "Signed Up", {"plan": "pro"})
    await client.people.set("u", {"name": "Ann"})
    assert (await client.flush(10)).is_complete
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(" ", 2)[1] for line in lines} == {"/track", "/engage"}
    assert any('"plan":"pro"' in line for line in lines)
    assert TOKEN not in "".join(lines)
    assert (await receipt).reason == "dry_run"
    assert not server.requests


async def test_sampling(connect: Connect, server: Emulator) -> None:
    """A share of users is sent, always the same ones; other events are not sampled."""
    client = connect(Settings(sample_rate={"Viewed": 0.25, "Never": 0}))
    for user in range(2_000):
        await client.track(f"u{user}", "Viewed", insert_id=f"a{user}")
        await client.track(f"u{user}", "Viewed", insert_id=f"b{user}")
    never = await client.track("u", "Never")
    await client.track("u", "Bought")
    report = await client.flush(20)
    assert report.is_complete
    assert (await never).reason == "sampled"
    events = await server.events()
    users = [event["properties"]["distinct_id"] for event in events if event["event"] == "Viewed"]
    assert 400 < len(set(users)) < 600
    assert len(users) == 2 * len(set(users))
    assert sum(event["event"] == "Bought" for event in events) == 1
    assert client.stats.outcomes[Outcome.SKIPPED] == 4_001 - len(users)


@pytest.mark.parametrize("opt_out", [["u1", "7"], {"u1", "7"}, set[str]()], ids=["list", "set", "set that grows"])
async def test_opted_out(opt_out: Collection[str], connect: Connect, server: Emulator) -> None:
    """Neither events nor profile updates of a user who opted out are sent."""
    client = connect(Settings(opt_out=opt_out))
    if isinstance(opt_out, set):
        opt_out |= {"u1", "7"}
    receipts = [
        await client.track("u1", "A"),
        await client.track(7, "A"),
        await client.people.set("u1", {"a": 1}),
    ]
    await client.track("u2", "A")
    await client.groups.set("company", "u1", {"a": 1})
    assert (await client.flush(10)).is_complete
    assert [(await receipt).reason for receipt in receipts] == ["opt_out"] * 3
    assert [event["properties"]["distinct_id"] for event in await server.events()] == ["u2"]
    assert await server.profiles() == {}


async def test_denied_properties(connect: Connect, server: Emulator) -> None:
    """Denied properties are in no event and no profile, whatever the operation."""
    client = connect(Settings(property_denylist=["email", "$ip"]))
    await client.track("u", "A", {"email": "a@example.com", "plan": "pro"})
    await client.people.update([{"$distinct_id": "u", "$set": {"email": "x", "a": 1}, "$set_once": {"email": "y"}}])
    assert (await client.flush(10)).is_complete
    (event,) = await server.events()
    assert "email" not in event["properties"]
    assert event["properties"]["plan"] == "pro"
    assert "email" not in (await server.profiles())["u"]
    assert (await server.profiles())["u"]["a"] == 1


async def test_nothing_but_denied_properties(connect: Connect, server: Emulator) -> None:
    """An update of which nothing is left is SKIPPED, and not sent without an operation."""
    client = connect(Settings(property_denylist=["email"]))
    receipt = await client.people.set("u", {"email": "a@example.com"})
    assert (await receipt).reason == "property_denylist"
    await client.people.unset("u", ["email"])
    await client.flush(10)
    assert len(server.requests) == 1


async def test_before_send(connect: Connect, server: Emulator) -> None:
    """The hook sees each record as Mixpanel takes it, without the token, and changes or drops it."""
    seen: list[dict[str, Any]] = []

    def hook(record: dict[str, Any]) -> dict[str, Any] | None:
        seen.append(record)
        if record.get("event") == "Secret":
            return None
        if "event" in record:
            record["properties"]["email"] = "hidden"
            record["event"] = record["event"].upper()
        return record

    client = connect(Settings(before_send=hook))
    await client.track("u", "signup", {"email": "a@example.com"}, insert_id="id-1", time=1_700_000_000_123)
    dropped = await client.track("u", "Secret")
    await client.people.set("u", {"a": 1})
    await client.flush(10)
    assert (await dropped).reason == "before_send"
    assert not any("token" in orjson.dumps(one).decode() for one in seen)
    assert seen[0]["properties"]["$insert_id"] == "id-1"
    assert (await server.profiles())["u"]["a"] == 1


@pytest.mark.parametrize("returned", [7, "x", {}, {"event": "A"}, {"event": "A", "properties": 3}, []])
async def test_a_hook_that_returns_something_else(returned: object, connect: Connect, server: Emulator) -> None:
    """What is no record is REJECTED, and not sent."""
    client = connect(Settings(before_send=lambda _: cast("dict[str, Any]", returned)))
    receipt = await client.track("u", "A")
    assert receipt.outcome is Outcome.REJECTED
    assert (await client.people.set("u", {"a": 1})).outcome is Outcome.REJECTED
    assert not server.requests


async def test_a_hook_that_raises(connect: Connect, server: Emulator) -> None:
    """A hook that raises does not let the record through: it may hide what is private."""

    def hook(record: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(f"cannot judge {sorted(record)}")

    client = connect(Settings(before_send=hook))
    assert (await client.track("u", "A")).outcome is Outcome.REJECTED
    await client.flush(10)
    assert not server.requests


async def test_failures_of_a_batch() -> None:
    """`on_failures` gets the failed records of a batch in one call."""
    calls: list[int] = []

    def count(failed: Sequence[tuple[bytes, Verdict]]) -> None:
        calls.append(len(failed))

    client = AsyncMixpanel("token-0123456789", base_url="http://127.0.0.1:9", on_failures=count)
    for number in range(5):
        await client.track("u", "A", {"n": number})
    await client.aclose(0.05)
    assert sum(calls) == 5
    assert len(calls) < 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": {"A": 2}},
        {"sample_rate": {"A": -1}},
        {"opt_out": "u1"},
        {"property_denylist": "email"},
        {"opt_out": 7},
        {"before_send": 7},
        {"enabled": "no"},
    ],
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    """A setting that cannot be meant is refused when it is made."""
    with pytest.raises(InvalidSettingError):
        Settings(**wrong)
