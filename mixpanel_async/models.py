"""Outcome, Verdict, Stats, DeliveryReport and Mixpanel's ingestion reply."""

import enum
from collections.abc import Mapping, Sequence

import msgspec


class Outcome(enum.Enum):
    """The result of an admitted record; each record gets exactly one."""

    ACCEPTED = "accepted"  # Mixpanel confirmed this record
    UNVERIFIED = "unverified"  # Mixpanel took the request and gives no verdict for each record (/track, /engage)
    REJECTED = "rejected"  # refused, by Mixpanel or by local validation
    DUPLICATE = "duplicate"  # an equal record was admitted shortly before; this one was not sent
    EXPIRED = "expired"  # not delivered within its deadline, and certainly not accepted
    DROPPED = "dropped"  # given up by the overflow policy
    SKIPPED = "skipped"  # excluded on request: by a mapping's filters, a setting, before_send; never sent
    UNKNOWN = "unknown"  # sent, the answer was lost, and it cannot be sent again

    @property
    def is_delivered(self) -> bool:
        """Whether Mixpanel has the record, as far as it says."""
        return self is Outcome.ACCEPTED or self is Outcome.UNVERIFIED

    @property
    def is_failure(self) -> bool:
        """Whether a record that was to be delivered was not, as far as it is known."""
        return not (self.is_delivered or self is Outcome.DUPLICATE or self is Outcome.SKIPPED)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """An outcome with its reason.

    Attributes:
        outcome: What became of the record.
        reason: A short, countable word: `"ok"`, `"invalid"`, `"too_large"`, `"unauthorized"`, `"deadline"`, ...
        field: The field at fault, if there is one.
        message: A full description, for people.
    """

    outcome: Outcome
    reason: str
    field: str = ""
    message: str = ""

    @property
    def is_delivered(self) -> bool:
        """Whether Mixpanel has the record, as far as it says."""
        return self.outcome.is_delivered


class FailedRecord(msgspec.Struct, frozen=True):
    """One entry of `failed_records` in a reply to /import, /engage or /groups.

    Attributes:
        index: Position of the record in the request, from 0.
        field: The field at fault.
        message: Mixpanel's words.
        insert_id: The record's id; Mixpanel spells the key both `insert_id` and `$insert_id`.
    """

    index: int
    field: str = ""
    message: str = ""
    insert_id: str = ""
    dollar_insert_id: str = msgspec.field(name="$insert_id", default="")


class IngestionReply(msgspec.Struct, frozen=True):
    """The body of a reply to /track, /import, /engage or /groups, whichever of their shapes it has."""

    code: int | None = None
    status: int | str | None = None
    error: str | None = None
    num_records_imported: int | None = None
    failed_records: Sequence[FailedRecord] = ()


class Stats(msgspec.Struct, frozen=True):
    """A snapshot of a client's counters; `admitted == sum(outcomes.values()) + queued + in_flight`, always.

    Attributes:
        admitted: Records taken in.
        outcomes: Settled records by outcome; every outcome has an entry.
        queued: Records waiting to be sent or retried.
        in_flight: Records in a request that is under way.
        buffered_bytes: Bytes held: queued, in flight and compressed.
        requests: HTTP requests, retries included.
        retries: Requests among them that repeated an earlier one.
        sent_bytes: Body bytes of all requests, as sent (compressed where they were).
        rate_limited: Replies with status 429.
        replaced_tokens: Records whose own project token was replaced by the client's; see `Settings.foreign_token`.
        repaired_texts: Texts of live records in which unpaired surrogates, as a truncated emoji leaves them, became
            U+FFFD; the name of an event counts once.
    """

    admitted: int
    outcomes: Mapping[Outcome, int]
    queued: int
    in_flight: int
    buffered_bytes: int
    requests: int
    retries: int
    sent_bytes: int
    rate_limited: int
    replaced_tokens: int = 0
    repaired_texts: int = 0

    @property
    def settled(self) -> int:
        """Records that have their outcome."""
        return sum(self.outcomes.values())


class DeliveryReport(msgspec.Struct, frozen=True):
    """What `flush()` or `aclose()` did.

    Attributes:
        outcomes: Records that settled during the call, by outcome; only outcomes that occurred.
        pending: Records that were still unsettled when the call returned; always 0 after `aclose()`.
        duration_seconds: How long it took.
        failures: The latest verdicts of records that were not delivered, up to ten, for the log.
    """

    outcomes: Mapping[Outcome, int]
    pending: int
    duration_seconds: float
    failures: Sequence[Verdict] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is pending and no record failed: each was delivered, a duplicate, or excluded on request."""
        return self.pending == 0 and not any(outcome.is_failure for outcome in self.outcomes)
