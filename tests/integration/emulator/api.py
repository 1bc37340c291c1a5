"""Shared by the tests of the local server: a manual clock and a plain HTTP client."""

import asyncio
import gzip
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from mixpanel_async.emulator import Emulator

NOON = 1_760_000_400  # 2025-10-09T09:00:00Z
DAY = "2025-10-09"


@dataclass
class HandClock:
    """A clock that moves only when a test sets it; `slept` lists the requested sleeps."""

    seconds: float = NOON
    slept: list[float] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Note the seconds and wait for `release`."""
        self.slept.append(seconds)
        await self.release.wait()


@dataclass(frozen=True)
class Answer:
    """A complete reply."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """Decode the body."""
        return self.body.decode()

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Decode the body as JSON."""
        return orjson.loads(self.body)


class Api:
    """Sends requests to a local server, by default with a service account."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.session = session

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = aiohttp.encode_basic_auth("account", "secret"),
    ) -> Answer:
        """Send one request and return its reply."""
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization
        url = self.emulator.url + path
        # A file, because aiohttp warns about large bodies of bytes.
        data = None if body is None else io.BytesIO(body)
        async with self.session.request(
            method, url, params=query, data=data, headers=sent, allow_redirects=False
        ) as reply:
            return Answer(reply.status, await reply.read(), dict(reply.headers))

    async def post_json(
        self, path: str, value: object, query: Mapping[str, str | int] | None = None, *, packed: bool = False
    ) -> Answer:
        """Post a value as JSON, with gzip if `packed`."""
        body = orjson.dumps(value)
        headers = {"Content-Type": "application/json"}
        if packed:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        return await self.call("POST", path, query=query, body=body, headers=headers)

    async def import_events(self, events: list[Any], *, strict: int = 1, packed: bool = False) -> Answer:
        """Post events to /import."""
        return await self.post_json("/import", events, {"strict": strict, "project_id": 1}, packed=packed)

    async def export(self, query: Mapping[str, str | int] | None = None, *, encoding: str = "gzip") -> Answer:
        """Export events, by default of one day."""
        days: dict[str, str | int] = {"project_id": 1, "from_date": DAY, "to_date": DAY}
        return await self.call(
            "GET", "/api/2.0/export", query={**days, **(query or {})}, headers={"Accept-Encoding": encoding}
        )


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until a condition holds; for conditions that have no event to wait for."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


def event(number: int = 0, name: str = "Signed Up", **properties: object) -> dict[str, Any]:
    """Return a valid event; properties replace or add to its own, and `...` removes one."""
    every = {"time": NOON, "distinct_id": f"user-{number}", "$insert_id": f"id-{number}", **properties}
    return {"event": name, "properties": {key: value for key, value in every.items() if value is not ...}}


def exported(answer: Answer) -> list[dict[str, Any]]:
    """Decode the lines of an export."""
    assert answer.status == 200
    return [orjson.loads(line) for line in answer.body.splitlines()]
