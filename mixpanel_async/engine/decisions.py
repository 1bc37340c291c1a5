"""Reply or error -> settle, retry, split, stop. `decide` returns what to do; the sender does it."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from mixpanel_async.engine.batch import Batch
from mixpanel_async.errors import (
    AccessRefusedError,
    ApiError,
    MixpanelError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
    UnexpectedReplyError,
    UsageError,
)
from mixpanel_async.models import IngestionReply, Outcome, Verdict

IngestionPath: TypeAlias = Literal["/track", "/import", "/engage", "/groups"]

ACCEPTED: Final = Verdict(Outcome.ACCEPTED, "ok")
UNVERIFIED: Final = Verdict(Outcome.UNVERIFIED, "ok", "", "Mixpanel took the request; it gives no verdict per record")
DUPLICATE: Final = Verdict(Outcome.DUPLICATE, "duplicate", "properties.$insert_id", "an equal event was just admitted")
DISABLED: Final = Verdict(Outcome.SKIPPED, "disabled", "", "the setting enabled, or MIXPANEL_DISABLED, switches it off")
DRY_RUN: Final = Verdict(Outcome.SKIPPED, "dry_run", "", "the setting dry_run prints records in place of sending them")
DROPPED: Final = Verdict(
    Outcome.DROPPED, "buffer_full", "", "the buffer was full; the overflow policy dropped the record"
)
# The same bytes are sent again this often if a reply's counts do not add up.
MAX_MISMATCHES: Final = 2
# A job ends after so many replies that do not come from Mixpanel; a live record has its deadline.
MAX_FOREIGN_REPLIES: Final = 5
# A 413 for a body smaller than this is not about its size: proxies that limit bodies allow at least this much.
MIN_SPLIT_BYTES: Final = 32 * 1024
_OK_STATUSES: Final = frozenset({None, 1, 200, "1", "ok", "OK"})
_FIRST_CLIENT_ERROR: Final = 400  # Mixpanel's ingestion does not redirect
# 421 and 425 ask for another connection, 499 is a proxy's: none is about the records.
_TRANSIENT_STATUSES: Final = frozenset({421, 425, 499})


class MismatchError(TransportError):
    """A reply whose counts do not fit what was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=True)


class Settle(msgspec.Struct, frozen=True):
    """Every record has its outcome: `exceptions` by index, `verdict` for the others."""

    verdict: Verdict
    exceptions: Mapping[int, Verdict] = {}


class Retry(msgspec.Struct, frozen=True):
    """Send the same bytes again later.

    Attributes:
        error: The cause.
        retry_after: Seconds that the server asked for.
        is_ambiguous: Whether this attempt may have been applied.
        is_pause: Whether the whole project's ingestion waits (429).
        is_congestion: Whether fewer concurrent requests would help.
        is_foreign: Whether the reply did not come from Mixpanel.
    """

    error: MixpanelError
    retry_after: float | None = None
    is_ambiguous: bool = False
    is_pause: bool = False
    is_congestion: bool = False
    is_foreign: bool = False


class Split(msgspec.Struct, frozen=True):
    """The body was too large: send it as two."""


class Bisect(msgspec.Struct, frozen=True):
    """The request was refused as a whole: halve it until the records at fault stand alone.

    Attributes:
        verdict: The outcome of a record that is refused alone.
    """

    verdict: Verdict


class Stop(msgspec.Struct, frozen=True):
    """The lane's credential is refused: nothing of this lane is accepted until that changes."""

    error: MixpanelError
    verdict: Verdict


Decision: TypeAlias = Settle | Retry | Split | Bisect | Stop


