"""The table that is printed: clips a second, and how many times faster trajdata is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol import MEMCPY, MEMSET, READ, READ_WORKERS, SHUFFLED, WRITE
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from roster import LIMITS, LIVE, PEERS, STORED

__all__ = ["show"]

LEAST_WIDTH = 112
COLUMNS = (WRITE, READ, READ_WORKERS, SHUFFLED)


def show(rows: Sequence[Mapping[str, Any]], unavailable: Mapping[str, str]) -> None:
    """Print one table for each size of clips, then who failed and why."""
    console = Console()
    console.width = max(console.width, LEAST_WIDTH)  # also where it goes to a file
    for size in dict.fromkeys(row["clips"] for row in rows):
        found = {(row["peer"], row["what"]): row for row in rows if row["clips"] == size}
        console.print(_table(size, found))
    for row in rows:
        if "failed" in row:
            console.print(escape(f"{row['clips']}, {row['peer']}, {row['what']}: {row['failed']}"))
    for peer, reason in unavailable.items():
        console.print(escape(f"{peer}: not available: {reason}"))


def _table(size: str, found: Mapping[tuple[str, str], Mapping[str, Any]]) -> Table:
    def rate(peer: str, what: str) -> float | None:
        return found.get((peer, what), {}).get("clips_per_second")

    limits = ", ".join(
        f"{what} {limit:,}" for what in (MEMSET, MEMCPY) if (limit := rate(LIMITS.name, what))
    )
    table = Table(
        "peer",
        title=f"{size}: clips/s, medians (trajdata's over the peer's)",
        caption=f"limits: {limits}" if limits else None,
    )
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for peer in PEERS:
        cells = []
        for what in COLUMNS:
            own = rate(peer.name, what)
            # Who is compared with live rendering is written against the one way to write.
            ours = rate(peer.against, what) or rate(STORED.name, what)
            if own is None:
                cells.append("failed" if (peer.name, what) in found else "")
            elif ours is None or peer in (STORED, LIVE):
                cells.append(f"{own:,}")
            else:
                cells.append(f"{own:,} ({ours / own:.1f}x)")
        table.add_row(peer.name, *cells, end_section=peer == LIVE)
    return table
