"""Difficult inputs do not hold the event loop; `make bench` measures more of them, and more precisely."""

import os
import pathlib

import pytest

from benchmarks.loop_holds import measure
from tests.integration.attack.conftest import Note

MAX_CPU_MS = 60.0  # the goal is 20 ms; a slow machine takes more
MAX_OWN_MS = 150.0  # with the time for which another thread kept the interpreter lock


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the benchmark's server pins itself to a core")
@pytest.mark.parametrize(
    "operation",
    [
        "import NDJSON, lines {}",
        "import NDJSON, malformed",
        "import NDJSON, transform",
        "import JSON array of {}",
        "import CSV, 244 columns",
        "request, 20 MB",
        "export, gzip 1,000-fold",
    ],
)
def test_the_loop_is_not_held(operation: str, tmp_path: pathlib.Path, note: Note) -> None:
    """Whatever a file or a reply holds, other tasks of the loop get their turns."""
    hold = measure(operation, tmp_path, 1)
    is_free = hold.cpu <= MAX_CPU_MS and hold.own <= MAX_OWN_MS
    seen = "" if is_free else f": {hold.cpu:.0f} ms of CPU time, {hold.own:.0f} ms in all"
    note(f"loop held by {operation}", "briefly", f"{'briefly' if is_free else 'long'}{seen}")
