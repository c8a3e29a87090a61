"""Batches in shared slots that are used again: never changed under who keeps them."""

import copy
import gc
import itertools
import mmap
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

from tests.patience import SECONDS, until
from trajdata import ClipSource, Output, TrajectoryDataset, open_shards, read_through
from trajdata._loading.arrays import ArrayShape
from trajdata._loading.transport import memory, sender
from trajdata._loading.transport.sender import Sender

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc"),
]

BATCH = 16
"""Clips of the tiny spec that make a batch too large for the queue alone: 48 KiB."""
PROGRAM = Path(__file__).parent / "transport_program.py"


def dataset(source, **changes):
    settings = {"length": 50 * BATCH, "batch_size": BATCH, "fresh": False, **changes}
    return TrajectoryDataset(source, **settings)


def loader(dataset_, workers=1, **settings):
    return DataLoader(dataset_, batch_size=None, num_workers=workers, **settings)


def mappings():
    """(first address, last address, inode) of every slab that this process has mapped."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "memfd:trajdata" in line:
            span, _, _, _, inode, *_ = line.split()
            first, last = (int(end, 16) for end in span.split("-"))
            # A page alone is the numbers of the epochs, which all copies of a dataset share.
            if last - first > mmap.PAGESIZE:
                found.append((first, last, int(inode)))
    return found


def on_a_slot(tensor):
    return any(first <= tensor.data_ptr() < last for first, last, _ in mappings())


# Through DataLoaders


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_batches_that_are_kept_never_change(source, same, workers):
    whole = dataset(source, length=1000 * BATCH, shuffle=True)
    kept = list(loader(whole, workers))
    assert len(kept) == 1000
    whole.set_epoch(0)
    assert all(same(one, other) for one, other in zip(kept, whole, strict=True))


def test_a_batch_that_is_kept_among_a_thousand_never_changes(source, same):
    whole = dataset(source, length=1000 * BATCH)
    kept = []
    for number, batch in enumerate(loader(whole)):
        if number % 97 == 3:
            kept.append((number, batch))
    alone = dict(enumerate(whole))
    assert len(kept) == 11
    assert all(same(batch, alone[number]) for number, batch in kept)


@pytest.mark.parametrize(
    "part_of",
    [
        lambda video: video[3:5],
        lambda video: video.permute(0, 2, 1, 3, 4)[::2],
        lambda video: video.view(-1)[-100:],
        lambda video: video.numpy()[1:, :2],
        lambda video: torch.from_numpy(video.numpy()[2:])[0],
        lambda video: video.detach().unbind(0)[7],
        lambda video: memoryview(video.numpy()),
        lambda video: torch.utils.dlpack.from_dlpack(video)[4],
    ],
)
def test_a_part_of_a_batch_that_is_kept_never_changes(source, part_of):
    whole = dataset(source)
    kept = [part_of(batch["video"]) for batch in itertools.islice(loader(whole), 5)]
    later = []
    for number, batch in enumerate(loader(whole)):
        if number < 5:
            later.append(part_of(batch["video"]))
    for part, other, batch in zip(kept, later, whole, strict=False):
        expected = np.asarray(part_of(batch["video"]))
        assert np.array_equal(np.asarray(part), expected)
        assert np.array_equal(np.asarray(other), expected)


def test_slots_come_back_when_the_last_view_dies(source):
    used = set()
    for batch in loader(dataset(source, length=300 * BATCH)):
        assert on_a_slot(batch["video"])
        used.add(batch["video"].data_ptr())
    # One with the trainer, one just unpacked, two in the queue, one being rendered; some slack.
    assert len(used) <= 7


def test_what_arrives_is_an_ordinary_tensor_that_can_be_written_to(source, same):
    whole = dataset(source)
    for batch, alone in zip(loader(whole), whole, strict=True):
        assert type(batch["video"]) is torch.Tensor
        assert same(batch, alone)
        batch["video"].zero_()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("persistent", [False, True])
def test_batches_travel_in_slots_however_workers_are_started(source, same, method, persistent):
    whole = dataset(source, length=12 * BATCH + 5)
    loading = loader(whole, 2, multiprocessing_context=method, persistent_workers=persistent)
    for epoch in range(2):
        whole.set_epoch(epoch)
        alone = list(whole)
        for number, batch in enumerate(loading):
            assert on_a_slot(batch["video"]) or number == len(alone) - 1
            assert same(batch, alone[number])
        assert number == 12


def test_persistent_workers_keep_their_slots_from_epoch_to_epoch(source):
    gc.collect()
    earlier = {inode for _, _, inode in mappings()}  # of other tests, whose batches still live
    loading = loader(dataset(source), 2, persistent_workers=True)
    slabs = set()
    for _ in range(3):
        for _ in loading:
            slabs |= {inode for _, _, inode in mappings()}
    assert len(slabs - earlier) == 2


def test_memory_goes_when_the_workers_are_gone_and_the_last_batch_is(source):
    gc.collect()
    before = len(mappings())
    for _ in range(3):
        for batch in loader(dataset(source), 2):
            kept = batch["video"][2]
    gc.collect()
    assert len(mappings()) == before + 1
    expected = kept.clone()
    assert torch.equal(kept, expected)
    del batch, kept
    assert len(mappings()) == before


def test_a_stateful_loader_is_stopped_and_resumed_with_slots(source, same):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    whole = dataset(source, shuffle=True)
    first = stateful(whole, batch_size=None, num_workers=2)
    seen = list(itertools.islice(first, 20))
    assert on_a_slot(seen[0]["video"])
    resumed = stateful(dataset(source, shuffle=True), batch_size=None, num_workers=2)
    resumed.load_state_dict(first.state_dict())
    whole.set_epoch(0)
    assert same(seen + list(resumed), list(whole))


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs an accelerator")
def test_batches_are_pinned_and_their_slots_come_back(source, same):
    whole = dataset(source, length=200 * BATCH)
    kept = list(loader(whole, 2, pin_memory=True))
    assert all(batch["video"].is_pinned() for batch in kept)
    assert same(kept, list(whole))


def test_asking_for_pinned_memory_where_there_is_none_changes_nothing(source, same):
    if torch.accelerator.is_available():
        pytest.skip("there is some")
    whole = dataset(source)
    with pytest.warns(UserWarning, match="pin_memory"):
        kept = list(loader(whole, 1, pin_memory=True))
    assert same(kept, list(whole))


@pytest.mark.parametrize(
    "settings",
    [
        {"layout": "CTHW"},
        {"layout": "THWC", "dtype": "float32", "value_range": (-1, 1)},
        {"dtype": "float16"},
        {"dtype": "bfloat16", "layout": "CTHW"},
        {"dtype": "bfloat16", "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.1)},
        {"dtype": "float32", "as_tuple": ("video", "label")},
        {"as_tensor": "video", "dtype": "bfloat16"},
        {"names": {"video": "pixel_values"}},
    ],
)
def test_every_output_travels(source, same, settings):
    whole = dataset(source, output=Output(**settings))
    received = list(loader(whole, 2))
    assert same(received, list(loader(whole, 0)))
    first = received[0]
    video = first if isinstance(first, torch.Tensor) else next(iter(first))
    if isinstance(first, dict):
        video = first["pixel_values" if "names" in settings else "video"]
    assert on_a_slot(video)
    assert video.dtype == getattr(torch, settings.get("dtype", "uint8"))


def test_every_field_travels(source, same):
    described = source.with_fields(("video", "trajectory", "params", "caption"))
    whole = dataset(described, batch_size=400, length=999)
    received = list(loader(whole, 2))
    assert on_a_slot(received[0]["video"])
    assert same(received, list(loader(whole, 0)))


def test_bfloat16_is_sent_whole_where_there_is_no_slot(source, same, monkeypatch):
    def none(size):
        raise OSError("no memory")

    monkeypatch.setattr(sender, "create", none)
    whole = dataset(source, output=Output(dtype="bfloat16"))
    received = list(loader(whole, 1))
    assert not any(on_a_slot(batch["video"]) for batch in received)
    assert same(received, list(whole))


def test_clips_that_are_read_travel_in_slots_too(baked, partly_baked, stored_stream, same):
    alone = list(dataset(stored_stream, length=50))
    read = loader(dataset(open_shards(baked), length=50))
    mixed = loader(dataset(read_through(stored_stream, partly_baked), length=50))
    for loading in (read, mixed):
        received = list(loading)
        assert on_a_slot(received[0]["video"])
        assert same(received, alone)


class Wrapped(IterableDataset):
    """What a user's own dataset may do with the batches in the worker."""

    def __init__(self, inner, change):
        self.inner, self.change = inner, change

    def __iter__(self):
        return self.change(iter(self.inner))


