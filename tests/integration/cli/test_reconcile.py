"""`mixpanel-async reconcile`, as users run it."""

import json
import pathlib

import msgspec

from mixpanel_async import AsyncMixpanel, RecordMapping
from tests.integration.cli.conftest import Run

DAYS = ("--from-date", "2023-11-14", "--to-date", "2023-11-14")
ACCOUNT = {
    "MIXPANEL_PROJECT_ID": "1",
    "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
    "MIXPANEL_SERVICE_ACCOUNT_SECRET": "secret",
}
TABLE = "when,who,plan\n1700000000,ann,pro\n1700000001,bob,free\n"
MAPPING = ("--event", "Paid", "--time-field", "when", "--distinct-id-field", "who", "--insert-id-hash", "content")


async def test_reconcile(run: Run, mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """Status 0 after an import with the same mapping; status 1, with text and a file, if a value was changed."""
    (tmp_path / "events.csv").write_text(TABLE)
    mapping = RecordMapping(event="Paid", time_field="when", distinct_id_field="who", insert_id_hash="content")
    await mp.import_events(tmp_path / "events.csv", mapping=mapping)
    equal = await run("reconcile", "events.csv", *MAPPING, *DAYS, "--json", env=ACCOUNT)
    assert (equal.status, equal.err) == (0, "")
    assert isinstance(equal.json, dict)
    assert (equal.json["is_equal"], equal.json["exit_status"], equal.json["equal"]) == (True, 0, 2)
    (tmp_path / "events.csv").write_text(TABLE.replace("free", "\x1b[31mgold"))
    narrow = msgspec.structs.replace(mapping, insert_id_fields=("when",))
    await mp.import_events(tmp_path / "events.csv", mapping=narrow)
    (tmp_path / "events.csv").write_text(TABLE)
    keys = ("--hash-field", "when")
    ended = await run("reconcile", "events.csv", *MAPPING, *keys, *DAYS, "--output", "out.ndjson", env=ACCOUNT)
    assert ended.status == 1
    assert "\x1b" not in ended.out
    assert "1 equal, 0 missing, 1 different, 2 unexpected" in ended.out
    assert "events.csv:3: different: Paid of bob on 2023-11-14" in ended.out
    assert 'plan: "free" became "\\u001b[31mgold"' in ended.out
    found = [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    assert [one["kind"] for one in found] == ["different", "unexpected", "unexpected"]
    assert found[0]["fields"] == {"plan": {"source": "free", "export": "\x1b[31mgold"}}
    assert found[0]["record"]["properties"]["distinct_id"] == "bob"