def decide(
    path: IngestionPath,
    batch: Batch,
    reply_body: bytes | None,
    error: MixpanelError | None,
    *,
    status: int = 200,
    is_bulk: bool = False,
) -> Decision:
    """Return what to do with a batch after an attempt.

    Args:
        path: The endpoint.
        batch: What was sent.
        reply_body: The reply's body, if there was a reply.
        error: What the status table or the transport made of it; None for a success.
        status: HTTP status of a success.
        is_bulk: Whether the batch belongs to a job, which ends when something else than Mixpanel answers.
    """
    match error:
        case None:
            return _read_success(path, batch, reply_body or b"", status, is_bulk=is_bulk)
        case UsageError():
            return Stop(error, Verdict(Outcome.REJECTED, "misconfigured", "", str(error)))
        case PayloadTooLargeError():
            return _read_too_large(batch, error)
        case RateLimitedError():
            return Retry(error, error.retry_after, is_pause=True, is_congestion=True)
        case ServiceUnavailableError():
            return Retry(error, error.retry_after, is_congestion=True)
        case ServerError():
            return Retry(error, error.retry_after, is_ambiguous=True, is_congestion=True)
        case TransportError():
            return Retry(error, is_ambiguous=error.sent, is_congestion=isinstance(error, RequestTimeoutError))
        case ApiError():
            return _read_refusal(batch, reply_body or b"", error, is_bulk=is_bulk)
        case _:
            return Settle(Verdict(Outcome.UNKNOWN, "internal", "", f"{type(error).__name__}: {error}"))


def give_up(batch: Batch, error: MixpanelError | None = None) -> Verdict:
    """Return the outcome of records whose deadline has passed, or whose client was closed.

    Args:
        batch: The records.
        error: The error of the last attempt; None: the one that the batch remembers.
    """
    last = error or batch.last_error
    cause = f"; last error: {last}" if last is not None else ""
    if batch.is_in_request or batch.is_ambiguous:
        return Verdict(Outcome.UNKNOWN, "deadline", "", f"sent, but no answer came before the deadline{cause}")
    return Verdict(Outcome.EXPIRED, "deadline", "", f"not delivered before the deadline{cause}")


def stopped(batch: Batch, verdict: Verdict) -> Verdict:
    """Return the outcome of records that were refused, or whose lane was stopped.

    A record that an earlier attempt may have delivered is UNKNOWN, not refused.

    Args:
        batch: The records.
        verdict: The refusal.
    """
    if batch.is_ambiguous:
        message = f"an earlier attempt may have been applied, then the answer was: {verdict.message}"
        return Verdict(Outcome.UNKNOWN, verdict.reason, "", message)
    return verdict


def lost_answer(error: MixpanelError) -> Verdict:
    """Return the outcome of a record that may have been applied and must not be applied twice."""
    return Verdict(Outcome.UNKNOWN, "answer_lost", "", f"it may have been applied and is not sent twice: {error}")


def without(batch: Batch, indices: frozenset[int]) -> Sequence[int]:
    """Return the indexes of a batch that are not in `indices`."""
    return [index for index in range(len(batch)) if index not in indices]


def _refused(batch: Batch, reason: str, message: str) -> Decision:
    """Return the decision for a request that was refused as a whole."""
    verdict = Verdict(Outcome.REJECTED, reason, "", message)
    return Bisect(verdict) if len(batch) > 1 else Settle(stopped(batch, verdict))


def _read_too_large(batch: Batch, error: PayloadTooLargeError) -> Decision:
    if batch.body_bytes <= MIN_SPLIT_BYTES:
        return Retry(error, error.retry_after, is_congestion=True)
    if len(batch) > 1:
        return Split()
    return Settle(stopped(batch, Verdict(Outcome.REJECTED, "too_large", "", str(error))))


