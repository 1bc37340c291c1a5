"""The simulated Mixpanel: applies records, answers or fails as a seed says, and remembers everything."""

import asyncio
import gzip
import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from mixpanel_async.errors import ConnectFailedError, ConnectionLostError, RequestTimeoutError
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest
from tests.virtual_time import VirtualLoop

Record = dict[str, object]
# Headers that a proxy or a bug may send: none may stop delivery for ever, or make it wait for less than nothing.
ODD_RETRY_AFTER = ("-5", "0", "nan", "inf", "1e400", "99999999999", "soon", "", "Wed, 21 Oct 1970 07:28:00 GMT", "1;2")
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
_BURST_SECONDS = 20.0
_STATUSES = {
    "too_large": 413,
    "unauthorized": 401,
    "redirect": 302,
    "bad_request": 400,
    "413_burst": 413,
    "400_burst": 400,
}


@dataclass
class Sent:
    """One request as it arrived."""

    at: float
    path: str
    parts: list[bytes]
    body_bytes: int
    wire: bytes
    status: int | None = None


@dataclass
class Plan:
    """How the world treats requests: a weight for each fault, and the limits it enforces."""

    weights: Mapping[str, int]
    latency: tuple[float, float] = (0.01, 0.2)
    events_per_minute: int | None = None
    body_cap: int | None = None
    poison: frozenset[int] = frozenset()  # records that Mixpanel refuses
    dead_paths: frozenset[str] = frozenset()  # paths whose credential is refused


def split_parts(body: bytes) -> list[bytes]:
    """Return the records of a JSON array as the bytes they were sent as."""
    parts: list[bytes] = []
    depth, start, in_string, escaped = 0, 1, False, False
    for index, byte in enumerate(body):
        char = chr(byte)
        if in_string:
            escaped, in_string = (char == "\\" and not escaped), not (char == '"' and not escaped)
            continue
        if char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
        if (char == "," and depth == 1) or (char == "]" and depth == 0):
            if index > start:
                parts.append(body[start:index])
            start = index + 1
    return parts


def number_of(part: bytes) -> int:
    """Return the number that the scenario gave a record."""
    record = orjson.loads(part)
    properties = record.get("properties")
    if properties is not None:
        return int(properties["n"])
    for operation in ("$set", "$add", "$append", "$union"):
        if operation in record:
            value = record[operation]["n"]
            return int(value[0] if isinstance(value, list) else value)
    return int(record["$unset"][0])


