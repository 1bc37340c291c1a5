"""Every call of the client, with every option, reaches an operation of the local server."""

from typing import Final

import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.errors import ApiError
from tests.contract.calls import CALLS, Call
from tests.contract.operations import OPERATIONS
from tests.integration.emulator.api import Api

# What the calls may be refused for: their IDs are made up, and some options need others, or cannot be computed.
REFUSALS: Final = (
    "was not found", "unknown", "there is no", "JQL", "behaviors", "session", "unit is invalid: "
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.function)
async def test_its_path_and_form_are_known(api: Api, mp: AsyncMixpanel, oauth: AsyncMixpanel, call: Call) -> None:
    """The client reads the reply, or an ID that is made up is refused; no path and no form is unknown."""
    failure: ApiError | None = None
    try:
        await call.make(oauth if OPERATIONS[call.operation].family == "gdpr" else mp)
    except ApiError as error:
        failure = error
    if failure is None:
        assert api.emulator.requests[-1].status in {200, 201}
        return
    message = str(failure)
    if call.function == "query.top_properties":  # no event is stored, and its keys are the data
        assert "the reply is an empty object" in message
        return
    assert failure.status in ({501} if call.operation == "query-jql" else {400, 404}), message
    assert "Not Found:" not in message
    assert any(refusal in message for refusal in REFUSALS), message
