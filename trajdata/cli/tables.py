"""Figures beside their bounds, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rich.console import Console
from rich.table import Table

from trajdata.auditing.findings import Finding

__all__ = ["print_findings"]


def print_findings(findings: Iterable[Finding], console: Console) -> None:
    """Print one row a finding: group, what was measured, figure, bound, sample, verdict."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("group", "figure of"):
        table.add_column(name, overflow="fold")
    for name in ("figure", "bound", "sample", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for group, rows in groupby(findings, key=lambda finding: finding.group):
        for number, finding in enumerate(rows):
            table.add_row(
                group if number == 0 else "",
                finding.name,
                f"{finding.figure:.6g}",
                f"{finding.relation} {finding.bound:g} {finding.unit}",
                f"{finding.sample:,}",
                "pass" if finding.passed else "[bold red]FAIL[/]",
            )
    console.print(table)
