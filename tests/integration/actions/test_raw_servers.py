"""Which server gets credentials, a project and a workspace; nothing that was given is ignored."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mixpanel_async import AsyncMixpanel, OAuthToken, ProjectSecret, ProjectToken, ServiceAccount
from mixpanel_async.errors import (
    InvalidArgumentError,
    InvalidSettingError,
    MissingCredentialsError,
    ServerError,
    UnexpectedReplyError,
)
from mixpanel_async.session import Reply
from mixpanel_async.session.messages import StreamReply, WireRequest
from tests.integration.actions.server import FakeClock

ACCOUNT = ServiceAccount("user", "account-secret")


class Wire:
    """A transport that records what would be sent and answers with one reply."""

    def __init__(self, status: int = 200, body: bytes = b'{"status": "ok"}', **headers: str) -> None:
        self.headers = headers
        self.sent: list[WireRequest] = []
        self.status = status
        self.body = body

    async def send(self, request: WireRequest) -> Reply:
        self.sent.append(request)
        return Reply(self.status, self.headers, self.body)

    async def open_stream(self, request: WireRequest) -> StreamReply:
        raise AssertionError(request)

    async def close_stream(self, reply: StreamReply) -> None:
        raise AssertionError(reply)

    async def aclose(self) -> None:
        pass

    @property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(urlsplit(self.sent[-1].url).query))

    def authorization(self) -> str | None:
        """The header of the last request."""
        return self.sent[-1].headers.get("Authorization")


def client(wire: Wire, **given: Any) -> AsyncMixpanel:  # noqa: ANN401 - arguments of any type
    chosen = {"credentials": ACCOUNT, "project_id": 7, **given}
    return AsyncMixpanel("the-project-token", transport=wire, clock=FakeClock(), **chosen)


@pytest.mark.parametrize(
    "host",
    ["api", "data", "", "api-eu", "data-eu", "eu", "api-in", "data-in", "in"],
)
async def test_every_server_of_mixpanel_gets_the_credentials(host: str) -> None:
    """A URL of another region's server gets the client's credentials, and those of the call, over https."""
    wire = Wire()
    url = f"https://{host}{'.' if host else ''}mixpanel.com/api/app/me"
    mp = client(wire)
    await mp.request("GET", url)
    assert wire.authorization() == ACCOUNT.authorization()
    await mp.request("GET", url.replace("mixpanel.com/", "mixpanel.com:443/"), auth=OAuthToken("other"))
    assert wire.authorization() == "Bearer other"
    await mp.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x",
        "https://mixpanel.com.example.com/x",
        "https://mixpanel.com@example.com/x",
        "https://evil-mixpanel.com/x",
        "https://sub.api.mixpanel.com/x",
        "http://localhost/x",
    ],
)
async def test_no_other_server_gets_them(url: str) -> None:
    """The client's credentials are not sent to other servers; explicit ones are not dropped silently."""
    wire = Wire()
    mp = client(wire)
    await mp.request("GET", url)
    assert wire.authorization() is None
    assert "project_id" not in wire.query
    with pytest.raises(InvalidArgumentError, match=r"auth is invalid: .* gets no credentials"):
        await mp.request("GET", url, auth=ACCOUNT)
    with pytest.raises(InvalidArgumentError, match="auth is invalid"):
        await mp.request("GET", url, auth=True)
    await mp.request("GET", url, headers={"Authorization": "Bearer mine"})
    assert wire.authorization() == "Bearer mine"
    assert len(wire.sent) == 2
    await mp.aclose()


@pytest.mark.parametrize("url", ["http://mixpanel.com/api/app/me", "https://eu.mixpanel.com:8443/api/app/me"])
async def test_a_server_of_mixpanel_without_credentials_says_why(url: str) -> None:
    """Without https, or at another port, there is an error and no request without credentials."""
    wire = Wire()
    mp = client(wire)
    with pytest.raises(InvalidArgumentError, match="https"):
        await mp.request("GET", url)
    await mp.request("GET", url, auth=False)
    assert wire.authorization() is None
    await mp.aclose()


