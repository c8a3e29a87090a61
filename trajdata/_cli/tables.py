"""Print findings and rates as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from trajdata._bench.report import BenchReport
    from trajdata._check.audit.findings import Finding

__all__ = ["print_findings", "print_rates"]

_TABLE_WIDTH = 80
"""The least number of columns of a terminal on which there are tables instead of lines."""


def print_findings(findings: Iterable[Finding], console: Console) -> None:
    """Print a row for each finding: group, what was measured, figure, bound, sample, verdict.

    On a narrow terminal, print some lines for each finding instead.
    """
    if console.width < _TABLE_WIDTH:
        for finding in findings:
            console.print(
                f"{finding.group}: {finding.name}\n"
                f"  {finding.figure:.6g} ({finding.relation} {finding.bound:g} {finding.unit}; "
                f"{finding.sample:,}): {'pass' if finding.passed else 'FAIL'}",
                highlight=False,
                soft_wrap=True,
            )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("group", "figure of"):
        table.add_column(name, overflow="fold")
    for name in ("figure", "bound", "sample", ""):
        table.add_column(name, justify="right", overflow="fold")
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


def print_rates(report: BenchReport, console: Console) -> None:
    """Print a row for each way to get clips: clips and bytes a second, time for a batch, and the
    share of the way's limit.

    On a narrow terminal, print some lines for each way instead.
    """
    if console.width < _TABLE_WIDTH:
        for row in report.rows:
            share = "a limit" if row.share is None else f"{row.share:.1%} of {row.limit}"
            console.print(
                f"{row.what}\n  {row.clips_per_second:,.0f} clips/s, "
                f"{row.bytes_per_second / 1e9:.2f} GB/s, {row.batch_ms:.3g} ms/batch, {share}",
                highlight=False,
                soft_wrap=True,
            )
        return
    plan = report.plan
    shape = " x ".join(str(side) for side in plan.spec.video_shape)
    table = Table(
        title=f"Clips of {shape} in batches of {plan.batch_size}, {report.cores} cores",
        title_justify="left",
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    table.add_column("", overflow="fold")
    for name in ("clips/s", "GB/s", "ms/batch", "share of limit"):
        table.add_column(name, justify="right", overflow="fold")
    for row in report.rows:
        table.add_row(
            row.what,
            f"{row.clips_per_second:,.0f}",
            f"{row.bytes_per_second / 1e9:.2f}",
            f"{row.batch_ms:.3g}",
            "limit" if row.share is None else f"{row.share:.1%} of {row.limit}",
        )
    console.print(table, highlight=False)
