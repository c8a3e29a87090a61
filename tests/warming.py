"""The kernels that most tests need, compiled or loaded from the disk cache."""

import numpy as np

from trajdata._clips.source import ClipSource
from trajdata._loading.order import Order
from trajdata._loading.output import Output
from trajdata._loading.video import VideoFormat
from trajdata._reading.committed import CommittedShards
from trajdata._shards.recipe import Recipe
from trajdata._spec.presets import preset
from trajdata._store.memory import MemoryStore


def warm_kernels() -> None:
    spec = preset("magvit-32", difficulty=1, frames=2)
    ClipSource(spec).warm()
    recipe = Recipe(spec, 0, "train", 1, 1, spec.fingerprint)
    CommittedShards(MemoryStore(), recipe, frozenset(), 0).warm()
    Order(0, "train", 10, fresh=True, shuffle=True).warm()
    for dtype in ("float32", "bfloat16"):
        for layout in ("TCHW", "THWC"):
            video = VideoFormat(Output(dtype=dtype, layout=layout))
            video.convert(np.zeros((1, 1, 3, 1, 1), np.uint8))