@pytest.mark.parametrize(
    ("path", "has_project"),
    [
        ("/api/query/funnels", True),
        ("https://eu.mixpanel.com/api/query/funnels", True),
        ("/api/2.0/nessie/pipeline/jobs", True),
        ("/import", True),
        ("/track", False),
        ("/api/app/me", False),
    ],
)
async def test_the_project_reaches_what_needs_it(path: str, *, has_project: bool) -> None:
    """The client's project and workspace go where they are parameters; those of the call and the URL win."""
    wire = Wire()
    mp = client(wire, workspace_id=8)
    await mp.request("GET", path, auth=True)
    assert wire.query.get("project_id") == ("7" if has_project else None)
    assert wire.query.get("workspace_id") == ("8" if "/api/query" in path else None)
    if has_project:
        await mp.request("GET", path, project_id=9)
        assert wire.query["project_id"] == "9"
        await mp.request("GET", f"{path}?project_id=10&a=b")
        assert parse_qsl(urlsplit(wire.sent[-1].url).query)[:2] == [("project_id", "10"), ("a", "b")]
        await mp.request("POST", path, json={"project_id": 11})
        assert "project_id" not in wire.query
    await mp.aclose()


async def test_ingestion_needs_no_credentials() -> None:
    """/track, /engage and /groups go without credentials; /import goes with the token where there is no other."""
    wire = Wire()
    mp = client(wire, credentials=None, project_id=None)
    for path in ("/track", "/engage", "/groups", "https://api-eu.mixpanel.com/track"):
        await mp.request("POST", path, json=[])
        assert wire.authorization() is None
    await mp.request("POST", "/import", json=[])
    assert wire.authorization() == ProjectToken("the-project-token").authorization()
    with pytest.raises(MissingCredentialsError):
        await mp.request("GET", "/api/app/me")
    await mp.aclose()
    wire = Wire()
    mp = client(wire)
    await mp.request("POST", "/track", json=[])
    assert wire.authorization() is None
    await mp.request("POST", "/track", json=[], auth=True)
    assert wire.authorization() == ACCOUNT.authorization()
    await mp.aclose()


async def test_use_project_token() -> None:
    """The calls that take the project token as a credential say so, and need no project with it."""
    wire = Wire(body=b"[]")
    mp = client(wire, credentials=None, project_id=None)
    with pytest.raises(MissingCredentialsError, match=r"credential=ProjectToken\(...\)"):
        await mp.query.list_funnels()
    with pytest.raises(MissingCredentialsError, match=r"credential=ProjectToken\(...\)"):
        await mp.query.list_funnels(project_id=1)
    with pytest.raises(MissingCredentialsError, match=r"credential=ProjectToken\(...\)"):
        await mp.pipelines.delete("p")
    token = ProjectToken("the-project-token")
    await mp.query.list_funnels(credential=token)
    wire.body = b'{"status": "ok"}'
    await mp.pipelines.delete("p", credential=token)
    assert {request.headers["Authorization"] for request in wire.sent} == {token.authorization()}
    await mp.aclose()


@pytest.mark.parametrize("form", ["form", "json", "data", "files", "nothing"])
async def test_name_and_project_beside_any_body(form: str) -> None:
    """A generic pipeline takes its name and project with every kind of body."""
    wire = Wire()
    mp = client(wire, project_id=None)
    bodies: dict[str, Any] = {
        "form": {"form": {"a": "1"}}, "json": {"json": {"a": 1}}, "data": {"data": b"a"},
        "files": {"files": {"f": b"1"}, "file_names": {"f": "n.json"}}, "nothing": {"form": None},
    }  # fmt: skip
    await mp.pipelines.edit_generic("p1", project_id=9, **bodies[form])
    body = wire.sent[-1].body or b""
    match form:
        case "form":
            assert dict(parse_qsl(body.decode())) == {"project_id": "9", "name": "p1", "a": "1"}
        case "nothing":
            assert dict(parse_qsl(body.decode())) == {"project_id": "9", "name": "p1"}
        case "files":
            assert b'name="name"\r\n\r\np1\r\n' in body
            assert b'name="f"; filename="n.json"' in body
        case _:
            assert (wire.query, body) == ({"project_id": "9", "name": "p1"}, b'{"a":1}' if form == "json" else b"a")
    await mp.aclose()


