"""The page of plots of an audit."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.factors import mutual_information
from trajdata._clips.source import ClipSource
from trajdata._show.files import put_file
from trajdata._spec.model import ClipSpec

__all__ = ["SHOWN_FACTORS", "plot"]

SHOWN_FACTORS = ("place_x", "place_y", "depth", "anchor_time", "speed", "radius", "hue", "luma")
_TRACKS = 12


def plot(
    path: str | os.PathLike[str],
    title: str,
    spec: ClipSpec,
    seed: int,
    labels: NDArray[np.int64],
    factors: dict[str, NDArray[np.float64]],
) -> None:
    """Write a PNG with plots of factors by class, mutual information, tracks by class and some
    clips.

    Args:
        path: the file to write.
        title: title of the page.
        spec, seed: spec and seed of the clips.
        labels: int64 (B,).
        factors: sampled factors, each float64 (B,).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 13), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(4, 4)

    for place, name in enumerate(SHOWN_FACTORS):
        axes = figure.add_subplot(grid[place // 4, place % 4])
        values = factors[name]
        edges = np.linspace(values.min(), values.max(), 31).tolist()
        for label, law in enumerate(spec.laws):
            axes.hist(values[labels == label], edges, histtype="step", density=True, label=law)
        axes.set(title=f"{name}, by class", yticks=[])
        if place == 0:
            axes.legend(fontsize=8)

    axes = figure.add_subplot(grid[2, :2])
    names = list(factors)
    figures = [mutual_information(labels, factors[name]) for name in names]
    axes.barh(names, figures)
    axes.axvline(0.001, color="crimson", label="bound")
    axes.set(title="mutual information with the label, bit", xlim=(min(0, *figures) - 2e-4, 0.0013))
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8)

    source = ClipSource(spec, seed, fields=("video", "label", "pixels"))
    batch = source.batch(range(_TRACKS * len(spec.laws)))
    axes = figure.add_subplot(grid[2, 2:])
    for label in range(len(spec.laws)):
        tracks = batch["pixels"][batch["label"] == label]
        for track in tracks:
            axes.plot(
                track[:, 0] + label * spec.width, track[:, 1], ".-", linewidth=0.8, markersize=3
            )
        axes.text((label + 0.5) * spec.width, -0.04 * spec.height, spec.laws[label], ha="center")
        axes.axvline(label * spec.width, color="black", linewidth=0.5)
    axes.set(xlim=(0, spec.width * len(spec.laws)), ylim=(spec.height, 0), aspect="equal")
    axes.set(xticks=[], yticks=[])

    axes = figure.add_subplot(grid[3, :])
    shown = batch["video"][:4]
    frames = min(spec.frames, 16)
    strip = (
        shown[:, :frames].transpose(0, 3, 1, 4, 2).reshape(4 * spec.height, frames * spec.width, -1)
    )
    axes.imshow(strip.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(title="the first four clips", xticks=[], yticks=[])
    figure.suptitle(title)
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=80)
    put_file(Path(path), page.getvalue())
