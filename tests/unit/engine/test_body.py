"""Request bodies."""

import gzip

from mixpanel_async.engine.body import gzip_body, join_body


def test_bodies() -> None:
    """A body is a JSON array, compressed to the same bytes each time."""
    parts = [b'{"a":1}', b'{"a":2}']
    assert join_body(parts) == b'[{"a":1},{"a":2}]'
    assert gzip.decompress(gzip_body(parts, 1)) == join_body(parts)
    assert gzip_body(parts, 1) == gzip_body(parts, 1)
