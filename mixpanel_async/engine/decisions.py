"""What a reply, or the lack of one, means for a batch. Pure: `decide` returns what to do, the sender does it."""

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
    UsageError,
)
from mixpanel_async.models import IngestionReply, Outcome, Verdict

IngestionPath: TypeAlias = Literal["/track", "/import", "/engage", "/groups"]

ACCEPTED: Final = Verdict(Outcome.ACCEPTED, "ok")
UNVERIFIED: Final = Verdict(Outcome.UNVERIFIED, "ok", "", "Mixpanel took the request; it gives no verdict per record")
DUPLICATE: Final = Verdict(Outcome.DUPLICATE, "duplicate", "properties.$insert_id", "an equal event was just admitted")
DROPPED: Final = Verdict(Outcome.DROPPED, "buffer_full", "", "the buffer was full; the overflow policy gave it up")
# The same bytes are sent again this often where a reply's counts do not add up.
MAX_MISMATCHES: Final = 2


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
        error: Why.
        retry_after: Seconds that the server asked for.
        is_ambiguous: Whether this try may have been applied.
        is_pause: Whether the whole project's ingestion waits (429).
        is_congestion: Whether fewer requests at once would help.
    """

    error: MixpanelError
    retry_after: float | None = None
    is_ambiguous: bool = False
    is_pause: bool = False
    is_congestion: bool = False


class Split(msgspec.Struct, frozen=True):
    """The body was too large: send it as two, and make no more of its size."""


class Stop(msgspec.Struct, frozen=True):
    """The lane's credential is refused: nothing of this lane will be accepted."""

    error: MixpanelError
    verdict: Verdict


Decision: TypeAlias = Settle | Retry | Split | Stop


def decide(path: IngestionPath, batch: Batch, reply_body: bytes | None, error: MixpanelError | None) -> Decision:
    """Return what to do with a batch after a try.

    Args:
        path: Where it was sent.
        batch: What was sent.
        reply_body: The reply's body, where there was a reply.
        error: What the status table or the transport made of it; None for a success.
    """
    match error:
        case None:
            return _read_success(path, batch, reply_body or b"")
        case AccessRefusedError():
            return Stop(error, Verdict(Outcome.REJECTED, "unauthorized", "", str(error)))
        case UsageError():
            return Stop(error, Verdict(Outcome.REJECTED, "misconfigured", "", str(error)))
        case NotFoundError():
            return _refused(batch, "not_found", str(error))
        case PayloadTooLargeError():
            if len(batch) > 1:
                return Split()
            return _refused(batch, "too_large", str(error))
        case RateLimitedError():
            return Retry(error, error.retry_after, is_pause=True, is_congestion=True)
        case ServiceUnavailableError():
            return Retry(error, error.retry_after, is_congestion=True)
        case ServerError():
            return Retry(error, error.retry_after, is_ambiguous=True, is_congestion=True)
        case TransportError():
            return Retry(error, is_ambiguous=error.sent, is_congestion=isinstance(error, RequestTimeoutError))
        case ApiError():
            return _read_refusal(batch, reply_body or b"", error)
        case _:
            return Settle(Verdict(Outcome.UNKNOWN, "internal", "", f"{type(error).__name__}: {error}"))


def give_up(batch: Batch, error: MixpanelError | None) -> Verdict:
    """Return the outcome of records that will not be tried again because their time is over.

    Args:
        batch: The records.
        error: What the last try ended with, if there was one.
    """
    why = f"; the last try: {error}" if error is not None else ""
    if batch.is_in_request or batch.is_ambiguous:
        return Verdict(Outcome.UNKNOWN, "deadline", "", f"sent, but no answer came before the deadline{why}")
    return Verdict(Outcome.EXPIRED, "deadline", "", f"not delivered before the deadline{why}")


def stopped(batch: Batch, verdict: Verdict) -> Verdict:
    """Return the outcome of records whose lane was stopped, or that were refused themselves.

    What an earlier try may have applied is not refused.

    Args:
        batch: The records.
        verdict: What was answered.
    """
    if batch.is_ambiguous:
        message = f"an earlier try may have been applied, then the answer was: {verdict.message}"
        return Verdict(Outcome.UNKNOWN, verdict.reason, "", message)
    return verdict


def _refused(batch: Batch, reason: str, message: str) -> Settle:
    return Settle(stopped(batch, Verdict(Outcome.REJECTED, reason, "", message)))


def lost_answer(error: MixpanelError) -> Verdict:
    """Return the outcome of a record that may have been applied and must not be applied twice."""
    return Verdict(Outcome.UNKNOWN, "answer_lost", "", f"it may have been applied and is not sent twice: {error}")


def _read_success(path: IngestionPath, batch: Batch, body: bytes) -> Decision:
    reply = _read_body(body)
    if reply is None:
        return _mismatch(batch, "a reply that cannot be read")
    if reply.status in {0, "0"}:
        return _refused(batch, "refused", reply.error or "Mixpanel found no valid record")
    if reply.failed_records:
        return _read_failures(batch, reply)
    if reply.num_records_imported is None:
        if path == "/import":
            return _mismatch(batch, "a reply without num_records_imported")
        return Settle(UNVERIFIED)
    if reply.num_records_imported != len(batch):
        return _mismatch(batch, f"{reply.num_records_imported} of {len(batch)} records imported, and none failed")
    return Settle(ACCEPTED)


def _read_refusal(batch: Batch, body: bytes, error: ApiError) -> Decision:
    """Read a 4xx: per record where it says which records failed, else for the request as a whole."""
    reply = _read_body(body)
    if reply is not None and reply.failed_records:
        return _read_failures(batch, reply)
    if reply is not None and reply.num_records_imported:
        return _mismatch(batch, f"{reply.num_records_imported} imported, and the failed ones are not named")
    return _refused(batch, "refused", str(error))


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


def _mismatch(batch: Batch, what: str) -> Decision:
    """Treat an answer that does not add up as no answer: the same bytes again, a few times."""
    error = MismatchError(f"the reply does not add up: {what}")
    if batch.mismatches >= MAX_MISMATCHES:
        return Settle(Verdict(Outcome.UNKNOWN, "count_mismatch", "", str(error)))
    return Retry(error, is_ambiguous=True)


def _read_body(body: bytes) -> IngestionReply | None:
    """Return what a reply to an ingestion endpoint says: JSON, or the bare `1` or `0`."""
    text = body.strip()
    if text in {b"1", b"0"}:
        return IngestionReply(status=int(text))
    try:
        return msgspec.json.decode(text, type=IngestionReply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def without(batch: Batch, indices: frozenset[int]) -> Sequence[int]:
    """Return the indexes of a batch that are not among `indices`."""
    return [index for index in range(len(batch)) if index not in indices]
