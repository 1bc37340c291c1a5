"""Expressions of the builder in the calls that take `where` and `on`, answered by the local server."""

import datetime as dt

import pytest

from mixpanel_async import AsyncMixpanel, GcsRaw, ServiceAccount
from mixpanel_async.expressions import AnyExpression, event_time, prop, user
from mixpanel_async.testing import LocalMixpanel

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
ODD = 'O"Brien \\ Söhne'


async def test_every_call_takes_expressions() -> None:
    """Each `where` and `on` takes a built expression and finds what it says, however its values are quoted."""
    async with (
        LocalMixpanel() as server,
        AsyncMixpanel(
            server.token, base_url=server.url, credentials=ServiceAccount("user", "secret"), project_id=1
        ) as mp,
    ):
        for number, name in enumerate(["pro", ODD, "free", ODD]):
            await mp.track(f"u{number}", "Bought", {"plan": name, "amount": 10 * number})
            await mp.people.set(f"u{number}", {"plan": name})
        await mp.flush()
        is_odd = prop("plan") == ODD
        days = (TODAY - dt.timedelta(days=1), TODAY + dt.timedelta(days=1))
        found = await mp.query.segmentation("Bought", *days, where=is_odd, on=prop("plan"))
        assert {name: sum(value or 0 for value in counts.values()) for name, counts in found.data.values.items()} == {
            ODD: 2
        }
        total = await mp.query.segmentation_sum("Bought", *days, on=prop("amount") * 2, where=~is_odd)
        assert sum(value or 0 for value in total.results.values()) == 40
        profiles = [one async for one in mp.query.profiles(where=is_odd)]
        assert {one.distinct_id for one in profiles} == {"u1", "u3"}
        exported = [one async for one in mp.export.events(*days, where=is_odd & (prop("amount") > 10))]
        assert [str(one["properties"]).count("'u3'") for one in exported] == [1]
        await mp.query.retention(*days, born_event="Bought", born_where=is_odd, where=user("plan") == ODD)
        addicted = await mp.query.frequency(*days, unit="day", addiction_unit="hour", where=event_time < NOW)
        assert addicted.data


@pytest.mark.parametrize("where", ['properties["plan"] == "pro"', prop("plan") == "pro"])
def test_destinations_of_pipelines(where: AnyExpression) -> None:
    """A pipeline's filter may be built, too."""
    from mixpanel_async.actions.pipelines.destinations import pipeline_form

    kind = GcsRaw(gcs_bucket="bucket", trial=True, where=where)
    assert str(pipeline_form(kind)["where"]) == 'properties["plan"] == "pro"'