def shuffled(batches):
    waiting = list(itertools.islice(batches, 25))
    for batch in batches:
        yield waiting.pop(7)
        waiting.append(batch)
    yield from waiting


def twice(batches):
    for batch in batches:
        yield batch
        yield batch


def halves(batches):
    for batch in batches:
        yield batch["video"][: BATCH // 2]
        yield batch["video"][BATCH // 2 :]


def inverted(batches):
    for batch in batches:
        batch["video"].bitwise_not_()
        yield batch


def turned(batches):
    for batch in batches:
        batch["video"].transpose_(0, 1)
        yield batch


def as_float(batches):
    for batch in batches:
        yield {"video": batch["video"].float(), "index": batch["index"] + 1}


def copied(batches):
    for batch in batches:
        yield copy.deepcopy(batch), copy.copy(batch["video"]), pickle.loads(pickle.dumps(batch))


@pytest.mark.parametrize(
    "change",
    [shuffled, twice, halves, inverted, turned, as_float, copied],
    ids=lambda f: f.__name__,
)
def test_whatever_is_done_with_a_batch_in_the_worker_arrives(source, same, change):
    wrapped = Wrapped(dataset(source), change)
    assert same(list(loader(wrapped)), list(loader(wrapped, 0)))


def test_many_batches_in_the_queue_are_all_right(source, same):
    whole = dataset(source)
    assert same(list(loader(whole, 1, prefetch_factor=40)), list(whole))


def test_training_goes_on_in_slots_when_processes_are_forked_in_between(tiny_spec, source, same):
    whole = dataset(source, length=60 * BATCH)
    kept, slots = [], 0
    validation = dataset(ClipSource(tiny_spec, split="val"), length=2 * BATCH)
    for number, batch in enumerate(loader(whole)):
        slots += on_a_slot(batch["video"])
        if number % 2 == 0:
            assert len(list(loader(validation))) == 2
            kept.append(batch)
    assert slots >= 20
    assert same(kept, list(whole)[::2])


def slab_bytes():
    """Bytes of slabs that are in this process's memory."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line[0] in "0123456789abcdef":
            inside = "memfd:trajdata" in line
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) << 10
    return total


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_that_is_kept_from_every_epoch_keeps_no_more_than_itself(source, workers):
    gc.collect()
    before, kept = slab_bytes(), []
    whole = dataset(source, length=40 * BATCH)
    for _ in range(6):
        for number, batch in enumerate(loader(whole, workers)):
            if number == 7:
                kept.append(batch["video"])
    del batch
    gc.collect()
    assert all(map(on_a_slot, kept))
    expected = [video.clone() for video in kept]
    assert slab_bytes() - before <= 2 * sum(video.nbytes for video in kept)
    # Half of them go; what stays still is what it was.
    del kept[::2]
    assert slab_bytes() - before <= 2 * sum(video.nbytes for video in kept)
    assert all(torch.equal(*pair) for pair in zip(kept, expected[1::2], strict=True))


@pytest.mark.slow
def test_batches_kept_while_slabs_are_used_up_by_forks_keep_no_more_than_their_slots(source):
    gc.collect()
    before = slab_bytes()
    sending = Sender({"video": ArrayShape(np.dtype(np.uint8), (1000,))}, 100)
    kept = []
    for value in range(60):
        tensor = received(posted(sending, value))
        if value % 20 == 3:
            kept.append(tensor)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    del tensor
    assert all((tensor == value).all() for tensor, value in zip(kept, (3, 23, 43), strict=True))
    # Slots that a forked process may see are lost, and stay as they are until the slab goes.
    assert len(mappings()) >= 3
    del kept, sending
    gc.collect()
    assert slab_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("how", ["share", "pickle", "queue"])
def test_views_stay_what_they_are_when_torch_moves_their_tensor(workers, how):
    ended = subprocess.run(
        [sys.executable, str(PROGRAM.with_name("moved_program.py")), str(workers), how],
        cwd=PROGRAM.parents[2],
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


# What may be missing


def test_other_systems_send_an_open_file(source, same, monkeypatch, tmp_path):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = dataset(source)
    for batch, alone in zip(loader(whole, 2), whole, strict=True):
        assert same(batch, alone)
        line = [
            line
            for line in Path("/proc/self/maps").read_text().splitlines()
            if str(tmp_path) in line
        ]
        assert line
        assert all("(deleted)" in one for one in line)


def test_without_shared_memory_batches_are_sent_whole(source, same, monkeypatch):
    def none(size):
        raise OSError("no memory")

    monkeypatch.setattr(sender, "create", none)
    whole = dataset(source)
    received = list(loader(whole, 2))
    assert not any(on_a_slot(batch["video"]) for batch in received)
    assert same(received, list(whole))


def run_program(batches, *before, workers=2, **settings):
    return subprocess.run(
        [*before, sys.executable, str(PROGRAM), str(batches), str(workers)],
        cwd=PROGRAM.parents[2],
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        **settings,
    )


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_is_survived():
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    ended = run_program(60, preexec_fn=limit)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "mounted"),
    [
        (2, "size=64k"),  # less than two batches
        (0, "size=4k"),
        (0, "ro"),
    ],
)
def test_a_small_folder_for_shared_memory_is_enough_or_none_without_workers(workers, mounted):
    entering = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        shutil.which("unshare") is None
        or subprocess.run(
            [*entering, "mount", "-t", "tmpfs", "none", "/dev/shm"],
            capture_output=True,
            timeout=SECONDS,
        ).returncode
    ):
        pytest.skip("needs a user namespace")
    full = "head -c 4096 /dev/zero > /dev/shm/full;" if mounted == "size=4k" else ""
    shell = f'mount -t tmpfs -o {mounted} none /dev/shm && {{ {full} exec "$0" "$@"; }}'
    ended = run_program(200, *entering, "sh", "-c", shell, workers=workers)
    assert ended.returncode == 0, ended.stderr


# Killing


@pytest.fixture
def training(tmp_path):
    """A running program, the process ids of its workers, and its folder for temporary files."""
    folder = tmp_path / "temp"
    folder.mkdir()
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(10**9)],
        cwd=PROGRAM.parents[2],
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2]), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with program:
        workers = [int(word) for word in program.stdout.readline().split()]
        yield program, workers, folder
        program.kill()
        program.communicate(timeout=SECONDS)


def ended(process):
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["a worker", "the parent"])
def test_nothing_is_left_behind_when_somebody_is_killed(victim, request):
    shared_before = set(os.listdir("/dev/shm"))
    program, workers, folder = request.getfixturevalue("training")
    assert len(workers) == 2
    os.kill(workers[0] if victim == "a worker" else program.pid, signal.SIGKILL)
    _, errors = program.communicate(timeout=SECONDS)
    assert program.returncode != 0
    if victim == "a worker":
        assert f"DataLoader worker (pid {workers[0]})" in errors
    until(lambda: all(map(ended, workers)), "the workers have ended")
    assert list(folder.iterdir()) == []
    # What other processes have there comes and goes.
    until(lambda: not set(os.listdir("/dev/shm")) - shared_before, "nothing new is in /dev/shm")


# The parts, in one process: it is its own consumer


@pytest.fixture
def sending():
    return Sender({"video": ArrayShape(np.dtype(np.uint8), (1000,))}, 100)


def posted(sending, value, clips=100):
    """A message that is on its way: a tensor of ``value``, on a slot if there is one."""
    places = sending.places(clips)
    array = places.get("video", np.empty((clips, 1000), np.uint8))
    array[:] = value
    return bytes(ForkingPickler.dumps(sending.tensor(array)))


def received(message):
    return pickle.loads(message)


def test_without_a_free_slot_an_ordinary_tensor_is_sent(sending):
    messages = [posted(sending, value) for value in range(20)]
    assert [len(message) > 100_000 for message in messages] == [False] * 16 + [True] * 4
    tensors = [received(message) for message in reversed(messages)][::-1]
    for value, tensor in enumerate(tensors):
        assert tensor.shape == (100, 1000)
        assert (tensor == value).all()
    assert not any(on_a_slot(tensor) for tensor in tensors[16:])


def test_who_keeps_half_of_the_slots_is_given_copies(sending):
    kept = [received(posted(sending, value)) for value in range(50)]
    assert [on_a_slot(tensor) for tensor in kept] == [True] * 8 + [False] * 42
    assert all((tensor == value).all() for value, tensor in enumerate(kept))
    del kept
    assert on_a_slot(received(posted(sending, 0)))


def test_a_slot_is_free_when_worker_and_consumer_have_let_go(sending):
    place = sending.places(100)["video"]
    place[:] = 1
    tensor = sending.tensor(place)
    message = bytes(ForkingPickler.dumps(tensor))
    assert (received(message) == 1).all()
    # The consumer has let go, the worker has not.
    assert sending.places(100)["video"].ctypes.data != place.ctypes.data
    address = place.ctypes.data
    del place, tensor
    assert sending.places(100)["video"].ctypes.data == address


def test_a_batch_that_is_not_sent_gives_its_slot_back(sending):
    addresses = {sending.places(100)["video"].ctypes.data for _ in range(100)}
    assert len(addresses) == 1


def test_a_short_batch_fits_the_slot(sending):
    tensor = received(posted(sending, 5, clips=33))
    assert tensor.shape == (33, 1000)
    assert on_a_slot(tensor)


def test_a_slot_that_a_forked_process_may_see_is_never_used_again(sending):
    tensor = received(posted(sending, 1)).numpy()
    address = tensor.ctypes.data
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        # Waits until the parent has dropped its tensor and others have been sent.
        os.close(writable)
        os.read(readable, 1)
        os._exit(0 if (tensor == 1).all() else 1)
    os.close(readable)
    del tensor
    for value in range(2, 40):
        again = received(posted(sending, value))
        assert again.data_ptr() != address
        assert (again == value).all()
    os.close(writable)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.slow
def test_a_new_slab_replaces_one_whose_slots_are_lost(sending):
    before = len(mappings())
    for value in range(60):
        tensor = received(posted(sending, value))
        assert on_a_slot(tensor)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert (tensor == value).all()
    del tensor
    # Three slabs were used up, and only the sender has the fourth: the consumer let go of all.
    assert len(mappings()) == before


def test_a_sender_does_not_come_along_to_another_process(sending):
    assert pickle.loads(pickle.dumps(sending)) is None
    assert copy.deepcopy(sending) is None


def test_a_batch_of_a_worker_that_has_ended_is_an_error_that_says_so(sending):
    message = posted(sending, 1)
    sending._rings.clear()
    with pytest.raises(RuntimeError, match=f"worker process {os.getpid()} cannot be read"):
        received(message)
