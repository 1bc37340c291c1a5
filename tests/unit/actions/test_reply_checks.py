import msgspec
import pytest

from mixpanel_async.actions._core.csv_reply import csv_problem
from mixpanel_async.actions._core.reply_checks import MAX_PROBED_BYTES, decoding_problem, error_text, odd_body


class Inner(msgspec.Struct):
    values: dict[str, int]


class Outer(msgspec.Struct):
    data: Inner


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "no"}', "no"),
        (b'  {"error": "no", "results": {}}', "no"),
        (b'{"error": {"message": "no", "code": 3}}', "no"),
        (b'{"error": {"details": {"reason": "no"}}}', "no"),
        (b'{"error": {"code": 3}}', '{"code":3}'),
        (b'{"status": "failed", "message": "no"}', "no"),
        (b'{"status": false}', "the reply says only: status False"),
        (b'{"status": "0"}', "the reply says only: status '0'"),
        (b'{"error": "a\\u001b[31mb\\nc"}', "a\\x1b[31mb c"),
        (b'{"error": "", "status": "ok"}', None),
        (b'{"error": null, "status": 1}', None),
        (b'{"error": {}, "status": true}', None),
        (b'{"error": 3, "failed": 2}', None),
        (b'{"results": {"status": "error", "error": "no"}}', None),
        (b'[{"error": "no"}]', None),
        (b'{"error": "no"', None),
        (b"", None),
    ],
)
def test_what_the_server_said(body: bytes, said: str | None) -> None:
    """An error is a text or an object at the top, or a status that says so; its text has no control characters."""
    assert error_text(body) == said


def test_a_large_reply_is_not_decoded_for_an_error() -> None:
    """Only a body that is as small as an error is looked at."""
    body = b'{"error": "no", "x": "%s"}'
    space = MAX_PROBED_BYTES - len(body % b"")
    assert error_text(body % (b"x" * space)) == "no"
    assert error_text(body % (b"x" * (space + 1))) is None


def test_names_of_users_are_not_an_error() -> None:
    """Where keys are names, an object below `error` is data, and a text is still an error."""
    assert error_text(b'{"error": {"count": 1}}', are_keys_names=True) is None
    assert error_text(b'{"error": "no"}', are_keys_names=True) == "no"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the reply is empty"),
        (b" \n", "the reply is empty"),
        (b"null\n", "the reply is null"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "the reply is HTML"),
        (b"<!-- a --><html>", "the reply is HTML"),
        (b"<Error><Code>x</Code></Error>", None),
        (b"{}", None),
        (b"nullify", None),
    ],
)
def test_a_body_that_is_none(body: bytes, problem: str | None) -> None:
    """Nothing, null and HTML are named."""
    found = odd_body(body)
    assert found is None if problem is None else str(found).startswith(problem)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{}", "the reply is an object without `data`; it begins '{}'"),
        (b'{"data": {}}', "the reply has an object without `values` in `data`; it begins"),
        (b"[]", "the reply has an unexpected form: Expected `object`, got `array`; it begins"),
        (b"ok", "the reply is not JSON: "),
    ],
)
def test_a_body_of_another_form(body: bytes, problem: str) -> None:
    """The error says which member is missing, or what came in its place."""
    with pytest.raises(msgspec.MsgspecError) as caught:
        msgspec.json.decode(body, type=Outer)
    assert decoding_problem(caught.value, body, "the reply").startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        "event,2026-08-01\r\na,1\r\n",
        "\ufeffevent,2026-08-01\na,1",
        'event,n\n"a, b\n""c""",1\n',
        "event\n",
        "event\na\nb",
        "a,b\n\n",
    ],
)
def test_a_table(text: str) -> None:
    """CSV with quotes, a header only, one column or blank lines is CSV."""
    assert csv_problem(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1}', "the reply is JSON, not CSV"),
        (" [1]", "the reply is JSON, not CSV"),
        ("<p>", "the reply is not CSV"),
        ("event,n\na,1\nb", "line 3 of the reply has 1 cells, and the header has 2"),
        ("event\na,1\n", "line 2 of the reply has 2 cells, and the header has 1"),
        ('event,n\n"a', "the reply is not CSV: "),
        ("ok", "the reply is a word, not CSV"),
    ],
)
def test_no_table(text: str, problem: str) -> None:
    """JSON, HTML, a word, and a table that is cut are not CSV."""
    assert str(csv_problem(text)).startswith(problem)
