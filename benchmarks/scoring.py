"""How often clips name their law: python benchmarks/scoring.py

For each preset of one object: clips of `test` and of every `ood-` split, and clips of `test` with
their frames in random order; and clips a second of processor time, of tracking and fitting
together, by one thread, kernels compiled. Writes scoring.json, with the targets beside the figures.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import rich
from measuring import arguments, save
from rich.table import Table

from trajdata import ClipSource, preset, presets
from trajdata.scoring import law_score

CLIPS, SEED = 1000, 20_261_125
"""The seed is one that nobody looked at while the criterion was chosen."""
LEAST_RIGHT = {"laws-32": 95.0}
LEAST_RIGHT_OF_FOUR_LAWS, MOST_FROM_CHANCE, LEAST_CLIPS_S = 99.5, 3.0, 2000.0


def right(named: Any, label: Any, laws: int) -> float:
    """Percent that name their law; one that names none is a guess."""
    return round(100 * float(np.where(named == -1, 1 / laws, named == label).mean()), 2)


def measured(name: str) -> dict[str, Any]:
    spec = preset(name)
    laws = len(spec.laws)
    found: dict[str, Any] = {"laws": laws, "shape": spec.video_shape, "splits": {}}
    law_score(ClipSource(spec).batch(range(8))["video"], spec)  # compiles, and calibrates
    for split in ("test", *(split for split in spec.splits if split.startswith("ood-"))):
        batch = ClipSource(spec, SEED, split).batch(range(CLIPS))
        began = time.process_time()
        named = law_score(batch["video"], spec).law
        seconds = time.process_time() - began
        found["splits"][split] = right(named, batch["label"], laws)
        if split == "test":
            found["clips_per_s"] = round(CLIPS / seconds)
            dice = np.random.default_rng(1)
            order = np.argsort(dice.random(batch["video"].shape[:2]), axis=1)
            shuffled = np.take_along_axis(batch["video"], order[:, :, None, None, None], axis=1)
            found["shuffled"] = right(law_score(shuffled, spec).law, batch["label"], laws)
    return found


def main() -> None:
    given = arguments(__doc__, "scoring", repetitions=1).parse_args()
    names = [name for name in presets() if preset(name).slots == 1 and preset(name).height <= 64]
    results = {}
    table = Table(title=f"Percent of {CLIPS:,} clips that name their law")
    for column in ("preset", "laws", "test", "least of ood-", "shuffled", "clips/s"):
        table.add_column(column)
    for name in names:
        found = results[name] = measured(name)
        others = [value for split, value in found["splits"].items() if split != "test"]
        table.add_row(
            name,
            str(found["laws"]),
            f"{found['splits']['test']}",
            f"{min(others)}" if others else "",
            f"{found['shuffled']}",
            f"{found['clips_per_s']:,}",
        )
    rich.print(table)
    targets = {
        "right_percent_of_four_laws": LEAST_RIGHT_OF_FOUR_LAWS,
        "right_percent": LEAST_RIGHT,
        "shuffled_points_from_chance": MOST_FROM_CHANCE,
        "clips_per_s_at_8x32": LEAST_CLIPS_S,
    }
    save(given.out, given.repetitions, clips=CLIPS, seed=SEED, targets=targets, presets=results)


if __name__ == "__main__":
    main()
