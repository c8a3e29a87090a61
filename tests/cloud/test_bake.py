"""A bake into a bucket is the bake into a folder, whatever is killed and whoever else bakes."""

import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.cloud.proxy import chaos_proxy
from tests.patience import SECONDS, until
from tests.stores import names_in
from trajdata import (
    ArgumentError,
    ClipSource,
    SpecMismatchError,
    materialize,
    repair,
    verify,
)
from trajdata._cli.app import app
from trajdata._store.bucket import BucketStore
from trajdata._store.names import COMMITS
from trajdata._store.ranges import put_bytes

CLIPS, SHARD = 60, 8
PROGRAM = """
import sys
from trajdata import ClipSource, ClipSpec, materialize
spec = ClipSpec().replace(frames=4, height=16, width=16)
clips, shard = map(int, sys.argv[2:4])
materialize(ClipSource(spec), sys.argv[1], clips=clips, shard_clips=shard, threads=2)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("whole") / "out"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return data_of_folder(folder)


def data_of_folder(folder):
    names = [*folder.glob("*.tar"), folder / "index.json", folder / "README.md"]
    records = (folder / COMMITS).glob("*.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in (*names, *records)}


def data(url):
    """What must be the same after any history: the shards, index, card and commit records."""
    store = BucketStore(url)
    names = [name for name in names_in(store, "") if name.endswith(".tar")]
    names += ["index.json", "README.md"]
    names += [f"{COMMITS}/{name}" for name in names_in(store, COMMITS)]
    return {name: bytes(store.view(name)) for name in names}


@pytest.mark.slow
def test_a_bake_has_the_bytes_of_a_folder(bucket, whole, tiny_spec):
    report = materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    assert (report.where, report.clips_written) == (bucket, CLIPS)
    assert data(bucket) == whole
    assert verify(bucket, full=True, rerender=5).ok
    assert verify(bucket).ok
    again = materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    assert again.clips_written == 0


def test_a_bake_grows(bucket, whole, tiny_spec):
    materialize(ClipSource(tiny_spec), bucket, clips=CLIPS // 2 + 1, shard_clips=SHARD)
    materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    assert data(bucket) == whole


def test_another_stream_is_refused_and_nothing_is_written(bucket, tiny_spec):
    materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    before = data(bucket)
    with pytest.raises(SpecMismatchError, match="seed: asked for 1, it holds 0"):
        materialize(ClipSource(tiny_spec, seed=1), bucket, clips=CLIPS, shard_clips=SHARD)
    assert data(bucket) == before


def test_objects_of_others_are_not_written_over(bucket, tiny_spec):
    BucketStore(bucket).put("train-000000.tar", [memoryview(b"theirs")], 6)
    with pytest.raises(ArgumentError, match=r"has 'train-000000.tar' and no"):
        materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    assert BucketStore(bucket).read("train-000000.tar", 0, 10) == b"theirs"


@pytest.mark.slow
def test_a_killed_bake_resumes_to_the_same_bytes(bucket, whole):
    command = [sys.executable, "-c", PROGRAM, bucket, str(CLIPS), str(SHARD)]
    store = BucketStore(bucket)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(
            lambda: len(names_in(store, COMMITS)) >= 2 or process.poll() is not None, "it commits"
        )
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    subprocess.run(command, check=True, timeout=SECONDS)
    assert data(bucket) == whole


@pytest.mark.slow
def test_two_bakes_at_once_come_to_the_same_bytes(bucket, whole):
    command = [sys.executable, "-c", PROGRAM, bucket, str(CLIPS), str(SHARD)]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(SECONDS) for process in both] == [0, 0]
    assert data(bucket) == whole


def test_what_is_lost_or_damaged_is_found_and_made_again(bucket, whole, tiny_spec):
    materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    store = BucketStore(bucket)
    store.remove("train-000001.tar")
    damaged = bytearray(store.view("train-000003.tar"))
    damaged[5000] ^= 1
    store.put("train-000003.tar", [memoryview(damaged)], len(damaged))
    assert [problem.kind for problem in verify(bucket, full=True).problems] == ["missing", "shard"]
    report = repair(bucket)
    assert report.shards_rendered == ("train-000001.tar", "train-000003.tar")
    assert data(bucket) == whole


def test_a_server_that_fails_for_a_while_ends_a_bake_with_75_and_the_next_one_goes_on(
    s3_environment, s3_endpoint, bucket, whole, monkeypatch
):
    from trajdata._store import bucket as module

    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.01)
    words = ["materialize", "--preset", "magvit-32", "--set", "frames=4", "--set", "height=16"]
    words += ["--set", "width=16", "--clips", str(CLIPS), "--shard-clips", str(SHARD)]
    for name in ("radius", "depth", "speed"):
        words += ["--set", f"held_out_{name}=null"]
    words += ["--out", bucket, "--json"]
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        chaos.decide = lambda method, path, number: (
            "503" if "train-000003.tar" in path and method == "PUT" else None
        )
        failed = CliRunner().invoke(app, words)
        assert failed.exit_code == 75
        assert "the bucket answered 503" in json.loads(failed.stdout)["error"]
        told = CliRunner().invoke(app, ["status", bucket, "--json"])
        assert json.loads(told.stdout)["status"] == "failed"
        chaos.decide = lambda method, path, number: "lost reply" if number % 5 == 0 else None
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0
        assert chaos.faults > 10
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    assert data(bucket) == whole


def test_every_command_takes_a_url(bucket, tmp_path):
    words = ["--preset", "magvit-32", "--clips", "20", "--shard-clips", "8", "--out", bucket]
    run = CliRunner()
    made = run.invoke(app, ["materialize", *words])
    assert made.exit_code == 0, made.output
    assert f"Done: {bucket} holds 20 clips" in made.output
    assert "20 of 20" in run.invoke(app, ["status", bucket]).output
    assert "done: 20 of 20" in run.invoke(app, ["watch", bucket]).output
    assert run.invoke(app, ["verify", bucket, "--full"]).exit_code == 0
    assert "nothing was damaged" in run.invoke(app, ["repair", bucket]).output
    shown = run.invoke(app, ["preview", bucket, "--out", str(tmp_path / "p.png")])
    assert "shows 8 clips" in shown.output
    detached = run.invoke(app, ["materialize", *words, "--detach"])
    assert detached.exit_code == 2
    assert "allowed is a folder" in detached.output


def test_no_credential_is_in_what_a_bake_writes(bucket, tiny_spec):
    from tests.cloud.server import KEY, SECRET

    materialize(ClipSource(tiny_spec), bucket, clips=8, shard_clips=8)
    store = BucketStore(bucket)
    names = [*names_in(store, ""), *(f".trajdata/{name}" for name in names_in(store, ".trajdata"))]
    for name in names:
        if store.size(name) is not None:
            assert SECRET.encode() not in bytes(store.view(name))
            assert KEY.encode() not in bytes(store.view(name))


def test_without_obstore_the_extra_is_named(tmp_path):
    program = (
        "import sys; sys.modules['obstore'] = None; sys.modules['obstore.store'] = None\n"
        "from trajdata._cli import main\n"
        "sys.argv = ['trajdata', 'status', 's3://bucket/x']\n"
        "main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS
    )
    assert run.returncode == 1
    assert "pip install 'trajdata-video[cloud]'" in run.stderr


def test_a_folder_is_a_copy_of_a_bucket_and_the_other_way_round(bucket, whole, tmp_path, tiny_spec):
    materialize(ClipSource(tiny_spec), bucket, clips=CLIPS, shard_clips=SHARD)
    other = BucketStore(f"{bucket}/copied")
    for name, held in data(bucket).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(held)
    assert verify(tmp_path, full=True).ok
    for name in whole:
        put_bytes(other, name, (tmp_path / name).read_bytes())
    assert verify(other.where, full=True).ok
    assert data(other.where) == whole
