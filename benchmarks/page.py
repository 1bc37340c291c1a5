"""Writes docs/performance.md from the saved results."""

from pathlib import Path

import msgspec

from benchmarks.measure import ROOT, Figure
from benchmarks.report import RESULTS, plot, table

PAGE = ROOT / "docs" / "performance.md"


class Document(msgspec.Struct):
    """One file of results."""

    date: str
    processor: str
    cores: int
    versions: dict[str, str]
    figures: list[Figure]


def read(name: str) -> Document | None:
    """Return a file of results, or None if it does not exist yet."""
    path = RESULTS / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Document) if path.exists() else None


def write_page() -> Path:
    """Write the page and the plot; return the page's path."""
    parts = ["# Performance", ""]
    bench, peers = read("bench"), read("peers")
    if bench is not None:
        parts += [
            *_first(bench),
            "",
            "## Against the floor",
            "",
            _made_by(bench, "make bench"),
            "",
            table(bench.figures),
        ]
        parts += ["", "![Cost of an event](performance.svg)", "", *_how()]
    if peers is not None:
        parts += ["", "## Against other clients", "", _made_by(peers, "make bench-peers"), "", table(peers.figures), ""]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    return PAGE


def _first(bench: Document) -> list[str]:
    """Return the cost of an event as text, and draw the plot."""
    lines = []
    for figure in bench.figures:
        if figure.row.startswith("1 "):
            cost = figure.detail["microseconds_of_cpu_per_event"]
            share = figure.detail["share_of_a_core_at_30000_per_second"]
            lines.append(
                f"An event costs a service **{cost} microseconds of CPU time**, from `await track()` to Mixpanel's "
                "reply: the median of five shapes of ordinary events. At Mixpanel's limit of 30,000 events a second "
                f"this is **{float(str(share)):.0%} of one core**."
            )
            lines.append("")
            imported = next((one for one in bench.figures if one.row.startswith("5 ")), figure)
            lines += _shapes(figure, imported)
        if figure.row.startswith("12 "):
            series = msgspec.convert(figure.detail, dict[str, dict[str, float]])
            plot(
                {name: series[name] for name in ("by_count", "by_connections", "by_size")},
                PAGE.with_name("performance.svg"),
            )
    return lines


def _shapes(live: Figure, imported: Figure) -> list[str]:
    """Return the table of the five shapes."""
    columns = [
        msgspec.convert(figure.detail[name], dict[str, float])
        for figure in (live, imported)
        for name in ("microseconds_by_shape", "ratio_by_shape")
    ]
    lines = [
        "| shape of the event | live: us of CPU | of the floor | imported as a dict: us of CPU | of the floor |",
        "|---|---|---|---|---|",
    ]
    return lines + [f"| {name} | {' | '.join(f'{column[name]:.2f}' for column in columns)} |" for name in columns[0]]


def _made_by(document: Document, command: str) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in document.versions.items())
    return f"`{command}`, {document.date}, {document.processor}, {document.cores} cores; {packages}."


def _how() -> list[str]:
    return [
        "Each figure is a ratio measured in one run: the client runs on one core; a minimal server that decompresses,",
        "counts and replies runs on the other. A floor is blocking code that does the minimum of the same work and",
        "guarantees nothing about delivery. Minimum, median and maximum are over the rounds of that run.",
    ]
