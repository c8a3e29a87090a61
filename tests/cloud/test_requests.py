"""What a bucket's store makes of a network and a server that fail."""

import errno
import re
from itertools import islice

import pytest

from tests.cloud.proxy import FAULTS, chaos_proxy
from tests.cloud.server import BUCKET, SECRET
from tests.stores import names_in
from trajdata import ArgumentError
from trajdata._store import bucket as module
from trajdata._store.bucket import BucketStore
from trajdata._store.opening import open_store
from trajdata._store.protocol import PAGE
from trajdata._store.ranges import put_bytes, read_whole

PASSING = tuple(fault for fault in FAULTS if fault not in ("expired", "flipped"))
"""Faults after which the same request may be answered otherwise. A flipped bit is no matter of
requests: what is read has a hash of its own."""


@pytest.fixture
def chaos(s3_environment, s3_endpoint, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "_REQUEST_SECONDS", 0.7)
    monkeypatch.setattr(module, "_LARGE_REQUEST_SECONDS", 0.7)
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield chaos


def once(fault):
    """Every first request on a path meets the fault, and no other."""
    met = set()

    def decide(method, path, number):
        new = (method, path) not in met
        met.add((method, path))
        return fault if new else None

    return decide


@pytest.mark.slow
@pytest.mark.parametrize("fault", PASSING)
def test_every_verb_outlasts_a_fault_that_passes(chaos, bucket, fault):
    chaos.decide = once(fault)
    store = BucketStore(bucket)
    put_bytes(store, "a", b"0123456789")
    assert store.size("a") == 10
    assert store.read("a", 2, 3) == b"234"
    assert bytes(store.view("a")) == b"0123456789"
    assert names_in(store, "") == ["a"]
    assert store.create("b", b"first")
    assert not store.create("b", b"second")
    assert store.read("b", 0, 10) == b"first"
    store.overwrite("b", b"over")
    assert store.read(store.set_aside("b"), 0, 10) == b"over"
    store.remove("a")
    assert store.size("a") is None
    assert chaos.faults >= 6


def test_a_create_whose_reply_was_lost_knows_its_own_object(chaos, bucket):
    store = BucketStore(bucket)
    chaos.decide = once("lost reply")
    assert store.create("recipe", b"ours")
    chaos.decide = once("lost reply")
    assert not store.create("recipe", b"others")
    assert store.read("recipe", 0, 10) == b"ours"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        *((fault, errno.EIO) for fault in ("500", "503", "409")),
        *((fault, errno.ETIMEDOUT) for fault in ("hung", "reset before")),
        ("expired", errno.EACCES),
    ],
)
def test_a_fault_that_stays_is_an_error_of_the_system_without_credentials(
    chaos, bucket, fault, code
):
    chaos.decide = lambda method, path, number: fault
    store = BucketStore(bucket)
    for act in (
        lambda: store.size("a"),
        lambda: store.read("a", 0, 1),
        lambda: put_bytes(store, "a", b"x"),
        lambda: store.create("a", b"x"),
        lambda: names_in(store, ""),
    ):
        with pytest.raises(OSError, match="bucket") as caught:
            act()
        assert caught.value.errno == code
        assert caught.value.filename.startswith(bucket)
        assert SECRET not in repr(caught.value) + str(caught.value)
        assert caught.value.__suppress_context__
    asked = 1 if fault == "expired" else module._ATTEMPTS
    assert set(chaos.paths.values()) <= {asked, 2 * asked, 3 * asked}


def test_a_put_that_fails_for_good_leaves_the_old_object(chaos, bucket):
    store = BucketStore(bucket)
    put_bytes(store, "a", b"old")
    chaos.decide = lambda method, path, number: "reset before" if method == "PUT" else None
    with pytest.raises(OSError, match="no answer in time"):
        put_bytes(store, "a", b"new")
    chaos.decide = lambda method, path, number: None
    assert read_whole(store, "a", 10) == b"old"
    assert names_in(store, "") == ["a"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://host/x", "s3://", "s3:///x", "s3://key:secret@bucket/x", "file:///tmp/x"),
        *(
            "s3://bucket/x?token=secret",
            "s3://bucket/a/../b",
            "s3://bucket/a//b",
            "s3://b/x#secret",
        ),
    ],
)
def test_a_url_of_another_kind_or_with_credentials_is_refused_without_showing_them(url):
    with pytest.raises(ArgumentError, match=re.escape("s3://bucket/prefix") + "|the prefix") as one:
        open_store(url)
    assert "secret" not in str(one.value)


def test_a_slash_at_the_end_changes_nothing(s3_environment):
    assert open_store(f"s3://{BUCKET}/x/").where == open_store(f"s3://{BUCKET}/x").where


def test_who_may_only_add_objects_keeps_what_would_be_discarded(bucket, monkeypatch):
    exceptions = pytest.importorskip("obstore").exceptions
    store = BucketStore(bucket)
    put_bytes(store, "a", b"0123456789")

    def refuse(names):
        raise exceptions.PermissionDeniedError("append only")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_discard", refuse)
        store.discard(["a", "b"])
    assert names_in(store, "") == ["a"]
    store.discard(["a", "b"])
    assert names_in(store, "") == []


def test_a_listing_goes_on_whatever_the_names_are(bucket, monkeypatch):
    names = [f"x/{chr(0x10FFFF)}{number:06d}" for number in range(2 * PAGE)] + ["y"]

    class Server:
        def list(self, prefix, *, offset, chunk_size):
            left = [name for name in names if offset is None or name > offset]
            return iter([[{"path": name, "size": 1} for name in left[:chunk_size]]])

    store = BucketStore(bucket)
    monkeypatch.setattr(store, "_small", Server())
    pages = list(islice(store.list(""), 10))
    assert len(pages) < 10
    assert {listed.name for page in pages for listed in page} == {"x", "y"}
