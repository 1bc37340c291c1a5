"""`python -m benchmarks.peers`: installs other clients from their registries and compares them with this library."""

import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks import report, subjects
from benchmarks.data import write_ndjson
from benchmarks.measure import ROOT, ROUNDS, Figure, pin, seconds_of, sink
from benchmarks.page import write_page

HOME = ROOT / "benchmarks" / ".peers"
SCRIPTS = Path(__file__).parent
COUNT = 100_000


def install_python() -> str:
    """Return a Python interpreter with the peers from PyPI installed."""
    home = HOME / "python"
    python = str(home / "bin" / "python")
    if not home.exists():
        venv.create(home, with_pip=True)
        command = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "mixpanel",
            "mixpanel-utils",
        ]
        subprocess.run(command, check=True)
    return python


def install_node() -> str | None:
    """Return Node.js, if there is one, with the peer from npm installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    home = HOME / "node"
    if not (home / "node_modules" / "mixpanel-import").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text("{}", encoding="utf-8")
        subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "mixpanel-import"], check=True, cwd=home)
    return node


def peer_rate(command: list[str], port: int, path: Path, count: int) -> float:
    """Run a peer once; return its events per second of CPU time."""
    home = HOME / ("node" if command[-1].endswith(".js") else "python")
    done = subprocess.run(
        [*command, str(port), str(path), str(count)], check=True, capture_output=True, text=True, cwd=home
    )
    return count / float(json.loads(done.stdout.splitlines()[-1])["processor"])


def compare(row: str, goal: float, against: str, ours: list[float], theirs: list[float]) -> Figure:
    """Return the figure of one comparison."""
    values = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    detail: dict[str, object] = {
        "our_events_per_cpu_second": round(statistics.median(ours)),
        "their_events_per_cpu_second": round(statistics.median(theirs)),
    }
    return Figure(row, against, f">= {goal:g} x", values, statistics.median(values) >= goal, detail)


def in_turns(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Return the rates of several rounds, after a warm-up; the peers' scripts exclude module imports, too."""
    ours()
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    return [mine for mine, _ in pairs], [other for _, other in pairs]


def run(port: int, path: Path) -> list[Figure]:
    """Run all clients on one file."""
    python, node = install_python(), install_node()
    with path.open("rb") as file:
        records = [orjson.loads(line) for line in itertools.islice(file, COUNT)]
    made = [(one["event"], one["properties"].pop("distinct_id"), one["properties"]) for one in records]
    for _, _, properties in made:
        del properties["time"], properties["$insert_id"]

    def rate(work: Callable[[], object]) -> float:
        return COUNT / seconds_of(work)[1]

    def track() -> float:
        return rate(lambda: asyncio.run(subjects.track(port, made)))

    def import_file() -> float:
        return rate(lambda: asyncio.run(subjects.import_file(port, path, COUNT)))

    def official() -> float:
        return peer_rate([python, str(SCRIPTS / "official.py")], port, path, 20_000)

    def utils() -> float:
        return peer_rate([python, str(SCRIPTS / "mixpanel_utils_import.py")], port, path, COUNT)

    figures = [
        compare("2 await track()", 12, "mixpanel (PyPI), BufferedConsumer", *in_turns(track, official)),
        compare("4 import_events()", 4, "mixpanel-utils (PyPI)", *in_turns(import_file, utils)),
    ]
    if node is not None:
        script = [node, str(SCRIPTS / "mixpanel_import.js")]
        theirs = in_turns(import_file, lambda: peer_rate(script, port, path, COUNT))
        figures.append(compare("4 import_events()", 15, "mixpanel-import (npm)", *theirs))
    return figures


def main() -> int:
    """Run the comparison and write the page."""
    pin(0)
    with tempfile.TemporaryDirectory(prefix="mixpanel_async-peers-") as scratch, sink() as port:
        figures = run(port, write_ndjson(Path(scratch) / "events.ndjson", COUNT))
    for figure in figures:
        low, median, high = figure.spread
        mark = "met" if figure.is_met else "MISSED"
        print(f"{figure.row} against {figure.against}: {low:.1f} / {median:.1f} / {high:.1f} x", end=" ")
        print(f"(goal {figure.goal}: {mark})")
        print(f"    {figure.detail}")
    path = report.write_json("peers", figures)
    print(f"written: {path.relative_to(ROOT)}, {write_page().relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
