"""Draw the pictures of README and docs: python tools/figures.py (needs the `docs` extra).

docs/conventions.png   the camera, the axes and where pixel centres lie, from a real clip
docs/hero.png          what clips look like: a row a clip, four laws
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

from trajdata import ClipSource, preset

DOCS = Path(__file__).parents[1] / "docs"


def conventions() -> None:
    """Two panels: the camera from above, and one frame with its pixel grid."""
    source = ClipSource(
        preset("magvit-32"), fields=("video", "label", "index", "trajectory", "pixels", "radius")
    )
    clip = source[2]  # a helix
    figure, (above, frame) = plt.subplots(1, 2, figsize=(11, 5), constrained_layout=True)

    depth = np.array([0.0, 8.0])
    above.fill_between(depth, -depth / 2, depth / 2, color="#dfe8f5", label="field of view")
    path = clip["trajectory"]
    above.plot(path[:, 2], path[:, 0], "o-", color="#c0392b", label="a clip's path")
    arrow = {"arrowstyle": "->", "linewidth": 1.5}
    above.annotate("", (1.6, 0), (0, 0), arrowprops=arrow)
    above.annotate("", (0, 1.6), (0, 0), arrowprops=arrow)
    above.plot(0, 0, "ks", markersize=8)
    above.text(1.65, 0, "+z, away", va="center")
    above.text(0, 1.85, "+x, right", ha="center")
    above.text(0.1, -0.35, "camera at (0, 0, 0); +y points down, into the paper")
    above.set(xlabel="z, metres", ylabel="x, metres", xlim=(-0.8, 8), ylim=(3, -3))
    above.set_title("The camera from above: half the field of view is z / 2")
    above.legend(loc="upper right")

    k = 3
    frame.imshow(clip["video"][k].transpose(1, 2, 0), extent=(0, 32, 32, 0))
    x, y = clip["pixels"][k]
    frame.add_patch(plt.Circle((x, y), clip["radius"][k], fill=False, color="white"))
    frame.plot(*clip["pixels"].T, ".-", color="white", linewidth=0.8, markersize=4)
    frame.set_xticks(range(0, 33, 4))
    frame.set_yticks(range(0, 33, 4))
    frame.set_xticks(range(33), minor=True)
    frame.set_yticks(range(33), minor=True)
    frame.grid(which="minor", color="black", alpha=0.15, linewidth=0.5)
    frame.set(xlabel="x, pixels, to the right", ylabel="y, pixels, down")
    frame.set_title(
        f"Frame {k}: pixels = ({x:.2f}, {y:.2f}), radius = {clip['radius'][k]:.2f}\n"
        "pixel (row i, column j) has its centre at (j + 0.5, i + 0.5)"
    )
    figure.savefig(DOCS / "conventions.png", dpi=110)
    plt.close(figure)


def hero() -> None:
    """Two clips of each law at 64 x 64, eight of sixteen frames, pixels doubled."""
    source = ClipSource(preset("magvit-64"), seed=4)
    batch = source.batch(range(8))
    rows = np.argsort(batch["label"], kind="stable")
    video = batch["video"][rows][:, ::2]
    strip = video.transpose(0, 3, 1, 4, 2).reshape(8 * 64, 8 * 64, 3)
    picture = Image.fromarray(strip)
    picture.resize((1024, 1024), Image.Resampling.NEAREST).save(DOCS / "hero.png", optimize=True)


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    conventions()
    hero()


if __name__ == "__main__":
    main()
