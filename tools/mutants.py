"""Mutation tests: `python -m tools.mutants [--list] [--only TEXT]` breaks copies of the engine and runs the tests.

Each mutation is one small change that breaks a promise. The exit status is 1 if a mutation survives, that is, if no
test fails; it is 2 if the code no longer contains a mutation's text exactly once, or if the tests fail without one.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

ROOT: Final = pathlib.Path(__file__).parent.parent
# The fastest first: pytest stops at the first failure, and most mutations fail a unit test within a second.
SUITES: Final = (
    "tests/unit/engine",
    "tests/unit/session",
    "tests/unit/jobs/imports",
    "tests/unit/jobs/exports",
    "tests/property/test_engine_model.py",
    "tests/simulation",
    "tests/integration/delivery",
    "tests/integration/attack/test_export_cuts.py",
)
UNBROKEN_TIMEOUT_SECONDS: Final = 1800.0
TIMEOUT_FACTOR: Final = 3.0  # a mutation may hang for ever: it has so many times as long as the unbroken code took
AT_ONCE: Final = 2
ATTEMPTS: Final = 3  # a test must fail twice in a row; on a busy machine one may fail by chance
ENGINE: Final = "mixpanel_async/engine/"
SESSION: Final = "mixpanel_async/session/"
EXPORTS: Final = "mixpanel_async/jobs/exports/"


class Mutation(NamedTuple):
    """One change of one file.

    Attributes:
        name: The defect that it brings in.
        path: The file.
        old: Text that the file contains exactly once.
        new: The replacement.
    """

    name: str
    path: str
    old: str
    new: str


class Result(NamedTuple):
    """The result of a mutation.

    Attributes:
        mutation: The mutation.
        killer: The first test that failed, or a time-out or crash in parentheses; None if all tests passed.
        seconds: How long it took.
    """

    mutation: Mutation
    killer: str | None
    seconds: float


MUTATIONS: Final = (
    Mutation(
        "records are acknowledged before the reply",
        ENGINE + "sender.py",
        "                reply = await self._session.attempt(\n",
        "                batch.tickets.settle(batch.parts, decisions.ACCEPTED, {})\n"
        "                reply = await self._session.attempt(\n",
    ),
    Mutation("a 413 splits nothing", ENGINE + "decisions.py", "if len(batch) > 1:", "if len(batch) > 10**9:"),
    Mutation(
        "a refused request is retried",
        ENGINE + "decisions.py",
        'return _refused(batch, "refused", str(error))',
        "return Retry(error)",
    ),
    Mutation(
        "lingering records are never sent",
        ENGINE + "lanes.py",
        'due = self.opened_at + self.spec.linger_seconds if self.builder.parts else float("inf")',
        'due = float("inf")',
    ),
    Mutation(
        "flush ignores the open batch",
        ENGINE + "accumulator.py",
        "            self._seal_builder(lane)\n        return self._flushes",
        "            pass\n        return self._flushes",
    ),
    Mutation("rejected records count twice", ENGINE + "ledger.py", "records - len(exceptions))", "records)"),
    Mutation(
        "a failed record still counts as a duplicate",
        ENGINE + "failure_callback.py",
        "            if key is not None:\n                self._dedupe.forget(key)\n",
        "",
    ),
    Mutation(
        "a failed call still counts as a duplicate",
        ENGINE + "accumulator.py",
        "self._dedupe.forget(key)  # the caller",
        "pass  # it may",
    ),
    Mutation("duplicates are sent", ENGINE + "dedupe.py", "if key in self._known:", "if not key:"),
    Mutation(
        "retries ignore the deadline",
        ENGINE + "sender.py",
        "due = min(now + delay, batch.deadline)",
        "due = now + delay + 10_000",
    ),
    Mutation(
        "bodies that wait for a retry keep their memory",
        ENGINE + "accumulator.py",
        "        self.backpressure.drop_body(batch)\n        lane.delay(batch, due)",
        "        lane.delay(batch, due)",
    ),
    Mutation(
        "each record gives its lane more credit",
        ENGINE + "backpressure.py",
        "        if size <= lane.credit:\n            return True\n",
        "",
    ),
    Mutation(
        "retries past the deadline use up the quota",
        ENGINE + "sender.py",
        "max_wait=batch.deadline - now - delay)",
        "max_wait=1e9)",
    ),
    Mutation(
        "a refusal hides an earlier lost reply",
        ENGINE + "decisions.py",
        "return Bisect(verdict) if len(batch) > 1 else Settle(stopped(batch, verdict))",
        "return Bisect(verdict) if len(batch) > 1 else Settle(verdict)",
    ),
    Mutation(
        "retries are free",
        ENGINE + "sender.py",
        "return delay + self._session.quota.reserve(now, max_wait=batch.deadline - now - delay)",
        "return delay + 0.0",
    ),
    Mutation(
        "429 pauses nothing",
        ENGINE + "sender.py",
        'self._session.governor.pause("ingestion", delay)',
        "pass",
    ),
    Mutation(
        "unsafe updates are retried",
        ENGINE + "sender.py",
        "if retry.is_ambiguous and batch.unsafe and not",
        "if retry.is_ambiguous and not batch.parts and not",
    ),
    Mutation(
        "a split sends one half twice",
        ENGINE + "batch.py",
        "self.select(range(middle)), self.select(range(middle, len(self)))",
        "self.select(range(middle)), self.select(range(middle))",
    ),
    Mutation(
        "a split mixes up the receipts",
        ENGINE + "batch.py",
        "self.tickets.select(indices)",
        "self.tickets.select(range(len(indices)))",
    ),
    Mutation(
        "a split forgets which updates are unsafe",
        ENGINE + "batch.py",
        "body_size(parts), unsafe)\n        batch.deadline",
        "body_size(parts))\n        batch.deadline",
    ),
    Mutation(
        "batches stay as large after a 413",
        ENGINE + "accumulator.py",
        "half.split_from = batch.body_bytes",
        "pass",
    ),
    Mutation(
        "failed_records is off by one",
        ENGINE + "decisions.py",
        "failed.index: Verdict(",
        "failed.index + 1: Verdict(",
    ),
    Mutation(
        "a wrong count is accepted",
        ENGINE + "decisions.py",
        "if reply.num_records_imported != len(batch):",
        "if reply.num_records_imported > len(batch):",
    ),
    Mutation(
        "a wrong count beside failed records is accepted",
        ENGINE + "decisions.py",
        "(imported is not None and imported != expected)",
        "(imported is not None and imported < 0)",
    ),
    Mutation(
        "a body is a byte too large, on the fast path",
        ENGINE + "accumulator.py",
        "body_bytes > builder.max_bytes or",
        "body_bytes > builder.max_bytes + 1 or",
    ),
    Mutation(
        "a body is a byte too large",
        ENGINE + "batch.py",
        "if size > self.max_bytes and",
        "if size > self.max_bytes + 1 and",
    ),
    Mutation(
        "a record too many, on the fast path",
        ENGINE + "accumulator.py",
        "if count >= builder.look_at and",
        "if count > builder.look_at and",
    ),
    Mutation(
        "a record too many",
        ENGINE + "batch.py",
        "        if len(self.parts) >= self.look_at and",
        "        if len(self.parts) > self.look_at and",
    ),
    Mutation(
        "a record too many, in bulk",
        ENGINE + "batch.py",
        "start + self.max_records - len(self.parts)]",
        "start + self.max_records + 1 - len(self.parts)]",
    ),
    Mutation(
        "a body is a byte too large, in bulk",
        ENGINE + "batch.py",
        "self.max_bytes - self.body_bytes)\n",
        "self.max_bytes + 1 - self.body_bytes)\n",
    ),
    Mutation(
        "the memory of records is never released",
        ENGINE + "backpressure.py",
        "self._budget.release(batch.held_bytes, len(batch))",
        "pass",
    ),
    Mutation(
        "the memory of bodies is never released",
        ENGINE + "backpressure.py",
        "            self._budget.body_bytes -= len(batch.body)\n",
        "",
    ),
    Mutation(
        "the buffer has no limit",
        ENGINE + "memory_budget.py",
        "if size > free or self.held_bytes + size > self._max_bytes:\n"
        "            return False\n        return has_share",
        "return size >= 0 or has_share",
    ),
    Mutation(
        "records of a cancelled request get no outcome",
        ENGINE + "sender.py",
        "self._accumulator.settle(lane, batch, decisions.give_up(batch), in_flight=True)\n            raise",
        "raise",
    ),
    Mutation(
        "an earlier attempt is forgotten",
        ENGINE + "sender.py",
        "batch.is_ambiguous = batch.is_ambiguous or retry.is_ambiguous",
        "batch.is_ambiguous = retry.is_ambiguous",
    ),
    Mutation(
        "records in flight at the end count as never sent",
        ENGINE + "decisions.py",
        "if batch.is_in_request or batch.is_ambiguous:",
        "if batch.is_ambiguous:",
    ),
    Mutation(
        "an ordered lane has two batches in flight",
        ENGINE + "lanes.py",
        "(self.in_flight or self._delayed)",
        "self._delayed",
    ),
    Mutation(
        "an ordered lane overtakes a retry",
        ENGINE + "lanes.py",
        "(self.in_flight or self._delayed)",
        "self.in_flight",
    ),
    Mutation(
        "what is due at once is waited for",
        "mixpanel_async/clock.py",
        "None if seconds == math.inf else",
        "None if math.isinf(seconds) else",
    ),
    Mutation("a stopped lane takes records", ENGINE + "lanes.py", "        self.stopped = verdict\n", "        pass\n"),
    Mutation(
        "waiting callers are never admitted",
        ENGINE + "backpressure.py",
        "while waiters and self.fits(lane, waiters[0].size, waiters[0].records):",
        "while not waiters:",
    ),
    Mutation(
        "a caller that gives up stays in the queue",
        ENGINE + "backpressure.py",
        "                self._leave(waiter)\n",
        "                pass\n",
    ),
    Mutation("Retry-After is ignored", ENGINE + "sender.py", "retry_after=retry_after)", "retry_after=None)"),
    Mutation(
        "one bad record costs its whole request",
        ENGINE + "decisions.py",
        "return Bisect(verdict) if len(batch) > 1 else",
        "return Bisect(verdict) if len(batch) > 10**9 else",
    ),
    Mutation("the search for bad records never ends", ENGINE + "sender.py", "search.requests_left <= 1", "False"),
    Mutation(
        "a proxy's reply counts as Mixpanel's",
        ENGINE + "decisions.py",
        "    return None if reply == IngestionReply() else reply",
        "    return reply",
    ),
    Mutation("a refused credential is refused for ever", ENGINE + "lanes.py", "now >= self._reopen_at", "now < 0"),
    Mutation(
        "the overhead of records is not counted", ENGINE + "memory_budget.py", "BYTES: Final = 100", "BYTES: Final = 0"
    ),
    Mutation("a single small 413 is believed", ENGINE + "decisions.py", "batch.body_bytes <= MIN_SPLIT_BYTES", "False"),
    Mutation("a record waits in vain again and again", ENGINE + "accumulator.py", "lane.is_overflowing = True", "pass"),
    Mutation(
        "after an outage nobody waits for space",
        ENGINE + "lanes.py",
        "self.refuses_all = self.is_overflowing = False",
        "self.refuses_all = False",
    ),
    Mutation("congestion does not slow down", ENGINE + "sender.py", "self._concurrency.note_congestion(now)", "pass"),
    Mutation(
        "concurrency has no limit",
        ENGINE + "concurrency.py",
        "min(float(self._cap), self._allowed + 1.0 / self._allowed)",
        "self._allowed + 1.0 / self._allowed",
    ),
    Mutation(
        "drop_oldest drops records that were sent",
        ENGINE + "accumulator.py",
        "if not lane.ready or lane.ready[0].attempts:",
        "if not lane.ready:",
    ),
    Mutation(
        "queued records never expire",
        ENGINE + "lanes.py",
        "while self.ready and self.ready[0].deadline <= now:",
        "while self.ready and self.ready[0].deadline <= 0:",
    ),
    Mutation(
        "one lane takes every request slot",
        ENGINE + "accumulator.py",
        "if has_share(lane.in_flight, 1, free) else None",
        "if free else None",
    ),
    Mutation(
        "the rate-limit window lets more through",
        SESSION + "rate_limits.py",
        "excess = self._sum + min(amount, self._limit) - self._limit",
        "excess = self._sum - self._limit",
    ),
    Mutation(
        "requests are not spread over the minute",
        SESSION + "rate_limits.py",
        "return max(now, self._due - self._burst_seconds)",
        "return now",
    ),
    Mutation(
        "a pause does not reach waiting callers",
        SESSION + "governor.py",
        "if family.paused_until <= now and",
        "if",
    ),
    Mutation(
        "callers that woke late leave all at once",
        SESSION + "governor.py",
        "if family.paused_until <= now and now - at <= _MAX_LATE_SECONDS:",
        "if family.paused_until <= now:",
    ),
    Mutation(
        "a cancelled caller keeps its booking",
        SESSION + "governor.py",
        "                reservation.cancel()\n                raise\n",
        "                raise\n",
    ),
    Mutation(
        "a line that is no event is taken for one",
        EXPORTS + "line_check.py",
        "                for line in lines:\n                    _check(line)\n",
        "                for line in lines:\n                    pass\n",
    ),
    Mutation("any bytes are UTF-8", EXPORTS + "line_check.py", "        if is_utf8(block):\n", "        if True:\n"),
    Mutation(
        "the text that aborts an export is a bad line",
        EXPORTS + "line_check.py",
        """            if not (text.startswith(b'{"event"') and text.endswith(b"}")):\n""",
        "            if False:\n",
    ),
    Mutation(
        "an error as a line is a bad line",
        EXPORTS + "line_check.py",
        """            raise TruncatedReplyError(f"the export failed before""",
        """            TruncatedReplyError(f"the export failed before""",
    ),
    Mutation(
        "an event after a bad line hides it",
        EXPORTS + "line_check.py",
        "        if self._open:\n            self._close()\n        self._number += count\n",
        "        self._open = []\n        self._number += count\n",
    ),
    Mutation(
        "half of the last line is left out without a word",
        EXPORTS + "line_check.py",
        "        if self._rest:\n            raise",
        "        if False:\n            raise",
    ),
    Mutation(
        "a reply that ends with the connection is whole",
        EXPORTS + "reader.py",
        "    if not reply.is_framed:\n",
        "    if False:\n",
    ),
    Mutation(
        "a gzip body without its trailer is whole",
        SESSION + "streaming.py",
        "    if not body.is_whole:\n",
        "    if False:\n",
    ),
)


