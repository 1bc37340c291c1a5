import logging

import pytest

from mixpanel_async.actions import Pipelines, request
from mixpanel_async.actions._core.multipart import FileValue
from mixpanel_async.actions.raw_request import build_request
from mixpanel_async.auth import OAuthToken
from mixpanel_async.errors import (
    BadRequestError,
    InvalidArgumentError,
    MissingCredentialsError,
    ServerError,
    UnauthorizedError,
    UnexpectedReplyError,
)
from mixpanel_async.session import Session
from tests.integration.actions.server import ACCOUNT, FakeClock, Recorder, Script, SessionMaker


async def test_json_text_and_bytes(session: Session, script: Script) -> None:
    """A reply is returned as JSON, text or bytes; an empty body is None in JSON."""
    script.replies = [(200, b'{"a": "\xc3\xa9"}')]
    assert await request(session, "get", "/api/app/me") == {"a": "é"}
    assert await request(session, "GET", "/api/app/me", response="text") == '{"a": "é"}'
    assert await request(session, "GET", "/api/app/me", response="bytes") == b'{"a": "\xc3\xa9"}'
    script.replies = [(200, b"")]
    assert await request(session, "GET", "/api/app/me") is None
    script.replies = [(200, b"<html>")]
    with pytest.raises(UnexpectedReplyError, match="<html>"):
        await request(session, "GET", "/api/app/me")


async def test_query_headers_and_json(session: Session, script: Script) -> None:
    """A list repeats its parameter, None omits it, and headers and body are sent as given."""
    await request(
        session,
        "POST",
        "/x?a=0",
        query={"b": [1, 2], "c": None, "d": True},
        headers={"X-Own": "yes"},
        json={"e": [None, "é"]},
    )
    [seen] = script.seen
    assert (seen.method, seen.path) == ("POST", "/x")
    assert seen.query == {"a": "0", "b": "1", "d": "true"}
    assert seen.headers["x-own"] == "yes"
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {"e": [None, "é"]}


async def test_data_and_forms(session: Session, script: Script) -> None:
    """Raw data is sent unchanged, a form URL-encoded, and a form with files as multipart with file names."""
    await request(session, "POST", "/x", data="é", headers={"Content-Type": "text/plain"})
    await request(session, "POST", "/x", data=b"\x00\xff")
    await request(session, "POST", "/x", form={"a": "b c", "n": 1})
    await request(session, "POST", "/x", form={"a": "b"}, is_multipart=True)
    files: dict[str, FileValue] = {"one": b"1", "two": ("two.csv", b"2"), "three": ("three.csv", b"3", "text/csv")}
    await request(session, "POST", "/x", form={"a": "b"}, files=files)
    text, raw, form, plain_multipart, multipart = script.seen
    assert (text.body, text.headers["content-type"]) == ("é".encode(), "text/plain")
    assert raw.body == b"\x00\xff"
    assert form.form == {"a": "b c", "n": "1"}
    assert plain_multipart.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="a"\r\n\r\nb\r\n' in plain_multipart.body
    assert b'name="one"; filename="one"\r\nContent-Type: application/octet-stream\r\n\r\n1\r\n' in multipart.body
    assert b'name="two"; filename="two.csv"\r\nContent-Type: application/octet-stream\r\n\r\n2' in multipart.body
    assert b'name="three"; filename="three.csv"\r\nContent-Type: text/csv\r\n\r\n3\r\n' in multipart.body
    boundary = multipart.headers["content-type"].partition("boundary=")[2].encode()
    assert multipart.body.endswith(b"--" + boundary + b"--\r\n")


