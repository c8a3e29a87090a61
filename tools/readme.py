"""Fill the tables of README.md from the result files: python tools/readme.py [--check]

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is between them is written
here, so that every figure in the README is one that a committed command measured.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
PRESETS = ("magvit-32", "magvit-64", "gray-32", "magvit2-128")


def load(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def learnability() -> str:
    found = load("learnability")
    views = ("clip", "first", "middle", "last", "mean", "shuffled")
    rows = []
    for view in views:
        cells = [found[f"{preset} difficulty=0 {view}"] for preset in PRESETS[:2]]
        bound = f"{cells[0]['relation']} {cells[0]['bound']:.0%}" if cells[0]["bound"] else ""
        rows.append([view, *(f"{cell['accuracy']:.1%}" for cell in cells), bound])
    return table(["the network sees", *PRESETS[:2], "bound"], rows)


def difficulty() -> str:
    found = load("learnability")
    steps = (0.0, 0.25, 0.5, 0.75, 1.0)
    rows = [
        [
            view,
            *(
                f"{found[f'magvit-32 difficulty={step:g} {view}']['accuracy']:.1%}"
                for step in steps
            ),
        ]
        for view in ("clip", "first")
    ]
    return table(["difficulty", *(f"{step:g}" for step in steps)], rows)


def audit() -> str:
    reports = [load(f"audit-{preset}") for preset in PRESETS]
    rows = []
    for finding in reports[0]["findings"]:
        if finding["name"].startswith("mutual information"):
            continue
        others = [
            next((f for f in report["findings"] if f["name"] == finding["name"]), None)
            for report in reports
        ]
        cells = ["" if f is None else f"{f['figure']:.4g} ({f['sample']:,})" for f in others]
        bound = f"{finding['relation']} {finding['bound']:g} {finding['unit']}"
        rows.append([finding["name"], *cells, bound])
    shared = [
        max(f["figure"] for f in report["findings"] if f["name"].startswith("mutual information"))
        for report in reports
    ]
    samples = [f"{report['clips']:,}" for report in reports]
    cells = [f"{figure:.2g} ({sample})" for figure, sample in zip(shared, samples, strict=True)]
    rows.append(["largest mutual information of label and a drawn factor", *cells, "<= 0.001 bit"])
    return table(["figure (sample)", *PRESETS, "bound"], rows)


def throughput() -> str:
    found = load("throughput")
    rates: dict[str, dict[str, dict[str, float]]] = {}
    for row in found["rows"]:
        rates.setdefault(row["what"], {})[row["clips"]] = row
    rows = []
    for what, sizes in rates.items():
        cells = [
            f"{sizes[size]['clips_per_second']:,.0f} ({sizes[size]['of_memset']:.3f})"
            for size in ("8x32", "16x64")
        ]
        rows.append([what, *cells])
    machine = found["machine"]
    named = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; Python {machine['python']}, NumPy {machine['numpy']}, "
        f"Numba {machine['numba']}, torch {machine['torch']}"
    )
    head = ["clips/s (share of memset)", "8x32", "16x64"]
    return f"{table(head, rows)}\n\nMeasured on: {named}."


TABLES: dict[str, Callable[[], str]] = {
    "learnability": learnability,
    "difficulty": difficulty,
    "audit": audit,
    "throughput": throughput,
}


def filled(text: str) -> str:
    """README.md with its tables written anew."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- table {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    text = README.read_text("utf-8")
    new = filled(text)
    if check:
        print("the tables are those of the result files" if new == text else "the tables differ")
        return 0 if new == text else 1
    README.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
