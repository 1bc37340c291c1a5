"""The decision table: a reply or an error, and what becomes of the batch."""

import pytest

from mixpanel_async import Outcome, Verdict, errors
from mixpanel_async.engine.decisions import (
    ACCEPTED,
    MAX_FOREIGN_REPLIES,
    MAX_MISMATCHES,
    UNVERIFIED,
    Bisect,
    Decision,
    IngestionPath,
    MismatchError,
    Retry,
    Settle,
    Split,
    Stop,
    decide,
    give_up,
    lost_answer,
    stopped,
    without,
)
from tests.unit.engine.builders import batch_of

UNAUTHORIZED = errors.UnauthorizedError("no", status=401, operation="import")
FORBIDDEN = errors.ForbiddenError("no", status=403, operation="import")
NOT_FOUND = errors.NotFoundError("no", status=404, operation="import")
TOO_LARGE = errors.PayloadTooLargeError("no", status=413, operation="import")
LIMITED = errors.RateLimitedError("slow", operation="import", retry_after=7.0)
UNAVAILABLE = errors.ServiceUnavailableError("later", status=503, operation="import", retry_after=3.0)
SERVER = errors.ServerError("oops", status=500, operation="import", retry_after=2.0)
BAD_REQUEST = errors.BadRequestError("bad", status=400, operation="import")
MISCONFIGURED = errors.MissingCredentialsError("no project_id")
UNSENT = errors.ConnectFailedError("refused")
CUT_BEFORE = errors.ConnectionLostError("reset", sent=False)
CUT_AFTER = errors.ConnectionLostError("reset", sent=True)
SILENT = errors.RequestTimeoutError("slow", sent=True)
STRANGE = errors.MixpanelError("strange")


def refused(reason: str, error: errors.MixpanelError | str) -> Settle:
    return Settle(Verdict(Outcome.REJECTED, reason, "", str(error)))


def bisected(reason: str, error: errors.MixpanelError | str) -> Bisect:
    return Bisect(Verdict(Outcome.REJECTED, reason, "", str(error)))


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (UNAUTHORIZED, Stop(UNAUTHORIZED, Verdict(Outcome.REJECTED, "unauthorized", "", str(UNAUTHORIZED)))),
        (FORBIDDEN, Stop(FORBIDDEN, Verdict(Outcome.REJECTED, "unauthorized", "", str(FORBIDDEN)))),
        (MISCONFIGURED, Stop(MISCONFIGURED, Verdict(Outcome.REJECTED, "misconfigured", "", str(MISCONFIGURED)))),
        (NOT_FOUND, refused("not_found", NOT_FOUND)),
        (TOO_LARGE, Retry(TOO_LARGE, is_congestion=True)),
        (LIMITED, Retry(LIMITED, 7.0, is_pause=True, is_congestion=True)),
        (UNAVAILABLE, Retry(UNAVAILABLE, 3.0, is_congestion=True)),
        (SERVER, Retry(SERVER, 2.0, is_ambiguous=True, is_congestion=True)),
        (UNSENT, Retry(UNSENT)),
        (CUT_BEFORE, Retry(CUT_BEFORE)),
        (CUT_AFTER, Retry(CUT_AFTER, is_ambiguous=True)),
        (SILENT, Retry(SILENT, is_ambiguous=True, is_congestion=True)),
        (BAD_REQUEST, bisected("refused", BAD_REQUEST)),
        (STRANGE, Settle(Verdict(Outcome.UNKNOWN, "internal", "", "MixpanelError: strange"))),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("path", ["/track", "/import", "/engage", "/groups"])
def test_errors(path: IngestionPath, error: errors.MixpanelError, decision: Decision) -> None:
    """Each kind of error leads to exactly one decision, the same at every endpoint."""
    assert decide(path, batch_of(2), b'{"error":"no"}', error) == decision


FOREIGN = [UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD_REQUEST]


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"plain words", b"{}", b'{"detail":"Not Found"}', b"[1]"])
@pytest.mark.parametrize("error", FOREIGN, ids=lambda value: type(value).__name__)
def test_a_reply_that_is_not_mixpanels(error: errors.ApiError, body: bytes) -> None:
    """A proxy's error says nothing about the records: it is retried; a job ends after a few, undelivered."""
    batch = batch_of(2)
    expected = Retry(error, is_congestion=True, is_foreign=True)
    assert decide("/import", batch, body, error) == expected
    assert decide("/import", batch, body, error, is_bulk=True) == expected
    batch.foreign_replies = MAX_FOREIGN_REPLIES
    assert decide("/import", batch, body, error) == expected
    found = decide("/import", batch, body, error, is_bulk=True)
    assert isinstance(found, Settle)
    assert found.verdict.reason == "not_found"
    assert "does not come from Mixpanel" in found.verdict.message


