"""What the examples that train share: live clips in, a checkpoint every minute, figures out.

A training that was stopped goes on when it is started again with the same --out.
"""

import argparse
import json
import math
import os
import platform
import re
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader

import trajdata

RESULTS = Path(__file__).parent / "results"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def begin(text, name, *, clips, batch=16):
    """The options of an example, whose docstring is ``text``; threads and seed are set."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, default=Path("examples-out") / name, help="folder of what is made")
    add("--clips", type=int, default=clips, help=f"to train a network on (default: {clips:,})")
    add("--test-clips", type=int, default=1000, help="to score on, of a split (default: 1000)")
    add("--batch", type=int, default=batch, help=f"clips a step (default: {batch})")
    add("--seed", type=int, default=0, help="of clips and weights (default: 0)")
    add("--threads", type=int, help="of torch (default: all cores)")
    add("--save-seconds", type=float, default=60, help="between checkpoints (default: 60)")
    add("--result", action="store_true", help="write the figures to examples/results too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    return options


class Training:
    """A network on its way through ``clips`` clips, each of which it sees once.

        for batch in training.batches(source, output):
            training.step(loss_of(network, batch))

    AdamW; the learning rate rises to ``rate`` in the first twentieth of the steps, then falls to 0
    along a cosine. In ``options.out``, a ``name`` is one training; one that was made with other
    settings is an error. ``clips``: by default those of the options.
    """

    def __init__(self, name, network, options, *, rate, clips=None, **settings):
        self.name, self.options, self.rate, self.batch = name, options, rate, options.batch
        self.network = network.to(DEVICE).train()
        self.optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.01)
        self.steps = max(1, (options.clips if clips is None else clips) // options.batch)
        self.done, self.loss = 0, 0.0
        self.spent = {"seconds": 0.0, "cpu_seconds": 0.0, "waited_seconds": 0.0}  # in all runs
        self.plan = {"steps": self.steps, "batch": self.batch, "seed": options.seed, "rate": rate}
        self.plan |= settings
        self.file = options.out / f"{name}.pt"
        if self.file.exists():
            saved = torch.load(self.file, map_location="cpu", weights_only=True)
            if saved["plan"] != self.plan:
                there = f"{self.file} is of a training with {saved['plan']}"
                raise SystemExit(f"{there}, not with {self.plan}: give another --out")
            network.load_state_dict(saved["network"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.done, self.loss, self.spent = saved["done"], saved["loss"], saved["spent"]

    def save(self):
        """A checkpoint, and how far it is: a line on the terminal and in PROGRESS.txt."""
        parts = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        far = {"plan": self.plan, "done": self.done, "loss": self.loss, "spent": self.spent}
        write(self.file, lambda path: torch.save({**parts, **far}, path))
        line = f"{self.name}: step {self.done:,} of {self.steps:,}, loss {self.loss:.4f}, "
        line += f"{self.spent['seconds']:.0f} s, {self.waiting_share:.2%} of it waiting for clips"
        write(self.options.out / "PROGRESS.txt", lambda path: path.write_text(line + "\n", "utf-8"))
        print(line, flush=True)

    def batches(self, source, output):
        """The batches that are still to come, tuples of tensors, which a worker makes meanwhile."""
        if self.done == self.steps:
            return
        size, first, spent, before = self.batch, self.done, self.spent, dict(self.spent)
        dataset = trajdata.TrajectoryDataset(
            source, length=self.steps * size, batch_size=size, start=first * size, output=output
        )
        begun = saved = clock = time.monotonic()
        cpu = time.process_time()
        for batch in DataLoader(dataset, batch_size=None, num_workers=1):
            if self.done > first:  # before the first batch, the worker has to be started
                spent["waited_seconds"] += time.monotonic() - clock
            yield tuple(part.to(DEVICE) for part in batch)
            spent["seconds"] = before["seconds"] + time.monotonic() - begun
            spent["cpu_seconds"] = before["cpu_seconds"] + time.process_time() - cpu
            if self.done == self.steps or time.monotonic() - saved >= self.options.save_seconds:
                self.save()
                saved = time.monotonic()
            clock = time.monotonic()

    def step(self, loss):
        """One step of the optimizer."""
        share = self.done / self.steps
        falling = 0.5 + 0.5 * math.cos(math.pi * max(share - 0.05, 0.0) / 0.95)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min((share + 1 / self.steps) / 0.05, falling)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1
        self.loss += (loss.item() - self.loss) * max(0.02, 1 / self.done)

    @property
    def waiting_share(self):
        """The share of the time in which there was nothing to train on."""
        return self.spent["waited_seconds"] / max(self.spent["seconds"], 1e-9)

    def figures(self):
        """What the training was, for a result file."""
        size, clips = sum(p.numel() for p in self.network.parameters()), self.done * self.batch
        figures = {"parameters": size, "training_clips": clips, "learning_rate": self.rate}
        spent = {name: round(seconds, 1) for name, seconds in self.spent.items()}
        return {**figures, "loss": self.loss, **spent, "waiting_share": self.waiting_share}


def write(path, make):
    """What ``make(path)`` writes, in one piece: who reads it finds the old file or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    make(temporary)
    os.replace(temporary, path)


def finish(name, spec, options, found, draw):
    """Write ``found`` as NAME.json, and by ``draw(path)`` NAME.png."""
    gpu = torch.cuda.get_device_name() if DEVICE.type == "cuda" else None
    about = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    cpu = next(iter(re.findall(r"model name\s*: (.+)", about)), platform.processor())
    machine = {"gpu": gpu, "cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    machine |= {"system": platform.system(), "torch": torch.__version__}
    made = {"machine": machine, "format": trajdata.FORMAT, "fingerprint": spec.fingerprint}
    made |= {"seed": options.seed, "batch_clips": options.batch, **found}
    text = json.dumps(made, indent=1) + "\n"
    for folder in [options.out] + [RESULTS] * options.result:
        folder.mkdir(exist_ok=True)
        write(folder / f"{name}.json", lambda path: path.write_text(text, "utf-8"))
        write(folder / f"{name}.png", draw)
        print(f"Written to {folder / name}.json and .png")
