from mixpanel_async.emulator import Emulator
from tests.conftest import Connect
from tests.typed import service


async def test_every_type_that_checkers_accept_is_sent(connect: Connect, server: Emulator) -> None:
    """Each type of `PropertyValue` is sent as the JSON that the sample names."""
    client = connect()
    receipt = await service.track(client)
    assert (await client.flush(timeout=20)).is_complete
    assert (await receipt).is_delivered
    (event,) = await server.events()
    sent = {name: event["properties"].get(name) for name in service.VALUES}
    assert sent == {name: expected for name, (_, expected) in service.VALUES.items()}


async def test_the_sample_runs(connect: Connect) -> None:
    """What type checkers accept of a service runs: contexts, profiles, exports."""
    client = connect()
    address = service.Address(city="Bern", zip=None)
    signed_up = service.SignedUp(plan=service.Plan.PRO, invited_by=None, address=address)
    verdict = await service.sign_up(client, signed_up)
    assert verdict.is_delivered
    await service.plans(client)
