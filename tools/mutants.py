"""Deliberate breakage: `python -m tools.mutants [--only NAME]` breaks a copy of the engine and lets the tests find it.

Each mutation is one small change that breaks a promise. A mutation that no test notices is a hole in the tests, and
the status is 1; one whose text is no longer in the code is an error, and the status is 2.
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
SUITES: Final = ("tests/unit", "tests/property", "tests/simulation", "tests/integration/delivery")
TIMEOUT_SECONDS: Final = 180
AT_ONCE: Final = 2
ATTEMPTS: Final = 3
ENGINE: Final = "mixpanel_async/engine/"
SESSION: Final = "mixpanel_async/session/"


class Mutation(NamedTuple):
    """One change.

    Attributes:
        name: What it breaks.
        path: The file.
        old: Text that occurs in it exactly once.
        new: What takes its place.
    """

    name: str
    path: str
    old: str
    new: str


class Result(NamedTuple):
    """What the tests made of a mutation: the first test that failed, or what else happened; None if all passed."""

    mutation: Mutation
    killer: str | None
    seconds: float


MUTATIONS: Final = (
    Mutation(
        "acknowledged before the reply",
        ENGINE + "sender.py",
        "reply = await self._session.attempt(lane.request(batch, body, timeout), is_retry=batch.attempts > 1)\n",
        "sending = self._session.attempt(lane.request(batch, body, timeout), is_retry=batch.attempts > 1)\n"
        "                batch.tickets.settle(batch.parts, decisions.ACCEPTED, {})\n"
        "                reply = await sending\n",
    ),
    Mutation("no split after 413", ENGINE + "decisions.py", "if len(batch) > 1:", "if len(batch) > 10**9:"),
    Mutation(
        "a refused request is sent again",
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
        "flush forgets the batch that is being filled",
        ENGINE + "accumulator.py",
        "            self._seal_builder(lane)\n        return self._flushes",
        "            pass\n        return self._flushes",
    ),
    Mutation("rejected records count twice", ENGINE + "ledger.py", "records - len(exceptions))", "records)"),
    Mutation(
        "what failed still passes for a duplicate",
        ENGINE + "failure_callback.py",
        "            if key is not None:\n                self._dedupe.forget(key)\n",
        "",
    ),
    Mutation(
        "a call that failed still passes for a duplicate",
        ENGINE + "accumulator.py",
        "self._dedupe.forget(key)  # it may",
        "pass  # it may",
    ),
    Mutation("equal events are both sent", ENGINE + "dedupe.py", "if key in self._known:", "if not key:"),
    Mutation("retries ignore the deadline", ENGINE + "sender.py", "if now + delay >= batch.deadline:", "if delay < 0:"),
    Mutation(
        "bodies that wait for a retry keep their room",
        ENGINE + "accumulator.py",
        "        self.room.drop_body(batch)\n        lane.delay(batch, due)",
        "        lane.delay(batch, due)",
    ),
    Mutation(
        "each record lends its lane more room",
        ENGINE + "backpressure.py",
        "        if size <= lane.credit:\n            return True\n",
        "",
    ),
    Mutation(
        "retries that are never made are paid for",
        ENGINE + "sender.py",
        "max_wait=batch.deadline - now - delay)",
        "max_wait=1e9)",
    ),
    Mutation(
        "a refusal hides an answer that was lost",
        ENGINE + "decisions.py",
        'return Settle(stopped(batch, Verdict(Outcome.REJECTED, reason, "", message)))',
        'return Settle(Verdict(Outcome.REJECTED, reason, "", message))',
    ),
    Mutation(
        "retries are free",
        ENGINE + "sender.py",
        "delay += self._session.quota.reserve(now, max_wait=batch.deadline - now - delay)",
        "delay += 0.0",
    ),
    Mutation(
        "429 pauses nothing",
        ENGINE + "sender.py",
        'self._session.governor.pause("ingestion", delay)',
        "pass",
    ),
    Mutation(
        "unsafe updates are sent again",
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
        "a split gives receipts of the other half",
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
        "no smaller batches after 413",
        ENGINE + "accumulator.py",
        "        lane.learn_cap(batch.body_bytes)\n",
        "",
    ),
    Mutation(
        "failed_records is off by one",
        ENGINE + "decisions.py",
        "failed.index: Verdict(",
        "failed.index + 1: Verdict(",
    ),
    Mutation(
        "a count that does not add up is accepted",
        ENGINE + "decisions.py",
        "if reply.num_records_imported != len(batch):",
        "if reply.num_records_imported > len(batch):",
    ),
    Mutation(
        "a partial count that does not add up is accepted",
        ENGINE + "decisions.py",
        "(imported is not None and imported != expected)",
        "(imported is not None and imported < 0)",
    ),
    Mutation(
        "a body over its limit by a byte, on the fast path",
        ENGINE + "accumulator.py",
        "body_bytes > builder.max_bytes:",
        "body_bytes > builder.max_bytes + 1:",
    ),
    Mutation(
        "a body over its limit by a byte",
        ENGINE + "batch.py",
        "if size > self.max_bytes and",
        "if size > self.max_bytes + 1 and",
    ),
    Mutation(
        "a record too many, on the fast path",
        ENGINE + "accumulator.py",
        "if count >= builder.max_records:",
        "if count > builder.max_records:",
    ),
    Mutation(
        "a record too many",
        ENGINE + "batch.py",
        "len(self.parts) >= self.max_records",
        "len(self.parts) > self.max_records",
    ),
    Mutation(
        "memory is never given back",
        ENGINE + "backpressure.py",
        "self._budget.release(batch.parts_bytes, len(batch))",
        "pass",
    ),
    Mutation(
        "bodies keep their memory",
        ENGINE + "backpressure.py",
        "            self._budget.body_bytes -= len(batch.body)\n",
        "",
    ),
    Mutation(
        "the buffer has no end",
        ENGINE + "memory_budget.py",
        "if size > free or self.held_bytes + size > self._max_bytes:\n"
        "            return False\n        return has_share",
        "return size >= 0 or has_share",
    ),
    Mutation(
        "a cancelled request leaves no outcome",
        ENGINE + "sender.py",
        "self._queue.settle(lane, batch, decisions.give_up(batch, None), in_flight=True)\n            raise",
        "raise",
    ),
    Mutation(
        "an earlier try is forgotten",
        ENGINE + "sender.py",
        "batch.is_ambiguous = batch.is_ambiguous or retry.is_ambiguous",
        "batch.is_ambiguous = retry.is_ambiguous",
    ),
    Mutation(
        "what is under way at the end counts as never sent",
        ENGINE + "decisions.py",
        "if batch.is_in_request or batch.is_ambiguous:",
        "if batch.is_ambiguous:",
    ),
    Mutation(
        "an ordered lane sends two at once",
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
    Mutation("a stopped lane takes records", ENGINE + "accumulator.py", "lane.stopped = verdict\n", "pass\n"),
    Mutation(
        "a stopped lane goes on trying",
        ENGINE + "sender.py",
        "        if lane.stopped is not None:\n            self._queue.settle",
        "        if lane.stopped is None and delay < 0:\n            self._queue.settle",
    ),
    Mutation(
        "nobody who waits is let in",
        ENGINE + "backpressure.py",
        "while waiters and self.fits(lane, waiters[0].size, waiters[0].records):",
        "while not waiters:",
    ),
    Mutation(
        "who gives up waiting stays in the line",
        ENGINE + "backpressure.py",
        "                self._leave(waiter)\n",
        "                pass\n",
    ),
    Mutation("Retry-After is ignored", ENGINE + "sender.py", "retry_after=retry.retry_after)", "retry_after=None)"),
    Mutation("congestion does not slow down", ENGINE + "sender.py", "self._concurrency.note_congestion(now)", "pass"),
    Mutation(
        "concurrency has no cap",
        ENGINE + "concurrency.py",
        "min(float(self._cap), self._allowed + 1.0 / self._allowed)",
        "self._allowed + 1.0 / self._allowed",
    ),
    Mutation(
        "drop_oldest gives up what was sent",
        ENGINE + "accumulator.py",
        "if not lane.ready or lane.ready[0].attempts:",
        "if not lane.ready:",
    ),
    Mutation(
        "records that wait never expire",
        ENGINE + "lanes.py",
        "while self.ready and self.ready[0].deadline <= now:",
        "while self.ready and self.ready[0].deadline <= 0:",
    ),
    Mutation(
        "one lane takes every place",
        ENGINE + "accumulator.py",
        "if has_share(lane.in_flight, 1, free) else None",
        "if free else None",
    ),
    Mutation(
        "the window lets more through",
        SESSION + "rate_limits.py",
        "excess = self._sum + min(amount, self._limit) - self._limit",
        "excess = self._sum - self._limit",
    ),
    Mutation(
        "no pace within the minute",
        SESSION + "rate_limits.py",
        "return max(now, self._due - self._burst_seconds)",
        "return now",
    ),
    Mutation(
        "the pause does not reach who already waits",
        SESSION + "rate_limits.py",
        "if family.paused_until <= self._clock.monotonic():",
        "if at > 0:",
    ),
)


def copy_tree(source: pathlib.Path, place: pathlib.Path) -> None:
    """Copy what the tests need."""
    for name in ("mixpanel_async", "tests", "examples"):
        shutil.copytree(source / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(source / "pyproject.toml", place)


def copy_with(mutation: Mutation | None, source: pathlib.Path, place: pathlib.Path) -> None:
    """Copy what the tests need, and break the copy."""
    copy_tree(source, place)
    if mutation is not None:
        path = place / mutation.path
        path.write_text(path.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")


def check_texts(mutations: list[Mutation], source: pathlib.Path) -> list[str]:
    """Return what is wrong with mutations whose text is not in the code exactly once."""
    problems = []
    for mutation in mutations:
        found = (source / mutation.path).read_text(encoding="utf-8").count(mutation.old)
        if found != 1:
            problems.append(f"{mutation.name}: its text is {found} times in {mutation.path}; bring it up to date")
    return problems


def run_tests(place: pathlib.Path, *tests: str) -> tuple[int | None, str]:
    """Run tests in a copy; return the exit status, None for a time-out, and the output."""
    command = [sys.executable, "-m", "pytest", "-x", "-rf", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own group: the tests' children too
        process.communicate()
        return None, ""
    return process.returncode, output.decode(errors="replace")


def killer_of(status: int | None, output: str) -> str | None:
    """Return what noticed the mutation; None if nothing did."""
    if status is None:
        return f"(no end within {TIMEOUT_SECONDS} s)"
    if status == 0:
        return None
    failed = [line for line in output.splitlines() if line.startswith(("FAILED tests/", "ERROR tests/"))]
    return failed[0].split(" ")[1] if failed else f"(status {status}) {output[-200:]!r}"


def attempt(mutation: Mutation | None, source: pathlib.Path) -> Result:
    """Try one mutation, or none, on a copy of `source`."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        copy_with(mutation, source, pathlib.Path(place))
        killer = find_killer(pathlib.Path(place))
    unbroken = Mutation("no mutation", "", "", "")
    return Result(mutation or unbroken, killer, time.monotonic() - started)


