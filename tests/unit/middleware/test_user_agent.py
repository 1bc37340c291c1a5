"""What a User-Agent header says."""

import random
import sys
import time

import pytest

from mixpanel_async.errors import MissingExtraError
from mixpanel_async.middleware.user_agent import UserAgentFamilies, UserAgentParser, browser_properties


@pytest.fixture(scope="module")
def parser() -> UserAgentParser:
    return UserAgentParser()


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
         ("Chrome", 120, "Windows", None)),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
         ("Microsoft Edge", 120, "Windows", None)),
        (f"Mozilla/5.0 (Linux; Android 14; SM-G991B) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
         ("Chrome", 120, "Android", "Android")),
        (f"{IPHONE} Version/17.1 Mobile/15E148 Safari/604.1", ("Mobile Safari", 17.1, "iOS", "iPhone")),
        (f"{IPAD} CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1", ("Chrome iOS", 120, "iOS", "iPad")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0",
         ("Firefox", 121, "Mac OS X", None)),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
         ("Internet Explorer", 11, "Windows", None)),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ("Googlebot", 2.1, None, None)),
        ("curl/8.5.0", ("curl", 8.5, None, None)),
        ("", (None, None, None, None)),
        ("nonsense", (None, None, None, None)),
    ],
)  # fmt: skip
def test_what_it_says(parser: UserAgentParser, header: str, expected: tuple[object, ...]) -> None:
    """Browser, version, system and kind of device, by the names of mixpanel-browser; what is not known is left out."""
    names = ("$browser", "$browser_version", "$os", "$device")
    known = {name: value for name, value in zip(names, expected, strict=True) if value is not None}
    assert parser.properties(header) == known


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [("17", "1", 17.1), ("120", "0", 120), ("120", "", 120), ("", "", None), ("x", "1", None), ("9" * 99, "", None),
     ("²", "", None), ("1", "x", 1)],
)  # fmt: skip
def test_versions(major: str, minor: str, expected: float | None) -> None:
    """A version is a number of sensible size, or left out."""
    assert browser_properties(UserAgentFamilies("Chrome", major, minor)).get("$browser_version") == expected


def test_garbage(parser: UserAgentParser) -> None:
    """64 KB of anything, text that is not Unicode and control characters cost little and raise nothing."""
    chance = random.Random(1)
    garbage = ["".join(chr(chance.randrange(256)) for _ in range(65_536)) for _ in range(20)]
    garbage += [c * 65_536 for c in ("A", "(", ";", "/", "Android ", "Mozilla/5.0 (", "\0", "\udcff", "\U0001d518")]
    began = time.process_time()
    for header in garbage:
        for value in parser.properties(header).values():
            assert len(str(value)) <= 512
    assert (time.process_time() - began) / len(garbage) < 0.02


def test_the_same_header_again(parser: UserAgentParser) -> None:
    """A header that was seen before is not parsed again; the memory for this is bounded."""
    header = f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/99.0.0.0 Safari/537.36"
    assert parser.properties(header) is parser.properties(header)
    assert parser._cached.cache_info().maxsize == 2_000


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ua-parser, or without its part in Rust, the error names the command that installs both."""
    for name in ("ua_parser.regex", "ua_parser"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtraError, match=r'pip install "mixpanel-async\[useragent\]"'):
            UserAgentParser()
