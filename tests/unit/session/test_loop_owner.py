"""The event loop that a client belongs to."""

import asyncio

import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.errors import ClientClosedError, WrongLoopError
from mixpanel_async.session.loop_owner import LoopOwner


def test_without_a_loop_every_call_says_so() -> None:
    """A coroutine that something else than asyncio drives raises our own error, on every Python."""
    owner = LoopOwner()
    assert not owner.is_home()
    with pytest.raises(WrongLoopError, match="no event loop"):
        owner.check()
    call = AsyncMixpanel("token-0123456789").track("u", "E")
    with pytest.raises(WrongLoopError, match="no event loop"):
        call.send(None)


def test_a_client_belongs_to_its_first_loop() -> None:
    """The first loop is home; a second one is refused, and told that the client is closed once it is."""
    owner = LoopOwner()

    async def use() -> bool:
        owner.check()
        return owner.is_home()

    assert asyncio.run(use())
    with pytest.raises(WrongLoopError, match="another event loop"):
        asyncio.run(use())
    owner.is_closed = True
    with pytest.raises(ClientClosedError):
        asyncio.run(use())
