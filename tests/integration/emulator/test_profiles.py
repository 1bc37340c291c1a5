import gzip
from typing import Any

import orjson
import pytest

from mixpanel_async.emulator.rules.profiles import check_operations, updated
from tests.integration.emulator.api import Api


def user(number: int = 0, **operation: object) -> dict[str, Any]:
    return {"$token": "t", "$distinct_id": f"user-{number}", **{f"${name}": value for name, value in operation.items()}}


def group(**operation: object) -> dict[str, Any]:
    changes = {f"${name}": value for name, value in operation.items()}
    return {"$token": "t", "$group_key": "company", "$group_id": "acme", **changes}


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        (None, {"set": {"a": 1}}, {"a": 1}),
        ({"a": 1, "b": 2}, {"set": {"a": 3}}, {"a": 3, "b": 2}),
        ({"a": None}, {"set_once": {"a": 3, "c": 4}}, {"a": None, "c": 4}),
        ({"n": 1}, {"add": {"n": 2, "m": -0.5}}, {"n": 3, "m": -0.5}),
        ({"n": "text"}, {"add": {"n": 2}}, {"n": "text"}),
        ({"n": 2**64 - 1}, {"add": {"n": 1}}, {"n": float(2**64)}),
        ({"n": -(2**63)}, {"add": {"n": -1}}, {"n": -float(2**63)}),
        ({"n": 1e308}, {"add": {"n": 1e308}}, {"n": 1e308}),
        ({"l": [1]}, {"append": {"l": 1, "m": "x"}}, {"l": [1, 1], "m": ["x"]}),
        ({"l": [1]}, {"union": {"l": [1, True, 2], "m": [3]}}, {"l": [1, True, 2], "m": [3]}),
        ({"l": [1, 2, 1]}, {"remove": {"l": 1, "m": 1}}, {"l": [2]}),
        ({"a": 1, "b": 2}, {"unset": ["a", "c"]}, {"b": 2}),
        ({"a": 1}, {"delete": ""}, None),
    ],
)
def test_operations(before: dict[str, Any] | None, operation: dict[str, Any], after: dict[str, Any] | None) -> None:
    """Each operation does what the reference says, and leaves the former value alone."""
    kept = orjson.dumps(before)
    assert check_operations(user(**operation), "user") is None
    assert updated(before, user(**operation)) == after
    assert orjson.dumps(before) == kept


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (7, ""),
        ({"$distinct_id": "u", "$set": {}}, "$token"),
        ({"$token": "t", "$set": {}}, "$distinct_id"),
        ({"$token": "t", "$distinct_id": "null", "$set": {}}, "$distinct_id"),
        (user(), ""),
        (user(set={}, unset=[]), ""),
        (user(set=[1]), "$set"),
        (user(add={"n": "1"}), "$add"),
        (user(add={"n": True}), "$add"),
        (user(union={"l": 1}), "$union"),
        (user(unset={"a": 1}), "$unset"),
        (user(set={"a": orjson.loads("[" * 230 + "]" * 230)}), "$set"),
        (user(append={"a": orjson.loads('{"a":' * 230 + "1" + "}" * 230)}), "$append"),
        (user(set={"a": "x" * 1_000_000}), ""),
    ],
)
def test_flawed_updates_are_found(record: object, field: str) -> None:
    """An update that breaks a rule is refused, and the field is named."""
    flaw = check_operations(record, "user")
    assert flaw is not None
    assert flaw.field == field


@pytest.mark.parametrize("operation", [{"add": {"n": 1}}, {"append": {"l": 1}}])
def test_groups_know_fewer_operations(operation: dict[str, Any]) -> None:
    """$add and $append are refused for groups."""
    assert check_operations(group(**operation), "group") is not None


async def test_profiles_and_groups_are_kept(api: Api) -> None:
    """Updates are applied in order, to the profile that they name."""
    assert (
        await api.post_json("/engage", [user(0, set={"a": 1}), user(1, set={"b": 2}), user(0, add={"a": 1})])
    ).text == "1"
    assert (await api.post_json("/groups", group(union={"tags": ["x"]}))).text == "1"
    assert await api.emulator.profiles() == {"user-0": {"a": 2}, "user-1": {"b": 2}}
    assert await api.emulator.groups() == {("company", "acme"): {"tags": ["x"]}}
    await api.post_json("/engage", user(0, delete=None))
    assert await api.emulator.profiles() == {"user-1": {"b": 2}}


async def test_a_200_can_carry_an_error(api: Api) -> None:
    """Without strict the status is 200 even if nothing was valid; the body says 0."""
    plain = await api.post_json("/engage", [user()])
    verbose = await api.post_json("/engage", [user()], {"verbose": 1})
    fine = await api.post_json("/engage", [user(set={})], {"verbose": 1, "strict": 1})
    assert (plain.status, plain.text) == (200, "0")
    assert (verbose.status, verbose.json()["status"]) == (200, 0)
    assert verbose.json()["error"]
    assert fine.json() == {"status": 1, "error": None}


@pytest.mark.parametrize(("path", "build"), [("/engage", user), ("/groups", group)])
async def test_strict_updates_list_the_bad(api: Api, path: str, build: Any) -> None:  # noqa: ANN401 - a builder
    """With strict=1 good updates are applied, each bad one is listed with its index and message."""
    answer = await api.post_json(path, [build(set={"a": 1}), build()], {"strict": 1, "verbose": 1})
    body = answer.json()
    assert (answer.status, body["num_records_imported"]) == (400, 1)
    assert [one["index"] for one in body["failed_records"]] == [1]
    counts = await api.emulator.counts()
    assert (counts.profiles + counts.groups, counts.rejected) == (1, 1)


async def test_compressed_updates_are_refused(api: Api) -> None:
    """The profile endpoints take no gzip."""
    body = gzip.compress(orjson.dumps([user(set={})]))
    for path in ("/engage", "/groups"):
        answer = await api.call("POST", path, body=body, headers={"Content-Encoding": "gzip"})
        assert answer.status == 400
    assert await api.emulator.profiles() == {}


async def test_a_sum_beyond_64_bits_is_stored(api: Api) -> None:
    """The server goes on after a sum that no whole number of JSON can hold."""
    for _ in range(2):
        await api.post_json("/engage", user(add={"n": 2**64 - 1}))
    found = (await api.call("POST", "/api/query/engage", query={"project_id": 1})).json()
    assert found["results"][0]["$properties"]["n"] == float(2**65)


@pytest.mark.parametrize("ignored", [[], {}, True, "true", 1, None])
async def test_ignore_time_may_be_anything(api: Api, ignored: object) -> None:
    """An odd `$ignore_time` does not fail the request."""
    assert (await api.post_json("/engage", {**user(set={"a": 1}), "$ignore_time": ignored})).text == "1"
