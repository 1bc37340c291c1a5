"""An empty request that tests the URL and the credential of a job."""

from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.errors import AccessRefusedError, ApiError, NotFoundError, UnexpectedReplyError
from mixpanel_async.session import Request, RetryRule, Session


async def probe(session: Session, spec: LaneSpec) -> None:
    """Send an empty request to a lane's endpoint; any reply of Mixpanel will do.

    The records of a job are retried for a day, so that an outage does not end it. A wrong URL or credential would look
    like an outage, so it is reported before the job starts.

    Raises:
        AccessRefusedError: The credential is refused.
        NotFoundError: The server is not Mixpanel.
        UnexpectedReplyError: The server is not Mixpanel.
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
        return  # usually 400, because an empty request is invalid
