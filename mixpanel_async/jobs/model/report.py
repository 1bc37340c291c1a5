"""What a job says of itself: its report, its progress and examples of what went wrong."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mixpanel_async.models import Outcome, Verdict

SKIPPED: Final = "skipped"


class ExitStatus(enum.IntEnum):
    """What a command that ran a job ends with."""

    OK = 0  # every record that was read was delivered, a duplicate, or skipped because that was asked for
    INCOMPLETE = 1  # some record was not, or the source was not read to its end
    USAGE = 2  # the command itself was wrong; no job ran
    REFUSED = 3  # the credentials were refused


class RecordError(msgspec.Struct, frozen=True):
    """One record that was not delivered, as an example.

    Attributes:
        position: Where it stands: the source's name and the line, row or record number, from 1.
        reason: A short, countable word.
        field: The field at fault, if there is one.
        message: What is wrong and what to do.
    """

    position: str
    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        what = f"{self.field}: {self.message}" if self.field else self.message
        return f"{self.position}: {what}"


class Ack(msgspec.Struct, frozen=True):
    """One record of a pipe that has its outcome, all records before it having theirs.

    Attributes:
        offset: The record's position, as the source gave it; else its number, from 1.
        verdict: What became of it: delivered, a duplicate, rejected, or left out by the mapping's filters. What was
            left out is DROPPED with the reason "skipped": it was given up here, as what an overflow policy drops, and
            nothing is wrong with it.
    """

    offset: Any
    verdict: Verdict

    @property
    def is_delivered(self) -> bool:
        """Whether Mixpanel has the record, as far as it says."""
        return self.verdict.is_delivered

    @property
    def is_rejected(self) -> bool:
        """Whether the record was refused, and would be again: what belongs with the dead letters."""
        return self.verdict.outcome is Outcome.REJECTED

    @property
    def is_skipped(self) -> bool:
        """Whether the mapping's filters left the record out."""
        return self.verdict.outcome is Outcome.DROPPED and self.verdict.reason == SKIPPED


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is.

    Attributes:
        read: Records read.
        imported: Records that Mixpanel confirmed.
        rejected: Records refused, by Mixpanel or by local validation.
        duplicates: Records that equal one shortly before them.
        in_flight: Records on their way.
        read_bytes: Bytes read of the source, as it is stored.
        total_bytes: Bytes that the source has, or None where nobody knows.
        retries: Requests that repeated an earlier one.
        rate_limited: Replies with status 429.
        seconds: Since the beginning.
        resumed: Records among those read that earlier runs had settled.
        resumed_bytes: Bytes of the source that were passed over for that.
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
        """Records read in a second by this run, on average."""
        return (self.read - self.resumed) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate by bytes, or None where there is none."""
        done = self.read_bytes - self.resumed_bytes
        if self.total_bytes is None or done <= 0:
            return None
        return self.seconds * max(0, self.total_bytes - self.read_bytes) / done


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did; `read == imported + rejected + duplicates + skipped + undelivered`.

    Attributes:
        source: Its name.
        read: Records read; blank lines are none.
        imported: Records that Mixpanel confirmed.
        rejected: Records refused, by Mixpanel or by local validation.
        duplicates: Records that equal an earlier one, as far back as was looked; they were not sent.
        skipped: Records left out because the caller asked for it, those of a dry run included.
        undelivered: Records whose delivery failed or is not known.
        rejected_by: Rejected records by reason.
        skipped_by: Skipped records by reason.
        undelivered_by: Undelivered records by reason.
        changed_by: Records that were repaired as the caller asked for, by what was done to them.
        resumed: Records among those read that earlier runs with the same checkpoint settled.
        read_bytes: Bytes read of the source, as it is stored.
        sent_bytes: Body bytes that the client sent during the job, as sent.
        requests: Requests that the client made during the job.
        retries: Requests among them that repeated an earlier one.
        rate_limited: Replies with status 429 among them.
        duration_seconds: How long it took.
        examples: The first faults of each kind.
        error: Why the source was not read to its end, or "".
        is_stopped: Whether it was told to stop before the end.
        is_refused: Whether the credentials were refused.
        is_dry_run: Whether nothing was to be sent.
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
    resumed: int = 0
    read_bytes: int
    sent_bytes: int
    requests: int
    retries: int
    rate_limited: int
    duration_seconds: float
    examples: Sequence[RecordError] = ()
    error: str = ""
    is_stopped: bool = False
    is_refused: bool = False
    is_dry_run: bool = False

    @property
    def is_balanced(self) -> bool:
        """Whether every record that was read is accounted for."""
        return self.read == self.imported + self.rejected + self.duplicates + self.skipped + self.undelivered

    @property
    def is_complete(self) -> bool:
        """Whether the whole source was read, and every record was delivered, a duplicate, or skipped on purpose."""
        is_whole = not (self.error or self.is_stopped or self.is_refused)
        return is_whole and self.is_balanced and not self.rejected and not self.undelivered

    @property
    def exit_status(self) -> ExitStatus:
        """What a command that ran the job ends with."""
        if self.is_refused:
            return ExitStatus.REFUSED
        return ExitStatus.OK if self.is_complete else ExitStatus.INCOMPLETE
