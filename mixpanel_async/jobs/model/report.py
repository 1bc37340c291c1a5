"""The report, progress and acknowledgements of a job."""

import enum
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from mixpanel_async.models import Outcome, Verdict

P_co = TypeVar("P_co", covariant=True)


class ExitStatus(enum.IntEnum):
    """Exit status of a command that runs a job."""

    OK = 0  # every record was delivered, a duplicate, or skipped on request
    INCOMPLETE = 1  # a record was not delivered, or the source was not read to its end
    USAGE = 2  # the command was invalid; no job ran
    REFUSED = 3  # the credentials are missing or were refused


class RecordError(msgspec.Struct, frozen=True):
    """An example of a record that was not delivered, or that is unusual.

    Attributes:
        position: Name of the source and the line, row or record number, from 1.
        reason: A short keyword, such as `invalid` or `too_large`.
        field: The invalid field, or "" for the whole record.
        message: What is invalid and what to do.
    """

    position: str
    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        what = f"{self.field}: {self.message}" if self.field else self.message
        return f"{self.position}: {what}"


class Ack(msgspec.Struct, Generic[P_co], frozen=True):
    """Acknowledges one record of a pipe; every earlier record was acknowledged before it.

    Attributes:
        offset: The record's position as the source gave it, else its number, from 1.
        verdict: The record's outcome: delivered, DUPLICATE, REJECTED, or SKIPPED by the mapping's filters.
    """

    offset: P_co
    verdict: Verdict

    @property
    def is_delivered(self) -> bool:
        """Whether Mixpanel accepted the record."""
        return self.verdict.is_delivered

    @property
    def is_rejected(self) -> bool:
        """Whether the record is invalid, so that sending it again cannot succeed: store it as a dead letter."""
        return self.verdict.outcome is Outcome.REJECTED

    @property
    def is_skipped(self) -> bool:
        """Whether the mapping's filters skipped the record."""
        return self.verdict.outcome is Outcome.SKIPPED


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of an import.

    Attributes:
        read: Records read.
        imported: Records that Mixpanel confirmed.
        rejected: Records rejected by Mixpanel or by local validation.
        duplicates: Records that equal an earlier record.
        in_flight: Records waiting for their outcome.
        read_bytes: Bytes read of the source, as stored.
        total_bytes: Size of the source in bytes, as stored, or None if unknown.
        retries: Requests that repeated an earlier request.
        rate_limited: Replies with status 429.
        seconds: Seconds since the start.
        resumed: Records among `read` that earlier runs with the same checkpoint settled.
        resumed_bytes: Bytes among `read_bytes` that belong to those records.
    """

    read: int
    imported: int
    rejected: int
    duplicates: int
    in_flight: int
    read_bytes: int
    total_bytes: int | None
    retries: int
    rate_limited: int
    seconds: float
    resumed: int = 0
    resumed_bytes: int = 0

    @property
    def records_per_second(self) -> float:
        """Average number of records that this run reads per second."""
        return (self.read - self.resumed) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left, or None if unknown."""
        done = self.read_bytes - self.resumed_bytes
        if self.total_bytes is None or done <= 0:
            return None
        return self.seconds * max(0, self.total_bytes - self.read_bytes) / done


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an import; `read == imported + rejected + duplicates + skipped + undelivered`.

    Attributes:
        source: Name of the source.
        read: Records read; blank lines do not count.
        imported: Records that Mixpanel confirmed.
        rejected: Records rejected by Mixpanel or by local validation.
        duplicates: Records that equal an earlier record and were not sent.
        skipped: Records skipped on request, including all records of a dry run.
        undelivered: Records whose delivery failed or is unknown.
        rejected_by: Rejected records by reason.
        skipped_by: Skipped records by reason.
        undelivered_by: Undelivered records by reason.
        changed_by: Records changed on request, by kind of change.
        noticed_by: Records that were read but are unusual, by what is unusual, such as a cell of many lines.
        resumed: Records among `read` that earlier runs with the same checkpoint settled.
        read_bytes: Bytes read of the source, as stored.
        sent_bytes: Body bytes that the client sent during the job, compressed.
        requests: Requests that the client made during the job.
        retries: Requests that repeated an earlier request.
        rate_limited: Replies with status 429.
        duration_seconds: Duration of this run.
        examples: The first few errors of each kind.
        notices: The first few records of each kind in `noticed_by`.
        error: Why the source was not read to its end, or "".
        is_stopped: Whether the job was stopped before the end of the source.
        is_refused: Whether the credentials were refused.
        is_dry_run: Whether the job was a dry run.
    """

    source: str
    read: int
    imported: int
    rejected: int
    duplicates: int
    skipped: int
    undelivered: int
    rejected_by: Mapping[str, int]
    skipped_by: Mapping[str, int]
    undelivered_by: Mapping[str, int]
    changed_by: Mapping[str, int] = {}
    noticed_by: Mapping[str, int] = {}
    resumed: int = 0
    read_bytes: int
    sent_bytes: int
    requests: int
    retries: int
    rate_limited: int
    duration_seconds: float
    examples: Sequence[RecordError] = ()
    notices: Sequence[RecordError] = ()
    error: str = ""
    is_stopped: bool = False
    is_refused: bool = False
    is_dry_run: bool = False

    @property
    def is_balanced(self) -> bool:
        """Whether the counts add up to the number of records read."""
        return self.read == self.imported + self.rejected + self.duplicates + self.skipped + self.undelivered

    @property
    def is_complete(self) -> bool:
        """Whether the source was read to its end and every record was delivered, a duplicate, or skipped on request."""
        is_whole = not (self.error or self.is_stopped or self.is_refused)
        return is_whole and self.is_balanced and not self.rejected and not self.undelivered

    @property
    def exit_status(self) -> ExitStatus:
        """Exit status of a command that ran the job."""
        if self.is_refused:
            return ExitStatus.REFUSED
        return ExitStatus.OK if self.is_complete else ExitStatus.INCOMPLETE
