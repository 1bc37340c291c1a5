"""The window of recently admitted keys."""

from mixpanel_async.engine.dedupe import DedupeWindow


def test_the_window_keeps_what_came_again() -> None:
    """A key that was forgotten and added again is remembered as long as any other key added at that time."""
    window = DedupeWindow(3)
    assert window.is_new(b"a")
    window.forget(b"a")
    assert all(map(window.is_new, (b"b", b"a", b"c")))
    assert not window.is_new(b"a")
    assert window.is_new(b"d")
    assert not window.is_new(b"a")


def test_the_window_has_a_size() -> None:
    """The oldest key is forgotten when the window is full; with size 0 every key is new."""
    window = DedupeWindow(2)
    assert all(map(window.is_new, (b"a", b"b", b"c")))
    assert len(window) == 2
    assert window.is_new(b"a")
    off = DedupeWindow(0)
    assert off.is_new(b"a")
    assert off.is_new(b"a")
