"""A local Mixpanel for tests, of this client and of any other.

`LocalMixpanel` runs the local server in a thread, so that tests of any kind can use it: synchronous ones, asynchronous
ones and those that start other programs. With pytest, the fixture `mixpanel_server` gives a fresh one to each test.
"""

from mixpanel_async.testing.events import UntrackedError
from mixpanel_async.testing.local import LocalMixpanel

__all__ = ["LocalMixpanel", "UntrackedError"]
