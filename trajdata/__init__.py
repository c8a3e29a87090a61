"""Seeded synthetic trajectory videos with exact truth, live in a DataLoader or baked to shards.

Nouns, used everywhere in this sense and no other:

- clip: one short video with its ground truth.
- spec: the distribution that clips are drawn from (sizes, laws, ranges).
- scene: one draw from it.
- source: the stream of clips, addressable by index.
- shard: one tar file.
- partition: which indices a rank or worker takes.

The promise: clip(i) is a pure function of (spec, seed, split, i).

Public names are loaded when they are first used, so that ``import trajdata`` costs next to
nothing and imports neither torch nor numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajdata.auditing.report import AuditReport, audit
    from trajdata.errors import LockedError, ShardError, SpecMismatchError
    from trajdata.evaluation import TrackErrors, evaluate
    from trajdata.fields import DEFAULT_FIELDS, FIELDS
    from trajdata.loading.dataset import TrajectoryDataset
    from trajdata.loading.map_dataset import TrajectoryMapDataset
    from trajdata.materializing import materialize
    from trajdata.source import ClipSource
    from trajdata.spec import FORMAT, ClipSpec, preset, presets

__all__ = [
    "DEFAULT_FIELDS",
    "FIELDS",
    "FORMAT",
    "AuditReport",
    "ClipSource",
    "ClipSpec",
    "LockedError",
    "ShardError",
    "SpecMismatchError",
    "TrackErrors",
    "TrajectoryDataset",
    "TrajectoryMapDataset",
    "__version__",
    "audit",
    "evaluate",
    "materialize",
    "preset",
    "presets",
]

__version__ = "0.1.0"

_HOME = {
    "DEFAULT_FIELDS": "trajdata.fields",
    "FIELDS": "trajdata.fields",
    "FORMAT": "trajdata.spec",
    "AuditReport": "trajdata.auditing.report",
    "ClipSource": "trajdata.source",
    "ClipSpec": "trajdata.spec",
    "LockedError": "trajdata.errors",
    "ShardError": "trajdata.errors",
    "SpecMismatchError": "trajdata.errors",
    "TrackErrors": "trajdata.evaluation",
    "TrajectoryDataset": "trajdata.loading.dataset",
    "TrajectoryMapDataset": "trajdata.loading.map_dataset",
    "audit": "trajdata.auditing.report",
    "evaluate": "trajdata.evaluation",
    "materialize": "trajdata.materializing",
    "preset": "trajdata.spec",
    "presets": "trajdata.spec",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trajdata' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
