"""Checks of single values."""

import uuid

import pytest

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.records.validation import check_uuid_v4


def test_uuid_v4() -> None:
    """An anonymous ID must be a version 4 UUID."""
    good = str(uuid.uuid4())
    assert check_uuid_v4(good, "$anon_id") == good
    for bad in ("", "anon", str(uuid.uuid1()), 7):
        with pytest.raises(InvalidRecordError, match="anon_id"):
            check_uuid_v4(bad, "$anon_id")
