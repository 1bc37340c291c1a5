"""`profiles` and `groups`: names and properties, in each form in which people give them."""

import json
from pathlib import Path

import pytest

from tests.integration.actions.server import Script
from tests.integration.cli.conftest import Command


@pytest.mark.parametrize("kind", [("profiles", "unset", "u"), ("groups", "unset", "company", "acme")])
async def test_names_and_one_json_array_of_names_are_the_same(
    kind: tuple[str, ...], inside: Command, mixpanel: Script, tmp_path: Path
) -> None:
    """A JSON array is parsed once, not sent as the name of one property; JSON of another form is refused."""
    file = tmp_path / "names.json"
    file.write_text('["a", "b"]')
    mixpanel.handler = None
    mixpanel.replies = [(200, b'{"status": 1, "error": null}')]
    for names in (("a", "b"), ('["a", "b"]',), (f"@{file}",)):
        ended = await inside(*kind, *names, "--token", "the-project-token")
        assert ended.status == 0, ended
        (update,) = json.loads(mixpanel.seen[-1].body)
        assert update["$unset"] == ["a", "b"]
    ended = await inside(*kind, "[Ads] Seen", "--token", "the-project-token")
    assert json.loads(mixpanel.seen[-1].body)[0]["$unset"] == ["[Ads] Seen"]
    sent = len(mixpanel.seen)
    for wrong in ('["a"', "[]", '["a", 1]', '{"a": 1}', '[""]'):
        ended = await inside(*kind, wrong, "--token", "the-project-token")
        assert (ended.status, "NAME is invalid" in ended.err) == (2, True), ended
    assert len(mixpanel.seen) == sent


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("plan=pro",), "properties is invalid: 'plan=pro' is not JSON; give --property plan=pro"),
        (
            ("{x",),
            "properties is invalid: the JSON is malformed: object keys must be strings (byte 1); give JSON, or @FILE",
        ),
        (("[1]",), 'properties is invalid: give a JSON object such as {"plan": "pro"}'),
        ((), 'properties is missing: give a JSON object such as {"plan": "pro"}, or --property'),
    ],
)
async def test_properties_in_another_form(
    inside: Command, mixpanel: Script, given: tuple[str, ...], message: str
) -> None:
    """Properties that are no JSON object are an error that says what to give; nothing is sent."""
    ended = await inside("profiles", "set", "ann", *given)
    assert (ended.status, ended.err) == (2, f"mixpanel-async: {message}\n")
    assert not mixpanel.seen
