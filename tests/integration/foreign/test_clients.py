"""What clients that others wrote send is understood, stored and returned.

The flags of the official client are tested where flags are.
"""

import datetime as dt
import json
import urllib.parse
import urllib.request
from collections import Counter
from typing import Any

from mixpanel_async.testing import LocalMixpanel
from tests.integration.foreign.conftest import Program

TEXT = "a+b/ü & c=?"


def address(server: LocalMixpanel) -> str:
    return server.url.removeprefix("http://")


def names(server: LocalMixpanel) -> Counter[str]:
    return Counter(event["event"] for event in server.events())


def unique(server: LocalMixpanel, event: str) -> int:
    """Ask a query endpoint how many users did an event today."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    query = {"event": json.dumps([event]), "type": "unique", "unit": "day", "from_date": today, "to_date": today}
    request = urllib.request.Request(  # noqa: S310 - the local server
        f"{server.url}/api/query/events?{urllib.parse.urlencode(query)}", headers={"Authorization": "Basic czo="}
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - the same
        values = json.load(reply)["data"]["values"][event]
    return sum(values.values())


def test_the_official_python_client(server: LocalMixpanel, python: Program) -> None:
    """Every sending call of the package `mixpanel` has its effect; a refused update raises with the reason."""
    refusal = python("official_python.py", address(server), needs="mixpanel")
    assert "must be numbers" in refusal
    assert names(server) == {"Signed Up": 1, "Old": 2, "Buffered": 7}
    server.assert_tracked("Signed Up", distinct_id="ann", plan="pro", text=TEXT)
    assert server.profiles() == {
        "ann": {"plan": "pro", "count": 3, "tags": ["b", "c"], "first": "yes", "by_alias": True, "buffered": True}
    }
    assert server.groups() == {("company", "acme"): {"size": 3, "tags": ["b", "c"], "first": "yes"}}
    assert len(server.rejections()) == 1


def test_mixpanel_utils(server: LocalMixpanel, python: Program) -> None:
    """Imports, operations on people, the export and the profile query of `mixpanel-utils`."""
    found: dict[str, Any] = json.loads(python("utils_python.py", address(server), needs="mixpanel_utils"))
    assert [event["properties"]["n"] for event in found["exported"]] == list(range(10))
    people = {one["$distinct_id"]: one["$properties"] for one in found["people"]}
    assert sorted(people) == [f"user-{n}" for n in range(9)]
    assert {"n": 100, "tags": ["b", "c"], "plan": "pro"}.items() <= people["user-0"].items()
    assert [people[f"user-{n}"].get("plan") for n in (4, 5, 6)] == ["pro", "free", None]
    assert not any("gone" in properties for properties in people.values())
    assert server.rejections() == []


def test_the_official_node_client(server: LocalMixpanel, node: Program) -> None:
    """Every sending call of the npm package `mixpanel` succeeds, with GET and POST, verbose and not."""
    node("official_node.js", *address(server).split(":"))
    assert names(server) == {"Signed Up": 2, "Batched": 6, "Old": 6}
    for mark in ("plain", "verbose"):
        server.assert_tracked("Signed Up", distinct_id="ann", mark=mark, text=TEXT)
        user = server.profiles()[f"user-{mark}"]
        assert user == {"plan": "pro", "count": 3, "first": "yes", "tags": ["b"], "$transactions": []}
        assert server.groups()["company", mark] == {"size": 3, "tags": ["b", "c"], "first": "yes"}
    assert (len(server.profiles()), len(server.groups()), server.rejections()) == (2, 2, [])


def test_mixpanel_import(server: LocalMixpanel, node: Program) -> None:
    """The npm package `mixpanel-import` loads events with gzip, users and groups, and counts what was imported."""
    results = json.loads(node("import_node.js", server.url))
    assert [result["success"] for result in results] == [4500, 10, 1]
    assert {event["properties"]["n"] for event in server.events()} == set(range(4500))
    assert server.profiles() == {f"user-{n}": {"n": n} for n in range(10)}
    assert server.groups()["company", "acme"]["size"] == 3
    assert server.rejections() == []


def test_the_browser_client(server: LocalMixpanel, node: Program, chromium: str) -> None:
    """`mixpanel-browser` on a page of another origin sends in all its ways, and the browser reports no error."""
    assert json.loads(node("browser_node.js", server.url, chromium)) == []
    ways = ["api_payload_format_base64", "api_payload_format_json", "batch_requests_true", "api_transport_sendBeacon"]
    assert names(server) == {"Viewed": len(ways), "Signed Up": len(ways)}
    for way in ways:
        server.assert_tracked("Viewed", name=way, text=TEXT)
        server.assert_tracked("Signed Up", distinct_id="ann", name=way)
        assert server.profiles()["ann"][way] is True
        assert server.groups()["company", "acme"][way] is True
    assert server.profiles()["ann"]["count"] == len(ways)
    assert server.rejections() == []
    assert unique(server, "Viewed") == 1
