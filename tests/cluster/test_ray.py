"""A bake on a real Ray cluster is the bake of one process, whatever happens to its nodes."""

import errno
import hashlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.nodes import local_cluster
from tests.patience import SECONDS, until
from tests.stores import names_in, progress_of, store_of
from trajdata import ClipSource, ShardError, materialize, verify
from trajdata._bake.agreement import agree
from trajdata._bake.engines import ray_engine
from trajdata._bake.engines.protocol import Events
from trajdata._bake.engines.ray_engine import RayEngine
from trajdata._bake.task import ShardTask
from trajdata._store.names import COMMITS, RECIPE, TEMPS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # processes have to start, on several nodes

CLIPS, SHARD, SHARDS = 23_950, 200, 120
LIVELY = {"PROGRESS.txt", "progress.json", "report.html", "lock"}
"""What differs from bake to bake."""


@pytest.fixture(scope="module")
def whole(once, tiny_spec):
    """What a bake by one process comes to."""

    def make(folder):
        materialize(ClipSource(tiny_spec), folder / "out", clips=CLIPS, shard_clips=SHARD)

    return tree(once("whole-for-ray", make) / "out")


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray", reason="ray is not installed")
    if sys.platform != "linux":
        pytest.skip("Ray has clusters of several nodes on one machine on Linux only")
    with local_cluster(3) as started:
        yield started


