"""Can the class be learnt from motion, and from nothing less?

    python benchmarks/learnability.py                       # magvit-32 and magvit-64, all views
    python benchmarks/learnability.py --difficulty          # accuracy against difficulty, magvit-32
    python benchmarks/learnability.py --preset magvit-32 --view clip --clips 50000

Small networks are trained from scratch on live clips of the `train` split, no clip seen twice,
and tested on the `val` split. What they see:

    clip              all frames, in order
    first, middle, last   one frame; a network is trained for each
    mean              the mean of all frames
    shuffled          all frames, their order shuffled anew for every clip

Each finished network is written to benchmarks/results/learnability.json at once, so a run that is
cut short keeps what it has; a run that is started again skips what is there (--again: it does not).
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trajdata import FORMAT, ClipSource, ClipSpec, preset

RESULTS = Path(__file__).parent / "results" / "learnability.json"
VIEWS = ("clip", "first", "middle", "last", "mean", "shuffled")
BOUNDS = {"clip": (">=", 0.97), "first": ("<=", 0.35), "middle": ("<=", 0.35), "last": ("<=", 0.35)}
BATCH = 128
VALIDATION = 10_000


@dataclass(frozen=True)
class Experiment:
    """One network: what it is trained on and what it sees."""

    preset: str
    view: str
    difficulty: float
    clips: int
    seed: int = 0

    @property
    def key(self) -> str:
        return f"{self.preset} difficulty={self.difficulty:g} {self.view}"


def see(video: Tensor, view: str, generator: torch.Generator) -> Tensor:
    """uint8 (B, T, C, H, W) -> float32 (B, 1, T', H, W): distance from the background colour.

    The background (the corner's colour) is taken away and the strongest difference of a clip set
    to 1: a network this small should spend itself on motion, not on colours.
    """
    pictures = video.float()
    pictures = (pictures - pictures[:, :1, :, :1, :1]).abs().mean(2)
    pictures = pictures / pictures.amax((1, 2, 3), keepdim=True).clamp(min=1)
    frames = pictures.shape[1]
    if view == "mean":
        pictures = pictures.mean(1, keepdim=True)
    elif view == "shuffled":
        order = torch.rand(pictures.shape[:2], generator=generator).argsort(1)
        pictures = torch.take_along_dim(pictures, order[:, :, None, None], 1)
    elif view != "clip":
        at = {"first": 0, "middle": frames // 2, "last": frames - 1}[view]
        pictures = pictures[:, at : at + 1]
    return pictures[:, None]


class Network(nn.Module):
    """A small 3-D CNN that reads its feature maps as places.

    Two convolutions, the second over time too; then each map of each frame is read as its
    expected place under a spatial softmax (Finn et al., "Deep spatial autoencoders for visuomotor
    learning", ICRA 2016), its mean and its maximum; then convolutions over time.
    """

    def __init__(self, spec: ClipSpec, frames: int, width: int = 16) -> None:
        super().__init__()
        over_time = 3 if frames > 1 else 1
        side = spec.height // 2 // (spec.height // 32)
        self.picture = nn.Sequential(
            nn.Conv3d(1, width, (1, 5, 5), (1, 2, 2), (0, 2, 2), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(),
            nn.Conv3d(
                width,
                2 * width,
                (over_time, 3, 3),
                (1, spec.height // 32, spec.height // 32),
                (over_time // 2, 1, 1),
                bias=False,
            ),
            nn.BatchNorm3d(2 * width),
            nn.ReLU(),
        )
        self.time = nn.Sequential(
            nn.Conv1d(8 * width, 128, over_time, padding=over_time // 2, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Conv1d(128, 64, over_time, padding=over_time // 2, bias=False),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * frames, 128),
            nn.ReLU(),
            nn.Linear(128, len(spec.laws)),
        )
        line = torch.linspace(-1, 1, side)
        self.register_buffer("x", line.repeat(side))
        self.register_buffer("y", line.repeat_interleave(side))

    def forward(self, pictures: Tensor) -> Tensor:
        maps = self.picture(pictures).flatten(3)
        share = maps.softmax(-1)
        places = [(share * self.x).sum(-1), (share * self.y).sum(-1)]
        logits: Tensor = self.time(torch.cat([*places, maps.mean(-1), maps.amax(-1)], 1))
        return logits


def load(source: ClipSource, first: int, count: int) -> tuple[Tensor, Tensor]:
    batch = source.batch(range(first, first + count))
    return torch.from_numpy(batch["video"]), torch.from_numpy(batch["label"])


def accuracy(network: nn.Module, source: ClipSource, view: str, clips: int) -> float:
    generator = torch.Generator().manual_seed(1)
    right = 0
    network.eval()
    with torch.no_grad():
        for first in range(0, clips, 500):
            video, label = load(source, first, min(500, clips - first))
            right += int((network(see(video, view, generator)).argmax(1) == label).sum())
    network.train()
    return right / clips


def run(experiment: Experiment) -> dict[str, object]:
    """Train one network and test it; prints how far it is about every ten seconds."""
    torch.manual_seed(experiment.seed)
    generator = torch.Generator().manual_seed(experiment.seed)
    spec = preset(experiment.preset, difficulty=experiment.difficulty)
    train = ClipSource(spec, experiment.seed, "train")
    frames = spec.frames if experiment.view in ("clip", "shuffled") else 1
    network = Network(spec, frames)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01)
    steps = experiment.clips // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    started = said = time.monotonic()
    for step in range(steps):
        video, label = load(train, step * BATCH, BATCH)
        loss = nn.functional.cross_entropy(network(see(video, experiment.view, generator)), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if time.monotonic() - said > 10:
            said = time.monotonic()
            print(f"  {experiment.key}: {step / steps:.0%}, loss {loss.item():.3f}", flush=True)
    found = accuracy(network, ClipSource(spec, experiment.seed, "val"), experiment.view, VALIDATION)
    relation, bound = BOUNDS.get(experiment.view, (None, None))
    if experiment.difficulty:
        relation = bound = None
    return {
        "preset": experiment.preset,
        "view": experiment.view,
        "difficulty": experiment.difficulty,
        "clips": steps * BATCH,
        "validation_clips": VALIDATION,
        "parameters": sum(p.numel() for p in network.parameters()),
        "accuracy": found,
        "relation": relation,
        "bound": bound,
        "passed": None
        if bound is None
        else (found >= bound if relation == ">=" else found <= bound),
        "seconds": round(time.monotonic() - started, 1),
        "format": FORMAT,
        "fingerprint": spec.fingerprint,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }


def experiments(arguments: argparse.Namespace) -> list[Experiment]:
    if arguments.difficulty:
        return [
            Experiment("magvit-32", view, difficulty, arguments.clips or 25_000)
            for difficulty in (0.0, 0.25, 0.5, 0.75, 1.0)
            for view in ("clip", "first")
        ]
    names = [arguments.preset] if arguments.preset else ["magvit-32", "magvit-64"]
    views = [arguments.view] if arguments.view else VIEWS
    # One frame gives little to learn, so fewer clips show all that there is.
    sizes = {"clip": 40_000}
    return [
        Experiment(name, view, 0.0, arguments.clips or sizes.get(view, 25_000))
        for name in names
        for view in views
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=("magvit-32", "magvit-64"))
    parser.add_argument("--view", choices=VIEWS)
    parser.add_argument("--clips", type=int, help="clips to train on (default: by view)")
    parser.add_argument("--difficulty", action="store_true", help="accuracy against difficulty")
    parser.add_argument("--again", action="store_true", help="train anew what is on file")
    parser.add_argument("--threads", type=int, help="torch threads (default: all cores)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    on_file = json.loads(arguments.out.read_text("ascii")) if arguments.out.exists() else {}
    for experiment in experiments(arguments):
        if experiment.key in on_file and not arguments.again:
            print(f"{experiment.key}: on file, {on_file[experiment.key]['accuracy']:.3f}")
            continue
        result = run(experiment)
        on_file[experiment.key] = result
        arguments.out.write_text(json.dumps(on_file, indent=1) + "\n", "ascii")
        bound = "" if result["bound"] is None else f", bound {result['relation']} {result['bound']}"
        print(
            f"{experiment.key}: {result['accuracy']:.3f}{bound}, {result['seconds']} s", flush=True
        )


if __name__ == "__main__":
    main()