def _read_success(path: IngestionPath, batch: Batch, body: bytes, status: int, *, is_bulk: bool) -> Decision:
    reply = read_reply(body)
    if reply is None:
        problem = "the reply says nothing about the records: it does not come from Mixpanel"
        error = UnexpectedReplyError(problem, status=status, operation=path.strip("/"))
        return _read_foreign(batch, error, is_bulk=is_bulk, is_ambiguous=True)
    if reply.status in {0, "0"}:
        return _refused(batch, "refused", reply.error or "Mixpanel found no valid record")
    if reply.failed_records:
        return _read_failures(batch, reply)
    if reply.error or reply.status not in _OK_STATUSES:
        return _mismatch(batch, f"HTTP {status} with an error: {reply.error or reply.status}")
    if reply.num_records_imported is None:
        if path == "/import" or (reply.status is None and reply.code is None):
            return _mismatch(batch, "num_records_imported or status is missing")
        return Settle(UNVERIFIED)
    if reply.num_records_imported != len(batch):
        return _mismatch(batch, f"{reply.num_records_imported} of {len(batch)} records imported, and none failed")
    return Settle(ACCEPTED)


def _read_refusal(batch: Batch, body: bytes, error: ApiError, *, is_bulk: bool) -> Decision:
    """Read a 3xx or 4xx: per record if it names the failed records, else for the request as a whole."""
    reply = read_reply(body)
    if reply is None or error.status < _FIRST_CLIENT_ERROR or error.status in _TRANSIENT_STATUSES:
        return _read_foreign(batch, error, is_bulk=is_bulk)
    if isinstance(error, AccessRefusedError):
        return Stop(error, Verdict(Outcome.REJECTED, "unauthorized", "", str(error)))
    if isinstance(error, NotFoundError):
        return Settle(stopped(batch, Verdict(Outcome.REJECTED, "not_found", "", str(error))))
    if reply.failed_records:
        return _read_failures(batch, reply)
    if reply.num_records_imported:
        return _mismatch(batch, f"{reply.num_records_imported} imported, and the failed ones are not named")
    return _refused(batch, "refused", str(error))


def _read_foreign(batch: Batch, error: ApiError, *, is_bulk: bool, is_ambiguous: bool = False) -> Decision:
    """Return the decision for a reply of a proxy or a login page, which says nothing about the records."""
    if is_bulk and batch.foreign_replies >= MAX_FOREIGN_REPLIES:
        message = f"{error}; the reply does not come from Mixpanel: check the base URL, the region and the proxy"
        verdict = Verdict(Outcome.UNKNOWN if is_ambiguous else Outcome.REJECTED, "not_found", "", message)
        return Settle(stopped(batch, verdict))
    return Retry(error, error.retry_after, is_ambiguous=is_ambiguous, is_congestion=True, is_foreign=True)


def _read_failures(batch: Batch, reply: IngestionReply) -> Decision:
    failures = {
        failed.index: Verdict(Outcome.REJECTED, "invalid", failed.field, failed.message)
        for failed in reply.failed_records
    }
    imported = reply.num_records_imported
    expected = len(batch) - len(failures)
    if any(not 0 <= index < len(batch) for index in failures) or (imported is not None and imported != expected):
        return _mismatch(batch, f"{imported} imported and {len(reply.failed_records)} failed of {len(batch)}")
    return Settle(UNVERIFIED if imported is None else ACCEPTED, failures)


def _mismatch(batch: Batch, problem: str) -> Decision:
    """Treat an answer that does not add up as a lost one: send the same bytes again, a few times."""
    error = MismatchError(f"the reply does not add up: {problem}")
    if batch.mismatches >= MAX_MISMATCHES:
        return Settle(Verdict(Outcome.UNKNOWN, "count_mismatch", "", str(error)))
    return Retry(error, is_ambiguous=True)


def read_reply(body: bytes) -> IngestionReply | None:
    """Return what a reply to an ingestion endpoint says: JSON, or the bare `1` or `0`; None if it is not Mixpanel's."""
    text = body.strip()
    if text in {b"1", b"0"}:
        return IngestionReply(status=int(text))
    try:
        reply = msgspec.json.decode(text, type=IngestionReply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if reply == IngestionReply() else reply
