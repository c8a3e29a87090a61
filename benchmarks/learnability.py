"""Can ordinary networks learn the class from motion, and from nothing less?

    python benchmarks/learnability.py                            # everything: hours on two cores
    python benchmarks/learnability.py --preset magvit-32         # one preset
    python benchmarks/learnability.py --preset magvit-32 --network transformer --view clip
    python benchmarks/learnability.py --difficulty               # accuracy against difficulty

The networks of ``networks.py`` are trained from scratch on clips of the `train` split, each clip
once, and tested on the first 10,000 clips of `val`. Their input is what
``Output(layout="CTHW", dtype="float32", value_range=(-1, 1))`` gives, without any preparation.

What they see:

    clip                  all frames, in order
    first, middle, last   one frame; a network is trained for each
    mean                  the mean of all frames
    shuffled              all frames, their order shuffled anew for every clip

Each finished network is written to benchmarks/results/learnability.json at once, and what is on
file is not trained again (--again: it is). A network in training is kept in a checkpoint once a
minute, and a run that is started again goes on from there. Runs side by side take a file each
(--out), which --merge puts together.

The accuracy of a row is that of the finished network. Its ``curve`` is taken on the way, where
batch norm's running means lag behind the weights: against a black background (-1 in every channel)
a small step of the weights moves all of a map at once, and a network that has learnt the classes
may still be at chance when it is tested. This passes as the learning rate falls.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
import torch
from networks import NETWORKS
from torch import Tensor, nn

from trajdata import FORMAT, ClipSource, preset

RESULTS = measuring.RESULTS / "learnability.json"
VIEWS = ("clip", "first", "middle", "last", "mean", "shuffled")
PRESETS = ("magvit-32", "magvit-64", "magvit-32-random", "magvit-64-random")
BOUNDS = {"clip": (">=", 0.97), "first": ("<=", 0.35), "middle": ("<=", 0.35), "last": ("<=", 0.35)}
MOST_CLIPS = 150_000
"""Of training, for which the bounds are meant."""

BATCH = 32
TEST_CLIPS = 10_000
CURVE_CLIPS = 2_000
CLIPS = {"cnn3d": 80_000, "r2plus1d": 48_000, "transformer": 149_984}
"""Of training, where a network sees whole clips."""

SHUFFLED_CLIPS = 48_000
ONE_FRAME_CLIPS = 32_000
"""One frame, or the mean of all, gives little to learn: fewer clips show all that there is."""

RATES = {"cnn3d": 2e-3, "r2plus1d": 2e-3, "transformer": 1e-3}
WEIGHT_DECAY = 0.05
CHECKPOINT_SECONDS = 60


@dataclass(frozen=True)
class Experiment:
    """One network: which one, what it is trained on and what it sees."""

    preset: str
    network: str
    view: str
    difficulty: float
    clips: int
    seed: int = 0

    @property
    def key(self) -> tuple[str, str, str, float]:
        """What a row of the result file is known by."""
        return self.preset, self.network, self.view, self.difficulty

    def __str__(self) -> str:
        difficulty = f" at difficulty {self.difficulty:g}" if self.difficulty else ""
        return f"{self.preset}{difficulty}, {self.network}, {self.view}"


def view_of(video: Tensor, view: str, first: int) -> Tensor:
    """uint8 (B, T, C, H, W) -> float32 (B, C, T', H, W) in [-1, 1]: what a network sees.

    first: the index of the first clip, which the shuffled order of frames depends on.
    """
    seen = video.float().mul_(2 / 255).sub_(1)
    frames = seen.shape[1]
    if view == "mean":
        seen = seen.mean(1, keepdim=True)
    elif view == "shuffled":
        generator = torch.Generator().manual_seed(first)
        order = torch.rand(seen.shape[:2], generator=generator).argsort(1)
        seen = torch.take_along_dim(seen, order[:, :, None, None, None], 1)
    elif view != "clip":
        at = {"first": 0, "middle": frames // 2, "last": frames - 1}[view]
        seen = seen[:, at : at + 1]
    return seen.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)


def load(source: ClipSource, first: int, count: int, view: str) -> tuple[Tensor, Tensor]:
    """The input and the labels of clips ``first`` to ``first + count``."""
    batch = source.batch(range(first, first + count))
    return view_of(torch.from_numpy(batch["video"]), view, first), torch.from_numpy(batch["label"])


def accuracy(network: nn.Module, source: ClipSource, view: str, clips: int) -> float:
    right = 0
    network.eval()
    with torch.no_grad():
        for first in range(0, clips, 250):
            video, label = load(source, first, min(250, clips - first), view)
            right += int((network(video).argmax(1) == label).sum())
    network.train()
    return right / clips


class Training:
    """A network on its way through its clips, which a checkpoint can carry on from."""

    def __init__(self, experiment: Experiment, checkpoint: Path) -> None:
        self.experiment = experiment
        self.checkpoint = checkpoint
        self.spec = preset(experiment.preset, difficulty=experiment.difficulty)
        self.steps = experiment.clips // BATCH
        self.step = 0
        self.seconds = 0.0
        self.curve: list[tuple[int, float]] = []
        torch.manual_seed(experiment.seed)
        frames, channels, height, width = self.spec.video_shape
        seen = frames if experiment.view in ("clip", "shuffled") else 1
        shape = (channels, seen, height, width)
        self.network = NETWORKS[experiment.network](shape, len(self.spec.laws))
        # On CPUs, convolutions are faster in this order of axes; their results are the same.
        self.network.to(memory_format=torch.channels_last_3d)
        rate = RATES[experiment.network]
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), rate, weight_decay=WEIGHT_DECAY
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=self.steps, pct_start=0.15
        )
        if checkpoint.exists():
            self._restore(torch.load(checkpoint, weights_only=True))

    def _stateful(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }

    def _plan(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be carried on from."""
        return {"fingerprint": self.spec.fingerprint, "steps": self.steps, "batch": BATCH}

    def _restore(self, saved: dict[str, Any]) -> None:
        if saved["plan"] != self._plan():
            return
        for name, part in self._stateful().items():
            part.load_state_dict(saved[name])
        self.step, self.seconds, self.curve = saved["step"], saved["seconds"], saved["curve"]

    def save(self) -> None:
        parts = {name: part.state_dict() for name, part in self._stateful().items()}
        progress = {"step": self.step, "seconds": self.seconds, "curve": self.curve}
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save({"plan": self._plan(), **parts, **progress}, temporary)
        os.replace(temporary, self.checkpoint)

    def run(self) -> None:
        """Train to the end."""
        view, seed = self.experiment.view, self.experiment.seed
        train = ClipSource(self.spec, seed, "train")
        val = ClipSource(self.spec, seed, "val")
        before, started = self.seconds, time.monotonic()
        saved = started
        tenth = max(1, self.steps // 10)
        recent: list[float] = []
        while self.step < self.steps:
            video, label = load(train, self.step * BATCH, BATCH, view)
            loss = nn.functional.cross_entropy(self.network(video), label)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.step += 1
            recent.append(loss.item())
            self.seconds = before + time.monotonic() - started
            if self.step % tenth == 0 and self.step < self.steps:
                seen = self.step * BATCH
                self.curve.append((seen, accuracy(self.network, val, view, CURVE_CLIPS)))
                mean = sum(recent) / len(recent)
                recent.clear()
                print(
                    f"  {self.experiment}: {seen:,} clips, {self.seconds:.0f} s, loss {mean:.3f}, "
                    f"accuracy {self.curve[-1][1]:.3f}",
                    flush=True,
                )
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.monotonic()


def run(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """Train one network, test it, and say all that was done."""
    name = "-".join(str(part) for part in (*experiment.key, experiment.seed))
    training = Training(experiment, folder / f"{name}.pt")
    training.run()
    val = ClipSource(training.spec, experiment.seed, "val")
    found = accuracy(training.network, val, experiment.view, TEST_CLIPS)
    training.checkpoint.unlink(missing_ok=True)
    clips = training.steps * BATCH
    bounded = not experiment.difficulty and training.spec.looks.background == "plain"
    relation, bound = BOUNDS.get(experiment.view, (None, None)) if bounded else (None, None)
    passed = None
    if bound is not None:
        passed = found >= bound and clips <= MOST_CLIPS if relation == ">=" else found <= bound
    return {
        "preset": experiment.preset,
        "network": experiment.network,
        "view": experiment.view,
        "difficulty": experiment.difficulty,
        "accuracy": found,
        "relation": relation,
        "bound": bound,
        "passed": passed,
        "training_clips": clips,
        "test_clips": TEST_CLIPS,
        "curve": [{"clips": seen, "accuracy": value} for seen, value in training.curve],
        "curve_test_clips": CURVE_CLIPS,
        "parameters": sum(p.numel() for p in training.network.parameters()),
        "architecture": str(training.network).splitlines(),
        "input": "float32 (C, T, H, W), -1 + 2 * byte / 255; nothing else is done to it",
        "seed": experiment.seed,
        "batch_clips": BATCH,
        "optimizer": f"AdamW, weight decay {WEIGHT_DECAY:g}",
        "schedule": "one cycle with cosine ends, 15 % of it rising",
        "peak_learning_rate": RATES[experiment.network],
        "seconds": round(training.seconds),
        "torch_threads": torch.get_num_threads(),
        "format": FORMAT,
        "fingerprint": training.spec.fingerprint,
        "machine": measuring.machine(),
    }


def clips_for(network: str, view: str) -> int:
    """How many clips a network is trained on."""
    if view == "clip":
        return CLIPS[network]
    return SHUFFLED_CLIPS if view == "shuffled" else ONE_FRAME_CLIPS


def experiments(arguments: argparse.Namespace) -> list[Experiment]:
    """What was asked for, in the order in which a run that is cut short tells most."""
    if arguments.difficulty:
        return [
            Experiment(
                "magvit-32", "cnn3d", view, step, arguments.clips or clips_for("cnn3d", view)
            )
            for step in (0.25, 0.5, 0.75, 1.0)
            for view in ("clip", "first")
        ]
    names = arguments.preset or PRESETS
    return [
        Experiment(name, network, view, 0.0, arguments.clips or clips_for(network, view))
        for view in arguments.view or VIEWS
        for name in names
        for network in arguments.network or NETWORKS
        # One network says what one frame, the mean or shuffled frames hold; and on the random
        # backgrounds only the whole clip is of interest.
        if view == "clip" or (network == "cnn3d" and not name.endswith("random"))
    ]


def read(path: Path) -> list[dict[str, Any]]:
    """The rows on file."""
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text("ascii"))["rows"]
    return rows


def key_of(row: dict[str, Any]) -> tuple[str, str, str, float]:
    return row["preset"], row["network"], row["view"], row["difficulty"]


def add(path: Path, row: dict[str, Any]) -> None:
    """Put a row into the file in place of the one that it replaces, sorted by what rows are."""
    rows = [old for old in read(path) if key_of(old) != key_of(row)] + [row]
    rows.sort(
        key=lambda r: (
            PRESETS.index(r["preset"]),
            r["difficulty"],
            VIEWS.index(r["view"]),
            list(NETWORKS).index(r["network"]),
        )
    )
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"rows": rows}, indent=1) + "\n", "ascii")
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", nargs="+", choices=PRESETS, help="default: all")
    parser.add_argument("--network", nargs="+", choices=tuple(NETWORKS), help="default: all")
    parser.add_argument("--view", nargs="+", choices=VIEWS, help="default: all")
    parser.add_argument("--clips", type=int, help="clips to train on (default: by view)")
    parser.add_argument("--difficulty", action="store_true", help="accuracy against difficulty")
    parser.add_argument("--again", action="store_true", help="train anew what is on file")
    parser.add_argument("--threads", type=int, help="torch threads (default: all cores)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument(
        "--merge", type=Path, nargs="+", help="add the rows of these files to --out"
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        default=Path(tempfile.gettempdir()) / "trajdata-learnability",
        help="where networks in training are kept (default: the system's temporary folder)",
    )
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if arguments.merge:
        for row in (row for path in arguments.merge for row in read(path)):
            add(arguments.out, row)
        return
    arguments.checkpoints.mkdir(parents=True, exist_ok=True)
    for experiment in experiments(arguments):
        on_file = {key_of(row): row for row in read(arguments.out)}
        if experiment.key in on_file and not arguments.again:
            print(f"{experiment}: on file, {on_file[experiment.key]['accuracy']:.3f}")
            continue
        row = run(experiment, arguments.checkpoints)
        add(arguments.out, row)
        bound = "" if row["bound"] is None else f", bound {row['relation']} {row['bound']}"
        print(
            f"{experiment}: {row['accuracy']:.4f}{bound}, {row['training_clips']:,} clips, "
            f"{row['seconds']} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
