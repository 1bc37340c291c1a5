"""Single actions without a socket: aiohttp's client is answered by aioresponses."""

from collections.abc import AsyncIterator
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses

from mixpanel_async.actions import Annotations, Pipelines, Query
from mixpanel_async.config import Region, Settings, servers
from mixpanel_async.errors import (
    BadRequestError,
    ForbiddenError,
    MixpanelError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    ServerError,
    ServiceUnavailableError,
    UnauthorizedError,
)
from mixpanel_async.session import Session
from mixpanel_async.session.transport import AiohttpTransport
from tests.integration.actions.server import ACCOUNT, FakeClock


class Response(aiohttp.ClientResponse):
    """aiohttp 3.14 needs a `stream_writer`, which aioresponses does not pass."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **{"stream_writer": Mock(), **options})  # type: ignore[arg-type]


@pytest.fixture
async def eu(clock: FakeClock) -> AsyncIterator[Session]:
    settings = Settings(max_call_retries=0)
    session = Session(
        AiohttpTransport(settings),
        servers=servers(Region.EU),
        settings=settings,
        clock=clock,
        credentials=ACCOUNT,
        project_id=1,
        workspace_id=2,
    )
    yield session
    await session.aclose()


async def test_a_query_in_the_eu(eu: Session) -> None:
    """A client of the EU uses the EU's servers, with the client's project and workspace."""
    with aioresponses() as mocked:
        mocked.get(
            "https://eu.mixpanel.com/api/query/funnels/list?project_id=1&workspace_id=2",
            payload=[{"funnel_id": 7509, "name": "Signup funnel"}],
            response_class=Response,
        )
        [funnel] = await Query(eu).list_funnels()
    assert (funnel.funnel_id, funnel.name) == (7509, "Signup funnel")


async def test_a_pipeline_in_the_eu(eu: Session) -> None:
    """Pipelines are on the data server of the region."""
    with aioresponses() as mocked:
        mocked.get(
            "https://data-eu.mixpanel.com/api/2.0/nessie/pipeline/timeline?name=n&project_id=1",
            payload={"day_syncs": [{"date": "2026-08-19", "status": "synced"}]},
            response_class=Response,
        )
        timeline = await Pipelines(eu).timeline("n")
    assert [(day.date, day.status) for day in timeline.day_syncs] == [("2026-08-19", "synced")]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (402, PaymentRequiredError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (422, BadRequestError),
        (429, RateLimitedError),
        (500, ServerError),
        (503, ServiceUnavailableError),
    ],
)
async def test_one_class_a_status(eu: Session, status: int, error: type[MixpanelError]) -> None:
    """Each status has its own error, with the operation and Mixpanel's message, without the secret."""
    with aioresponses() as mocked:
        mocked.get(
            "https://eu.mixpanel.com/api/app/projects/1/annotations",
            status=status,
            payload={"error": "account-secret is not good"},
            response_class=Response,
        )
        with pytest.raises(error, match=rf"annotations\.list: HTTP {status}: \*\*\* is not good") as caught:
            await Annotations(eu).list()
    assert "account-secret" not in repr(caught.value)