async def test_a_name_cannot_smuggle_a_header() -> None:
    """A line break in a name is escaped, and one in a media type is refused: neither ends the part's header."""
    recorder = Recorder()
    await request(recorder, "POST", "/x", files={"a\r\nX: 1": b"", "b": ("b\nX: 1", b"")})
    assert b"\nX: 1" not in (recorder.requests[0].body or b"")
    with pytest.raises(InvalidArgumentError, match="line break"):
        await request(Recorder(), "POST", "/x", files={"a": ("b", b"", "text/csv\r\nX: y")})
    with pytest.raises(InvalidArgumentError, match=r"files\['a'\]"):
        await request(Recorder(), "POST", "/x", files={"a": "text"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("path", "server", "family"),
    [
        ("/api/query/insights", "query", "query"),
        ("/api/2.0/export", "data", "export"),
        ("/api/2.0/nessie/pipeline/jobs", "data", "app"),
        ("/api/app/me", "app", "app"),
        ("/api/app/projects/1/schemas", "app", "schemas"),
        ("/api/app/data-deletions/v3.0", "app", "gdpr"),
        ("/import", "ingestion", "ingestion"),
        ("https://eu.mixpanel.com/api/query/jql", "query", "query"),
    ],
)
async def test_a_path_finds_its_server_and_its_rate_limits(path: str, server: str, family: str) -> None:
    """A raw request goes to the same server as a typed call and counts against the same limits."""
    recorder = Recorder(b"1")
    await request(recorder, "GET", path)
    assert (recorder.requests[0].server, recorder.requests[0].family) == (server, family)


async def test_credentials_are_the_clients_others_or_none(session: Session, script: Script) -> None:
    """`auth` decides which credentials are sent; none are sent to a host that is not Mixpanel's."""
    await request(session, "GET", "/x")
    await request(session, "GET", "/x", auth=False)
    await request(session, "GET", "/x", auth=OAuthToken("other"))
    await request(session, "GET", script.url.replace("127.0.0.1", "localhost") + "/x")
    sent = [seen.headers.get("authorization") for seen in script.seen]
    assert sent == [ACCOUNT.authorization(), None, "Bearer other", None]
    with pytest.raises(MissingCredentialsError):
        await Session.send(Recorder(credentials=None), build_request("GET", "/x", {}))


async def test_retries_as_told(make: SessionMaker, script: Script, clock: FakeClock) -> None:
    """The caller sets the number of retries, their delay, its doubling and retries on all errors."""
    script.replies = [(500, b""), (500, b""), (500, b""), (200, b"1")]
    assert await request(make(), "GET", "/x", max_retries=3, retry_delay_seconds=0.5, exponential_backoff=True) == 1
    assert clock.slept == [0.5, 1.0, 2.0]
    clock.slept.clear()
    script.replies = [(400, b""), (200, b"2")]
    assert await request(make(), "POST", "/x", max_retries=1, retry_delay_seconds=0.25, retry_on_all_errors=True) == 2
    assert clock.slept == [0.25]
    script.replies = [(400, b"no"), (200, b"3")]
    with pytest.raises(BadRequestError, match="no"):
        await request(make(), "POST", "/x", max_retries=1, retry_delay_seconds=0.25)
    script.replies = [(500, b""), (200, b"4")]
    with pytest.raises(ServerError):
        await request(make(max_call_retries=3), "GET", "/x", max_retries=0)


async def test_debug_shows_the_request_without_secrets(
    session: Session, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has names and sizes, but no value of a parameter, an unknown header or the body."""
    del script
    with caplog.at_level(logging.INFO, "mixpanel_async.request"):
        await request(
            session,
            "POST",
            "/x?token=hush-0",
            query={"token": "hush-1"},
            headers={"Authorization": "hush-2", "Accept": "text/csv"},
            form={"client_secret": "hush-3"},
            debug=True,
        )
    [record] = [one for one in caplog.records if one.name == "mixpanel_async.request"]
    text = record.getMessage()
    assert "hush" not in text
    assert "POST ingestion:/x; query: token=***" in text
    assert "'Accept': 'text/csv'" in text
    assert "body: 20 bytes of application/x-www-form-urlencoded" in text


async def test_time_out_and_server(session: Session) -> None:
    """A given timeout and server replace those that follow from the path."""
    del session
    recorder = Recorder(b"1")
    await request(recorder, "GET", "/x", timeout_seconds=3, server="data")
    assert (recorder.requests[0].timeout_seconds, recorder.requests[0].server) == (3, "data")


async def test_generic_pipelines_are_raw_requests(session: Session, script: Script) -> None:
    """A pipeline of any kind is created and changed with the caller's fields."""
    script.answers({"pipeline_names": ["n"]})
    pipelines = Pipelines(session)
    assert await pipelines.create_generic(form={"type": "new-kind"}) == {"pipeline_names": ["n"]}
    await pipelines.edit_generic("n", form={"where": "true"}, response="text", headers={"X-A": "b"}, query={"q": 1})
    await pipelines.create_generic(url="/nessie/pipeline/other", method="PUT", data=b"x", max_retries=0)
    await pipelines.edit_generic("n", files={"f": ("f.csv", b"1")})
    made, edited, other, filed = script.seen
    fields = {"project_id": "1", "type": "new-kind"}
    assert (made.path, made.form) == ("/api/2.0/nessie/pipeline/create", fields)
    fields = {"project_id": "1", "name": "n", "where": "true"}
    assert (edited.path, edited.form) == ("/api/2.0/nessie/pipeline/edit", fields)
    assert (edited.query, edited.headers["x-a"]) == ({"q": "1"}, "b")
    assert (other.method, other.path, other.body) == ("PUT", "/api/2.0/nessie/pipeline/other", b"x")
    assert b'name="name"\r\n\r\nn\r\n' in filed.body


async def test_what_a_web_page_asks_of_track(session: Session, script: Script) -> None:
    """A raw request can use the options of /track for web pages, without credentials."""
    script.replies = [(200, b"GIF89a")]
    image = await request(
        session,
        "POST",
        "/track",
        query={"ip": 1, "verbose": 1, "img": 1, "redirect": "https://example.com/"},
        json=[{"event": "Opened", "properties": {"token": "t", "distinct_id": "u"}}],
        auth=False,
        response="bytes",
    )
    [seen] = script.seen
    assert image == b"GIF89a"
    assert seen.query == {"ip": "1", "verbose": "1", "img": "1", "redirect": "https://example.com/"}
    assert "authorization" not in seen.headers


async def test_an_error_does_not_repeat_the_calls_own_credential(session: Session, script: Script) -> None:
    """Credentials that are given to one call do not appear in its error."""
    script.replies = [(401, b'{"error": "hush-token is wrong"}')]
    with pytest.raises(UnauthorizedError, match=r"\*\*\* is wrong") as caught:
        await request(session, "GET", "/api/app/me", auth=OAuthToken("hush-token"))
    assert "hush" not in repr(caught.value)


@pytest.mark.parametrize("headers", [{"X-A": "a\r\nX-B: b"}, {"X-A\r\nX-B": "b"}, {"X-A": "a\x00"}])
async def test_headers_with_line_ends_are_refused(session: Session, script: Script, headers: dict[str, str]) -> None:
    """A header that would end its line is refused with its name, and nothing is sent."""
    with pytest.raises(InvalidArgumentError, match="header"):
        await request(session, "GET", "/x", headers=headers)
    assert script.seen == []
