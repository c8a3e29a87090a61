"""A first look, in a minute: bake, interrupt, resume, read back, compare. `make demo` runs it.

Everything goes into demo-out/ beside this checkout, which is made anew each time.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader

from trajdata import ClipSource, TrajectoryDataset, open_shards, preset
from trajdata._show.pictures import PREVIEW_FIELDS, write_animation, write_preview

ROOT = Path(__file__).parents[1]
OUT = ROOT / "demo-out"
SHARDS = OUT / "shards"
PRESET, CLIPS, SHARD_CLIPS, BATCH = "magvit-32", 30_000, 1_000, 128
WAIT_SECONDS = 600
INTERRUPTED = 130

console = Console(highlight=False, soft_wrap=True)


def anew(folder: Path) -> None:
    """Remove a folder of an earlier demo."""
    if folder.exists():
        shutil.rmtree(folder)


def command(*words: str) -> list[str]:
    """A ``trajdata`` command, run by this Python."""
    return [sys.executable, "-m", "trajdata", *words]


BAKE = command(
    "materialize", "--preset", PRESET, "--clips", str(CLIPS), "--out", str(SHARDS),
    "--shard-clips", str(SHARD_CLIPS),
)  # fmt: skip


def step(number: int, text: str) -> None:
    """Announce what comes next."""
    console.print(f"\n[bold cyan]{number}.[/] [bold]{text}[/]")


def shown(words: list[str]) -> str:
    """A command as a user would type it."""
    return "$ " + shlex.join(["trajdata", *words[3:]]).replace(str(ROOT) + "/", "")


def committed() -> int:
    """How many shards are there under their final names."""
    return len(list(SHARDS.glob("train-*.tar")))


def bake_and_interrupt(after_shards: int) -> bool:
    """Start a bake and press Ctrl-C once so many shards are there; whether it was in time."""
    with subprocess.Popen(BAKE, cwd=ROOT) as bake:
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while bake.poll() is None and committed() < after_shards:
                if time.monotonic() > deadline:
                    raise SystemExit(f"no shard after {WAIT_SECONDS} s: is the disk very slow?")
                time.sleep(0.002)
            bake.send_signal(signal.SIGINT)
            code = bake.wait(WAIT_SECONDS)
        finally:
            bake.kill()
    if code not in (0, INTERRUPTED):
        raise SystemExit(f"the bake ended with exit code {code}")
    return code == INTERRUPTED


def interrupted_half_way() -> None:
    """Bake until half of the shards are there; on a machine too fast for that, sooner."""
    for share in (2, 4, 8, CLIPS // SHARD_CLIPS):
        anew(SHARDS)
        if bake_and_interrupt(CLIPS // SHARD_CLIPS // share):
            return
        console.print("It was done before the interrupt came; once more, interrupted sooner.")
    raise SystemExit("the bake was always done before the interrupt came")


def run(words: list[str]) -> None:
    """Run a command to its end."""
    console.print(shown(words), style="dim")
    code = subprocess.run(words, cwd=ROOT, timeout=WAIT_SECONDS).returncode
    if code:
        raise SystemExit(f"{shown(words)} ended with exit code {code}")


def loader(dataset: TrajectoryDataset, workers: int) -> DataLoader:
    """Whole batches, as a trainer would take them."""
    return DataLoader(dataset, batch_size=None, num_workers=workers)


def rate(dataset: TrajectoryDataset) -> float:
    """Clips per second through a DataLoader in this process."""
    start = time.perf_counter()
    clips = sum(len(batch["label"]) for batch in loader(dataset, 0))
    return clips / (time.perf_counter() - start)


def pairs(live: TrajectoryDataset, stored: TrajectoryDataset) -> Iterator[tuple[dict, dict]]:
    """The batches of both, side by side, from two worker processes each."""
    return zip(loader(live, 2), loader(stored, 2), strict=True)


def main() -> None:
    """The demo, step by step."""
    # A shell that starts us in the background ignores Ctrl-C, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    anew(OUT)
    OUT.mkdir()
    spec = preset(PRESET)
    t, c, h, w = spec.picture_shape
    console.print(
        f"[bold]trajdata[/]: {CLIPS:,} clips of {PRESET}, each {t} frames x {c} x {h} x {w}, "
        f"{CLIPS * spec.clip_bytes / 1e6:,.0f} MB of video"
    )
    ClipSource(spec).warm()  # so that the first bake is not mostly the compiler

    step(1, "Bake shards, and press Ctrl-C half-way")
    console.print(shown(BAKE), style="dim")
    interrupted_half_way()
    console.print(f"{committed()} of {CLIPS // SHARD_CLIPS} shards are there, each of them whole.")

    step(2, "The same command again: it resumes")
    run(BAKE)
    run(command("verify", str(SHARDS)))

    step(3, "Read the shards back and compare with clips rendered on the fly")
    fields = ("video", "label", "index", "trajectory")
    live = TrajectoryDataset(
        ClipSource(spec, fields=fields), length=CLIPS, batch_size=BATCH, fresh=False
    )
    stored = TrajectoryDataset(open_shards(SHARDS, fields=fields), batch_size=BATCH)
    batches = clips = 0
    for one, other in pairs(live, stored):
        for name in fields:
            if not torch.equal(one[name], other[name]):
                raise SystemExit(f"batch {batches}: {name} differs between live and stored")
        batches += 1
        clips += len(one["label"])
    console.print(f"{clips:,} clips in {batches} batches: live and stored are the same bytes.")

    step(4, "Draw pictures")
    source = ClipSource(spec, fields=PREVIEW_FIELDS)
    write_preview(source, OUT / "preview.png")
    write_animation(source, OUT / "preview.gif")

    table = Table("what", "where or how fast", title="Done", title_justify="left", box=None)
    table.add_row("live, in one process", f"{rate(live):,.0f} clips/s")
    table.add_row("from shards, in one process", f"{rate(stored):,.0f} clips/s")
    for what, file in (
        ("shards", SHARDS),
        ("how the bake went", SHARDS / "PROGRESS.txt"),
        ("contact sheet", OUT / "preview.png"),
        ("animation", OUT / "preview.gif"),
    ):
        table.add_row(what, str(file.relative_to(ROOT)))
    console.print()
    console.print(table)


if __name__ == "__main__":
    main()
