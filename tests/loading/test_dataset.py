"""TrajectoryDataset in one process: batches, epochs, starts, states, errors."""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from tests.patience import SECONDS
from trajdata import (
    FIELDS,
    ClipSource,
    Output,
    SpecMismatchError,
    TrajectoryDataset,
    resume_point,
)

ALL = tuple(FIELDS)


def shown(dataset):
    """The indices of the clips of one pass, batch by batch."""
    return [batch["index"].tolist() for batch in dataset]


def test_batches_are_the_sources_as_tensors(tiny_spec):
    source = ClipSource(tiny_spec, 7, "val", fields=ALL)
    dataset = TrajectoryDataset(source, length=10, batch_size=4)
    batches = list(dataset)
    assert [len(batch["index"]) for batch in batches] == [4, 4, 2]
    for first, batch in zip((0, 4, 8), batches, strict=True):
        expected = source.batch(range(first, min(first + 4, 10)))
        assert tuple(batch) == ALL
        for name in ALL:
            if name == "params":
                for key, numbers in expected[name].items():
                    assert batch[name][key].dtype == torch.float64
                    assert np.array_equal(batch[name][key].numpy(), numbers)
            elif isinstance(expected[name], list):
                assert batch[name] == expected[name]
            else:
                assert np.array_equal(batch[name].numpy(), expected[name])
                assert str(batch[name].dtype) == f"torch.{FIELDS[name].dtype}"


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "bfloat16"])
def test_collating_single_clips_gives_the_very_batches(source, same, dtype):
    described = source.with_fields(ALL)
    output = Output(dtype=dtype, layout="CTHW", names={"video": "pixel_values"})
    clips = list(TrajectoryDataset(described, length=70, output=output))
    batches = list(TrajectoryDataset(described, length=70, batch_size=35, output=output))
    assert same([default_collate(clips[:35]), default_collate(clips[35:])], batches)


def test_a_clip_that_is_kept_does_not_keep_the_others(source):
    clip = next(iter(TrajectoryDataset(source)))
    assert clip["video"].untyped_storage().nbytes() == source.spec.clip_bytes


def test_tuples_and_bare_tensors_for_trainers_that_take_them(source):
    def first(output, batch_size=4):
        return next(iter(TrajectoryDataset(source, batch_size=batch_size, output=output)))

    video, label = first(Output(as_tuple=("video", "label")))
    assert (video.shape, label.shape) == ((4, 4, 3, 16, 16), (4,))
    assert torch.equal(first(Output(as_tensor="video")), video)
    output = Output(as_tensor="video", layout="CTHW", dtype="float32", value_range=(-1, 1))
    clip = first(output, batch_size=None)
    assert (clip.shape, clip.dtype) == ((3, 4, 16, 16), torch.float32)
    assert -1 <= clip.min() < 0 < clip.max() <= 1


def test_single_clips_have_tensors_throughout(source):
    clip = next(iter(TrajectoryDataset(source.with_fields(ALL), start=3)))
    assert (clip["index"].dtype, clip["index"].shape) == (torch.int64, ())
    assert clip["index"] == 3
    assert clip["label"].dtype == torch.int64
    assert all(number.dtype == torch.float64 for number in clip["params"].values())


def test_a_dataset_says_what_it_shows(source, tiny_spec):
    output = Output(dtype="float32")
    dataset = TrajectoryDataset(source, length=4, batch_size=2, output=output)
    assert (dataset.source, dataset.output, dataset.spec) == (source, output, tiny_spec)
    assert dataset.classes == tiny_spec.laws
    assert dataset.class_to_idx == {law: label for label, law in enumerate(tiny_spec.laws)}
    for name in ("linear", "length=4", "batches of 2"):
        assert name in repr(dataset) + repr(dataset.classes)


