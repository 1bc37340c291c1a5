"""Secrets in text."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from mixpanel_async.redaction import printable, redact

SECRET = "pa&ss <w>ord/1"


def test_all_secrets_are_replaced() -> None:
    """Every secret is replaced, also where one contains another."""
    assert redact("a abcdefghi abcdefgh b", ["abcdefgh", "abcdefghi", ""]) == "a *** *** b"


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_spelling_that_a_server_may_repeat_is_replaced(spelling: str) -> None:
    """A server that quotes, escapes or encodes what it was sent does not make the secret visible."""
    assert redact(f"you sent {spelling}!", [SECRET]).rstrip("=!") == "you sent ***"


@pytest.mark.parametrize("secret", ["t", "test", "segment"])
def test_short_values_do_not_garble_words(secret: str) -> None:
    """A value of a few characters, as people use locally, is left alone: it occurs in ordinary words."""
    text = f"HTTP 404: GET /api/query/segmentation, {secret}"
    assert redact(text, [secret]) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ümlauts and \u65e5\u672c", "plain, with ümlauts and \u65e5\u672c"),
        ("bad \x1b]0;pwned\x07\x1b[31mred", "bad \\x1b]0;pwned\\x07\\x1b[31mred"),
        ("one\r\ntwo\tthree", "one two three"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("\u202eright to left", "\\u202eright to left"),
    ],
)
def test_control_characters_of_a_server_do_nothing(text: str, shown: str) -> None:
    """What a server says cannot steer a terminal or forge a log line; ordinary text stays as it is."""
    assert printable(text) == shown
