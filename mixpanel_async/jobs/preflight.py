"""A first request that carries no record: is the server there, and does it take the credential?"""

from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.errors import AccessRefusedError, ApiError, NotFoundError, UnexpectedReplyError
from mixpanel_async.session import Request, RetryRule, Session


async def probe(session: Session, spec: LaneSpec) -> None:
    """Ask a lane's endpoint to take nothing; what it says of that does not matter, if it says something.

    A record has a day to be delivered, so that a job outlives an outage. Whoever mistyped an address or a secret should
    hear of it before the job begins.

    Raises:
        AccessRefusedError: The credential is refused.
        NotFound, UnexpectedReplyError: Whatever answers there is no Mixpanel.
        TransportError: The server does not answer.
    """
    request = Request(
        operation=spec.path.strip("/"),
        method="POST",
        server="ingestion",
        path=spec.path,
        query=spec.query,
        body=b"[]",
        content_type="application/json",
        is_authorized=False,
        credential=spec.credential,
        has_project=spec.has_project,
        family="ingestion",
        retry=RetryRule(max_retries=0),
    )
    try:
        await session.send(request)
    except (AccessRefusedError, NotFoundError, UnexpectedReplyError):
        raise
    except ApiError:
        return  # most likely: an empty request is a bad request
