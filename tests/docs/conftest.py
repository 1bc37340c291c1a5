import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from mixpanel_async.session import Reply
from mixpanel_async.session.messages import WireRequest
from mixpanel_async.session.transport import AiohttpStream, AiohttpTransport
from tests.docs.service import Service, running


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """Every client of the test talks to this machine: an example is run as it stands, and reaches no network."""
    async with running() as found:

        class LocalTransport(AiohttpTransport):
            async def send(self, request: WireRequest) -> Reply:
                return await super().send(msgspec.structs.replace(request, url=found.url_of(request.url)))

            async def open_stream(self, request: WireRequest) -> AiohttpStream:
                return await super().open_stream(msgspec.structs.replace(request, url=found.url_of(request.url)))

        monkeypatch.setattr("mixpanel_async.session.transport.AiohttpTransport", LocalTransport)
        yield found


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files that examples name."""
    events = [
        {
            "event": "Signed Up",
            "properties": {"time": 1_700_000_000 + n, "distinct_id": f"user-{n}", "$insert_id": f"id-{n}"},
        }
        for n in range(3)
    ]
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (tmp_path / "events.ndjson").write_text(lines)
    (tmp_path / "events.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "events.csv").write_text("event,time,distinct_id,plan\nSigned Up,1700000000,user-1,pro\n")
    (tmp_path / "profiles.ndjson").write_text('{"$distinct_id": "user-1", "$set": {"plan": "pro"}}\n')
    (tmp_path / "companies.ndjson").write_text(
        '{"$group_key": "company", "$group_id": "acme", "$set": {"seats": 20}}\n'
    )
    (tmp_path / "profiles.csv").write_text("email,plan\nann@example.com,pro\n")
    letter = {"source": "events.ndjson", "number": 1, "message": "time: is missing", "record": events[0]}
    (tmp_path / "dead-letters.ndjson").write_text(json.dumps(letter) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
