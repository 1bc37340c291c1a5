"""The form of the table: an action, its inputs, and for each input the check that drives it."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.auth import ProjectToken
from tests.integration.documents.recording import DONE

TOKEN: Final = "the-project-token"
OTHER_TOKEN: Final = "another-project-token"
ACCOUNT: Final = ServiceAccount("user", "account-secret-0123456789")
BY_ACCOUNT: Final = {"authorization": ACCOUNT.authorization()}
BY_TOKEN: Final = {"authorization": ProjectToken(TOKEN).authorization()}
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
JSON: Final = {"content-type": "application/json"}
GONE: Final = object()  # a part of the request that is not there


@dataclasses.dataclass(frozen=True)
class Row:
    """One input of an action.

    Attributes:
        input: Its name in the documents.
        argument: What the page says of the Python argument.
        command: What the page says of the command line.
        given: Arguments of the call that differ from the action's.
        cli: Arguments that are added to the command, or a function that changes it.
        sent: Parts of the request that differ from the action's.
        client: Arguments of the client.
        result: What the call returns or, for a function, a check of it.
        out: What the command prints.
        failures: How many requests the server answers with 500.
        requests: How many requests arrive.
        gap_seconds: The shortest time between them.
        delay_seconds: How long the server waits with its answer; the call runs into its timeout.
        said: What the log says.
    """

    input: str
    argument: str
    command: str
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cli: Sequence[str] | Callable[[Sequence[str]], Sequence[str]] = ()
    sent: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    client: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    result: object = GONE
    out: str | None = None
    failures: int = 0
    requests: int = 1
    gap_seconds: Sequence[float] = ()
    delay_seconds: float = 0.0
    said: str = ""


@dataclasses.dataclass(frozen=True)
class Action:
    """One action of the documents.

    Attributes:
        title: Its name in the documents.
        call: What the page says of the call.
        command: What the page says of the command.
        run: Makes the call.
        given: Arguments of the call.
        cli: The command.
        sent: The request.
        rows: Its inputs.
    """

    title: str
    call: str
    command: str
    run: Callable[..., Awaitable[object]]
    given: Mapping[str, Any]
    cli: Sequence[str]
    sent: Mapping[str, Any]
    rows: Sequence[Row]


def method(name: str) -> Callable[..., Awaitable[object]]:
    """Return a function that calls the client's method of this name."""

    async def run(mp: AsyncMixpanel, **given: object) -> object:
        found: Any = mp
        for part in name.split("."):
            found = getattr(found, part)
        return await found(**given)

    return run


