"""Any request at all from the command line."""

from pathlib import Path

import pytest

from mixpanel_async.actions import RequestOptions
from mixpanel_async.cli.commands import request
from tests.integration.actions.server import Script
from tests.integration.cli.conftest import SECRET, Command
from tests.integration.cli.replies import REPLIES


async def test_query_headers_and_json(inside: Command, mixpanel: Script) -> None:
    """Parameters, repeated ones too, headers and a body of JSON are sent as given; the reply is printed as JSON."""
    ended = await inside(
        "request", "post", "/api/app/me", "-q", "a=1", "-q", "b=x=y", "-H", "X-Trace: t: 1", "--json-body", '{"n": [1]}'
    )  # fmt: skip
    assert (ended.status, ended.json) == (0, REPLIES["/api/app/me"])
    (seen,) = mixpanel.seen
    assert (seen.method, seen.query, seen.json) == ("POST", {"a": "1", "b": "x=y"}, {"n": [1]})
    assert (seen.headers["x-trace"], seen.headers["content-type"]) == ("t: 1", "application/json")
    assert seen.headers["authorization"].startswith("Basic ")


async def test_forms_files_and_data(inside: Command, mixpanel: Script, tmp_path: Path) -> None:
    """Fields are URL-encoded, with files multipart with the files' names; --data is sent as it is."""
    table = tmp_path / "table.csv"
    table.write_bytes(b"id,name\n\xff,b\n")
    assert (await inside("request", "POST", "/api/app/me", "--form", "a=1 2", "--form", "a=3")).status == 0
    assert (await inside("request", "POST", "/api/app/me", "--form", "a=1", "--file", f"f={table}")).status == 0
    assert (await inside("request", "PUT", "/api/app/me", "--data", f"@{table}", "--no-auth")).status == 0
    form, files, data = mixpanel.seen
    assert form.body == b"a=1+2&a=3"
    assert b'name="f"; filename="table.csv"' in files.body
    assert table.read_bytes() in files.body
    assert (data.body, "authorization" in data.headers) == (table.read_bytes(), False)


async def test_data_from_standard_input(command: Command, mixpanel: Script) -> None:
    """@- is standard input, byte for byte; bytes come back byte for byte."""
    ended = await command(
        "request", "POST", "/lookup-tables", "--data", "@-", "--response", "bytes", stdin=b"\x00a\r\n"
    )
    assert (ended.status, mixpanel.seen[0].body) == (0, b"\x00a\r\n")
    assert ended.out.startswith('{"code": 200, ')


async def test_reply_as_text_or_json(inside: Command, mixpanel: Script) -> None:
    """Text is printed as it came; what is no JSON is an error where JSON is expected; an empty reply is null."""
    mixpanel.handler = None
    mixpanel.replies = [(200, b"plain\n"), (200, b"plain\n"), (200, b"")]
    text = await inside("request", "GET", "/x", "--response", "text")
    assert (text.status, text.out) == (0, "plain\n")
    wrong = await inside("request", "GET", "/x")
    assert (wrong.status, wrong.out) == (1, "")
    mixpanel.replies = [(204, b"")]
    empty = await inside("request", "DELETE", "/x")
    assert (empty.status, empty.out) == (0, "null\n")


async def test_retries(inside: Command, mixpanel: Script) -> None:
    """As many tries as were asked for, also of what is not repeated otherwise."""
    mixpanel.handler = None
    mixpanel.replies = [(500, b"{}"), (404, b"{}"), (200, b"[1]")]
    arguments = ("request", "POST", "/api/app/me", "--retry-delay", "0", "--backoff", "--timeout", "30")
    ended = await inside(*arguments, "--retries", "2", "--retry-on-all-errors")
    assert (ended.status, ended.json, len(mixpanel.seen)) == (0, [1], 3)
    mixpanel.replies = [(503, b"{}")]
    ended = await inside(*arguments, "--retries", "0")
    assert (ended.status, len(mixpanel.seen)) == (1, 4)


async def test_debug_shows_no_secret(command: Command) -> None:
    """--debug describes the request on standard error; values that may be secret are not in it."""
    ended = await command(
        "request", "POST", "/api/app/me", "-q", "key=hidden-1", "-H", "X-Key: hidden-2", "--form", "password=hidden-3",
        "--debug",
    )  # fmt: skip
    assert (ended.status, ended.json) == (0, REPLIES["/api/app/me"])
    assert "POST app:/api/app/me; query: key=***" in ended.err
    assert not [secret for secret in ("hidden-1", "hidden-2", "hidden-3", SECRET) if secret in ended.err]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--json-body", "1", "--form", "a=1"), "--json-body and --form or --file exclude each other"),
        (("--json-body", "{"), "--json-body is invalid: the JSON is malformed"),
        (("--form", "novalue"), "NAME=VALUE"),
        (("--file", "a=x", "--file", "a=y"), "duplicate field a"),
        (("-H", "secret-without-colon"), "--header is invalid"),
        (("--multipart",), "--multipart requires"),
        (("--json", "--response", "text"), "exclude each other"),
        (("--retries", "-1"), "--retries"),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...], words: str, inside: Command, mixpanel: Script) -> None:
    """What cannot be sent is named on one line and nothing is sent."""
    ended = await inside("request", "POST", "/x", *arguments)
    assert (ended.status, ended.out, mixpanel.seen, ended.err.count("\n")) == (2, "", [], 1)
    assert words in ended.err
    assert "secret-without-colon" not in ended.err


def test_every_option_of_a_request_is_offered() -> None:
    """A raw request on the command line can be what it can be in Python; credentials come from the environment."""
    offered = {"query", "params", "headers", "debug", "auth", "server", "project_id", "workspace_id"}
    for options in (request.body_options(), request.repeat_options()):
        offered |= set(options)
    offered |= set(request.body_options(json_body="1")) | set(request.body_options(data="x"))
    offered |= set(request.body_options(form=["a=1"], files=[f"f={__file__}"], file_names=["f=n"]))
    offered |= set(request.repeat_options(retry_on_all_errors=True, exponential_backoff=True))
    assert offered == set(RequestOptions.__annotations__)
