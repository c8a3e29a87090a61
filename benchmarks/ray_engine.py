"""A bake on Ray beside one by threads: python benchmarks/ray_engine.py

200 shards of scenes of ten objects are baked into a folder by two threads, and by a local Ray
cluster with two processors, in turn. Beside the times of the whole call there is the overhead of a
task: how long Ray takes to do nothing 2,000 times with one processor. Writes ray_engine.json.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, alternated, arguments, save

from tests.cluster.nodes import local_cluster
from trajdata import ClipSource, materialize, preset

SHARDS, THREADS = 200, 2
TASKS = 2_000
TARGETS = {"times_the_time": 1.15, "overhead_ms_a_task": 5.0}
OVERHEAD = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
nothing = ray.remote(lambda: None)
ray.get(nothing.remote())
count, running, begun = int(sys.argv[2]), [], time.perf_counter()
for _ in range(count):
    running.append(nothing.remote())
    if len(running) == 4:
        done, running = ray.wait(running)
        ray.get(done)
ray.get(running)
print((time.perf_counter() - begun) / count * 1000)
"""
"""Tasks in a window as small as that of the bake."""


def main() -> None:
    parser = arguments(str(__doc__), "ray_engine", repetitions=3)
    parser.add_argument("--shard-clips", type=int, default=1_500)
    given = parser.parse_args()
    spec = preset("scenes-32", count=(10, 10))
    clips = SHARDS * given.shard_clips
    source = ClipSource(spec)
    source.warm()

    with tempfile.TemporaryDirectory(dir=ROOT) as folder, local_cluster(THREADS) as cluster:
        engines = {"threads": (None, "threads"), "ray": (cluster.address, "ray")}

        def seconds(name: str) -> float:
            address, engine = engines[name]
            out = Path(folder) / name
            begun = time.perf_counter()
            report = materialize(
                source, out, clips=clips, fields=(), threads=THREADS,
                shard_clips=given.shard_clips, engine=engine, address=address,
            )  # fmt: skip
            spent = time.perf_counter() - begun
            shutil.rmtree(out)
            print(f"{name}: {spent:.1f} s, of these {report.seconds:.1f} s after compiling")
            return spent

        bakes = alternated(
            {name: lambda name=name: seconds(name) for name in engines}, given.repetitions
        )
        asked = [sys.executable, "-c", OVERHEAD, cluster.address, str(TASKS)]
        overheads = [
            float(subprocess.run(asked, capture_output=True, check=True, timeout=600).stdout)
            for _ in range(given.repetitions)
        ]
    pairs = zip(bakes["ray"]["runs"], bakes["threads"]["runs"], strict=True)
    times = statistics.median(ray / threads for ray, threads in pairs)
    overhead = statistics.median(overheads)
    print(f"Ray takes {times:.2f} x the time of --threads {THREADS}; {overhead:.2f} ms a task")
    save(
        given.out,
        given.repetitions,
        shards=SHARDS,
        clips=clips,
        seconds=bakes,
        times_the_time=times,
        overhead_ms_a_task={"median": overhead, "runs": overheads},
        targets=TARGETS,
    )


if __name__ == "__main__":
    main()
