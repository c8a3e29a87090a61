"""A store is brought into another one: whole shards, each with the hash that was promised."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from tests.bake.test_ranges import data
from tests.patience import SECONDS, until
from tests.stores import progress_of, store_of
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
    sync,
    verify,
)
from trajdata._bake import takeover as module
from trajdata._cli.app import app
from trajdata._store.names import COMMITS, RECIPE, TEMPS

CLIPS, SHARD = 94, 8
SHARDS = 12


@pytest.fixture(scope="module")
def origin(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("origin") / "from"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


@pytest.fixture
def part(tmp_path, tiny_spec):
    """A store of which five shards are committed."""
    folder = tmp_path / "part"
    bake_range(folder, range(5), ClipSource(tiny_spec), clips=CLIPS, shard_clips=SHARD)
    return folder


def tree(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shard_bytes(folder):
    return sum(path.stat().st_size for path in folder.glob("*.tar"))


def test_a_copy_is_the_same_bytes_and_reads_as_well(origin, tmp_path):
    before = tree(origin)
    report = sync(origin, tmp_path / "to")
    assert data(tmp_path / "to") == data(origin)
    assert (tmp_path / "to/preview.png").read_bytes() == (origin / "preview.png").read_bytes()
    assert tree(origin) == before
    assert (report.shards_copied, report.shards_rendered, report.complete) == (SHARDS, 0, True)
    assert report.bytes_travelled > shard_bytes(origin)
    assert report.bytes_saved == 0
    assert verify(tmp_path / "to", full=True).ok
    assert open_shards(tmp_path / "to").clips == CLIPS
    told = progress_of(tmp_path / "to")
    assert (told.status, told.clips_done) == ("done", CLIPS)
    assert told.resume_command.startswith("trajdata sync ")


def test_a_second_sync_brings_nothing(origin, tmp_path):
    sync(origin, tmp_path / "to")
    before = tree(tmp_path / "to")
    report = sync(origin, tmp_path / "to")
    assert report.shards_copied == 0
    assert report.bytes_travelled < 20_000
    assert report.bytes_saved == shard_bytes(origin)
    assert tree(tmp_path / "to") == before


def test_with_render_only_recipe_and_hashes_travel(origin, tmp_path):
    report = sync(origin, tmp_path / "to", render=True)
    assert data(tmp_path / "to") == data(origin)
    assert (report.shards_copied, report.shards_rendered) == (0, SHARDS)
    assert report.bytes_travelled < 30_000 < report.bytes_saved == shard_bytes(origin)


def test_with_render_the_shards_need_not_be_there(origin, tmp_path, part):
    for shard in part.glob("*.tar"):
        shard.unlink()
    report = sync(part, tmp_path / "to", render=True)
    assert (report.shards_rendered, report.complete) == (5, False)
    assert data_of_shards(tmp_path / "to") == dict(list(data_of_shards(origin).items())[:5])


def data_of_shards(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.tar"))}


def test_with_render_other_bytes_than_promised_are_not_kept(tmp_path, part):
    from dataclasses import replace

    from tests.stores import commit_of

    wrong = replace(commit_of(part, 2), sha256="0" * 64)
    (part / COMMITS / "000002.json").write_bytes(wrong.to_bytes())
    with pytest.raises(ShardError, match=f"expected SHA-256 {'0' * 64} when rendered again"):
        sync(part, tmp_path / "to", render=True, threads=1)
    assert not (tmp_path / "to/train-000002.tar").exists()
    assert progress_of(tmp_path / "to").status == "failed"


def test_what_is_committed_so_far_is_brought_and_the_rest_by_the_next_sync(origin, tmp_path, part):
    first = sync(part, tmp_path / "to")
    assert (first.shards_present, first.shards_copied, first.complete) == (5, 5, False)
    assert not (tmp_path / "to/index.json").exists()
    assert progress_of(tmp_path / "to").status == "interrupted"
    bake_range(part, range(SHARDS))
    finish(part)
    second = sync(part, tmp_path / "to")
    assert (second.shards_copied, second.complete) == (SHARDS - 5, True)
    assert second.bytes_saved > 0
    assert data(tmp_path / "to") == data(origin)


@pytest.mark.parametrize("render", [False, True])
def test_a_bake_is_followed_to_its_end(origin, tmp_path, part, monkeypatch, render):
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(module, "TICK_SECONDS", 0.05)
    reports, told = [], []

    def go():
        reports.append(
            sync(part, tmp_path / "to", follow=True, render=render, on_progress=told.append)
        )

    following = threading.Thread(target=go)
    following.start()
    until(lambda: told and "waiting for" in told[-1].message, "all so far is here")
    assert len(list((tmp_path / "to").glob("*.tar"))) == 5
    bake_range(part, range(5, 9))
    until(lambda: len(list((tmp_path / "to" / COMMITS).iterdir())) == 9, "four more came")
    assert not (tmp_path / "to/index.json").exists()
    bake_range(part, range(9, SHARDS))
    finish(part)
    following.join(SECONDS)
    assert reports[0].complete
    assert data(tmp_path / "to") == data(origin)


def test_a_store_that_grows_while_it_is_followed_is_for_the_next_sync(
    tmp_path, part, monkeypatch, tiny_spec
):
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)

    def grow(report):
        if "waiting for" in report.message:
            materialize(ClipSource(tiny_spec), part, clips=CLIPS + 20, shard_clips=SHARD)

    with pytest.raises(OSError, match="it grew") as caught:
        sync(part, tmp_path / "to", follow=True, on_progress=grow)
    assert caught.value.errno == errno.EAGAIN
    sync(part, tmp_path / "to", follow=True)
    assert data(tmp_path / "to") == data(part)


def test_a_copy_grows_as_its_origin_grew(tmp_path, tiny_spec):
    origin = tmp_path / "from"
    materialize(ClipSource(tiny_spec), origin, clips=20, shard_clips=SHARD)
    sync(origin, tmp_path / "to")
    materialize(ClipSource(tiny_spec), origin, clips=50, shard_clips=SHARD)
    report = sync(origin, tmp_path / "to")
    assert report.shards_copied == 5  # the short last one again, and four new ones
    assert data(tmp_path / "to") == data(origin)
    materialize(ClipSource(tiny_spec), tmp_path / "to", clips=60, shard_clips=SHARD)
    with pytest.raises(ArgumentError, match="never shrinks"):
        sync(origin, tmp_path / "to")


def test_another_stream_is_refused_and_nothing_is_written(origin, tmp_path, tiny_spec):
    other = tmp_path / "to"
    materialize(ClipSource(tiny_spec, seed=1), other, clips=CLIPS, shard_clips=SHARD)
    before = tree(other)
    with pytest.raises(SpecMismatchError, match="seed: asked for 0, it holds 1"):
        sync(origin, other)
    assert tree(other) == before
    with pytest.raises(ArgumentError, match="which is the store to read too"):
        sync(other, other)
    with pytest.raises(ArgumentError, match="allowed is a store that"):
        sync(tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/train-000000.tar").write_bytes(b"theirs")
    with pytest.raises(ArgumentError, match=r"has 'train-000000.tar' and no"):
        sync(origin, tmp_path / "foreign")


def test_a_locked_store_is_left_alone(origin, tmp_path, part):
    before = data_of_shards(part)
    with store_of(part).lock(), pytest.raises(LockedError):
        sync(origin, part)
    assert data_of_shards(part) == before


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "gone", "link"])
def test_a_damaged_shard_is_named_and_nothing_of_it_stays(tmp_path, part, damage):
    shard = part / "train-000003.tar"
    held = shard.read_bytes()
    if damage == "flipped":
        # A pixel, which only the hash tells.
        shard.write_bytes(held[:1500] + bytes([held[1500] ^ 1]) + held[1501:])
    elif damage == "short":
        shard.write_bytes(held[:-512])
    elif damage == "long":
        shard.write_bytes(held + bytes(512))
    else:
        shard.unlink()
        if damage == "link":
            shard.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ShardError, match=r"train-000003.tar.*expected .*, found ") as caught:
        sync(part, tmp_path / "to")
    assert caught.value.file == str(shard)
    # The sound ones are there, and of this one nothing.
    assert sorted(data_of_shards(tmp_path / "to")) == [
        f"train-{shard:06d}.tar" for shard in (0, 1, 2, 4)
    ]
    assert list((tmp_path / "to" / TEMPS).iterdir()) == []
    assert len(list((tmp_path / "to" / COMMITS).iterdir())) == 4
    told = progress_of(tmp_path / "to")
    assert (told.status, told.clips_done) == ("failed", 4 * SHARD)


def test_a_flipped_bit_that_passes_is_read_again(origin, tmp_path, monkeypatch):
    from trajdata._store.folder import FolderStore

    flipped, read = set(), FolderStore.read

    def once(store, name, start, size):
        found = read(store, name, start, size)
        if name.endswith(".tar") and name not in flipped and len(found) > 3000:
            flipped.add(name)
            return found[:3000] + bytes([found[3000] ^ 1]) + found[3001:]
        return found

    monkeypatch.setattr(FolderStore, "read", once)
    assert sync(origin, tmp_path / "to").complete
    assert len(flipped) == SHARDS
    assert data(tmp_path / "to") == data(origin)


def test_stores_that_promise_different_shards_are_left_as_they_are(origin, tmp_path, part):
    from dataclasses import replace

    from tests.stores import commit_of

    wrong = replace(commit_of(part, 2), sha256="0" * 64)
    (part / COMMITS / "000002.json").write_bytes(wrong.to_bytes())
    before = tree(part)
    with pytest.raises(ShardError, match=r"as .* promises it, found 000.* here has it"):
        sync(origin, part)
    assert tree(part) == before


def test_what_was_damaged_since_an_earlier_sync_is_copied_again(origin, tmp_path):
    out = tmp_path / "to"
    sync(origin, out)
    (out / "index.json").unlink()
    held = (out / "train-000004.tar").read_bytes()
    (out / "train-000004.tar").write_bytes(held[:5000] + bytes([held[5000] ^ 1]) + held[5001:])
    assert sync(origin, out).shards_copied == 1
    assert data(out) == data(origin)


@pytest.mark.parametrize("what", [RECIPE, "index.json", f"{COMMITS}/000001.json"])
def test_a_damaged_file_of_the_origin_is_refused_before_anything_is_written(origin, tmp_path, what):
    import shutil

    hostile = tmp_path / "from"
    shutil.copytree(origin, hostile)
    held = (hostile / what).read_bytes()
    (hostile / what).write_bytes(held.replace(b'"seed": 0', b'"seed": 1', 1))
    with pytest.raises(ShardError):
        sync(hostile, tmp_path / "to")
    (hostile / what).write_bytes(b"[" * 100_000)
    with pytest.raises(ShardError):
        sync(hostile, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_links_of_the_origin_are_not_followed_and_links_in_the_target_not_written(origin, tmp_path):
    import shutil

    hostile, secret = tmp_path / "from", tmp_path / "secret"
    shutil.copytree(origin, hostile)
    secret.write_bytes(b"\x89PNG\r\n\x1a\n secret")
    (hostile / "preview.png").unlink()
    (hostile / "preview.png").symlink_to(secret)
    sync(hostile, tmp_path / "to")
    assert not (tmp_path / "to/preview.png").exists()
    assert verify(tmp_path / "to", full=True).ok

    out = tmp_path / "other"
    (out / ".trajdata").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (out / ".trajdata/commits").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ShardError, match="found a link"):
        sync(origin, out)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_preview_that_is_no_picture_is_left_behind(origin, tmp_path):
    import shutil

    hostile = tmp_path / "from"
    shutil.copytree(origin, hostile)
    (hostile / "preview.png").write_bytes(b"\x1b[2Jno picture")
    sync(hostile, tmp_path / "to")
    assert not (tmp_path / "to/preview.png").exists()


def test_a_sync_that_is_interrupted_says_so_and_goes_on(origin, tmp_path):
    out = tmp_path / "to"

    def stop(report):
        if report.shards_done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(origin, out, threads=1, on_progress=stop)
    told = progress_of(out)
    assert told.status == "interrupted"
    assert 2 <= told.shards_done < SHARDS
    assert list((out / TEMPS).iterdir()) == []
    sync(origin, out)
    assert data(out) == data(origin)


def is_told_by(process, out):
    """Whether the store's report is of this process, which minds signals by then."""
    report = progress_of(out)
    return report is not None and report.pid == process.pid


