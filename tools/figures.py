"""Draw the pictures of README and docs: python tools/figures.py (needs the `docs` extra).

They go to docs/assets, those that stand on the page's own paper once light and once dark:

conventions.png       the camera, the axes and where pixel centres lie, from a real clip
hero-*.webp           two clips of each law, moving, on plain and random backgrounds
sheet-*.png           a contact sheet, as a bake leaves it
favicon.png           the site's icon
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image, ImageDraw

from trajdata import ClipSource, preset
from trajdata._show.palette import DARK, LIGHT
from trajdata._show.pictures import PREVIEW_FIELDS, animation_webp, sheet_png

ASSETS = Path(__file__).parents[1] / "docs" / "assets"
HERO = ("magvit-64", "magvit-64-random")
HERO_SEED = 7


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
    figure.savefig(ASSETS / "conventions.png", dpi=110)
    plt.close(figure)


class OneAboveTheOther:
    """Two sources whose specs differ in their looks, shown as one: half the clips from each."""

    fields = PREVIEW_FIELDS

    def __init__(self, above: ClipSource, below: ClipSource) -> None:
        self.spec = above.spec
        self._sources = (above, below)

    def batch(self, indices: Sequence[int]) -> dict[str, Any]:
        """The first half of the clips from the one, the rest from the other."""
        half = len(indices) // 2
        parts = (indices[:half], indices[half:])
        batches = [source.batch(part) for source, part in zip(self._sources, parts, strict=True)]
        return {name: np.concatenate([batch[name] for batch in batches]) for name in self.fields}


def hero() -> None:
    """A clip of each law on the plain background, and one on a random background, moving."""
    above, below = (
        ClipSource(preset(name), seed=HERO_SEED, fields=PREVIEW_FIELDS) for name in HERO
    )
    labels = above.batch(range(8))["label"]
    rows = np.argsort(labels, kind="stable").reshape(4, 2).T.ravel()
    shown = OneAboveTheOther(above, below)
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        picture = animation_webp(
            shown, clips=[int(k) for k in rows], theme=theme, columns=4, least_side=192
        )
        (ASSETS / f"hero-{name}.webp").write_bytes(picture)


def sheet() -> None:
    """The contact sheet that a bake leaves as preview.png."""
    source = ClipSource(preset("magvit-32"), seed=HERO_SEED, fields=PREVIEW_FIELDS)
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        picture = sheet_png(source, clips=range(4), theme=theme)
        (ASSETS / f"sheet-{name}.png").write_bytes(picture)


def favicon() -> None:
    """A ball on its way, eight frames of it, in the site's blue."""
    side = 512
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((16, 16, side - 17, side - 17), 110, fill=(31, 79, 134, 255))
    for k, angle in enumerate(np.radians(200 - 32 * np.arange(8))):
        x, y = 256 + 150 * np.cos(angle), 290 - 135 * np.sin(angle)
        reach, opacity = (58.0, 255) if k == 7 else (10 + 3.6 * k, 70 + 22 * k)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(255, 255, 255, opacity))
    small = picture.resize((64, 64), Image.Resampling.LANCZOS)
    small.save(ASSETS / "favicon.png", optimize=True)


def main() -> None:
    ASSETS.mkdir(parents=True, exist_ok=True)
    conventions()
    hero()
    sheet()
    favicon()


if __name__ == "__main__":
    main()
