"""An empty request that tests the URL and the credential of a job."""

from mixpanel_async.engine.context import Context
from mixpanel_async.engine.lanes import LaneSpec
from mixpanel_async.errors import (
    AccessRefusedError,
    ApiError,
    ConnectFailedError,
    MixpanelError,
    NotFoundError,
    TransportError,
    UnexpectedReplyError,
)
from mixpanel_async.session import Request, RetryRule
from mixpanel_async.session.retry import backoff_seconds


async def probe(context: Context, spec: LaneSpec) -> None:
    """Send an empty request to a lane's endpoint; any reply of Mixpanel will do.

    The records of a job are retried for a day, so that an outage does not end it. A wrong URL or credential would look
    like an outage, so it is reported before the job starts. A connection that was made and broke is no sign of a wrong
    URL: the request is sent again, as other calls are.

    Raises:
        AccessRefusedError: The credential is refused.
        NotFoundError: The server is not Mixpanel.
        UnexpectedReplyError: The server is not Mixpanel.
        ConnectFailedError: The server cannot be reached.
        TransportError: It does not answer, after all retries.
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

    def delay_after(error: MixpanelError, attempt: int) -> float | None:
        is_lost = isinstance(error, TransportError) and not isinstance(error, ConnectFailedError)
        if not is_lost or attempt > context.settings.max_call_retries:
            return None
        return backoff_seconds(attempt, context.clock.uniform)

    try:
        async for attempt in context.session.retrying(request.operation, delay_after):
            with attempt:
                await context.session.send(request)
                return
    except (AccessRefusedError, NotFoundError, UnexpectedReplyError):
        raise
    except ApiError:
        return  # usually 400, because an empty request is invalid