@pytest.mark.slow
def test_the_command_that_is_killed_while_it_follows_comes_to_the_same_bytes(
    origin, tmp_path, part
):
    out = tmp_path / "to"
    command = [sys.executable, "-m", "trajdata", "sync", str(part), str(out), "--follow"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: len(list(out.glob("*.tar"))) >= 2 or process.poll() is not None, "it copies")
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: is_told_by(process, out) or process.poll() is not None, "it tells of itself")
        until(lambda: len(list(out.glob("*.tar"))) == 5 or process.poll() is not None, "it copies")
        process.send_signal(signal.SIGTERM)
        assert "To resume:" in process.communicate(timeout=SECONDS)[1]
        assert process.returncode == 130
    bake_range(part, range(SHARDS))
    finish(part)
    subprocess.run(command, check=True, timeout=SECONDS)
    assert data(out) == data(origin)


def test_the_command_tells_what_travelled(origin, tmp_path, part, tiny_spec):
    run = CliRunner()
    done = run.invoke(app, ["sync", str(origin), str(tmp_path / "to")])
    assert done.exit_code == 0, done.output
    assert f"holds {CLIPS} clips; 12 shards copied." in done.stdout
    assert "1.2 MB travelled, 0 bytes did not have to." in done.stdout
    told = run.invoke(app, ["sync", str(part), str(tmp_path / "some"), "--render", "--json"])
    answer = json.loads(told.stdout)
    assert (answer["shards_rendered"], answer["complete"]) == (5, False)
    more = run.invoke(app, ["sync", str(part), str(tmp_path / "some")])
    assert "5 of 12 shards: 5 shards there before" in more.stdout
    assert "is unfinished: run this again later, or with --follow" in more.stdout


