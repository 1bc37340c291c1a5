import base64
import urllib.parse
from typing import Any

import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings
from tests.integration.emulator.api import NOON, Api, HandClock, event

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_track_answers_one_and_stores(api: Api) -> None:
    """A valid batch, compressed or not, is stored and gets a 1."""
    sent = [event(0, token="t"), event(1, token="t")]
    for packed in (False, True):
        answer = await api.post_json("/track", sent, packed=packed)
        assert (answer.status, answer.text) == (200, "1")
    assert await api.emulator.events() == sent * 2


async def test_track_needs_no_credentials(api: Api) -> None:
    """/track only needs the token in the record."""
    answer = await api.call("POST", "/track", body=orjson.dumps(event(token="t")), authorization=None)
    assert answer.text == "1"


@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
async def test_track_takes_forms(api: Api, encode: Any) -> None:  # noqa: ANN401 - a function of a parameter list
    """The data of a form may be JSON or base64-encoded JSON."""
    body = urllib.parse.urlencode({"data": encode(orjson.dumps(event(token="t", text="a+b/ü")))}).encode()
    assert (await api.call("POST", "/track", body=body, headers=FORM)).text == "1"
    assert await api.emulator.events() == [event(token="t", text="a+b/ü")]


async def test_track_says_zero_only_if_nothing_is_valid(api: Api) -> None:
    """One valid record is enough for a 1; `verbose` adds the reason of a 0."""
    mixed = await api.post_json("/track", [event(0), event(1, token="t")])
    none = await api.post_json("/track", [event(0)])
    verbose = await api.post_json("/track", [event(0)], {"verbose": 1})
    fine = await api.post_json("/track", [event(0, token="t")], {"verbose": 1})
    assert (mixed.text, none.text) == ("1", "0")
    assert verbose.json()["status"] == 0
    assert "token" in verbose.json()["error"]
    assert fine.json() == {"status": 1, "error": None}
    assert len(await api.emulator.events()) == 2


async def test_track_drops_old_events_silently(api: Api) -> None:
    """An event older than five days gets a 1 and is not stored."""
    edge = NOON - 5 * 86_400
    answer = await api.post_json("/track", [event(0, token="t", time=edge - 1), event(1, token="t", time=edge)])
    assert answer.text == "1"
    assert await api.emulator.events() == [event(1, token="t", time=edge)]
    assert (await api.emulator.counts()).ignored == 1


async def test_track_fills_in_what_is_missing(api: Api) -> None:
    """An event without time, distinct_id and $insert_id gets the arrival time, an empty ID and a random insert ID."""
    bare = {"event": "Bare", "properties": {"token": "t"}}
    assert (await api.post_json("/track", [bare, bare])).text == "1"
    first, second = (one["properties"] for one in await api.emulator.events())
    assert (first["time"], first["distinct_id"]) == (NOON, "")
    assert first["$insert_id"] != second["$insert_id"]


async def test_track_makes_an_id_of_the_address(api: Api) -> None:
    """With ip=1 an event without distinct_id gets one derived from the sender's address."""
    await api.post_json("/track", [event(distinct_id=..., token="t")], {"ip": 1})
    (stored,) = await api.emulator.events()
    assert len(stored["properties"]["distinct_id"]) == 32


async def test_other_tokens_are_answered_but_not_stored(clock: HandClock, api: Api) -> None:
    """The reply does not reveal whether the token is right; events with another token are not stored."""
    async with Emulator(EmulatorSettings(token="right"), now=clock.now) as emulator:
        other = Api(emulator, api.session)
        answer = await other.post_json("/track", [event(0, token="wrong"), event(1, token="right")])
        assert answer.text == "1"
        assert (await other.post_json("/track", [event(0, token="wrong")])).text == "1"
        assert await emulator.events() == [event(1, token="right")]


async def test_track_answers_in_other_shapes(api: Api) -> None:
    """`img` returns an image, `redirect` a redirect, `callback` a script."""
    sent = [event(token="t")]
    picture = await api.post_json("/track", sent, {"img": 1})
    redirect = await api.post_json("/track", sent, {"redirect": "http://127.0.0.1/next"})
    script = await api.post_json("/track", sent, {"callback": "done"})
    assert (picture.headers["Content-Type"], picture.body[:3]) == ("image/gif", b"GIF")
    assert (redirect.status, redirect.headers["Location"]) == (302, "http://127.0.0.1/next")
    assert script.text == "done(1);"


async def test_merge_is_not_taken_by_track(api: Api) -> None:
    """/track accepts $identify but not $merge."""
    anonymous = "7d2b8f0e-94b9-4e2c-9a50-0f7cf1c3a111"
    identify = {"event": "$identify", "properties": {"$identified_id": "u", "$anon_id": anonymous, "token": "t"}}
    merge = {"event": "$merge", "properties": {"$distinct_ids": ["a", "b"], "token": "t"}}
    assert (await api.post_json("/track", identify)).text == "1"
    assert (await api.post_json("/track", merge)).text == "0"
    assert len(await api.emulator.identities()) == 1