@dataclass
class World:
    """A transport that leads to the simulated Mixpanel."""

    random: random.Random
    plan: Plan
    requests: list[Sent] = field(default_factory=list)
    applied: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    order: list[int] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    bytes_of: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    paused_until: float = float("-inf")
    under_way: int = 0
    most_under_way: int = 0
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    window: deque[tuple[float, int]] = field(default_factory=deque)
    burst: tuple[str, float] = ("", float("-inf"))  # a fault that every request meets, and until when
    stalled_seconds: float = 0.0
    is_closed: bool = False

    async def send(self, request: WireRequest) -> Reply:
        """Treat one request as the seed says."""
        now = asyncio.get_running_loop().time()
        if now < self.paused_until:
            self.problems.append(f"a request left {self.paused_until - now:.2f} s before the pause was over")
        sent = self._read(request, now)
        fault = self._choose(sent)
        self.faults[fault] += 1
        if fault == "connect_failed":
            await asyncio.sleep(0.01)
            raise ConnectFailedError("nobody listens")
        self.requests.append(sent)
        self._note(sent)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                return await self._answer(fault, sent)
        except TimeoutError:
            raise RequestTimeoutError("no reply", sent=True) from None
        finally:
            self.under_way -= 1

    async def open_stream(self, request: WireRequest) -> StreamReply:
        raise AssertionError(f"nothing streams in the simulation: {request.url}")

    async def close_stream(self, reply: StreamReply) -> None:
        raise AssertionError(f"nothing streams in the simulation: {reply.status}")

    async def aclose(self) -> None:
        self.is_closed = True

    def _read(self, request: WireRequest, now: float) -> Sent:
        wire = request.body or b""
        body = gzip.decompress(wire) if request.headers.get("Content-Encoding") == "gzip" else wire
        return Sent(now, urlsplit(request.url).path, split_parts(body), len(body), wire)

    def _note(self, sent: Sent) -> None:
        for part in sent.parts:
            number = number_of(part)
            self.bytes_of[number].add(part)
            if number in self.refused:
                self.problems.append(f"record {number} was sent again after it was refused for good")

    def _choose(self, sent: Sent) -> str:
        plan = self.plan
        if sent.path in plan.dead_paths:
            return "unauthorized"
        if plan.body_cap is not None and sent.body_bytes > plan.body_cap:
            return "too_large"
        if plan.events_per_minute is not None and not self._fits(sent.at, len(sent.parts)):
            return "over_limit"
        fault, until = self.burst
        if sent.at < until:
            return fault
        names = list(plan.weights)
        fault = self.random.choices(names, [plan.weights[name] for name in names])[0]
        if fault.endswith("_burst"):
            self.burst = (fault, sent.at + self.random.uniform(0, _BURST_SECONDS))
        return fault

    def _fits(self, now: float, records: int) -> bool:
        while self.window and self.window[0][0] <= now - 60:
            self.window.popleft()
        limit = self.plan.events_per_minute or 0
        if sum(count for _, count in self.window) + records > limit and self.window:
            return False
        self.window.append((now, records))
        return True

    async def _answer(self, fault: str, sent: Sent) -> Reply:
        await asyncio.sleep(self.random.uniform(*self.plan.latency))
        match fault:
            case "reset_unsent":
                raise ConnectionLostError("reset", sent=False)
            case "reset_before":
                raise ConnectionLostError("reset", sent=True)
            case "reset_after":
                self._apply(sent)
                raise ConnectionLostError("reset", sent=True)
            case "hang" | "hang_applied":
                if fault == "hang_applied":
                    self._apply(sent)
                await asyncio.sleep(3600)
                raise AssertionError("nobody waits an hour")
            case "garbage":
                self._apply(sent)
                return Reply(200, {}, b"<html>")
            case "stall":
                self.stall()
                return self._good(sent)
            case "html_200" | "html_403" | "html_404" | "html_503":
                sent.status = int(fault.removeprefix("html_"))
                return Reply(sent.status, {"content-type": "text/html"}, HTML)
            case "mismatch":
                failed = self._apply(sent)
                imported = max(0, len(sent.parts) - failed - 1)
                return _json(sent, 200, {"code": 200, "num_records_imported": imported, "status": "OK"})
            case "ok":
                return self._good(sent)
            case "applied_500" | "applied_504":
                self._apply(sent)
                return _json(sent, int(fault[-3:]), {"error": "server error"})
            case _:
                return self._refusal(fault, sent)

    def stall(self) -> None:
        """Let time pass without running the loop: a paused container, a debugger, a starved machine."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seconds = self.random.choice([0.2, 2.0, 20.0, 200.0])
        self.stalled_seconds += seconds
        loop.advance(seconds)

    def _refusal(self, fault: str, sent: Sent) -> Reply:
        """Answer without applying anything."""
        if fault in {"over_limit", "429", "429_after"}:
            seconds = round(self.random.uniform(1, 20), 1) if fault != "429" else None
            headers = {} if seconds is None else {"retry-after": f"{seconds:g}"}
            if seconds is not None:
                self.paused_until = max(self.paused_until, asyncio.get_running_loop().time() + seconds)
            return _json(sent, 429, {"code": 429, "error": "slow down"}, headers)
        if fault == "odd_retry_after":
            odd = {"retry-after": self.random.choice(ODD_RETRY_AFTER)}
            return _json(sent, self.random.choice([429, 503]), {"error": "later"}, odd)
        if fault == "unauthorized" or (fault in {"bad_request", "400_burst"} and len(sent.parts) == 1):
            self.refused.update(number_of(part) for part in sent.parts)
        status = _STATUSES.get(fault)
        headers = {"location": "https://elsewhere.example"} if fault == "redirect" else {}
        return _json(sent, int(fault) if status is None else status, {"error": fault}, headers)

    def _good(self, sent: Sent) -> Reply:
        failed = self._apply(sent)
        if sent.path != "/import":
            return _json(sent, 200, {"status": 1, "error": None}) if not failed else self._partial(sent)
        if failed:
            return self._partial(sent)
        return _json(sent, 200, {"code": 200, "num_records_imported": len(sent.parts), "status": "OK"})

    def _partial(self, sent: Sent) -> Reply:
        spelling = self.random.choice(["insert_id", "$insert_id"])
        poisoned = [index for index, part in enumerate(sent.parts) if number_of(part) in self.plan.poison]
        failures = [
            {"index": index, spelling: "x", "field": "properties.n", "message": "poisoned"} for index in poisoned
        ]
        body = {
            "code": 400,
            "error": "some data points in the request failed validation",
            "num_records_imported": len(sent.parts) - len(failures),
            "failed_records": failures,
        }
        self.refused.update(number_of(sent.parts[index]) for index in poisoned)
        return _json(sent, 400, body)

    def _apply(self, sent: Sent) -> int:
        """Take in what is not poisoned; return how many are."""
        failed = 0
        for part in sent.parts:
            number = number_of(part)
            # /track has no verdict for each record, so there is no poison there.
            if sent.path != "/track" and number in self.plan.poison:
                failed += 1
            else:
                self.applied[number] += 1
                self.order.append(number)
        return failed


def _json(sent: Sent, status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    sent.status = status
    return Reply(status, {"content-type": "application/json", **(headers or {})}, orjson.dumps(body))
