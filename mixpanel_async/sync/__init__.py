"""The client for synchronous code, such as Django, Flask, Celery and scripts."""

from mixpanel_async.sync.client import ClientOptions, Mixpanel

__all__ = ["ClientOptions", "Mixpanel"]
