"""Every form in which clients send records, and every form of reply that they ask for."""

import asyncio
import base64
import gzip
import urllib.parse
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mixpanel_async.emulator.http.submission import decode_submission
from mixpanel_async.emulator.replies import RefusalError
from tests.integration.emulator.api import NOON, Api, event

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
SENT = event(token="t", text="a+b/ü & c=?")
USER = {"$token": "t", "$distinct_id": "u", "$set": {"plan": "a+b/ü & c=?"}}
GROUP = {"$token": "t", "$group_key": "company", "$group_id": "g", "$set": {"plan": "pro"}}


def form(value: object, **parameters: object) -> bytes:
    """Return a form with JSON in `data`."""
    return urllib.parse.urlencode({"data": orjson.dumps(value), **parameters}).encode()


def base64_form(value: object, **parameters: object) -> bytes:
    """Return a form with base64 in `data`, escaped."""
    return urllib.parse.urlencode({"data": base64.b64encode(orjson.dumps(value)), **parameters}).encode()


def bare_base64_form(value: object, **parameters: object) -> bytes:
    """Return a form with base64 in `data`, not escaped and without padding, as some SDKs send it."""
    rest = "".join(f"&{name}={value}" for name, value in parameters.items()).encode()
    return b"data=" + base64.b64encode(orjson.dumps(value)).rstrip(b"=") + rest


@pytest.mark.parametrize("path", ["/track", "/track/", "/track%23live-event", "/import", "/import/"])
@pytest.mark.parametrize("encode", [form, base64_form, bare_base64_form])
@pytest.mark.parametrize("many", [False, True])
async def test_events_in_a_form(api: Api, path: str, encode: Callable[..., bytes], *, many: bool) -> None:
    """`data` is one event or an array, as JSON or base64; `verbose` counts in the form, too."""
    body = encode([SENT] if many else SENT, verbose=1, ip=0)
    answer = await api.call("POST", path, query={"_": "123", "project_id": 1}, body=body, headers=FORM)
    assert answer.json() == {"status": 1, "error": None}
    assert await api.emulator.events() == [SENT]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_form_may_be_compressed(api: Api, *, packed: bool) -> None:
    """/track takes a form with gzip, and a form without a Content-Type."""
    body = base64_form(SENT)
    if packed:
        answer = await api.call(
            "POST", "/track", body=gzip.compress(body), headers={**FORM, "Content-Encoding": "gzip"}
        )
    else:
        answer = await api.call("POST", "/track", body=body)
    assert answer.text == "1"
    assert await api.emulator.events() == [SENT]


@pytest.mark.parametrize("path", ["/track", "/track/", "/import"])
@pytest.mark.parametrize("encode", [orjson.dumps, lambda value: base64.b64encode(orjson.dumps(value))])
async def test_events_in_a_url(api: Api, path: str, encode: Callable[[object], bytes]) -> None:
    """A GET carries its events in `data` of the URL."""
    answer = await api.call("GET", path, query={"data": encode(SENT).decode(), "ip": 0, "project_id": 1})
    assert (answer.status, answer.text) == (200, "1")
    assert await api.emulator.events() == [SENT]


async def test_a_long_url_is_taken(api: Api) -> None:
    """A GET may have a URL of 64 KB."""
    many = [event(n, token="t", text="x" * 200) for n in range(200)]
    answer = await api.call("GET", "/track", query={"data": orjson.dumps(many).decode()})
    assert answer.text == "1"
    assert len(await api.emulator.events()) == 200


@pytest.mark.parametrize(("path", "record"), [("/engage", USER), ("/groups", GROUP)])
@pytest.mark.parametrize("encode", [orjson.dumps, form, base64_form, bare_base64_form])
@pytest.mark.parametrize("end", ["", "/", "%23profile-set"])
async def test_updates_in_every_form(
    api: Api, path: str, record: dict[str, Any], encode: Callable[[object], bytes], end: str
) -> None:
    """Profiles and groups take JSON and forms, at every spelling of the path."""
    headers = JSON if encode is orjson.dumps else FORM
    answer = await api.call("POST", path + end, body=encode(record), headers=headers)
    assert answer.text == "1"
    found = {**await api.emulator.profiles(), **{key[1]: one for key, one in (await api.emulator.groups()).items()}}
    assert list(found.values()) == [record["$set"]]


@pytest.mark.parametrize(("path", "record"), [("/engage", USER), ("/groups", GROUP)])
async def test_updates_in_a_url(api: Api, path: str, record: dict[str, Any]) -> None:
    """A GET carries its update in `data`, and `strict` lists what is wrong."""
    good = await api.call("GET", path, query={"data": orjson.dumps(record).decode()})
    bad = await api.call("GET", path, query={"data": orjson.dumps({**record, "$token": 1}).decode(), "strict": 1})
    assert (good.text, bad.status, bad.json()["failed_records"][0]["field"]) == ("1", 400, "$token")