@pytest.mark.parametrize("status", [302, 307, 421, 425, 499])
def test_statuses_that_are_not_about_the_records(status: int) -> None:
    """A redirect and a proxy's own statuses are retried, whatever their body says."""
    error = errors.BadRequestError("odd", status=status, operation="import")
    assert isinstance(decide("/import", batch_of(2), b'{"error":"odd"}', error), Retry)


def test_a_body_that_is_too_large() -> None:
    """A large body is split; a large record alone is rejected; a small body was not refused for its size."""
    assert decide("/import", batch_of(2, body_bytes=1_000_000), None, TOO_LARGE) == Split()
    assert decide("/import", batch_of(1, body_bytes=1_000_000), None, TOO_LARGE) == refused("too_large", TOO_LARGE)
    assert isinstance(decide("/import", batch_of(1), None, TOO_LARGE), Retry)


@pytest.mark.parametrize(
    ("path", "body", "decision"),
    [
        ("/track", b"1", Settle(UNVERIFIED)),
        ("/track", b" 1\n", Settle(UNVERIFIED)),
        ("/track", b"0", bisected("refused", "Mixpanel found no valid record")),
        ("/track", b'{"status":1}', Settle(UNVERIFIED)),
        ("/track", b'{"status":0,"error":"no token"}', bisected("refused", "no token")),
        ("/track", b'{"status":"0"}', bisected("refused", "Mixpanel found no valid record")),
        ("/engage", b'{"status":1,"error":null}', Settle(UNVERIFIED)),
        ("/import", b'{"code":200,"num_records_imported":2,"status":"OK"}', Settle(ACCEPTED)),
        ("/groups", b'{"num_records_imported":2}', Settle(ACCEPTED)),
        (
            "/import",
            b'{"num_records_imported":1,"failed_records":[{"index":1,"field":"f","message":"m"}]}',
            Settle(ACCEPTED, {1: Verdict(Outcome.REJECTED, "invalid", "f", "m")}),
        ),
        (
            "/engage",
            b'{"failed_records":[{"index":0,"field":"f","message":"m"}]}',
            Settle(UNVERIFIED, {0: Verdict(Outcome.REJECTED, "invalid", "f", "m")}),
        ),
    ],
)
def test_successes(path: IngestionPath, body: bytes, decision: Decision) -> None:
    """A success settles every record, with Mixpanel's own words for those that it refused."""
    assert decide(path, batch_of(2), body, None) == decision


FOREIGN_SUCCESSES = [
    pytest.param("/import", b"", id="no body"),
    pytest.param("/import", b"<html>", id="not JSON"),
    pytest.param("/import", b"\xff", id="not UTF-8"),
    pytest.param("/import", b"[" * 100_000, id="nested without end"),
    pytest.param("/import", b"{}", id="an empty object"),
    pytest.param("/track", b"{}", id="an empty object for /track"),
]


@pytest.mark.parametrize("status", [200, 202, 204])
def test_the_status_of_a_success_is_the_replys(status: int) -> None:
    """What a batch remembers of a success without a body names the status that came."""
    found = decide("/import", batch_of(2), b"", None, status=status)
    assert isinstance(found, Retry)
    assert f"HTTP {status}:" in str(found.error)


@pytest.mark.parametrize(("path", "body"), FOREIGN_SUCCESSES)
def test_a_success_that_is_not_mixpanels(path: IngestionPath, body: bytes) -> None:
    """A 200 of something else is retried until the deadline; a job gives up, and does not know what became of it."""
    batch = batch_of(2)
    found = decide(path, batch, body, None)
    assert isinstance(found, Retry)
    assert (found.is_ambiguous, found.is_foreign) == (True, True)
    batch.foreign_replies = MAX_FOREIGN_REPLIES
    assert isinstance(decide(path, batch, body, None), Retry)
    found = decide(path, batch, body, None, is_bulk=True)
    assert isinstance(found, Settle)
    assert found.verdict.outcome is Outcome.UNKNOWN


MISMATCHES = [
    pytest.param("/import", b'{"status":"OK"}', None, id="no count"),
    pytest.param("/track", b'{"error":"odd"}', None, id="an error without a status"),
    pytest.param("/engage", b'{"status":1,"error":"odd"}', None, id="a success with an error"),
    pytest.param("/import", b'{"code":200,"num_records_imported":2,"status":"error"}', None, id="a count and an error"),
    pytest.param("/import", b'{"num_records_imported":1}', None, id="too few"),
    pytest.param("/track", b'{"num_records_imported":3}', None, id="too many"),
    pytest.param(
        "/import", b'{"num_records_imported":2,"failed_records":[{"index":1}]}', None, id="one counted on both sides"
    ),
    pytest.param(
        "/import", b'{"num_records_imported":0,"failed_records":[{"index":1}]}', None, id="one counted on no side"
    ),
    pytest.param(
        "/import", b'{"num_records_imported":1,"failed_records":[{"index":2}]}', None, id="an index after the end"
    ),
    pytest.param("/engage", b'{"failed_records":[{"index":-1}]}', None, id="an index before the start"),
    pytest.param("/import", b'{"num_records_imported":1}', BAD_REQUEST, id="a refusal with a count and no names"),
]