def find_killer(place: pathlib.Path) -> str | None:
    """Return the first test that fails in a copy, and fails again by itself; a busy machine kills no mutation."""
    for _ in range(ATTEMPTS):
        killer = killer_of(*run_tests(place, *SUITES))
        if killer is None or killer.startswith("(") or run_tests(place, killer)[0] != 0:
            return killer
    return None


def main() -> int:
    """Try the mutations that the command line names, all without one; return the exit status."""
    parser = argparse.ArgumentParser(description="Break a copy of the engine in many ways; the tests must notice each.")
    parser.add_argument("--only", default="", help="mutations with this in their name")
    only = parser.parse_args().only
    chosen = [mutation for mutation in MUTATIONS if only in mutation.name]
    with tempfile.TemporaryDirectory() as place:  # one state of the code for all, whatever is edited meanwhile
        source = pathlib.Path(place)
        copy_tree(ROOT, source)
        return try_all(chosen, source)


def try_all(mutations: list[Mutation], source: pathlib.Path) -> int:
    """Try mutations of the code in `source`, print what came of each, and return the exit status."""
    problems = check_texts(mutations, source)
    unbroken = None if problems else attempt(None, source)
    if unbroken is not None and unbroken.killer is not None:
        problems.append(f"the tests fail without any mutation: {unbroken.killer}")
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 2
    width = max(len(mutation.name) for mutation in mutations)
    survived = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(lambda mutation: attempt(mutation, source), mutations):
            survived += result.killer is None
            verdict = result.killer or "SURVIVED"
            print(f"{result.mutation.name:<{width}}  {result.seconds:4.0f} s  {verdict}", flush=True)
    print(f"{len(mutations)} mutations, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
