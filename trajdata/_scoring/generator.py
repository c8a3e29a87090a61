"""Whether generated clips obey the law that was asked for, differ, and are new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._clips.source import ClipSource
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._scoring.clips_scored import (
    agreement,
    check_source,
    scored_batches,
    scored_sources,
)
from trajdata._scoring.intervals import SCORING_EXTRA, Figure, share_of
from trajdata._scoring.laws import LawScores, law_score
from trajdata._scoring.tracking import Tracks, track

__all__ = ["GeneratorScore", "evaluate_generator"]

_Array = NDArray[np.float64]

_CHUNK = 512
_Sample = Callable[[NDArray[np.int64]], NDArray[Any]]


@dataclass(frozen=True)
class GeneratorScore:
    """Generated clips beside real ones of the same labels, over all of them.

    Attributes:
        clips: number of clips.
        law_agreement: share that name the law that was asked for.
        real_law, shuffled_law: the same of real clips, a ceiling, and of real clips with their
            frames in random order, a floor. Paths that no law comes near to count as guesses.
        confusion: for each law that was asked for, how many clips name each law, and last how many
            name none.
        lawful: share whose path is as near to some law, whichever, as 99 of 100 real clips' paths
            are to theirs.
        real_lawful: of real clips.
        diversity: for each of several numbers of a path, how far generated clips are from real ones
            in distribution: Wasserstein's distance, in standard deviations of real clips.
        real_diversity: the same between real clips and others of as many: what chance makes.
        nearest_training_px: median over clips of the distance, root mean square over frames, of
            the path to the nearest one of the training clips, pixels.
        real_nearest_training_px: the same of real clips, which no model has seen.
        memorized: share of clips nearer to a training clip than 99 of 100 real clips are; by chance
            0.01.
        training_clips: that were compared.
    """

    clips: int
    law_agreement: Figure
    real_law: Figure
    shuffled_law: Figure
    confusion: tuple[tuple[int, ...], ...]
    lawful: Figure
    real_lawful: Figure
    diversity: dict[str, float]
    real_diversity: dict[str, float]
    nearest_training_px: float
    real_nearest_training_px: float
    memorized: Figure
    training_clips: int


def evaluate_generator(
    sample: _Sample,
    source: Source,
    *,
    clips: int = 1000,
    batch_size: int = 100,
    training_clips: int = 10_000,
) -> GeneratorScore:
    """Score a generator of clips of a class.

    Args:
        sample: called with labels int64 (B,), indices into ``source.spec.laws``; returns videos
            (B, T, C, H, W), uint8 or floats on 0 to 255.
        source: of real clips, of one object, that the model has not seen: most often ``val``.
        clips: how many.
        batch_size: labels in a call.
        training_clips: how many of the split ``train``, of the same spec and seed, generated clips
            are compared with.

    Raises:
        ArgumentError: numbers below 1, a spec of several objects, or a ``sample`` that returns
            videos of another size or number.
    """
    distance = needed("scipy.stats", SCORING_EXTRA).wasserstein_distance
    if training_clips < 1:
        raise ArgumentError(f"training_clips: given {training_clips}; allowed are numbers from 1")
    calibration = check_source(source, clips, batch_size)
    spec = source.spec
    made: list[LawScores] = []
    real: list[LawScores] = []
    shuffled, labels = [], []
    (held,) = scored_sources(source, ()).values()
    for batch in scored_batches(held, calibration, clips, batch_size):
        videos = np.asarray(sample(batch.label.copy()))
        if videos.shape[:1] != batch.label.shape:
            raise ArgumentError(
                f"sample: returned shape {videos.shape}; allowed is a clip for each of the "
                f"{batch.label.size} labels, {batch.video.shape}"
            )
        made.append(law_score(videos, spec, calibration=calibration))
        real.append(batch.real)
        shuffled.append(batch.shuffled.law)
        labels.append(batch.label)
    label = np.concatenate(labels)
    named = np.concatenate([score.law for score in made])
    known = ClipSource(spec, source.seed, "train", fields=("video",))
    training = _flat(_tracks_of(known, 0, training_clips).pixels)
    # As many real clips again, of which none is scored; a stored source need not have them.
    again = ClipSource(spec, source.seed, source.split, fields=("video",))
    others = _tracks_of(again, clips, clips)
    paths, real_paths = _paths(made), _paths(real)
    near, real_near = _nearest(paths, training), _nearest(real_paths, training)
    table = np.zeros((len(spec.laws), len(spec.laws) + 1), np.int64)
    np.add.at(table, (label, named), 1)
    return GeneratorScore(
        clips=label.size,
        law_agreement=agreement(named, label, spec),
        real_law=agreement(np.concatenate([score.law for score in real]), label, spec),
        shuffled_law=agreement(np.concatenate(shuffled), label, spec),
        confusion=tuple(tuple(row) for row in table.tolist()),
        lawful=share_of(np.concatenate([score.is_lawful for score in made])),
        real_lawful=share_of(np.concatenate([score.is_lawful for score in real])),
        diversity=_apart(distance, _numbers(made), _numbers(real)),
        real_diversity=_apart(distance, _path_numbers(others), _numbers(real)),
        nearest_training_px=float(np.median(near)),
        real_nearest_training_px=float(np.median(real_near)),
        memorized=share_of(near < np.quantile(real_near, 0.01)),
        training_clips=training_clips,
    )


def _tracks_of(source: Source, first: int, count: int) -> Tracks:
    end = first + count
    parts = [
        track(source.batch(range(begin, min(begin + _CHUNK, end)))["video"])
        for begin in range(first, end, _CHUNK)
    ]
    return Tracks(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.radius for part in parts]),
        np.concatenate([part.confidence for part in parts]),
    )


def _paths(scores: list[LawScores]) -> _Array:
    return _flat(np.concatenate([score.tracks.pixels for score in scores]))


def _flat(pixels: _Array) -> _Array:
    return pixels.reshape(pixels.shape[0], -1)


def _nearest(paths: _Array, training: _Array) -> _Array:
    """Distance of each path, (B, 2 T), to the nearest of others: float64 (B,), pixels."""
    tree = needed("scipy.spatial", SCORING_EXTRA).cKDTree(training)
    far: _Array = tree.query(paths)[0] / np.sqrt(paths.shape[1] / 2)
    return far


def _numbers(scores: list[LawScores]) -> dict[str, _Array]:
    parts = [_path_numbers(score.tracks) for score in scores]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _path_numbers(tracks: Tracks) -> dict[str, _Array]:
    """What a path is like, each float64 (B,)."""
    steps = np.diff(tracks.pixels, axis=1)
    radius = np.maximum(tracks.radius, 1e-3)
    return {
        "start_x": tracks.pixels[:, 0, 0],
        "start_y": tracks.pixels[:, 0, 1],
        "shift_x": tracks.pixels[:, -1, 0] - tracks.pixels[:, 0, 0],
        "shift_y": tracks.pixels[:, -1, 1] - tracks.pixels[:, 0, 1],
        "length": np.linalg.norm(steps, axis=-1).sum(axis=1),
        "radius": radius.mean(axis=1),
        "approach": np.log(radius[:, -1] / radius[:, 0]),
    }


def _apart(distance: Any, one: dict[str, _Array], other: dict[str, _Array]) -> dict[str, float]:
    return {
        name: float(distance(one[name], other[name]) / max(float(np.std(other[name])), 1e-9))
        for name in other
    }
