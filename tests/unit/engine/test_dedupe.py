"""The window of recently admitted keys."""

from mixpanel_async.engine.dedupe import DedupeWindow


def test_the_window_keeps_what_came_again() -> None:
    """A key that was forgotten and came again is remembered as long as any other that came then."""
    window = DedupeWindow(3)
    assert window.is_new(b"a")
    window.forget(b"a")
    assert all(map(window.is_new, (b"b", b"a", b"c")))
    assert not window.is_new(b"a")
    assert window.is_new(b"d")
    assert not window.is_new(b"a")