def test_what_the_ranks_cannot_share_is_left_out_on_request(source):
    def ranks(**settings):
        return [
            TrajectoryDataset(source, length=23, drop_last=True, rank=r, world_size=2, **settings)
            for r in range(2)
        ]

    for rank, first in zip(ranks(batch_size=4), (0, 4), strict=True):
        assert len(rank) == 2
        assert shown(rank) == [list(range(first, first + 4)), list(range(first + 8, first + 12))]
    single = [[int(clip["index"]) for clip in rank] for rank in ranks(collate_size=4)]
    assert [len(clips) for clips in single] == [11, 11]
    assert sorted([*single[0], *single[1]]) == list(range(22))


def test_a_fresh_epoch_begins_after_all_of_the_length_also_where_some_was_left_out(source):
    dataset = TrajectoryDataset(source, length=7, batch_size=3, drop_last=True, epoch=1)
    assert shown(dataset) == [[7, 8, 9], [10, 11, 12]]
    assert dataset.start_after(99) == 6


def test_an_epoch_that_dropped_something_is_resumed(source):
    settings = {"length": 23, "batch_size": 4, "drop_last": True}
    dataset = TrajectoryDataset(source, **settings)
    running = iter(dataset)
    next(running)
    resumed = TrajectoryDataset(source, **settings)
    resumed.load_state_dict(dataset.state_dict())
    assert shown(resumed) == shown(TrajectoryDataset(source, **settings))[1:]
    elsewhere = TrajectoryDataset(source, start=4, rank=1, world_size=3, **settings)
    assert shown(elsewhere) == [[8, 9, 10, 11]]


def test_a_fresh_epoch_shows_clips_never_seen_and_a_repeated_one_the_same(source):
    fresh = TrajectoryDataset(source, length=4, batch_size=2)
    fresh.set_epoch(2)
    assert shown(fresh) == [[8, 9], [10, 11]]
    repeated = TrajectoryDataset(source, length=4, batch_size=2, fresh=False)
    repeated.set_epoch(2)
    assert shown(repeated) == [[0, 1], [2, 3]]


def test_shuffling_moves_the_clips_of_an_epoch_but_loses_none(source):
    dataset = TrajectoryDataset(source, length=40, batch_size=8, shuffle=True)
    orders = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        orders.append([index - 40 * epoch for batch in shown(dataset) for index in batch])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(40))
    assert orders[0] != orders[1]


def test_a_start_goes_on_where_an_interrupted_epoch_stopped_and_later_epochs_are_whole(tiny_spec):
    source = ClipSource(tiny_spec, 5)
    settings = {"length": 20, "batch_size": 3, "shuffle": True}
    whole = TrajectoryDataset(source, **settings)
    whole.set_epoch(3)
    start = whole.start_after(2)
    assert start == 6
    resumed = TrajectoryDataset(source, epoch=3, start=start, **settings)
    assert len(resumed) == 5
    assert shown(resumed) == shown(whole)[2:]
    for dataset in (whole, resumed):
        dataset.set_epoch(4)
    assert len(resumed) == 7
    assert shown(resumed) == shown(whole)


def test_the_ranks_together_show_every_clip_once(source):
    ranks = [
        TrajectoryDataset(source, length=22, batch_size=4, rank=r, world_size=2) for r in range(2)
    ]
    assert [len(rank) for rank in ranks] == [3, 3]
    assert shown(ranks[0]) == [[0, 1, 2, 3], [8, 9, 10, 11], [16, 17, 18]]
    assert shown(ranks[1]) == [[4, 5, 6, 7], [12, 13, 14, 15], [19, 20, 21]]


