"""Imports 10,000 real events into a local Mixpanel server, exports them, and compares the two.

`make demo` runs this. The exit status is 0 if the exported events equal the imported ones. At the end the server
computes a report; on a terminal it runs on until Enter is pressed, so that its page can be opened.
"""

import asyncio
import contextlib
import csv
import gzip
import json
import os
import pathlib
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from mixpanel_async import AsyncMixpanel, ImportReport, RecordMapping, ServiceAccount
from mixpanel_async.cli.render.import_report import lines_of
from mixpanel_async.cli.render.progress import ImportBar

DATA = pathlib.Path(os.path.relpath(pathlib.Path(__file__).parent / "data" / "birdstrikes.csv.gz"))
EVENT = "Bird Strike"
FIRST_DAY, LAST_DAY = "1990-01-01", "2002-12-31"
MAPPING = RecordMapping(
    event=EVENT,
    time_field="Flight Date",
    time_format="%Y-%m-%d",
    time_zone="UTC",
    distinct_id_field="Airport Name",
    insert_id_hash="position",  # some different strikes are equal in every column
    infer_types=True,
)


@contextlib.contextmanager
def local_server() -> Iterator[str]:
    """Run a local server in its own process; yield its URL."""
    command = [sys.executable, "-m", "mixpanel_async", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:  # noqa: S603
        try:
            yield (server.stdout.readline() if server.stdout else "").strip()
        finally:
            server.terminate()


def expected_events() -> Iterator[dict[str, object]]:
    """Read the file independently of the library."""
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = datetime.strptime(row.pop("Flight Date"), "%Y-%m-%d").replace(tzinfo=UTC)
            properties: dict[str, object] = {"time": int(day.timestamp()), "distinct_id": row.pop("Airport Name")}
            for name, cell in row.items():
                if cell:
                    properties[name] = int(cell) if cell.isdecimal() else cell
            yield {"event": EVENT, "properties": properties}


def counted(events: Iterable[dict[str, object]]) -> Counter[str]:
    """Count events by their complete content."""
    return Counter(json.dumps(event, sort_keys=True) for event in events)


async def import_and_export(address: str) -> tuple[ImportReport, list[dict[str, object]]]:
    """Import the file, then export all events."""
    account = ServiceAccount("demo", "demo")
    async with AsyncMixpanel("demo", credentials=account, project_id=1, base_url=address) as mp:
        with ImportBar(DATA.name) as bar:
            report = await mp.import_events(DATA, mapping=MAPPING, on_progress=bar.show)
        exported = [event async for event in mp.export.events(FIRST_DAY, LAST_DAY)]
    return report, exported


def differences(report: ImportReport, exported: list[dict[str, object]]) -> list[str]:
    """Return the differences between the file and the export; empty if there are none."""
    found = []
    ids = set()
    for event in exported:
        properties = event["properties"]
        if isinstance(properties, dict):
            ids.add(properties.pop("$insert_id", None))
            properties.pop("mp_processing_time_ms", None)  # added by the server
    wanted, got = counted(expected_events()), counted(exported)
    if not report.is_complete or report.imported != wanted.total():
        found.append(f"{report.imported:,} of {wanted.total():,} events were imported")
    if len(ids) != wanted.total():
        found.append(f"{len(ids):,} different $insert_ids for {wanted.total():,} events")
    found += [f"{(wanted - got).total():,} events are missing or changed"] if wanted - got else []
    found += [f"{(got - wanted).total():,} events were exported that were not imported"] if got - wanted else []
    return found


def print_top(exported: list[dict[str, object]]) -> None:
    """Print the most frequent values."""
    for title, name in (("events", None), ("airports", "distinct_id"), ("species", "Wildlife Species")):
        values: Counter[object] = Counter()
        for event in exported:
            properties = event["properties"]
            if isinstance(properties, dict):
                values[event["event"] if name is None else properties.get(name)] += 1
        print(f"Top {title}: " + ", ".join(f"{value} ({count:,})" for value, count in values.most_common(3)))


def report_command(address: str) -> list[str]:
    """Return the arguments of a command that has the server compute a report."""
    return [
        "query", "segmentation", EVENT, "--from-date", "1995-01-01", "--to-date", "1995-06-30", "--unit", "month",
        "--on", 'properties["Wildlife Size"]', "--output", "table", "--project-id", "1", "--base-url", address,
    ]  # fmt: skip


def print_report(address: str) -> bool:
    """Print the page's address, the command, and the table that it prints; return whether it succeeded."""
    arguments = report_command(address)
    account = {"MIXPANEL_SERVICE_ACCOUNT_USERNAME": "demo", "MIXPANEL_SERVICE_ACCOUNT_SECRET": "demo"}
    print(f"\nThe server's page: {address}/")
    print("A report that the server computes:\n")
    settings = " ".join(f"{name}={value}" for name, value in account.items())
    print(f"  {settings} \\\n  .venv/bin/mixpanel-async {shlex.join(arguments)}\n", flush=True)
    command = [sys.executable, "-m", "mixpanel_async", *arguments]
    return subprocess.run(command, env={**os.environ, **account}, check=False).returncode == 0  # noqa: S603


def main() -> int:
    """Run the demonstration."""
    with local_server() as address:
        if not address:
            print("The local server did not start; try: mixpanel-async serve", file=sys.stderr)
            return 1
        print(f"A local Mixpanel server listens on {address}")
        report, exported = asyncio.run(import_and_export(address))
        print("\n".join(lines_of(report)))
        found = differences(report, exported)
        if found:
            print("Exported and compared: " + "; ".join(found), file=sys.stderr)
            return 1
        print(f"Exported and compared: all {len(exported):,} events came back as they went in, property by property.")
        print_top(exported)
        if not print_report(address):
            return 1
        if sys.stdin.isatty():
            with contextlib.suppress(EOFError, KeyboardInterrupt):
                input("\nThe server runs until you press Enter. ")
        print("\nThe server stops now; to run one: .venv/bin/mixpanel-async serve --data mixpanel.duckdb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
