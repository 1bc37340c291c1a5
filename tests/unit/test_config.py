"""Regions, base URLs and Settings."""

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel, Rates, Region, Settings
from mixpanel_async.config import read_region, servers
from mixpanel_async.errors import InvalidSettingError


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (
            "us",
            ["https://api.mixpanel.com", "https://data.mixpanel.com", "https://mixpanel.com", "https://mixpanel.com"],
        ),
        ("eu", ["https://api-eu.mixpanel.com", "https://data-eu.mixpanel.com", *["https://eu.mixpanel.com"] * 2]),
        ("in", ["https://api-in.mixpanel.com", "https://data-in.mixpanel.com", *["https://in.mixpanel.com"] * 2]),
    ],
)
def test_regions(region: str, expected: list[str]) -> None:
    """Each region has its own four servers."""
    found = servers(read_region(region))
    assert [found["ingestion"], found["data"], found["query"], found["app"]] == expected


def test_base_urls() -> None:
    """One base URL replaces all four servers; a mapping replaces the servers that it names."""
    assert set(servers(Region.US, "http://127.0.0.1:8080/").values()) == {"http://127.0.0.1:8080"}
    some = servers(Region.EU, {"data": "http://proxy/data"})
    assert (some["data"], some["query"]) == ("http://proxy/data", "https://eu.mixpanel.com")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host",
        "host:80",
        "",
        "http://user:pass@host",
        "http://host?token=x",
        "http://host#x",
        "http://host:99999",
        "http://host:port",
        "http://[host",
    ],
)
def test_bad_addresses(address: str) -> None:
    """A base URL that is invalid, or that would leak a credential into logs, raises at once."""
    with pytest.raises(InvalidSettingError, match="base_url"):
        AsyncMixpanel("tok", base_url=address)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_batch_records": 2001},
        {"max_batch_records": 0},
        {"max_batch_bytes": 10},
        {"max_buffer_bytes": 1_000_000},
        {"overflow": "explode"},
        {"track_via": "pigeon"},
        {"linger_seconds": -1},
        {"gzip_level": 9},
        {"retry_quota": -1},
        {"connect_timeout_seconds": 0},
        {"max_buffer_records": 0},
        {"total_timeout_seconds": float("nan")},
    ],
    ids=str,
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    """A setting out of its range raises an error that names the setting and the range."""
    with pytest.raises(InvalidSettingError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "proxy",
    [
        "host:8080",
        "socks5://u:s3cret@host",
        "http://u:s3cret@host:99999",
        "http://u:s3/cret@host",
        "http://u:s3?cret@h",
        "http://u:s3cret@",
        "",
    ],
)
def test_invalid_proxies(proxy: str) -> None:
    """A proxy URL that is invalid or ambiguous raises an error that does not show it."""
    with pytest.raises(InvalidSettingError, match="proxy") as caught:
        Settings(proxy=proxy)
    assert "s3" not in str(caught.value)


def test_a_proxys_password_is_never_shown() -> None:
    """The repr of settings shows everything except the credentials in the proxy URL."""
    settings = Settings(proxy="http://puser:s3cret@proxy:8080", linger_seconds=2)
    pretty = settings.__rich_repr__()
    for shown in (repr(settings), str(settings), f"{settings!r}", repr(pretty)):
        assert "s3cret" not in shown
        assert "proxy:8080" in shown
        assert "linger_seconds" in shown
    assert repr(Settings()).startswith("Settings(track_via='track', max_batch_records=2000, ")
    assert [name for name, _ in pretty] == list(Settings.__struct_fields__)


def test_unknown_settings_are_refused() -> None:
    """A misspelled setting raises."""
    with pytest.raises(TypeError, match="linger"):
        Settings(linger=1)  # type: ignore[call-arg]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"linger": 1}, Settings)
    with pytest.raises(InvalidSettingError, match="query_per_hour"):
        Rates(query_per_hour=0)


@pytest.mark.parametrize("text", ["a\r\nX-Injected: 1", "a\nb", "a\x00b", "\x7f"])
def test_line_ends_are_refused_where_they_are_set(text: str) -> None:
    """A user agent or a URL with a line end is refused when it is given, not with the first record."""
    with pytest.raises(InvalidSettingError, match="user_agent"):
        Settings(user_agent=text)
    with pytest.raises(InvalidSettingError, match="base_url"):
        servers(Region.US, f"https://example.com/{text}")
