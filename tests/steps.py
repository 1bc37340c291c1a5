"""Runs work in steps without an event loop."""

from typing import TypeVar

from mixpanel_async.time_slice import Steps

T = TypeVar("T")


def at_once(steps: Steps[T]) -> T:
    """Return the result of work in steps, done without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
