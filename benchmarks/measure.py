"""Rounds, CPU times, the sink process and pinning to a core."""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent
ROUNDS = 5


class Figure(msgspec.Struct, frozen=True):
    """One row's result.

    Attributes:
        row: Number and name of the row.
        against: The reference of the ratio, or the unit.
        goal: The goal, as text.
        values: One value for each round.
        is_met: Whether the median reaches the goal.
        detail: Further figures by name.
    """

    row: str
    against: str
    goal: str
    values: Sequence[float]
    is_met: bool
    detail: dict[str, object] = {}

    @property
    def spread(self) -> tuple[float, float, float]:
        """Minimum, median, maximum."""
        return min(self.values), statistics.median(self.values), max(self.values)


def pin(cpu: int) -> None:
    """Pin this process to one core, if the system supports it."""
    if hasattr(os, "sched_setaffinity") and cpu < (os.cpu_count() or 1):
        os.sched_setaffinity(0, {cpu})


@contextlib.contextmanager
def sink(*options: str) -> Iterator[int]:
    """Run the sink on the second core; yield its port."""
    cpu = ["--cpu", "1"] if (os.cpu_count() or 1) > 1 else []
    command = [sys.executable, "-m", "benchmarks.sink", *cpu, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time and the CPU time of some work, in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def ratios(
    ours: Callable[[], object], floor: Callable[[], object], rounds: int = ROUNDS
) -> tuple[list[float], list[tuple[float, float]], list[tuple[float, float]]]:
    """Run both alternately; return floor time / our time for each round, and all times of ours and of the floor."""
    ours()
    floor()
    pairs = [(seconds_of(floor), seconds_of(ours)) for _ in range(rounds)]
    return [f[0] / o[0] for f, o in pairs], [o for _, o in pairs], [f for f, _ in pairs]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def python_seconds(code: str) -> float:
    """Return the CPU seconds of a new interpreter that runs `code`, including its start and its children.

    Modules are loaded from their bytecode, as they are for a user.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_memory_mib(code: str) -> float:
    """Return the peak resident memory of a new interpreter that runs `code`, in MiB."""
    # VmHWM and not ru_maxrss, which includes the memory of this process at the time of the fork.
    tail = "\nimport pathlib; print(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    done = subprocess.run([sys.executable, "-c", code + tail], check=True, cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) / 1024
