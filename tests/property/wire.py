"""The transport of the model's client: requests wait in a list until the machine replies to them."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from mixpanel_async.errors import ConnectionLostError, RequestTimeoutError
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest
from tests.property.reference import RETRY_AFTER_SECONDS, Answer, Reference
from tests.simulation.world import number_of, split_parts


@dataclass(eq=False)
class Waiting:
    """A request without a reply yet."""

    path: str
    numbers: tuple[int, ...]
    body_bytes: int
    answer: "asyncio.Future[tuple[Answer, frozenset[int]]]"


class Wire:
    """Passes every request to the machine, and its result to the reference."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.waiting: list[Waiting] = []
        self.problems: list[str] = []
        self.is_closed = False

    async def send(self, request: WireRequest) -> Reply:
        """Hold a request until it gets a reply, times out, or is cancelled."""
        loop = asyncio.get_running_loop()
        wire = request.body or b""
        body = gzip.decompress(wire) if request.headers.get("Content-Encoding") == "gzip" else wire
        parts = split_parts(body)
        waiting = Waiting(
            urlsplit(request.url).path, tuple(number_of(part) for part in parts), len(body), loop.create_future()
        )
        self._note(waiting, parts, wire, loop.time())
        self.waiting.append(waiting)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                answer, failed = await waiting.answer
        except TimeoutError:
            self._end(waiting, "timeout", frozenset())
            raise RequestTimeoutError("no reply", sent=True) from None
        except asyncio.CancelledError:
            self._end(waiting, "cancelled", frozenset())
            raise
        self._end(waiting, answer, failed)
        return self._reply(waiting, answer, failed)

    def _note(self, waiting: Waiting, parts: list[bytes], wire: bytes, now: float) -> None:
        try:  # in here an AssertionError would pass for a bug of the engine's, and be settled as one
            self.reference.sent(waiting.path, waiting.numbers, parts, wire, now)
        except AssertionError as error:
            self.problems.append(str(error))

    def _end(self, waiting: Waiting, answer: str, failed: frozenset[int]) -> None:
        self.waiting.remove(waiting)
        now = asyncio.get_running_loop().time()
        try:
            self.reference.answered(waiting.path, waiting.numbers, answer, failed, now)
        except AssertionError as error:
            self.problems.append(str(error))

    def _reply(self, waiting: Waiting, answer: Answer, failed: frozenset[int]) -> Reply:
        records = len(waiting.numbers)
        match answer:
            case "unsent":
                raise ConnectionLostError("reset", sent=False)
            case "reset" | "reset_after":
                raise ConnectionLostError("reset", sent=True)
            case "ok" if waiting.path == "/import":
                return _json(200, {"code": 200, "num_records_imported": records, "status": "OK"})
            case "ok":
                return _json(200, {"status": 1, "error": None})
            case "mismatch":
                return _json(200, {"code": 200, "num_records_imported": records - 1, "status": "OK"})
            case "partial":
                rows = [{"index": index, "field": "properties.n", "message": "odd"} for index in sorted(failed)]
                imported = records - len(failed)
                return _json(400, {"code": 400, "num_records_imported": imported, "failed_records": rows})
            case "429_after":
                return _json(429, {"error": "slow down"}, {"retry-after": f"{RETRY_AFTER_SECONDS:g}"})
            case _:
                return _json(int(answer), {"error": "no"})

    async def open_stream(self, request: WireRequest) -> StreamReply:
        raise AssertionError(f"nothing streams here: {request.url}")

    async def close_stream(self, reply: StreamReply) -> None:
        raise AssertionError(f"nothing streams here: {reply.status}")

    async def aclose(self) -> None:
        self.is_closed = True


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"content-type": "application/json", **(headers or {})}, orjson.dumps(body))
