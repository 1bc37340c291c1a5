"""Removes secrets from text and from URLs such as s3://bucket/key."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote

REDACTED: Final = "***"
MIN_SECRET_CHARACTERS: Final = 8  # a shorter value occurs in ordinary words, which redaction would garble
_WHITE_SPACE: Final = re.compile(r"[\t\n\v\f\r ]+")
HIDDEN_QUERY: Final = "?..."
_ADDRESS: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*::)*[A-Za-z][A-Za-z0-9+.\-]+://")
_IN_TEXT: Final = re.compile(_ADDRESS.pattern + r"[^\s'\"<>()]*")
HTTP: Final = frozenset({"http", "https"})
# A key of a bucket may hold a question mark, and a pattern does; what looks like parameters is hidden there too.
_QUERY: Final = {True: re.compile(r"(?<=[^?#])[?#][^@]*$", re.DOTALL), False: re.compile(r"\?[\w.\-]+=.*$", re.DOTALL)}
# What other schemes have before the @ is a user, and with some servers a secret.
_PLACE_BEFORE_AT: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})


def printable(text: str) -> str:
    """Return another party's text without control characters: white space becomes one space, the rest is escaped.

    Escape sequences would steer the terminal that shows the text, and line ends would forge lines of a log.
    """
    if text.isprintable():
        return text
    text = _WHITE_SPACE.sub(" ", text)
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret replaced, in each spelling in which a server may repeat it.

    Args:
        text: Any text.
        secrets: Secret values; those of fewer than 8 characters are left.
    """
    spellings = {spelling for secret in secrets if len(secret) >= MIN_SECRET_CHARACTERS for spelling in _spell(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, REDACTED)
    return text


def _spell(secret: str) -> Iterator[str]:
    yield from (secret, secret.rstrip("="), quote(secret, safe=""), quote_plus(secret))
    from html import escape  # imported here: its table of entities takes longer to load than this package

    yield from (escape(secret), escape(secret, quote=False), json.dumps(secret)[1:-1])
    encoded = secret.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(encoded).decode("ascii").rstrip("=")


def is_remote(path: str) -> bool:
    """Return whether a path is a URL; a drive letter is not a scheme."""
    return _ADDRESS.match(path) is not None


def shown(path: str) -> str:
    """Return a path as people and files may see it: as text, and an address without users, passwords and query."""
    path = path.encode("utf-8", "backslashreplace").decode()  # names of files are bytes, and not all of them are text
    if not is_remote(path):
        return path
    return "::".join(_shown_link(link) if "://" in link else link for link in path.split("::"))


def _shown_link(link: str) -> str:
    scheme, _, rest = link.partition("://")
    host, slash, path = _QUERY[scheme.lower() in HTTP].sub(HIDDEN_QUERY, rest).partition("/")
    user, at, host = host.rpartition("@")
    place = f"{user.partition(':')[0]}@" if at and scheme.lower() in _PLACE_BEFORE_AT else ""
    return f"{scheme}://{place}{host}{slash}{path}"


def redacted(text: str, address: str) -> str:
    """Return another library's message about a URL without the URL's secrets, or "" if they cannot be removed."""
    found = without_secrets(text.replace(address, shown(address)))
    return "" if any(secret in found for secret in _secrets(address)) else found


def _secrets(address: str) -> Iterator[str]:
    for link in address.split("::"):
        scheme, _, rest = link.partition("://")
        user = rest.partition("/")[0].rpartition("@")[0]
        query = _QUERY[scheme.lower() in HTTP].search(rest)
        values = [pair.partition("=")[2] for pair in query[0].split("&")] if query else []
        for secret in (*user.split(":"), *values):
            if len(secret) >= MIN_SECRET_CHARACTERS:
                yield from (secret, unquote(secret))


def without_secrets(text: str) -> str:
    """Return a text with every address in it as it may be shown."""
    return _IN_TEXT.sub(lambda match: shown(match[0]), text)
