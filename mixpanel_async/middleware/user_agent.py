"""What a User-Agent header says, as the properties that Mixpanel's own libraries use."""

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

from mixpanel_async.errors import MissingExtraError

# Real ones are shorter. 64 KB of noise would take 150 ms to parse, 512 characters take less than one.
MAX_USER_AGENT: Final = 512
_CACHED: Final = 2_000

# Names of mixpanel-browser where ua-parser has others, so that events of both fall together
# (mixpanel-js src/utils.js, `_.info.browser`).
_BROWSERS: Final[Mapping[str, str]] = {
    "Android": "Android Mobile",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chrome Mobile iOS": "Chrome iOS",
    "Edge": "Microsoft Edge",
    "Edge Mobile": "Microsoft Edge",
    "Facebook": "Facebook Mobile",
    "Firefox Mobile": "Firefox",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer Mobile",
    "Opera Mobile": "Opera",
    "BlackBerry WebKit": "BlackBerry",
}
_DEVICES: Final[Mapping[str, str]] = {"iPhone": "iPhone", "iPad": "iPad", "iPod": "iPod Touch"}
_DEVICE_SYSTEMS: Final = frozenset({"Android", "BlackBerry OS", "Windows Phone"})


class UserAgentFamilies(NamedTuple):
    """What a parser has found; "" where it has found nothing.

    Attributes:
        browser: Name of the browser.
        major: Its major version.
        minor: Its minor version.
        system: Name of the operating system.
        device: Name of the device.
    """

    browser: str = ""
    major: str = ""
    minor: str = ""
    system: str = ""
    device: str = ""


def browser_properties(found: UserAgentFamilies) -> Mapping[str, str | float]:
    """Return `$browser`, `$browser_version`, `$os` and `$device`, as far as they are known.

    Only kinds of devices are named, as mixpanel-browser does it, and no models: they would help to recognize people.

    Args:
        found: What a parser has found.
    """
    properties: dict[str, str | float] = {}
    if found.browser:
        properties["$browser"] = _BROWSERS.get(found.browser, found.browser)
        if (version := _version(found.major, found.minor)) is not None:
            properties["$browser_version"] = version
    if found.system:
        properties["$os"] = found.system
    device = _DEVICES.get(found.device) or (found.system if found.system in _DEVICE_SYSTEMS else "")
    if device:
        properties["$device"] = device
    return properties


def _version(major: str, minor: str) -> float | None:
    """Return a version as the number that mixpanel-browser sends: 17.1."""
    parts = [part for part in (major, minor) if part.isascii() and part.isdigit()]
    if not parts or not major.isdigit() or any(len(part) > 6 for part in parts):  # noqa: PLR2004 - no version is longer
        return None
    number = float(".".join(parts))
    return int(number) if number.is_integer() else number


class UserAgentParser:
    """Parses User-Agent headers with ua-parser; remembers the last 2,000.

    Its construction takes some tenths of a second, and a header that was not seen before some 20 microseconds.

    Raises:
        MissingExtraError: ua-parser, or its regular expressions in Rust, is not installed.
    """

    def __init__(self) -> None:
        try:
            # Not the parser in Python: it holds the event loop for up to 16 ms a header.
            from ua_parser import Parser
            from ua_parser.loaders import load_lazy_builtins
            from ua_parser.regex import Resolver
        except ImportError:
            raise MissingExtraError("useragent", "user_agent=True") from None
        self._parser = Parser(Resolver(load_lazy_builtins()))
        self._cached = functools.lru_cache(_CACHED)(self._read)

    def properties(self, header: str) -> Mapping[str, str | float]:
        """Return what a header says, as properties; whatever the header is, this does not raise.

        Args:
            header: The User-Agent header.
        """
        # What is not ASCII is not part of a product's name, and may not even be valid Unicode.
        return self._cached(header[:MAX_USER_AGENT].encode("ascii", "replace").decode()) if header else {}

    def _read(self, header: str) -> Mapping[str, str | float]:
        result = self._parser.parse(header)
        browser, system, device = result.user_agent, result.os, result.device
        return browser_properties(
            UserAgentFamilies(
                browser.family if browser else "",
                (browser.major or "") if browser else "",
                (browser.minor or "") if browser else "",
                system.family if system else "",
                device.family if device else "",
            )
        )
