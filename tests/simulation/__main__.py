"""Run seeds on every core: `python -m tests.simulation [--seeds 10000] [--first 0] [--seed N]`."""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.simulation.scenario import Audit, play


def attempt(seed: int) -> Audit:
    """Play a seed; an exception counts as a problem."""
    logging.disable(logging.CRITICAL)
    try:
        return play(seed)
    except Exception as error:  # a crash is reported with its seed
        return Audit(seed, problems=[f"{type(error).__name__}: {error}"])


def main() -> int:
    """Run the seeds of the command line; return 1 if one fails."""
    parser = argparse.ArgumentParser(description="Simulate the engine against a faulty Mixpanel, in virtual time.")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--first", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--seed", type=int, help="replay this one and print all that was found")
    given = parser.parse_args()
    if given.seed is not None:
        audit = play(given.seed)
        print(f"seed {given.seed}: {audit.steps} steps, {dict(audit.faults)}", *audit.problems, sep="\n  ")
        return bool(audit.problems)
    started = time.monotonic()
    failed = steps = 0
    outcomes: Counter[str] = Counter()
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for audit in pool.imap_unordered(attempt, range(given.first, given.first + given.seeds), chunksize=50):
            steps += audit.steps
            outcomes.update({outcome.value: count for outcome, count in audit.outcomes.items()})
            if audit.problems:
                failed += 1
                print(f"seed {audit.seed}: {audit.problems[0]}", flush=True)
    print(f"{given.seeds} seeds, {failed} failed, {steps:,} steps checked in {time.monotonic() - started:.0f} s")
    print(", ".join(f"{name} {count:,}" for name, count in sorted(outcomes.items())))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