async def test_binary_and_params() -> None:
    """The documents' words for a response and for the query are understood."""
    wire = Wire(body=b"\x00\x01")
    mp = client(wire)
    assert await mp.request("GET", "/x", response="binary", params={"a": [1, 2]}) == b"\x00\x01"
    assert wire.sent[-1].url.endswith("?a=1&a=2")
    assert await mp.pipelines.create_generic(form={"type": "x"}, response="binary") == b"\x00\x01"
    await mp.aclose()


@pytest.mark.parametrize(
    ("options", "slept"),
    [
        ({"max_retries": 2}, [0, 0]),
        ({"max_retries": 2, "retry_delay_ms": 250}, [0.25, 0.25]),
        ({"max_retries": 2, "retry_delay_seconds": 300}, [300, 300]),
        ({"max_retries": 3, "retry_delay_ms": 50, "exponential_backoff": True}, [0.05, 0.1, 0.2]),
        ({"max_retries": 2, "exponential_backoff": True}, [3, 5]),
        ({"max_retries": 0}, []),
    ],
)
async def test_retries_are_as_asked(options: dict[str, Any], slept: list[float]) -> None:
    """The number and delay of retries are as requested, from 0 ms on and without an upper bound."""
    wire, clock = Wire(status=500), FakeClock()
    mp = AsyncMixpanel("the-project-token", credentials=ACCOUNT, transport=wire, clock=clock)
    with pytest.raises(ServerError):
        await mp.request("GET", "/x", **options)
    assert clock.slept == slept
    clock.slept.clear()
    with pytest.raises(ServerError):
        await mp.request("POST", "/x", **options)
    assert clock.slept == []  # a POST may have been done
    with pytest.raises(ServerError):
        await mp.request("POST", "/x", retry_on_all_errors=True, **options)
    assert clock.slept == slept
    await mp.aclose()


async def test_the_debug_log_shows_what_is_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """The log shows the query and the body; secrets are left out by name, and the client's own by value."""
    caplog.set_level(logging.INFO, "mixpanel_async.request")
    mp = client(Wire())
    await mp.request("POST", "/x", query={"a": "b"}, json={"where": "true", "api_secret": "hush", "n": [1]}, debug=True)
    await mp.request("POST", "/x", form={"name": "p1", "note": "account-secret"}, debug=True)
    await mp.request("POST", "/x", data=b"any hush", debug=True)
    await mp.request("POST", "/x", json={"x": "own-hush-token"}, auth=OAuthToken("own-hush-token"), debug=True)
    first, second, third, fourth = [record.getMessage() for record in caplog.records]
    assert "query: a=b" in first
    assert '{"where": "true", "api_secret": "***", "n": [1]}' in first
    assert "name=p1, note=***" in second
    assert third.endswith("body: 8 bytes of no media type")
    assert "hush" not in caplog.text
    assert '{"x": "***"}' in fourth
    await mp.aclose()


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ("us api data mixpanel data.mixpanel api.mixpanel.com https://api.mixpanel.com/ mixpanel.com US", "api"),
        ("eu api-eu data-eu eu.mixpanel data-eu.mixpanel https://api-eu.mixpanel.com eu.mixpanel.com EU", "api-eu"),
        ("in api-in data-in in.mixpanel data-in.mixpanel https://in.mixpanel.com/", "api-in"),
    ],
)
async def test_regions_in_the_words_of_the_documents(words: str, host: str) -> None:
    """A region may be named as Mixpanel's documents and other clients name it."""
    for word in words.split():
        wire = Wire()
        mp = client(wire, region=word)
        await mp.request("GET", "/track")
        assert wire.sent[-1].url == f"https://{host}.mixpanel.com/track", word
        await mp.aclose()


