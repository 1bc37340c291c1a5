"""The session core: one pool, one governor, one retry, one table of statuses; one door out."""

from mixpanel_async.session.messages import Reply, Request, RetryRule, Transport
from mixpanel_async.session.session import Session

__all__ = ["Reply", "Request", "RetryRule", "Session", "Transport"]