def request(
    verb: str,
    server: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object = b"",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a request as it is expected."""
    host = f"https://{server}{'.' if server else ''}mixpanel.com"
    return {
        "method": verb, "host": host, "path": path, "query": dict(query or {}), "body": body,
        "headers": {"accept-encoding": "gzip", **(headers or {})},
    }  # fmt: skip


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with changes: mappings are merged, GONE removes a key."""
    found = dict(base)
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            inner = {**found[name], **value}
            found[name] = {key: one for key, one in inner.items() if one is not GONE}
        else:
            found[name] = value
    return found


def swap(old: str, new: str) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return a function that replaces one argument of a command."""

    def change(arguments: Sequence[str]) -> Sequence[str]:
        assert old in arguments
        return [new if one == old else one for one in arguments]

    return change


def without_form(*more: str) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return a function that leaves the form out of a command and adds arguments."""

    def change(arguments: Sequence[str]) -> Sequence[str]:
        return [one for one in arguments if one not in {"--form", "a=b", "name=p"}] + list(more)

    return change


def region(title: str, word: str, server: str) -> Row:
    """Return the row of a region: the documents' own word leads to the server of that region."""
    return Row(
        title, "client: `region`", "`--region`", client={"region": word}, cli=["--region", word],
        sent={"host": f"https://{server}.mixpanel.com"},
    )  # fmt: skip


def project(*, in_form: bool = False) -> Row:
    """Return the row of a project ID."""
    place = "body" if in_form else "query"
    return Row(
        "Project ID", "`project_id` (default: the client's)", "`--project-id`", given={"project_id": 2},
        cli=["--project-id", "2"], sent={place: {"project_id": "2"}},
    )  # fmt: skip


WORKSPACE: Final = Row(
    "Workspace ID", "`workspace_id` (default: the client's)", "`--workspace-id`", given={"workspace_id": 3},
    cli=["--workspace-id", "3"], sent={"query": {"workspace_id": "3"}},
)  # fmt: skip


def use_project_token(title: str = "Use Project Token", *, sent: Mapping[str, Any] | None = None) -> Row:
    """Return the row of the project token as a credential."""
    return Row(
        title, "`credential=ProjectToken(...)`", "`--use-project-token`", given={"credential": ProjectToken(TOKEN)},
        cli=["--use-project-token"], sent=sent or {"headers": BY_TOKEN},
    )  # fmt: skip


VERBOSE: Final = Row(
    "Verbose", "`verbose` (default: True)", "`--verbose/--no-verbose`", given={"verbose": False},
    cli=["--no-verbose"], sent={"query": {"verbose": "0"}},
)  # fmt: skip
REDIRECT: Final = Row(
    "Redirect", "`redirect`; the reply's `location` and `http_status`", "`--redirect`",
    given={"redirect": "https://example.com/a?b=c"}, cli=["--redirect", "https://example.com/a?b=c"],
    sent={"query": {"redirect": "https://example.com/a?b=c"}},
    result=lambda reply: (reply.http_status, reply.location) == (302, "https://example.com/a?b=c"),
    out='"location":"https://example.com/a?b=c"',
)  # fmt: skip


def raw_rows(*, fields: Mapping[str, str] | None = None) -> list[Row]:
    """Return the rows that raw requests and generic pipelines share; the action's own form is `a=b`.

    Args:
        fields: What the call adds to the form, or without a form to the query.
    """
    added = dict(fields or {})
    parts = [(name, None, value.encode()) for name, value in added.items()]
    multipart = {"content-type": "multipart/form-data"}
    octets = {"content-type": GONE}
    retried = {"max_retries": 2, "retry_on_all_errors": True}
    retried_cli = ["--retries", "2", "--retry-on-all-errors"]
    queried = [word for name, value in added.items() if name == "name" for word in ("-q", f"{name}={value}")]
    formed = [word for name, value in added.items() if name == "name" for word in ("--form", f"{name}={value}")]
    file = ("t.txt", b"text")
    return [
        Row("Data", "`data` or `json`", "`--data` or `--json-body`", given={"form": None, "data": b"x y"},
            cli=without_form("--data", "x y", *queried), sent={"query": added, "body": b"x y", "headers": octets}),
        Row("Form Data", "`form` with `is_multipart=True`", "`--form` with `--multipart`", given={"is_multipart": True},
            cli=["--multipart"], sent={"body": [*parts, ("a", None, b"b")], "headers": multipart}),
        Row("File Data", "`files`", "`--file`", given={"form": None, "files": {"f": file}},
            cli=without_form("--file", "f=t.txt", *formed),
            sent={"body": [*parts, ("f", "t.txt", b"text")], "headers": multipart}),
        Row("File Data File Names", "`file_names`", "`--file-name`",
            given={"form": None, "files": {"f": file}, "file_names": {"f": "n.json"}},
            cli=without_form("--file", "f=t.txt", "--file-name", "f=n.json", *formed),
            sent={"body": [*parts, ("f", "n.json", b"text")], "headers": multipart}),
        Row("Query Parameter", "`query` or `params`", "`--query` or `--param`", given={"params": {"q": "1"}},
            cli=["--param", "q=1"], sent={"query": {"q": "1"}}),
        Row("Header", "`headers`", "`--header`", given={"headers": {"X-A": "b"}}, cli=["--header", "X-A: b"],
            sent={"headers": {"x-a": "b"}}),
        Row("Response Type", '`response`: `"json"`, `"text"` or `"binary"`', "`--response`",
            given={"response": "binary"}, cli=["--response", "binary"], result=DONE, out=DONE.decode()),
        Row("Timeout", "`timeout_seconds`", "`--timeout`", given={"timeout_seconds": 0.2}, cli=["--timeout", "0.2"],
            delay_seconds=1.0),
        Row("Debug Request", "`debug`", "`--debug`", given={"debug": True}, cli=["--debug"], said="body: "),
        Row("Retry Delay (ms)", "`retry_delay_ms`", "`--retry-delay-ms`", given={**retried, "retry_delay_ms": 60},
            cli=[*retried_cli, "--retry-delay-ms", "60"], failures=2, requests=3, gap_seconds=[0.06, 0.06]),
        Row("Retry On All Errors", "`retry_on_all_errors`", "`--retry-on-all-errors`", given=retried, cli=retried_cli,
            failures=2, requests=3),
        Row("Max Retry Count", "`max_retries`", "`--retries`", given={"max_retries": 1, "retry_on_all_errors": True},
            cli=["--retries", "1", "--retry-on-all-errors"], failures=1, requests=2),
        Row("Use Exponential Backoff", "`exponential_backoff`", "`--backoff`",
            given={**retried, "retry_delay_ms": 50, "exponential_backoff": True},
            cli=[*retried_cli, "--retry-delay-ms", "50", "--backoff"], failures=2, requests=3, gap_seconds=[0.05, 0.1]),
    ]  # fmt: skip
