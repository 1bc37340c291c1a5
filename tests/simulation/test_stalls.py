"""The engine never stops while there is work, whatever the replies are."""

import asyncio
from collections.abc import Mapping, Sequence

import orjson
import pytest

from mixpanel_async import Outcome, Settings, Verdict
from mixpanel_async.engine.backpressure import Backpressure
from mixpanel_async.engine.batch import Batch
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.engine.lanes import Lane, LaneSpec
from mixpanel_async.engine.receipts import Receipts
from mixpanel_async.errors import ConnectFailedError
from mixpanel_async.session.messages import Reply, WireRequest
from tests.simulation.scripted import NO_LIMIT, ScriptedServer, accepted, client_of
from tests.virtual_time import FastClock, run_virtually


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", [b'{"status":1,"error":"\xff"}', b'{"status":1,"x":' + b"[" * 60_000])
def test_a_reply_that_cannot_be_read(status: int, body: bytes) -> None:
    """Whatever bytes a reply consists of, its records get an outcome, and the client continues."""

    async def main() -> None:
        server = ScriptedServer(lambda _: Reply(status, {}, body))
        async with client_of(server, Settings(rates=NO_LIMIT)) as mp:
            first = await (await mp.track("u", "A"))
            assert first.outcome in {Outcome.UNKNOWN, Outcome.REJECTED, Outcome.EXPIRED}
            server.answer = accepted
            assert (await (await mp.track("u", "B"))).is_delivered

    run_virtually(main())


def test_bodies_that_wait_for_a_retry_leave_room_for_others() -> None:
    """After an outage everything that waits is delivered: no batch keeps the room that the next one needs."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + 20

        def answer(request: WireRequest) -> Reply:
            return accepted(request) if loop.time() > until else Reply(503, {}, b"{}")

        settings = Settings(
            max_batch_bytes=10_000, max_buffer_bytes=80_000, overflow_wait_seconds=100.0, rates=NO_LIMIT
        )
        async with client_of(ScriptedServer(answer), settings) as mp:
            for number in range(65):
                await mp.people.set(f"u{number:05}", {"v": "x" * 880})
            await mp.flush()
            assert mp.stats.outcomes[Outcome.UNVERIFIED] == 65
            assert loop.time() < until + 90

    run_virtually(main())


def test_room_that_a_split_frees_is_used() -> None:
    """A batch that was too large gives its body's room to those that wait for it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()

        def answer(request: WireRequest) -> Reply:
            return Reply(413, {}, b"{}") if len(request.body or b"") > 50_000 else accepted(request)

        settings = Settings(
            max_batch_bytes=100_000,
            max_buffer_bytes=400_000,
            overflow_wait_seconds=100.0,
            rates=NO_LIMIT,
            linger_seconds=0.01,
        )
        async with client_of(ScriptedServer(answer, 0.1), settings) as mp:
            for number in range(27):
                await mp.people.set(f"u{number:02}", {"v": "x" * 8800})
            await mp.flush()
            assert mp.stats.outcomes[Outcome.UNVERIFIED] == 27
            assert loop.time() < started + 30

    run_virtually(main())


async def test_room_that_is_lent_comes_back() -> None:
    """After any number of updates the buffer is as empty as its figures say: a job finds its room."""
    settings = Settings(rates=NO_LIMIT, max_buffer_bytes=8_000_000)
    async with client_of(ScriptedServer(accepted), settings, FastClock()) as mp:
        for number in range(200):
            await mp.people.set(f"u{number}", {"a": 1})
            await mp.groups.set("company", f"u{number}", {"a": 1})
            await mp.track("u", "A", insert_id=f"i{number}")
        await mp.flush()
        assert mp.stats.buffered_bytes == 0
        ids = [{"time": 1_750_000_000, "distinct_id": "u", "$insert_id": f"i{n}"} for n in range(4000)]
        async with asyncio.timeout(30):
            report = await mp.import_events({"event": "e", "properties": {**own, "v": "x" * 900}} for own in ids)
        assert report.imported == 4000


def test_room_that_other_lanes_were_lent() -> None:
    """Who needs room gets what idle lanes were lent, before a record is refused for want of it."""

    async def main() -> None:
        settings = Settings(
            rates=NO_LIMIT, max_batch_bytes=10_000, max_buffer_bytes=100_000, overflow="raise", linger_seconds=100
        )
        async with client_of(ScriptedServer(accepted, 30.0), settings) as mp:
            await mp.people.set("u", {"a": 1})
            await mp.groups.set("company", "u", {"a": 1})
            while mp.stats.buffered_bytes <= 60_000:
                await mp.track("u", "A", {"v": "x" * 400})  # raises BufferFullError where the room is lent to others
            await mp.flush()

    run_virtually(main())


def test_an_outage_leaves_no_debt() -> None:
    """Retries that were never made cost nothing: after a long outage a single 503 is retried like any other."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = ScriptedServer(lambda _: ConnectFailedError("down"))
        async with client_of(server, Settings(rates=NO_LIMIT)) as mp:
            until = loop.time() + 3600
            while loop.time() < until:
                await mp.track("u", "e")
                await mp.people.set("u", {"a": 1})
                await mp.groups.set("g", "u", {"a": 1})
                await asyncio.sleep(0.5)
            server.answer = accepted
            await mp.flush()
            await asyncio.sleep(300)
            answers = iter([Reply(503, {}, b"{}")])
            server.answer = lambda request: next(answers, None) or accepted(request)
            assert (await (await mp.track("u", "e"))).is_delivered

    run_virtually(main())


@pytest.mark.parametrize("status", [400, 404, 413, 302])
def test_a_refusal_after_an_answer_that_was_lost(status: int) -> None:
    """A record that an earlier try may have brought in is never called refused."""

    async def main() -> None:
        answers = iter([Reply(500, {}, b"{}"), Reply(status, {}, b"{}")])
        async with client_of(ScriptedServer(lambda _: next(answers)), Settings(rates=NO_LIMIT)) as mp:
            verdict = await (await mp.people.set("u", {"a": 1}))
        assert verdict.outcome is Outcome.UNKNOWN

    run_virtually(main())


@pytest.mark.parametrize("secret", ["project-token", "cHJvamVjdC10b2tlbjo="], ids=["plain", "basic"])
def test_a_server_that_repeats_a_secret(secret: str) -> None:
    """What Mixpanel says of a record is told without the token, in whichever form the server repeats it."""

    async def main() -> None:
        answer = {"code": 400, "num_records_imported": 0, "failed_records": [{"index": 0, "message": f"no {secret}"}]}
        server = ScriptedServer(lambda _: Reply(400, {}, orjson.dumps(answer)))
        async with client_of(server, Settings(rates=NO_LIMIT, track_via="import")) as mp:
            verdict = await (await mp.track("u", "A"))
        assert verdict.message == "no ***"

    run_virtually(main())


def test_the_second_close_keeps_its_own_deadline() -> None:
    """Whoever closes with less time than one who closes already gets it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        mp = client_of(ScriptedServer(accepted, 1000.0), Settings(rates=NO_LIMIT))
        receipt = await mp.track("u", "A")
        first = asyncio.create_task(mp.aclose(100))
        await asyncio.sleep(1)
        started = loop.time()
        await mp.aclose(2)
        assert loop.time() - started < 2.5
        assert receipt.outcome is Outcome.UNKNOWN
        assert not (await first).pending

    run_virtually(main())


def test_a_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Tickets that cannot take their outcome are reported in the log; everything else continues."""

    class Broken(Receipts):
        def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
            del parts, verdict, exceptions
            raise RuntimeError("broken")

    async def main() -> None:
        async with client_of(ScriptedServer(accepted), Settings(rates=NO_LIMIT)) as mp:
            endpoints = LaneSpecs(Settings(), token="token", credentials=None, project_id=None)
            lane = mp._engine.lane(endpoints.track())
            await mp._engine.put(lane, Batch([b"{}"], Broken([]), 4))
            assert (await (await mp.track("u", "A"))).is_delivered
            report = await mp.flush()
        assert not report.pending
        assert mp.stats.settled == mp.stats.admitted == 2

    run_virtually(main())
    assert "could not be reported" in caplog.text


def test_a_lane_is_lent_one_stretch_at_a_time() -> None:
    """However many small records ask one by one, their lane holds no more room ahead than for the next few."""
    room, lane = Backpressure(Settings()), Lane(LaneSpec(path="/engage"))
    for _ in range(1000):
        assert room.lend(lane, 100)
        lane.credit -= 100
        assert lane.credit < 64 * 1024


def test_a_server_that_accepts_nothing_is_not_searched_again_and_again() -> None:
    """/track refuses with a 200 and a bare 0: after one search without a good record the next ones are short."""

    async def main() -> None:
        server = ScriptedServer(lambda _: Reply(200, {}, b"0"))
        async with client_of(server, Settings(rates=NO_LIMIT)) as mp:
            for number in range(2000):
                await mp.track("u", "A", {"n": number})
            await mp.flush()
            first = mp.stats.requests
            for number in range(2000):
                await mp.track("u", "A", {"n": number})
            await mp.flush()
            assert mp.stats.outcomes[Outcome.REJECTED] == 4000
            assert first <= 101
            assert mp.stats.requests - first <= 4

    run_virtually(main())


@pytest.mark.parametrize("quota", [0, 100])
def test_a_server_that_refuses_every_request_as_a_whole(quota: int) -> None:
    """The search for bad records settles every record within its deadline, and what it sends again, the quota pays."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bodies: list[bytes | None] = []

        def answer(request: WireRequest) -> Reply:
            bodies.append(request.body)
            return Reply(400, {}, b'{"code":400,"error":"bad request"}')

        settings = Settings(rates=NO_LIMIT, track_via="import", delivery_deadline_seconds=1.0, retry_quota=quota)
        async with client_of(ScriptedServer(answer), settings) as mp:
            for _ in range(3):
                started = loop.time()
                receipts = [await mp.track("u", "A", {"n": number}) for number in range(4)]
                await mp.flush()
                assert all(receipt.outcome is not None for receipt in receipts)
                assert loop.time() <= started + 1.01
        assert quota or len(set(bodies)) == len(bodies)

    run_virtually(main())


def test_records_past_their_deadline_are_not_sent() -> None:
    """However many records expire at once, none of them is sent after its deadline."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        sent: list[float] = []

        def answer(_: WireRequest) -> Reply:
            sent.append(loop.time())
            return Reply(503, {}, b"{}")

        settings = Settings(rates=NO_LIMIT, delivery_deadline_seconds=100.0, retry_quota=0)
        async with client_of(ScriptedServer(answer), settings) as mp:
            started = loop.time()
            for number in range(30_000):
                await mp.track("u", "A", {"n": number})
            await mp.flush()
            assert mp.stats.settled == 30_000
        assert max(sent) < started + 100

    run_virtually(main())


def test_what_a_server_says_is_shown_without_control_characters() -> None:
    """The verdict of a record carries no escape sequences of the server's."""
    odd = "bad \x1b]0;pwned\x07 \x9b31m\nsecond line"

    async def main() -> None:
        named = {"code": 400, "num_records_imported": 0, "failed_records": [{"index": 0, "field": odd, "message": odd}]}
        server = ScriptedServer(lambda _: Reply(400, {}, orjson.dumps(named)))
        async with client_of(server, Settings(rates=NO_LIMIT, track_via="import")) as mp:
            verdict = await (await mp.track("u", "A"))
        for text in (verdict.message, verdict.field):
            assert "bad " in text
            assert text.isprintable()

    run_virtually(main())


def test_a_refused_twin_does_not_let_a_delivered_event_be_sent_again() -> None:
    """A record that a stopped lane refuses says nothing of an equal one that was delivered: the next is a duplicate."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        refused = Reply(401, {}, b'{"code":401,"error":"no"}')
        server = ScriptedServer(accepted)
        async with client_of(server, Settings(rates=NO_LIMIT, track_via="import")) as mp:

            async def twin() -> Outcome:
                return (await (await mp.track("u", "A", time=1_750_000_000, insert_id="twin"))).outcome

            assert await twin() is Outcome.ACCEPTED
            server.answer = lambda _: refused
            assert (await (await mp.track("u", "B"))).outcome is Outcome.REJECTED
            assert await twin() is Outcome.REJECTED
            server.answer = accepted
            started = loop.time()
            await asyncio.sleep(61)
            assert await twin() is Outcome.DUPLICATE, loop.time() - started

    run_virtually(main())