@pytest.mark.parametrize(("path", "body", "error"), MISMATCHES)
def test_replies_that_do_not_add_up(path: IngestionPath, body: bytes, error: errors.ApiError | None) -> None:
    """A reply whose counts do not add up is ignored: the batch is retried a few times, then its outcome is unknown."""
    batch = batch_of(2)
    found = decide(path, batch, body, error)
    assert isinstance(found, Retry)
    assert isinstance(found.error, MismatchError)
    assert (found.is_ambiguous, found.is_pause, found.is_congestion) == (True, False, False)
    batch.mismatches = MAX_MISMATCHES
    found = decide(path, batch, body, error)
    assert isinstance(found, Settle)
    assert (found.verdict.outcome, found.verdict.reason) == (Outcome.UNKNOWN, "count_mismatch")


@pytest.mark.parametrize(("imported", "others"), [(b',"num_records_imported":1', ACCEPTED), (b"", UNVERIFIED)])
def test_a_refusal_of_some(imported: bytes, others: Verdict) -> None:
    """A 400 that names its failed records refuses those alone."""
    body = b'{"failed_records":[{"index":0,"message":"bad time"}]%b}' % imported
    expected = Settle(others, {0: Verdict(Outcome.REJECTED, "invalid", "", "bad time")})
    assert decide("/import", batch_of(2), body, BAD_REQUEST) == expected


@pytest.mark.parametrize("body", [b"0", b'{"error":"bad"}', b'{"num_records_imported":0}'])
def test_a_refusal_of_all(body: bytes) -> None:
    """A 400 that names no record and imported none is halved until the record at fault stands alone."""
    assert decide("/import", batch_of(2), body, BAD_REQUEST) == bisected("refused", BAD_REQUEST)
    assert decide("/import", batch_of(1), body, BAD_REQUEST) == refused("refused", BAD_REQUEST)


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [(b"0", NOT_FOUND, "not_found"), (b"0", BAD_REQUEST, "refused"), (b"0", None, "refused")],
)
def test_a_refusal_after_a_lost_reply(body: bytes | None, error: errors.ApiError | None, reason: str) -> None:
    """A refusal says nothing about an earlier attempt that may have been applied: the outcome is unknown."""
    batch = batch_of(1)
    batch.is_ambiguous = True
    found = decide("/import", batch, body, error)
    assert isinstance(found, Settle)
    assert (found.verdict.outcome, found.verdict.reason) == (Outcome.UNKNOWN, reason)


@pytest.mark.parametrize(
    ("is_in_request", "is_ambiguous", "outcome"),
    [
        (False, False, Outcome.EXPIRED),
        (True, False, Outcome.UNKNOWN),
        (False, True, Outcome.UNKNOWN),
        (True, True, Outcome.UNKNOWN),
    ],
)
def test_the_deadline(is_in_request: bool, is_ambiguous: bool, outcome: Outcome) -> None:
    """At its deadline a record has expired if it was certainly not applied; else its outcome is unknown."""
    batch = batch_of(1)
    batch.is_in_request, batch.is_ambiguous = is_in_request, is_ambiguous
    assert give_up(batch).outcome is outcome
    assert "reset" not in give_up(batch).message
    assert "reset" in give_up(batch, CUT_AFTER).message
    batch.last_error = CUT_AFTER
    assert "last error: reset" in give_up(batch).message


def test_a_stopped_lane() -> None:
    """A stopped lane's verdict holds for what was never sent; what may have been applied is unknown."""
    verdict = Verdict(Outcome.REJECTED, "unauthorized", "", "401")
    batch = batch_of(1)
    assert stopped(batch, verdict) is verdict
    batch.is_ambiguous = True
    assert stopped(batch, verdict).outcome is Outcome.UNKNOWN
    assert "401" in stopped(batch, verdict).message


def test_a_lost_reply() -> None:
    """An update that must not be applied twice is unknown once its reply is lost, with the reason."""
    verdict = lost_answer(CUT_AFTER)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "answer_lost")
    assert "reset" in verdict.message


def test_the_rest_of_a_batch() -> None:
    """Without some of its records a batch keeps the others, in their order."""
    assert without(batch_of(4), frozenset({0, 2})) == [1, 3]
    assert without(batch_of(2), frozenset()) == [0, 1]