@pytest.mark.parametrize(
    "word", ["mars", "", "api-us", "https://api-eu.example.com", "eu.mixpanel.com.evil", "eu/x", 7]
)
def test_other_regions_are_refused(word: str) -> None:
    """An unknown region is refused, and the error lists the choices."""
    with pytest.raises(InvalidSettingError, match="choose one of us, eu, in"):
        AsyncMixpanel("the-project-token", region=word, credentials=ProjectSecret("a-project-secret"))


async def test_a_redirect_that_was_asked_for() -> None:
    """Its status and location are the result; one that was not asked for is an error."""
    mp = client(Wire(302, b"", location="https://a.b/c"))
    found = await mp.request("POST", "/track", json=[], query={"redirect": "https://a.b/c"})
    assert found == {"http_status": 302, "location": "https://a.b/c"}
    assert await mp.request("POST", "/track", json=[], query={"redirect": "https://a.b/c"}, response="text") == ""
    with pytest.raises(UnexpectedReplyError, match=r"redirected to https://a\.b/c"):
        await mp.request("POST", "/track", json=[])
    await mp.aclose()


async def test_a_url_is_read_in_one_way_or_refused() -> None:
    """The scheme may be in upper case; what two parsers could read differently is refused before anything is sent."""
    wire = Wire()
    mp = client(wire)
    await mp.request("GET", "HTTPS://EU.mixpanel.com/api/app/me")
    assert wire.authorization() == ACCOUNT.authorization()
    await mp.pipelines.create_generic(
        url="HTTPS://data.mixpanel.com/api/2.0/nessie/pipeline/create", form={"type": "x"}
    )
    assert wire.sent[-1].url == "https://data.mixpanel.com/api/2.0/nessie/pipeline/create"
    sent = len(wire.sent)
    for url in (
        "https://[mixpanel.com]/x", "https://mixpanel.com:x/", "https://mixpanel.com\r\nX: y/", "/x\r\ny", "/x\x85",
        "https://mix\tpanel.com/x", "https://evil.com\\@mixpanel.com/x", "https://mi\uff58panel.com/x", "https:///x",
        "https://user:pw@mixpanel.com/x",
    ):  # fmt: skip
        with pytest.raises(InvalidArgumentError, match="the URL is invalid"):
            await mp.request("GET", url)
    # The same server, named with its dot: not silently without the credentials.
    with pytest.raises(InvalidArgumentError, match="at its standard port only"):
        await mp.request("GET", "https://eu.mixpanel.com./api/app/me")
    assert len(wire.sent) == sent
    await mp.aclose()


@pytest.mark.parametrize("bad", ["x", "", True, 0, -1, 1.5])
async def test_ids_are_numbers(bad: Any) -> None:  # noqa: ANN401 - what a caller may give
    """IDs of projects, workspaces, funnels and reports are numbers; anything else is refused before it is sent."""
    for name in ("project_id", "workspace_id"):
        with pytest.raises(InvalidSettingError, match=f"{name} is invalid: .*is not a whole number"):
            client(Wire(), **{name: bad})
    wire = Wire()
    mp = client(wire)
    calls: tuple[tuple[str, Callable[[], Awaitable[object]]], ...] = (
        ("project_id", lambda: mp.query.list_funnels(project_id=bad)),
        ("workspace_id", lambda: mp.query.insights(5, workspace_id=bad)),
        ("bookmark_id", lambda: mp.query.insights(bad)),
        ("funnel_id", lambda: mp.query.funnels(bad, "2026-08-01", "2026-08-02")),
        ("project_id", lambda: mp.request("GET", "/api/query/funnels/list", project_id=bad)),
        ("project_id", lambda: mp.ingest.import_([{"event": "E", "properties": {}}], project_id=bad)),
    )
    for name, call in calls:
        with pytest.raises(InvalidArgumentError, match=f"{name} is invalid: .*not a number"):
            await call()
    assert not wire.sent
    await mp.aclose()
    wire = Wire()
    mp = client(wire, project_id="12")
    await mp.request("GET", "/api/query/funnels/list")
    assert wire.query == {"project_id": "12"}
    await mp.aclose()


