"""The pytest plugin: a fresh local Mixpanel for each test.

It imports nothing but pytest until a fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from mixpanel_async.testing import LocalMixpanel

_ALLOW: Final = "mixpanel_allow_rejections"
_MAX_SHOWN: Final = 10
_OTHER_VARIABLES: Final = ("REGION", "OAUTH_TOKEN", "PROJECT_SECRET", "WORKSPACE_ID")


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line("markers", f"{_ALLOW}: the test passes although the local Mixpanel rejected records")


@pytest.fixture
def mixpanel_server(request: pytest.FixtureRequest) -> "Iterator[LocalMixpanel]":
    """A fresh local Mixpanel on a free port. The test fails if a record was rejected and that is not allowed."""
    from mixpanel_async.testing import LocalMixpanel

    with LocalMixpanel() as server:
        yield server
        rejections = server.rejections()
        is_allowed = server.are_rejections_allowed or request.node.get_closest_marker(_ALLOW) is not None
    if rejections and not is_allowed:
        shown = "\n".join(f"    {one}" for one in rejections[:_MAX_SHOWN])
        hint = f"if that is expected, call server.allow_rejections() or mark the test with pytest.mark.{_ALLOW}"
        pytest.fail(f"the local Mixpanel rejected records ({len(rejections)}):\n{shown}\n{hint}", pytrace=False)


@pytest.fixture
def mixpanel_env(mixpanel_server: "LocalMixpanel", monkeypatch: pytest.MonkeyPatch) -> "LocalMixpanel":
    """The local Mixpanel of the test, with the MIXPANEL_* variables set to it and all others removed."""
    for name in _OTHER_VARIABLES:
        monkeypatch.delenv(f"MIXPANEL_{name}", raising=False)
    for name, value in mixpanel_server.environment.items():
        monkeypatch.setenv(name, value)
    return mixpanel_server
