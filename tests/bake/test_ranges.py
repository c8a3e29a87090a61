"""Any number of processes bake one store, each a range of its shards, without a word to others."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.patience import SECONDS, until
from trajdata import (
    ArgumentError,
    ClipSource,
    LockedError,
    ShardError,
    SpecMismatchError,
    bake_range,
    finish,
    materialize,
    open_shards,
    verify,
)
from trajdata._cli.app import app
from trajdata._store.names import COMMITS, TEMPS

CLIPS, SHARD = 94, 8
SHARDS = 12
PROGRAM = """
import sys
from trajdata import ClipSource, ClipSpec, bake_range
spec = ClipSpec().replace(frames=4, height=16, width=16)
first, last, clips, shard = map(int, sys.argv[2:6])
bake_range(sys.argv[1], range(first, last), ClipSource(spec), clips=clips, shard_clips=shard,
           threads=1)
"""


def data(folder):
    """What must be the same after any history."""
    paths = [*folder.glob("*.tar"), folder / "index.json", folder / "README.md"]
    paths += [*(folder / COMMITS).glob("*.json"), folder / ".trajdata" / "recipe.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("whole") / "out"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return data(folder)


def part(out, first, last, spec, **more):
    return bake_range(
        out, range(first, last), ClipSource(spec), clips=CLIPS, shard_clips=SHARD, **more
    )


def test_ranges_in_any_order_come_to_the_bytes_of_one_bake(tmp_path, whole, tiny_spec):
    out = tmp_path / "out"
    assert part(out, 6, 12, tiny_spec).shards_written == 6
    assert part(out, 0, 4, tiny_spec).shards_written == 4
    assert part(out, 2, 100, tiny_spec).shards_written == 2  # what overlaps is there already
    assert not (out / "index.json").exists()
    report = finish(out)
    assert (report.shards, report.clips, report.shards_written) == (SHARDS, CLIPS, 0)
    assert data(out) == whole
    assert verify(out, full=True).ok
    assert open_shards(out).clips == CLIPS


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, SHARDS), st.integers(0, SHARDS)), max_size=6),
    last=st.permutations([(0, 5), (4, 9), (9, SHARDS)]),
)
def test_every_split_into_overlapping_ranges_comes_to_the_same_bytes(
    tmp_path_factory, whole, tiny_spec, cuts, last
):
    out = tmp_path_factory.mktemp("split") / "out"
    for first, end in (*((min(cut), max(cut)) for cut in cuts), *last):
        part(out, first, end, tiny_spec)
    finish(out)
    assert data(out) == whole


@pytest.mark.slow
def test_processes_that_bake_and_are_killed_at_once_come_to_the_same_bytes(tmp_path, whole):
    out = tmp_path / "out"

    def start(first, last):
        words = [out, first, last, CLIPS, SHARD]
        return subprocess.Popen([sys.executable, "-c", PROGRAM, *map(str, words)])

    ranges = [(0, 8), (4, 12), (0, 12)]
    running = [start(*one) for one in ranges]
    commits = out / COMMITS
    until(
        lambda: (
            (commits.is_dir() and len(list(commits.iterdir())) >= 2)
            or any(process.poll() is not None for process in running)
        ),
        "two shards are committed",
    )
    running[0].send_signal(signal.SIGKILL)
    running[1].send_signal(signal.SIGKILL)
    assert running[2].wait(SECONDS) == 0
    for process in running[:2]:
        process.wait(SECONDS)
    again = [start(*one) for one in ranges]
    assert [process.wait(SECONDS) for process in again] == [0, 0, 0]
    finish(out)
    assert data(out) == whole
    assert list((out / TEMPS).iterdir()) == []


def test_threads_that_make_one_store_at_once_agree_on_its_recipe(tmp_path, whole, tiny_spec):
    out, errors = tmp_path / "out", []

    def bake(first):
        try:
            part(out, first, first + 3, tiny_spec, threads=1)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=bake, args=(first,)) for first in (0, 3, 6, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert errors == []
    finish(out)
    assert data(out) == whole


def test_a_range_of_another_stream_writes_not_one_byte(tmp_path, tiny_spec):
    out = tmp_path / "out"
    part(out, 0, 3, tiny_spec)
    before = {path: path.read_bytes() for path in out.rglob("*.tar")}
    with pytest.raises(SpecMismatchError, match="seed: asked for 1, it holds 0"):
        bake_range(out, range(3, 6), ClipSource(tiny_spec, seed=1), clips=CLIPS, shard_clips=SHARD)
    with pytest.raises(ArgumentError, match="only materialize makes it grow"):
        bake_range(out, range(3, 6), ClipSource(tiny_spec), clips=CLIPS + 50, shard_clips=SHARD)
    assert {path: path.read_bytes() for path in out.rglob("*.tar")} == before


def test_a_store_that_is_there_needs_no_source(tmp_path, whole, tiny_spec):
    out = tmp_path / "out"
    with pytest.raises(ArgumentError, match="there is no store yet"):
        bake_range(out, range(0, 3))
    assert not out.exists()
    part(out, 0, 1, tiny_spec)
    bake_range(out, range(1, SHARDS))
    finish(out)
    assert data(out) == whole


def test_finishing_names_what_is_still_to_be_baked(tmp_path, tiny_spec):
    out = tmp_path / "out"
    part(out, 2, 5, tiny_spec)
    part(out, 7, 8, tiny_spec)
    with pytest.raises(OSError, match="8 of 12 shards are still to be baked: 0:2, 5:7, 8:12"):
        finish(out)
    assert not (out / "index.json").exists()
    with pytest.raises(ArgumentError, match="allowed is a store that"):
        finish(tmp_path / "nowhere")


def test_finishing_bakes_a_damaged_shard_again(tmp_path, whole, tiny_spec):
    out = tmp_path / "out"
    part(out, 0, SHARDS, tiny_spec)
    shard = out / "train-000004.tar"
    held = bytearray(shard.read_bytes())
    held[5000] ^= 1
    shard.write_bytes(held)
    finish(out)
    assert data(out) == whole


def test_a_bake_alone_and_ranges_keep_out_of_each_others_way(tmp_path, tiny_spec):
    from tests.stores import store_of

    out = tmp_path / "out"
    part(out, 0, 1, tiny_spec)
    with store_of(out).lock(), pytest.raises(LockedError):
        part(out, 1, 2, tiny_spec)
    with store_of(out).join():
        part(out, 1, 2, tiny_spec)
        with pytest.raises(LockedError):
            materialize(ClipSource(tiny_spec), out, clips=CLIPS, shard_clips=SHARD)


def test_a_range_counts_what_others_commit(tmp_path, tiny_spec):
    from tests.stores import store_of
    from trajdata._bake.others import OthersCommits
    from trajdata._store.contents import read_contents

    out = tmp_path / "out"
    part(out, 0, 2, tiny_spec)
    store = store_of(out)
    others = OthersCommits(store, read_contents(store))
    assert others.new() == []
    part(out, 5, 7, tiny_spec)
    assert [commit.shard for commit in others.new()] == [5, 6]
    assert others.new() == []
    (out / COMMITS / "000009.json").write_text("{}")
    assert others.new() == []
    with pytest.raises(ShardError):
        read_contents(store)


@pytest.mark.parametrize("wrong", [range(0, 4, 2), range(4, 0, -1), (0, 4), "0:4", range(-1, 3)])
def test_what_is_no_range_is_refused(tmp_path, tiny_spec, wrong):
    with pytest.raises(ArgumentError, match=r"shards"):
        bake_range(tmp_path / "out", wrong, ClipSource(tiny_spec), clips=8)


def test_the_commands_bake_ranges_and_finish(tmp_path):
    out = tmp_path / "out"
    words = ["--preset", "magvit-32", "--clips", "40", "--shard-clips", "8"]
    run = CliRunner()
    made = run.invoke(app, ["bake-range", str(out), "--shards", "0:3", *words])
    assert made.exit_code == 0, made.output
    assert "wrote 3 shards" in made.output
    early = run.invoke(app, ["finish", str(out), "--json"])
    assert early.exit_code == 75
    assert "still to be baked: 3:5" in json.loads(early.stdout)["error"]
    assert run.invoke(app, ["bake-range", str(out), "--shards", "3:5"]).exit_code == 0
    assert "Done" in run.invoke(app, ["finish", str(out)]).output
    assert run.invoke(app, ["verify", str(out), "--full"]).exit_code == 0
    for wrong in (["--shards", "3"], ["--shards", "a:b"], ["--shards", "0:1", "--seed", "1"]):
        assert run.invoke(app, ["bake-range", str(out), *wrong]).exit_code == 2