async def test_data_in_json(api: Api) -> None:
    """An object whose only field is `data` is unpacked."""
    assert (await api.post_json("/track", {"data": [SENT]})).text == "1"
    assert await api.emulator.events() == [SENT]


async def test_strict_in_a_form(api: Api) -> None:
    """`strict=1` in a form of /import gives the reply of the JSON form, and nothing is filled in."""
    insertless = {"event": "Old", "properties": {"time": NOON, "distinct_id": "u"}}
    body = form([SENT, insertless], strict=1)
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=body, headers=FORM)
    assert (answer.status, answer.json()["num_records_imported"]) == (400, 1)
    assert answer.json()["failed_records"][0]["field"] == "properties.$insert_id"


async def test_the_older_import_fills_in(api: Api) -> None:
    """Without `strict`, an event in `data` needs no $insert_id and no distinct_id; an invalid one gets a 0."""
    bare = {"event": "Old", "properties": {"token": "t", "time": NOON}}
    assert (await api.call("POST", "/import", query={"project_id": 1}, body=form(bare), headers=FORM)).text == "1"
    wrong = {"event": "Old", "properties": {"token": "t"}}
    answer = await api.call("POST", "/import", query={"project_id": 1}, body=form(wrong, verbose=1), headers=FORM)
    assert answer.json()["status"] == 0
    assert "time" in answer.json()["error"]
    (stored,) = await api.emulator.events()
    assert stored["properties"]["distinct_id"] == ""
    assert len(stored["properties"]["$insert_id"]) == 32


async def test_a_key_in_a_parameter_is_a_credential(api: Api) -> None:
    """`api_key` replaces Authorization in the older form; without either the request is refused."""
    for body, status in ((form(SENT), 401), (form(SENT, api_key="key"), 200)):
        assert (await api.call("POST", "/import", body=body, headers=FORM, authorization=None)).status == status
    answer = await api.call(
        "GET", "/import", query={"data": orjson.dumps(SENT).decode(), "api_key": "key"}, authorization=None
    )
    assert answer.text == "1"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", FORM),
        (b"data=", FORM),
        (b"data=%%%", FORM),
        (b"data=a", FORM),
        (b"data=" + base64.b64encode(b"no json"), FORM),
        (b"data=" + base64.b64encode(b"\xff\xfe"), FORM),
        (b"other=1", FORM),
        (b"&&&", FORM),
        (b"\xff", FORM),
        (b"17", JSON),
        (b"[", JSON),
        (b"hello", JSON),
        (b'{"data": 3}', JSON),
    ],
)
@pytest.mark.parametrize("path", ["/track", "/engage", "/groups", "/import"])
async def test_anything_else_is_refused(api: Api, path: str, body: bytes, headers: dict[str, str]) -> None:
    """A body in none of the forms gets a 400 with a reason, and nothing is stored."""
    answer = await api.call("POST", path, body=body, headers=headers)
    assert (answer.status, answer.json()["code"]) == (400, 400)
    assert answer.json()["error"]


async def test_a_large_form_is_bounded_by_its_data(api: Api) -> None:
    """What counts is the size of the decoded data: escaping alone does not make a form too large."""
    api.emulator.limits.change({"max_batch_bytes": 1000})
    fits = b"data=" + urllib.parse.quote(orjson.dumps(event(token="t", text='"' * 200)).decode()).encode()
    assert len(fits) > 1000
    assert (await api.call("POST", "/track", body=fits, headers=FORM)).text == "1"
    for body in (form(event(token="t", text="x" * 1000)), b"data=" + b"x" * 4000):
        assert (await api.call("POST", "/track", body=body, headers=FORM)).status == 413


def test_the_parameters_of_a_form_replace_those_of_the_query() -> None:
    """A parameter may be in either place; the form counts."""
    sent = decode_submission(form(SENT, verbose=1), FORM["Content-Type"], {"verbose": "0", "ip": "1"})
    assert sent.parameters == {"verbose": "1", "ip": "1"}
    with pytest.raises(RefusalError):
        decode_submission(b"", "", {})


@pytest.mark.parametrize("path", ["/track", "/engage"])
async def test_replies_in_other_forms(api: Api, path: str) -> None:
    """`img`, `redirect` and `callback` count in the query and in a form."""
    record = SENT if path == "/track" else USER
    picture = await api.call("POST", path, body=form(record, img=1), headers=FORM)
    redirect = await api.call("POST", path, body=form(record, redirect="https://example.com/?a=1"), headers=FORM)
    script = await api.call("POST", path, body=form(record, callback="mp.done", verbose=1), headers=FORM)
    nothing = await api.call("POST", path, body=form(record, callback="(function(){})"), headers=FORM)
    assert (picture.headers["Content-Type"], picture.body[:6]) == ("image/gif", b"GIF89a")
    assert (redirect.status, redirect.headers["Location"]) == (302, "https://example.com/?a=1")
    assert (script.text, script.headers["Content-Type"]) == (
        'mp.done({"status":1,"error":null});',
        "text/javascript; charset=utf-8",
    )
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    assert nothing.text == "(function(){})(1);"