def test_a_start_belongs_to_the_epoch_that_is_set_before_anything_is_shown(source):
    settings = {"length": 24, "batch_size": 3}
    whole = TrajectoryDataset(source, **settings)
    whole.set_epoch(5)
    resumed = TrajectoryDataset(source, start=9, **settings)
    resumed.set_epoch(5)
    assert len(resumed) == 5
    assert shown(resumed) == shown(whole)[3:]
    for dataset in (whole, resumed):
        dataset.set_epoch(6)
    assert shown(resumed) == shown(whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_start_is_used_up_by_the_first_pass_also_where_workers_make_it(source, workers):
    resumed = TrajectoryDataset(source, length=24, batch_size=3, start=9)
    loader = DataLoader(
        resumed, batch_size=None, num_workers=workers, timeout=SECONDS * bool(workers)
    )
    assert [int(batch["index"][0]) for batch in loader] == [9, 12, 15, 18, 21]
    resumed.set_epoch(1)
    assert [int(batch["index"][0]) for batch in loader] == list(range(24, 48, 3))


def test_an_endless_stream_has_no_len_and_no_other_epoch(source):
    dataset = TrajectoryDataset(source, batch_size=2, start=5)
    with pytest.raises(TypeError, match="endless"):
        len(dataset)
    batches = itertools.islice(dataset, 3)
    assert [batch["index"].tolist() for batch in batches] == [[5, 6], [7, 8], [9, 10]]
    dataset.set_epoch(0)
    with pytest.raises(ValueError, match=r"epoch: given 1 .*give a length"):
        dataset.set_epoch(1)


def test_len_counts_what_a_pass_yields(source):
    for size, start in itertools.product((None, 1, 3, 12, 50), (0, 1, 12)):
        dataset = TrajectoryDataset(source, length=12, batch_size=size, start=start)
        assert len(dataset) == sum(1 for _ in dataset)


def test_passes_that_run_side_by_side_do_not_disturb_each_other(source):
    dataset = TrajectoryDataset(source, length=6, batch_size=2, fresh=False)
    left, right = iter(dataset), iter(dataset)
    pairs = [(next(left)["index"].tolist(), next(right)["index"].tolist()) for _ in range(3)]
    assert pairs == [([0, 1], [0, 1]), ([2, 3], [2, 3]), ([4, 5], [4, 5])]


def test_a_state_lets_the_next_pass_go_on_and_the_one_after_it_begin_anew(source):
    settings = {"length": 10, "batch_size": 3, "fresh": False}
    dataset = TrajectoryDataset(source, **settings)
    before = dataset.state_dict()
    assert (before["epoch"], before["consumed"]) == (0, 0)
    running = iter(dataset)
    for consumed in (3, 6):
        next(running)
        assert dataset.state_dict()["consumed"] == consumed
    resumed = TrajectoryDataset(source, **settings)
    resumed.load_state_dict(dataset.state_dict())
    assert len(resumed) == 2
    assert resumed.state_dict()["consumed"] == 6
    assert shown(resumed) == [[6, 7, 8], [9]]
    assert resumed.state_dict()["consumed"] == 10
    assert len(resumed) == 4
    assert shown(resumed) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_state_survives_being_resumed_twice_in_one_epoch(source):
    settings = {"length": 20, "batch_size": 3, "shuffle": True}
    whole = TrajectoryDataset(source, **settings)
    whole.set_epoch(1)
    expected = shown(whole)
    seen, state = [], None
    while len(seen) < len(expected):
        part = TrajectoryDataset(source, **settings)
        if state is None:
            part.set_epoch(1)
        else:
            part.load_state_dict(state)
        assert part.epoch == 1
        seen += [batch["index"].tolist() for batch in itertools.islice(part, 2)]
        state = part.state_dict()
    assert seen == expected


def test_single_clips_resume_in_the_middle_of_a_run(source):
    settings = {"length": 100, "collate_size": 40}
    dataset = TrajectoryDataset(source, **settings)
    running = iter(dataset)
    for _ in range(53):
        next(running)
    resumed = TrajectoryDataset(source, **settings)
    resumed.load_state_dict(dataset.state_dict())
    assert [int(clip["index"]) for clip in resumed] == list(range(53, 100))


def test_a_state_taken_with_one_batch_size_resumes_with_another(source):
    dataset = TrajectoryDataset(source, length=20, batch_size=3)
    running = iter(dataset)
    next(running)
    point = resume_point(dataset.state_dict())
    assert (point.epoch, point.start) == (0, 3)
    resumed = TrajectoryDataset(source, length=20, batch_size=10)
    resumed.load_state_dict(dataset.state_dict())
    assert shown(resumed) == [list(range(3, 13)), list(range(13, 20))]


def test_moving_to_another_epoch_forgets_a_state_that_was_loaded(source):
    dataset = TrajectoryDataset(source, length=6, batch_size=2)
    running = iter(dataset)
    next(running)
    resumed = TrajectoryDataset(source, length=6, batch_size=2)
    resumed.load_state_dict(dataset.state_dict())
    resumed.set_epoch(1)
    assert shown(resumed) == [[6, 7], [8, 9], [10, 11]]
    resumed.set_epoch(0)
    assert shown(resumed) == [[0, 1], [2, 3], [4, 5]]


def test_a_state_of_another_stream_is_refused_and_changes_nothing(tiny_spec):
    source = ClipSource(tiny_spec)
    state = TrajectoryDataset(source, length=20, batch_size=3, epoch=2).state_dict()
    other_spec = tiny_spec.replace(seconds=3.0)
    for changes, names in (
        ({"source": ClipSource(other_spec)}, {"fingerprint"}),
        ({"source": ClipSource(tiny_spec, 1)}, {"seed"}),
        ({"source": ClipSource(tiny_spec, 0, "val"), "shuffle": True}, {"split", "shuffle"}),
    ):
        dataset = TrajectoryDataset(**{"source": source, "length": 20, "batch_size": 3, **changes})
        with pytest.raises(SpecMismatchError) as caught:
            dataset.load_state_dict(state)
        assert set(caught.value.differences) == names
        assert dataset.epoch == 0
        assert len(dataset) == 7


def test_a_pickled_or_copied_dataset_has_an_epoch_of_its_own_that_workers_can_share(source):
    dataset = TrajectoryDataset(source, length=4, batch_size=2, epoch=1)
    for other in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        other.set_epoch(2)
        assert dataset.epoch == 1
        assert shown(other) == [[8, 9], [10, 11]]
        assert other.epoch == 2


def test_two_streams_with_the_same_settings_have_the_same_state(source):
    states = [TrajectoryDataset(source, batch_size=2).state_dict() for _ in range(2)]
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 0}, "length: given 0"),
        ({"batch_size": 0}, "batch_size: given 0"),
        ({"batch_size": -2}, "batch_size: given -2"),
        ({"length": 10, "start": 11}, "start: given 11"),
        ({"start": -1}, "start: given -1"),
        ({"epoch": 1}, "epoch: given 1"),
        ({"length": 10, "epoch": -1}, "epoch: given -1"),
        ({"shuffle": True}, "shuffle: given True with length None"),
        ({"rank": 0}, "rank, world_size: given 0 and None; allowed are both or neither"),
        ({"rank": 2, "world_size": 2}, "rank: given 2"),
        ({"length": 9, "rank": 0, "world_size": 2}, "length: given 9 with world_size 2"),
        ({"batch_size": 4, "collate_size": 4}, "collate_size: given 4 with batch_size 4"),
        ({"collate_size": 0}, "collate_size: given 0"),
        ({"drop_last": 1}, "drop_last: given 1; allowed are True and False"),
        ({"fresh": 1}, "fresh: given 1; allowed are True and False"),
        ({"output": {"layout": "CTHW"}}, "output: given .*; allowed is a trajdata.Output"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(source, settings, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryDataset(source, **settings)


@pytest.mark.parametrize("source", ["out/", ClipSource, None])
def test_what_is_no_source_is_refused_with_what_is(source):
    with pytest.raises(ValueError, match=r"source: given .*ClipSource\(spec\).*open_shards"):
        TrajectoryDataset(source)
