"""Checks of a mapping when it is made."""

import subprocess
import sys

import pytest

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidSettingError


@pytest.mark.parametrize(
    "options",
    [
        {"time_zone": "Mars"}, {"insert_id_hash": "x"}, {"insert_id_fields": ("a",)}, {"types": {"a": "b"}},
        {"drop": frozenset("a"), "keep": frozenset("a")}, {"event": ""}, {"from_time": "now"},
        {"from_time": "2024-01-02", "to_time": "2024-01-01"}, {"time_format": "unix"}, {"time_format": "%Q"},
        {"time_format": ""}, {"time_format": "%-d.%m.%Y"}, {"time_format": 5},
    ],
)  # fmt: skip
def test_invalid_mappings(options: dict[str, object]) -> None:
    """A mapping that cannot work is rejected when it is made."""
    with pytest.raises(InvalidSettingError):
        RecordMapping(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form",
    ["s", "ms", "us", "iso", "%Y-%m-%d", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f%z", "%I:%M %p %Z %b %a", "%G-%V-%u"],
)
def test_time_formats(form: str) -> None:
    """Every format that strptime can read is accepted."""
    assert RecordMapping(time_format=form).time_format == form


def test_the_fingerprint_of_each_process() -> None:
    """The fingerprint of a mapping with sets is the same in every process, so that another one can resume an import."""
    mapping = "drop=frozenset('abcd'), scrub=frozenset('efgh'), events=frozenset('ijkl')"
    code = f"from mixpanel_async import RecordMapping; print(RecordMapping({mapping}).fingerprint())"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