def tree(folder):
    """SHA-256 of every file of a store that is the same after any history."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in LIVELY
    }


@pytest.fixture
def start(tmp_path, tiny_spec, cluster):
    """Starts the command that bakes on the cluster, as often as it is called."""
    running = []
    spec = tmp_path / "spec.json"
    spec.write_text(tiny_spec.to_json())

    def started():
        words = ["materialize", "--spec", str(spec)]
        words += ["--clips", str(CLIPS), "--shard-clips", str(SHARD)]
        words += ["--out", str(tmp_path / "out"), "--engine", "ray", "--address", cluster.address]
        process = subprocess.Popen(
            [sys.executable, "-m", "trajdata", *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate(timeout=SECONDS)


def ended(process):
    """The exit code of a command, and what it printed."""
    out, errors = process.communicate(timeout=SECONDS)
    return process.returncode, out + errors


def wait_for_commits(process, out, count):
    def are_there():
        assert process.poll() is None, process.communicate()
        return (out / COMMITS).is_dir() and len(list((out / COMMITS).iterdir())) >= count

    until(are_there, f"{count} shards are committed", wait=0.002)


@pytest.mark.slow
def test_a_bake_on_a_cluster_is_the_bake_of_one_process(start, tmp_path, whole, cluster):
    assert ended(start())[0] == 0
    out = tmp_path / "out"
    assert tree(out) == whole
    assert list((out / TEMPS).iterdir()) == []
    report = progress_of(out)
    assert (report.status, report.shards_done, report.clips_in_flight) == ("done", SHARDS, 0)
    assert 1 <= len(report.nodes) <= 3
    assert sum(report.nodes.values()) > 0
    assert report.resume_command.endswith(f" --engine ray --address {cluster.address}")
    assert "nodes        " in (out / "PROGRESS.txt").read_text()


@pytest.mark.slow
def test_a_process_of_a_node_that_is_killed_loses_nothing(start, tmp_path, whole, cluster):
    out = tmp_path / "out"
    process = start()
    wait_for_commits(process, out, 10)
    victims = until(
        lambda: [baker for node in cluster.nodes for baker in cluster.bakers(node)],
        "a process bakes a shard",
    )
    for victim in victims[:2]:
        victim.kill()
    assert ended(process)[0] == 0
    assert tree(out) == whole


@pytest.mark.slow
def test_a_bake_whose_own_process_is_killed_resumes_to_the_same_bytes(
    start, tmp_path, whole, cluster
):
    out = tmp_path / "out"
    process = start()
    wait_for_commits(process, out, 10)
    process.kill()
    process.communicate(timeout=SECONDS)
    assert not (out / "index.json").exists()
    # What it had started on the nodes ends without it.
    until(lambda: not any(map(cluster.bakers, cluster.nodes)), "nobody bakes any more")
    assert ended(start())[0] == 0
    assert tree(out) == whole
    assert list((out / TEMPS).iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_bake_on_a_cluster_and_leaves_no_temp(start, tmp_path, whole):
    out = tmp_path / "out"
    process = start()
    wait_for_commits(process, out, 10)
    process.send_signal(signal.SIGINT)
    code, said = ended(process)
    assert (code, "To resume" in said) == (130, True)
    assert progress_of(out).status == "interrupted"
    assert list((out / TEMPS).iterdir()) == []
    assert verify(out).ok
    assert ended(start())[0] == 0
    assert tree(out) == whole


@pytest.mark.slow
def test_an_error_of_a_node_is_raised_here_as_the_node_raised_it(tmp_path, tiny_spec, cluster):
    store = store_of(tmp_path / "out")
    recipe = agree(store, ClipSource(tiny_spec), clips=16, fields=None, shard_clips=8)
    with store.lock():
        store.create(RECIPE, recipe.to_bytes())
    nothing = Events(lambda clips: None, lambda commit: None, lambda node, clips: None)
    tasks = [ShardTask(recipe, 0), ShardTask(recipe, 1, promised="0" * 64)]
    with pytest.raises(ShardError, match=r"SHA-256 0000.* when rendered again") as raised:
        RayEngine(cluster.address).bake(
            tasks, store, events=nothing, tick=lambda: None, tick_seconds=1.0
        )
    assert raised.value.file.endswith("train-000001.tar")
    assert names_in(store, TEMPS) == []
    assert not (tmp_path / "out" / "train-000001.tar").exists()


@pytest.mark.slow
def test_a_node_that_is_killed_loses_nothing(start, tmp_path, whole, cluster):
    out = tmp_path / "out"
    process = start()
    wait_for_commits(process, out, 10)
    cluster.kill(cluster.nodes[0])
    assert ended(process)[0] == 0
    assert tree(out) == whole


@pytest.mark.slow
def test_a_node_that_is_frozen_ends_the_bake_within_a_minute_with_75_and_loses_nothing(
    start, tmp_path, whole, cluster
):
    out = tmp_path / "out"
    process = start()
    wait_for_commits(process, out, 10)
    frozen = cluster.nodes[0]
    cluster.send(frozen, signal.SIGSTOP)
    since = time.monotonic()
    code, said = ended(process)
    assert code == 75, said
    assert time.monotonic() - since < 60
    assert "frozen" in said
    held = progress_of(out)
    assert (held.status, "frozen" in held.message) == ("failed", True)
    assert held.shards_done >= 10
    assert verify(out).ok
    cluster.kill(frozen)
    assert ended(start())[0] == 0
    assert tree(out) == whole


@pytest.mark.slow
def test_a_bake_waits_for_a_node_where_there_is_none_and_bakes_on_one_that_is_added(
    start, tmp_path, whole, cluster
):
    out = tmp_path / "out"
    for node in list(cluster.nodes):
        cluster.kill(node)
    process = start()
    until(lambda: (out / "progress.json").exists(), "the bake has begun")
    cluster.add()
    assert ended(process)[0] == 0
    assert tree(out) == whole
    assert len(progress_of(out).nodes) == 1


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_a_reason_to_try_later(start, cluster):
    cluster.end()
    code, said = ended(start())
    assert (code, f"no Ray cluster answers at '{cluster.address}'" in said) == (75, True), said


def test_a_cluster_that_does_not_answer_is_given_up(tmp_path, tiny_spec, monkeypatch):
    """As one whose head is frozen: there is a connection, and nothing comes."""
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setattr(ray_engine, "_SILENT_SECONDS", 3.0)
    source, out = ClipSource(tiny_spec), tmp_path / "out"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OSError, match="does not answer any more") as raised:
            materialize(source, out, clips=8, engine="ray", address=address)
    assert raised.value.errno == errno.ETIMEDOUT
    assert progress_of(out).status == "failed"
