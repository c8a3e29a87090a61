"""Choosing what bakes, and what a node of a cluster makes sure of before it does."""

import errno
import importlib.util
import pickle
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.stores import names_in, store_of, write_recipe
from trajdata import ArgumentError, ClipSource, ShardError, materialize
from trajdata._bake.agreement import agree
from trajdata._bake.engines.choice import chosen_engine
from trajdata._bake.engines.ray_engine import RayEngine
from trajdata._bake.engines.ray_site import Site, opened_site, sample_sha256
from trajdata._bake.engines.threads import ThreadsEngine
from trajdata._bake.meter import Meter
from trajdata._bake.task import ShardTask, bake_shard
from trajdata._cli.app import app
from trajdata._store.names import RECIPE, TEMPS

CLIPS, SHARD = 60, 8


@pytest.fixture
def begun(tmp_path, tiny_spec):
    """A folder that a bake has begun, and its recipe."""
    store = store_of(tmp_path / "out")
    recipe = agree(store, ClipSource(tiny_spec), clips=CLIPS, fields=None, shard_clips=SHARD)
    with store.lock():
        store.create(RECIPE, recipe.to_bytes())
    return store, recipe


@pytest.fixture
def is_installed(monkeypatch):
    """Makes it look as if Ray were installed, or not."""
    found = importlib.util.find_spec

    def pretend(is_there):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None: is_there if name == "ray" else found(name, package),
        )

    return pretend


def test_an_engine_is_chosen_by_its_name_and_threads_are_what_is_not_named(is_installed):
    is_installed(True)
    assert chosen_engine("threads", None, 3) == ThreadsEngine(3)
    assert chosen_engine("ray", None, 3) == RayEngine("auto")
    assert chosen_engine("ray", "head:6379", 3).words == (
        *("--engine", "ray", "--address", "head:6379"),
    )


@pytest.mark.parametrize(
    ("engine", "address", "text"),
    [
        ("rays", None, "engine: given 'rays'; allowed are threads, ray"),
        ("threads", "auto", "address: given 'auto'; allowed only with engine 'ray'"),
        ("ray", "head", "address: given 'head'; allowed is 'auto' or HOST:PORT"),
        ("ray", "ray://head:1", "address: given 'ray://head:1'; allowed is 'auto' or HOST:PORT"),
    ],
)
def test_an_engine_or_address_that_is_none_writes_nothing(
    tmp_path, tiny_spec, engine, address, text, is_installed
):
    is_installed(True)
    out = tmp_path / "out"
    with pytest.raises(ArgumentError, match=text):
        materialize(ClipSource(tiny_spec), out, clips=8, engine=engine, address=address)
    assert not out.exists()


def test_without_ray_the_command_names_the_extra(tmp_path, is_installed):
    is_installed(None)
    words = ["materialize", "--clips", "8", "--out", str(tmp_path / "out"), "--engine", "ray"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 1
    assert "this needs ray, which is not installed: pip install 'trajdata-video[ray]'" in ran.output
    assert not (tmp_path / "out").exists()


def test_a_node_that_sees_no_store_or_another_one_bakes_nothing(tmp_path, begun):
    store, recipe = begun
    elsewhere = Site(store_of(tmp_path / "elsewhere"), recipe, sample_sha256(recipe))
    with pytest.raises(OSError, match="all nodes must see the same store") as raised:
        opened_site(pickle.dumps(elsewhere))
    assert (raised.value.errno, "finds no store" in str(raised.value)) == (errno.ESTALE, True)
    site = opened_site(pickle.dumps(Site(store, recipe, sample_sha256(recipe))))
    write_recipe(tmp_path / "out", replace(recipe, clips=CLIPS + SHARD))  # the store has grown
    with pytest.raises(OSError, match="finds another recipe") as raised:
        site.bake(recipe.shards - 1, None, None)
    assert raised.value.errno == errno.ESTALE
    assert not list((tmp_path / "out").glob("*.tar"))
    assert names_in(store, TEMPS) == []


def test_a_store_that_grows_while_a_node_sleeps_keeps_its_shard(begun, tmp_path, monkeypatch):
    store, recipe = begun
    site = opened_site(pickle.dumps(Site(store, recipe, sample_sha256(recipe))))
    check = Site.check_store

    def sleep_once(self):
        check(self)
        monkeypatch.setattr(Site, "check_store", check)
        write_recipe(tmp_path / "out", replace(recipe, clips=CLIPS + SHARD))

    monkeypatch.setattr(Site, "check_store", sleep_once)
    with pytest.raises(OSError, match="finds another recipe"):
        site.bake(recipe.shards - 1, None, None)
    assert not list((tmp_path / "out").glob("*.tar"))


def test_a_node_that_renders_other_bytes_bakes_nothing(begun):
    store, recipe = begun
    with pytest.raises(ShardError, match=r"expected SHA-256 00.* of a sample of clips"):
        opened_site(pickle.dumps(Site(store, recipe, "0" * 64)))


def test_a_writer_that_sleeps_while_its_temp_is_cleared_does_not_commit_anothers(begun):
    """The next bake clears the temps of a node that was frozen, and writes the same shard."""
    store, recipe = begun
    sleeper, other = pickle.loads(pickle.dumps(store)), pickle.loads(pickle.dumps(store))
    task = ShardTask(recipe, 0)
    temps = []

    def wake_up(clips):
        if clips > 0:
            temps.append(names_in(store, TEMPS))

    def sleep(clips):
        if clips > 0:
            temps.append(names_in(store, TEMPS))
            assert store.clear_temps() == 1
            bake_shard(task, other, on_clips=wake_up)

    with pytest.raises(FileNotFoundError):
        bake_shard(task, sleeper, on_clips=sleep)
    assert len(temps) == 2
    assert temps[0] != temps[1]
    assert names_in(store, TEMPS) == []


def test_the_rate_of_a_node_is_that_of_the_last_minute(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("trajdata._bake.meter.time.monotonic", lambda: now[0])
    meter = Meter(
        store_of(tmp_path), split="train", seed=3, clips_total=100, shards_total=10,
        bytes_total=1000, class_counts={"linear": 0}, shards_done=0, bytes_done=0,
        resume_command="",
    )  # fmt: skip
    assert meter.report("running", "").nodes == {}
    meter.baking_begins()
    now[0] += 10
    meter.count_clips_of_node("b", 50)
    meter.count_clips_of_node("a", 20)
    report = meter.report("running", "")
    assert report.nodes == {"a": 2.0, "b": 5.0}
    assert list(report.nodes) == ["a", "b"]
    assert "nodes        a 2 clips/s, b 5 clips/s\n" in report.to_text()
    now[0] += 61
    meter.count_clips_of_node("a", 60)
    assert meter.report("running", "").nodes == {"a": 1.0, "b": 0.0}
