"""Sync from and to a bucket, through a network that does what networks do, and through kills."""

import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.bake.test_ranges import data as data_of_folder
from tests.cloud.proxy import FAULTS, chaos_proxy
from tests.cloud.test_bake import data
from tests.patience import SECONDS, until
from tests.stores import names_in
from trajdata import ClipSource, ShardError, bake_range, finish, materialize, sync, verify
from trajdata._cli.app import app
from trajdata._store import bucket as bucket_module
from trajdata._store.bucket import BucketStore
from trajdata._store.names import COMMITS

CLIPS, SHARD = 60, 8
SHARDS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("origin") / "from"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


def same(folder):
    """What a bucket with the bytes of a folder holds."""
    return {name: held for name, held in data_of_folder(folder).items() if "recipe" not in name}


def test_from_a_folder_to_a_bucket_to_a_bucket_to_a_folder(folder, bucket, tmp_path):
    assert sync(folder, f"{bucket}/one").shards_copied == SHARDS
    assert data(f"{bucket}/one") == same(folder)
    assert sync(f"{bucket}/one", f"{bucket}/two").shards_copied == SHARDS
    assert sync(f"{bucket}/two", tmp_path / "to").shards_copied == SHARDS
    assert data_of_folder(tmp_path / "to") == data_of_folder(folder)
    assert sync(f"{bucket}/two", tmp_path / "to").shards_copied == 0
    assert verify(f"{bucket}/two", full=True).ok


def test_of_a_bucket_only_hashes_are_read_to_render_it(folder, bucket, tmp_path, s3_endpoint):
    sync(folder, bucket)
    with chaos_proxy(s3_endpoint) as (endpoint, chaos), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        report = sync(bucket, tmp_path / "to", render=True)
        fetched = [path for method, path in chaos.paths if method == "GET"]
    assert not [path for path in fetched if path.endswith(".tar")]
    assert report.bytes_travelled < 30_000 < report.bytes_saved
    assert data_of_folder(tmp_path / "to") == data_of_folder(folder)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(bucket_module, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(bucket_module, "_REQUEST_SECONDS", 0.7)
    monkeypatch.setattr(bucket_module, "_LARGE_REQUEST_SECONDS", 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "expired"])
def test_a_fault_that_passes_changes_nothing(
    folder, bucket, tmp_path, s3_endpoint, monkeypatch, hasty, fault
):
    sync(folder, f"{bucket}/from")
    met = set()

    def decide(method, path, number):
        if fault == "flipped":  # what is read has hashes: of a shard, the first time
            if method != "GET" or ".tar" not in path or path in met:
                return None
            met.add(path)
            return fault
        return fault if number % (15 if fault == "hung" else 5) == 0 else None

    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        chaos.hang_seconds = 1.0
        chaos.decide = decide
        sync(f"{bucket}/from", tmp_path / "to")
        sync(tmp_path / "to", f"{bucket}/back")
        assert chaos.faults >= 5
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    assert data_of_folder(tmp_path / "to") == data_of_folder(folder)
    assert data(f"{bucket}/back") == same(folder)


def test_a_shard_that_always_comes_otherwise_is_named_and_nothing_of_it_stays(
    folder, bucket, tmp_path, s3_endpoint, monkeypatch
):
    sync(folder, bucket)
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        chaos.decide = lambda method, path, number: (
            "flipped" if method == "GET" and "train-000002.tar" in path else None
        )
        with pytest.raises(ShardError, match=r"train-000002.tar.*expected .* found "):
            sync(bucket, tmp_path / "to")
    names = {path.name for path in (tmp_path / "to").glob("*.tar")}
    assert len(names) == SHARDS - 1
    assert "train-000002.tar" not in names


def test_a_server_that_is_down_ends_with_75_and_the_next_run_goes_on(
    folder, bucket, tmp_path, s3_endpoint, monkeypatch, hasty
):
    run, out = CliRunner(), tmp_path / "to"
    sync(folder, f"{bucket}/from")
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        chaos.decide = lambda method, path, number: (
            "reset before" if method == "GET" and "train-000005.tar" in path else None
        )
        ended = run.invoke(app, ["sync", f"{bucket}/from", str(out), "--json"])
        assert ended.exit_code == 75
        assert "no answer in time" in json.loads(ended.stdout)["error"]
        for fault in ("503", "expired"):
            chaos.decide = lambda method, path, number, fault=fault: fault
            for words in ([f"{bucket}/from", str(out)], [str(folder), f"{bucket}/new"]):
                assert run.invoke(app, ["sync", *words]).exit_code == 75
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    done = run.invoke(app, ["sync", f"{bucket}/from", str(out)])
    assert done.exit_code == 0
    assert "there before" in done.stdout
    assert data_of_folder(out) == data_of_folder(folder)


@pytest.mark.slow
def test_a_command_that_follows_into_a_bucket_is_killed_and_comes_to_the_same_bytes(
    folder, bucket, tmp_path, tiny_spec
):
    part, store = tmp_path / "part", BucketStore(bucket)
    bake_range(part, range(3), ClipSource(tiny_spec), clips=CLIPS, shard_clips=SHARD)
    command = [sys.executable, "-m", "trajdata", "sync", str(part), bucket, "--follow"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(
            lambda: len(names_in(store, COMMITS)) >= 1 or process.poll() is not None, "it commits"
        )
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        bake_range(part, range(SHARDS))
        finish(part)
        assert process.wait(SECONDS) == 0
    assert data(bucket) == same(folder)


@pytest.mark.slow
def test_two_syncs_into_one_bucket_at_once_come_to_the_same_bytes(folder, bucket):
    command = [sys.executable, "-m", "trajdata", "sync", str(folder), bucket]
    both = [
        subprocess.Popen([*command, *words], stderr=subprocess.DEVNULL)
        for words in ([], ["--render"])
    ]
    assert [process.wait(SECONDS) for process in both] == [0, 0]
    assert data(bucket) == same(folder)