@pytest.mark.parametrize(
    "parameters",
    [
        {"callback": "alert(1)//"},
        {"callback": "a;b"},
        {"callback": "<script>"},
        {"callback": "a.b["},
        {"callback": "é"},
        {"callback": "a" * 129},
        {"redirect": "javascript:alert(1)"},
        {"redirect": "//example.com"},
        {"redirect": "/_admin/reset"},
        {"redirect": "http://"},
        {"redirect": "http://[::1"},
        {"redirect": "https://example.com/\r\nSet-Cookie: a=b"},
        {"redirect": " https://example.com"},
        {"redirect": "data:text/html,x"},
    ],
)
async def test_replies_run_no_script(api: Api, parameters: dict[str, str]) -> None:
    """A callback that is not a name and a redirect that is not an HTTP URL are refused, and nothing is stored."""
    answer = await api.post_json("/track", SENT, parameters)
    assert answer.status == 400
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("application/json")
    assert await api.emulator.events() == []


ORIGIN = "https://shop.example"


@pytest.mark.parametrize("path", ["/track/", "/engage/", "/groups/", "/record/", "/flags/", "/settings/", "/decide/"])
async def test_web_pages_may_send(api: Api, path: str) -> None:
    """The endpoints of the browser SDK answer preflight requests, and their replies may be read."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    preflight = await api.call("OPTIONS", path, headers=asked, authorization=None)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Private-Network"] == "true"
    reply = await api.call("POST", path, body=b"nonsense", headers={"Origin": ORIGIN}, authorization=None)
    for answer in (preflight, reply):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/", "/_admin/state", "/_admin/reset", "/api/2.0/export", "/api/query/engage"])
async def test_web_pages_may_not_read_the_rest(api: Api, path: str) -> None:
    """No other endpoint allows an origin."""
    for method in ("OPTIONS", "GET"):
        answer = await api.call(method, path, headers={"Origin": ORIGIN})
        assert not any(name.startswith("Access-Control") for name in answer.headers)


async def test_a_strange_preflight_allows_no_header(api: Api) -> None:
    """Only the names of headers are repeated."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Headers": "a: b; <c>"}
    answer = await api.call("OPTIONS", "/track", headers=asked, authorization=None)
    assert answer.headers["Access-Control-Allow-Headers"] == ""


async def test_what_sdks_ask_for_besides(api: Api) -> None:
    """Settings, flags, recordings and /decide are answered without effect."""
    settings = await api.call("GET", "/settings/", query={"sdk_config": 1})
    decided = await api.call("GET", "/decide", query={"version": 1, "token": "t"})
    asked = {"token": "t", "context": '{"distinct_id": "u"}'}
    flags = await api.call("GET", "/flags/", query=asked, authorization=None)
    recorded = await api.call("POST", "/record/", body=gzip.compress(b"anything"))
    assert [settings.status, decided.status, flags.status, recorded.status] == [200] * 4
    assert settings.json() == {"sdk_config": {"config": {}}}
    assert flags.json()["flags"] == {}
    assert decided.json()["notifications"] == []


async def test_a_fragment_in_the_request_line(api: Api) -> None:
    """A client that sends `#operation` unescaped reaches the endpoint."""
    host, port = api.emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps(USER)
    head = f"POST /engage#profile-set HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    assert (await reader.read()).endswith(b"\r\n\r\n1")
    writer.close()
    await writer.wait_closed()
    assert await api.emulator.profiles() == {"u": USER["$set"]}


@pytest.mark.parametrize("data", ["%FF", "%C3%BC", "a", "%00"])
async def test_data_that_is_neither_json_nor_base64_is_refused(api: Api, data: str) -> None:
    """`data` of any characters gets a 400 that says what is wrong."""
    answer = await api.call("POST", "/track", body=f"data={data}".encode(), headers=FORM)
    assert answer.status == 400
    assert "error" in answer.json()


async def test_a_form_may_end_with_an_ampersand(api: Api) -> None:
    """An empty pair at the end of a form is no error."""
    assert (await api.call("POST", "/track", body=form(SENT) + b"&", headers=FORM)).text == "1"


async def test_very_many_fields_or_gzip_members_are_refused(api: Api) -> None:
    """A body that would take seconds to take apart is refused at once."""
    fields = await api.call("POST", "/track", body=b"a=&" * 600_000, headers=FORM)
    packed = gzip.compress(b"") * 90_000
    members = await api.call("POST", "/track", body=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert [fields.status, members.status] == [400, 400]
    assert "members" in members.json()["error"]
