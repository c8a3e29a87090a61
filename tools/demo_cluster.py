"""A dataset made by a cluster, in a bucket, in five minutes. `make demo-cluster` runs it.

A local Ray cluster bakes 30,000 clips into a local S3 server, and loses a node half-way. Then the
store is brought into a folder by rendering it there, is proven to be the same, and a small network
is trained from the bucket. Everything goes into demo-cluster-out/ beside this checkout, which is
made anew each time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from demo import WAIT_SECONDS, anew, command, console, loader, run, shown, step
from rich.table import Table

from tests.cloud.server import BUCKET, KEY, SECRET, s3_server
from tests.cluster.nodes import LocalCluster, local_cluster
from trajdata import Output, TrajectoryDataset, open_shards
from trajdata._store.names import COMMITS
from trajdata._store.opening import open_store

ROOT = Path(__file__).parents[1]
OUT = ROOT / "demo-cluster-out"
COPY = OUT / "rendered"
PRESET, CLIPS, SHARD_CLIPS, BATCH = "magvit-32", 30_000, 500, 100
SHARDS = CLIPS // SHARD_CLIPS
NODES = 4
STEPS, SHOWN_STEPS = 100, 10


def committed(url: str) -> int:
    """How many shards have a commit record in the bucket."""
    return sum(map(len, open_store(url).list(COMMITS)))


def bake_and_kill_a_node(cluster: LocalCluster, url: str, after_shards: int) -> bool:
    """Bake on the cluster, and kill a node when so many shards are there; whether that was before
    the end."""
    words = command(
        "materialize", "--preset", PRESET, "--clips", str(CLIPS), "--shard-clips", str(SHARD_CLIPS),
        "--out", url, "--engine", "ray", "--address", cluster.address,
    )  # fmt: skip
    console.print(shown(words), style="dim")
    with subprocess.Popen(words, cwd=ROOT) as bake:
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while bake.poll() is None and committed(url) < after_shards:
                if time.monotonic() > deadline:
                    raise SystemExit(f"no shard after {WAIT_SECONDS} s: is the machine very busy?")
                time.sleep(0.05)
            was_running = bake.poll() is None
            if was_running:
                cluster.kill(cluster.nodes[0])
                console.print(
                    f"Killed a node of the cluster when {committed(url)} of {SHARDS} shards were "
                    f"there; {len(cluster.nodes)} are left."
                )
            code = bake.wait(WAIT_SECONDS)
        finally:
            bake.kill()
    if code:
        raise SystemExit(f"the bake ended with exit code {code}")
    return was_running


def baked(cluster: LocalCluster) -> str:
    """The URL of the store that the cluster has baked. A node was killed half-way; on a machine too
    fast for that, sooner."""
    for share in (2, 4, 8):
        url = f"s3://{BUCKET}/demo-{share}"
        if bake_and_kill_a_node(cluster, url, SHARDS // share):
            return url
        console.print("It was done before a node was killed; once more, killed sooner.")
    raise SystemExit("the bake was always done before a node was killed")


def check_same(url: str, folder: Path) -> int:
    """Compare every shard and the index of both stores, and return how many bytes these have."""
    there, here = open_store(url), open_store(folder)
    total = 0
    for name in ["index.json", *(f"train-{shard:06d}.tar" for shard in range(SHARDS))]:
        one, other = there.view(name), here.view(name)
        if hashlib.sha256(one).digest() != hashlib.sha256(other).digest():
            raise SystemExit(f"{name} differs between the bucket and the folder")
        total += len(one)
    return total


def network(classes: int) -> torch.nn.Module:
    """A small classifier of clips, (B, 3, T, H, W) -> (B, classes)."""

    def block(inputs: int, outputs: int, stride: int | tuple[int, ...]) -> list[torch.nn.Module]:
        return [
            torch.nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            torch.nn.BatchNorm3d(outputs),
            torch.nn.ReLU(),
        ]

    return torch.nn.Sequential(
        *block(3, 8, (1, 2, 2)),
        *block(8, 16, 2),
        *block(16, 32, 2),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(classes),
    )


def trained(url: str) -> list[float]:
    """The losses of some steps on batches of the bucket's clips."""
    stored = open_shards(url, cache_dir=OUT / "cache")
    dataset = TrajectoryDataset(
        stored,
        batch_size=BATCH,
        shuffle_shards=4,
        output=Output(layout="CTHW", dtype="float32", value_range=(-1, 1)),
    )
    torch.manual_seed(0)
    model = network(len(stored.spec.laws))
    model(torch.zeros(2, *(stored.spec.video_shape[axis] for axis in (1, 0, 2, 3))))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses: list[float] = []
    for batch in loader(dataset, 1):
        loss = torch.nn.functional.cross_entropy(model(batch["video"]), batch["label"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if len(losses) == STEPS:
            break
    return losses


def main() -> None:
    """The demo, step by step."""
    begun = time.monotonic()
    anew(OUT)
    OUT.mkdir()
    with s3_server(OUT / "s3") as endpoint:
        # Where the provider's tools look, in this process and in those that it starts.
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint, AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET,
        )  # fmt: skip
        step(
            1, f"Start an S3 server and a Ray cluster of {NODES} nodes and a head, on this machine"
        )
        with local_cluster(NODES) as cluster:
            console.print(f"The bucket is at {endpoint}, the cluster at {cluster.address}.")

            step(2, f"Bake {CLIPS:,} clips into the bucket, and kill a node half-way")
            url = baked(cluster)
            run(command("status", url))

        step(3, "Bring the store into a folder: only recipe and hashes travel")
        run(command("sync", url, str(COPY), "--render"))

        step(4, "Prove that it is the same store")
        run(command("verify", str(COPY), "--full"))
        size = check_same(url, COPY)
        console.print(
            f"{SHARDS} shards and the index, {size / 1e6:,.0f} MB: the same in bucket and folder."
        )

        step(5, "Train from the bucket")
        losses = trained(url)

    first, last = (
        sum(part) / SHOWN_STEPS for part in (losses[:SHOWN_STEPS], losses[-SHOWN_STEPS:])
    )
    table = Table("what", "how it went", title="Done", title_justify="left", box=None)
    table.add_row("baked on the cluster", f"{CLIPS:,} clips, with a node killed")
    table.add_row("rendered into a folder", str(COPY.relative_to(ROOT)))
    table.add_row("trained from the bucket", f"{STEPS} steps, loss {first:.2f} to {last:.2f}")
    table.add_row("all of it took", f"{time.monotonic() - begun:,.0f} s")
    console.print()
    console.print(table)


if __name__ == "__main__":
    main()
