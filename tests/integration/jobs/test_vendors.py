"""Presets in calls of the client: pipes, checkpoints, Parquet, and what is refused."""

import json
import pathlib

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel, Outcome, RecordMapping, UpdateMapping
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, InvalidSettingError
from mixpanel_async.jobs.sources.iterables import Record
from tests.integration.cli import vendor_samples as samples


async def test_a_pipe(mp: AsyncMixpanel) -> None:
    """A record that is not an event is acknowledged as skipped, with the reason."""
    records: list[Record] = [samples.segment(), samples.segment(type="identify"), samples.segment(type="x"),
                             samples.segment(messageId="b")]  # fmt: skip
    acks = [ack.verdict async for ack in mp.pipe(records, mapping=RecordMapping(vendor="segment"))]
    accepted, skipped, rejected = Outcome.ACCEPTED, Outcome.SKIPPED, Outcome.REJECTED
    assert [verdict.outcome for verdict in acks] == [accepted, skipped, rejected, accepted]
    assert acks[1].reason == "identify"


async def test_a_pipe_of_batches_is_refused(mp: AsyncMixpanel) -> None:
    """One acknowledgement cannot stand for several events."""
    with pytest.raises(InvalidSettingError, match="several events"):
        async for _ in mp.pipe([samples.mparticle()], mapping=RecordMapping(vendor="mparticle")):
            pass


async def test_a_checkpoint_belongs_to_its_vendor(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A finished import is not sent again, and its checkpoint is refused with another preset."""
    source, checkpoint = tmp_path / "a.ndjson", tmp_path / "checkpoint"
    batch = samples.mparticle(*[samples.mparticle_event("Seen", number) for number in range(100, 105)])
    source.write_text(json.dumps(batch) + "\n")
    for resumed in (0, 5):
        report = await mp.import_events(source, mapping=RecordMapping(vendor="mparticle"), checkpoint=checkpoint)
        assert (report.read, report.imported, report.resumed) == (5, 5, resumed)
    with pytest.raises(InvalidArgumentError, match="checkpoint"):
        await mp.import_events(source, mapping=RecordMapping(vendor="segment"), checkpoint=checkpoint)


async def test_parquet(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """Parquet of PostHog has JSON text, that of BigQuery has lists of structures; both can be read."""
    posthog = samples.posthog(properties='{"plan": "pro", "$user_id": "ann"}', person_properties="{}")
    one, two = tmp_path / "posthog.parquet", tmp_path / "ga4.parquet"
    pq.write_table(pa.Table.from_pylist([posthog]), one)
    pq.write_table(pa.Table.from_pylist([samples.ga4()]), two)
    for path, vendor in ((one, "posthog"), (two, "ga4")):
        report = await mp.import_events(path, mapping=RecordMapping(vendor=vendor))  # type: ignore[arg-type]
        assert (report.read, report.imported) == (1, 1), report
    found = {event["event"]: event["properties"] for event in await emulator.events()}
    assert (found["bought"]["plan"], found["bought"]["distinct_id"]) == ("pro", "ann")
    assert (found["purchase"]["ga_session_id"], found["purchase"]["$city"]) == (1704164640, "Berlin")


async def test_groups_are_refused(mp: AsyncMixpanel) -> None:
    """No preset has the properties of groups."""
    with pytest.raises(InvalidArgumentError, match="no properties of groups"):
        await mp.import_groups([], mapping=UpdateMapping(vendor="segment", group_key="company"))
