"""Where a raw request goes: a path, or a whole URL that every part of the client reads alike."""

from typing import Final
from urllib.parse import urlsplit

from mixpanel_async.errors import InvalidArgumentError

_SCHEMES: Final = ("http", "https")
_SPACE: Final = 0x20
_CONTROLS: Final = range(0x7F, 0xA0)


def checked_target(path_or_url: str) -> str:
    """Return a path as it is, and a whole URL with its scheme in lower case.

    Raises:
        InvalidArgumentError: A URL names no server, or not in the one form in which nothing about it can be misread.
    """
    if any(ord(one) < _SPACE or ord(one) in _CONTROLS for one in path_or_url):
        raise _invalid(f"{path_or_url!r} has control characters", "give a path or a URL without them")
    scheme, mark, rest = path_or_url.partition("://")
    if not mark or scheme.lower() not in _SCHEMES:
        return path_or_url
    url = f"{scheme.lower()}://{rest}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(str(error), "give a URL such as https://mixpanel.com/api/app/me") from None
    if not host or not host.isascii() or "\\" in parts.netloc:
        raise _invalid("it names no server, or not in ASCII", "give a URL such as https://mixpanel.com/api/app/me")
    return url


def _invalid(rule: str, advice: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the URL is invalid: {rule}; {advice}")