def test_the_command_ends_with_the_codes_of_a_bake(origin, tmp_path, part, tiny_spec):
    run = CliRunner()
    other = tmp_path / "other"
    bake_range(other, range(1), ClipSource(tiny_spec, seed=1), clips=CLIPS, shard_clips=SHARD)
    assert run.invoke(app, ["sync", str(origin), str(other)]).exit_code == 3
    with store_of(part).lock():
        assert run.invoke(app, ["sync", str(origin), str(part)]).exit_code == 4
    assert run.invoke(app, ["sync", str(tmp_path / "no"), str(part)]).exit_code == 2
    assert run.invoke(app, ["sync", str(origin)]).exit_code == 2
    os.truncate(part / "train-000001.tar", 700)
    damaged = run.invoke(app, ["sync", str(part), str(tmp_path / "to"), "--json"])
    assert damaged.exit_code == 1
    assert "found 700 bytes" in json.loads(damaged.stdout)["error"]


def test_no_control_character_of_an_origin_reaches_the_terminal(tmp_path, part):
    record = part / COMMITS / "\x1b[2J.json"
    record.write_bytes(b"{}")
    ended = CliRunner().invoke(app, ["sync", str(part), str(tmp_path / "to")])
    assert ended.exit_code == 1
    assert "\x1b" not in ended.output
    assert "000001" not in ended.output