async def test_json_text_is_sent_once_encoded() -> None:
    """Lists and objects may be JSON text; half of one is refused, and a text that is none stays a text."""
    wire = Wire()
    mp = client(wire)
    for given in ({"type": "x"}, '{"type": "x"}'):
        await mp.pipelines.create_generic(json=given)
        assert wire.sent[-1].body == b'{"type":"x"}'
        await mp.pipelines.create_generic(form=given)  # type: ignore[arg-type]
        assert wire.sent[-1].body == b"project_id=7&type=x"
        await mp.request("GET", "/api/app/me", params=given)  # type: ignore[arg-type]
        assert wire.query == {"type": "x"}
    await mp.request("POST", "/api/app/me", json="just text")
    assert wire.sent[-1].body == b'"just text"'
    with pytest.raises(InvalidArgumentError, match="json is invalid: it begins as JSON text"):
        await mp.request("POST", "/api/app/me", json='{"type": ')
    with pytest.raises(InvalidArgumentError, match="name is invalid: 'p' contradicts"):
        await mp.pipelines.edit_generic("p", json='{"name": "q"}')
    await mp.aclose()


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("form", "a=b"), ("form", [("a", "b")]), ("query", '["a"]'), ("params", 5), ("headers", "X: 1"),
        ("files", [b"x"]), ("file_names", "n.json"), ("retry_on_all_errors", "no"), ("exponential_backoff", 1),
        ("debug", "false"), ("is_multipart", "no"), ("auth", "user:secret"),
    ],
)  # fmt: skip
async def test_options_of_a_wrong_type_are_named(name: str, bad: Any) -> None:  # noqa: ANN401 - anything
    """A text such as "no" is not taken for True, and what is no dict is not a bare AttributeError."""
    wire = Wire()
    mp = client(wire)
    for call in (mp.pipelines.create_generic(**{name: bad}), mp.request("POST", "/x", **{name: bad})):
        with pytest.raises(InvalidArgumentError, match=f"{name} is invalid"):
            await call
    for method in ("", "G ET", "GET\r\n", 5):
        with pytest.raises(InvalidArgumentError, match="method is invalid"):
            await mp.request(method, "/x")  # type: ignore[arg-type]
    assert not wire.sent
    await mp.aclose()


async def test_a_redirect_that_was_asked_for_is_the_result_wherever_it_was_asked_for() -> None:
    """The redirect may be asked for in the query, in the URL or in the form."""
    wire = Wire(302, b"", location="https://a.example/x")
    mp = client(wire)
    url = "https://a.example/x"
    asked: tuple[tuple[str, Any], ...] = (
        ("/track", {"query": {"redirect": url}, "json": []}),
        ("/track", {"query": json.dumps({"redirect": url}), "json": []}),
        (f"/track?redirect={url}", {"json": []}),
        ("/track", {"form": {"data": "[]", "redirect": url}}),
    )
    for target, given in asked:
        reply = await mp.request("POST", target, **given)
        assert reply == {"http_status": 302, "location": url}
    with pytest.raises(UnexpectedReplyError, match="redirects are not followed"):
        await mp.request("GET", "/api/app/me")
    await mp.aclose()