def copy_tree(source: pathlib.Path, place: pathlib.Path) -> None:
    """Copy what the tests need."""
    for name in ("mixpanel_async", "tests", "examples"):
        shutil.copytree(source / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(source / "pyproject.toml", place)


def copy_with(mutation: Mutation | None, source: pathlib.Path, place: pathlib.Path) -> None:
    """Copy what the tests need, with a mutation if there is one."""
    copy_tree(source, place)
    if mutation is not None:
        path = place / mutation.path
        path.write_text(path.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")


def check_texts(mutations: list[Mutation], source: pathlib.Path) -> list[str]:
    """Return a problem for each mutation whose text the code does not contain exactly once."""
    problems = []
    for mutation in mutations:
        found = (source / mutation.path).read_text(encoding="utf-8").count(mutation.old)
        if found != 1:
            problems.append(f"{mutation.name}: {mutation.path} contains its text {found} times, not once; update it")
    return problems


def run_tests(place: pathlib.Path, timeout: float, *tests: str) -> tuple[int | None, str]:
    """Run tests in a copy; return the exit status (None after a time-out) and the output."""
    command = [sys.executable, "-m", "pytest", "-x", "-rf", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the whole group: tests start processes of their own
        process.communicate()
        return None, ""
    return process.returncode, output.decode(errors="replace")


def killer_of(status: int | None, output: str) -> str | None:
    """Return the test that failed, or in parentheses what else went wrong; None if all passed."""
    if status is None:
        return "(timed out)"
    if status == 0:
        return None
    failed = [line for line in output.splitlines() if line.startswith(("FAILED tests/", "ERROR tests/"))]
    return failed[0].split(" ")[1] if failed else f"(status {status}) {output[-200:]!r}"


def attempt(mutation: Mutation | None, source: pathlib.Path, timeout: float) -> Result:
    """Run the tests on a copy of `source` with one mutation, or with none."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        copy_with(mutation, source, pathlib.Path(place))
        killer = find_killer(pathlib.Path(place), timeout)
    unbroken = Mutation("no mutation", "", "", "")
    return Result(mutation or unbroken, killer, time.monotonic() - started)


def find_killer(place: pathlib.Path, timeout: float) -> str | None:
    """Return the first test that fails in a copy and fails again when it runs alone; None if all pass."""
    for _ in range(ATTEMPTS):
        killer = killer_of(*run_tests(place, timeout, *SUITES))
        if killer is None or killer.startswith("(") or run_tests(place, timeout, killer)[0] != 0:
            return killer
    return None


def main() -> int:
    """Run the chosen mutations and return the exit status."""
    parser = argparse.ArgumentParser(description="Break copies of the engine; the tests must notice every mutation.")
    parser.add_argument("--only", default="", metavar="TEXT", help="run only mutations whose name contains TEXT")
    parser.add_argument("--list", action="store_true", help="print the names of the mutations and run nothing")
    options = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if options.only in mutation.name]
    if options.list:
        print(*(mutation.name for mutation in chosen), sep="\n")
        return 0
    if not chosen:
        parser.error(f"no mutation's name contains {options.only!r}; --list prints them all")
    with tempfile.TemporaryDirectory() as place:  # edits made during the run do not reach the copies
        source = pathlib.Path(place)
        copy_tree(ROOT, source)
        return try_all(chosen, source)


def try_all(mutations: list[Mutation], source: pathlib.Path) -> int:
    """Run mutations of the code in `source`, print each result, and return the exit status."""
    problems = check_texts(mutations, source)
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 2
    unbroken = attempt(None, source, UNBROKEN_TIMEOUT_SECONDS)
    if unbroken.killer is not None:
        print(f"the tests fail without any mutation: {unbroken.killer}", file=sys.stderr)
        return 2
    timeout = TIMEOUT_FACTOR * unbroken.seconds
    width = max(len(mutation.name) for mutation in mutations)
    survived = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(lambda mutation: attempt(mutation, source, timeout), mutations):
            survived += result.killer is None
            verdict = result.killer or "SURVIVED"
            print(f"{result.mutation.name:<{width}}  {result.seconds:4.0f} s  {verdict}", flush=True)
    print(f"{len(mutations)} mutations, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
