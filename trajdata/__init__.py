"""Seeded synthetic trajectory videos with exact truth, live in a DataLoader or baked to shards.

These nouns have one meaning everywhere:

- clip: one short video with its ground truth.
- spec: the distribution that clips are drawn from (sizes, laws, ranges).
- scene: what a clip shows, sampled from the spec (the object with its law, the looks).
- source: a stream of clips, addressable by index.
- shard: one tar file.
- store: where shards lie, such as a folder.
- partition: which indices a rank or worker takes.

The promise: clip(i) is a pure function of (spec, seed, split, i).

Public names are loaded when they are first used, so that ``import trajdata`` takes almost no time
and imports neither torch nor numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajdata._arithmetic.exponential import exp
    from trajdata._arithmetic.philox import unit
    from trajdata._arithmetic.trig import cos_sin
    from trajdata._arithmetic.vectors import direction
    from trajdata._bake.ranges import bake_range, finish
    from trajdata._bake.repair import RepairReport, repair
    from trajdata._bake.run import MaterializeReport, materialize
    from trajdata._bake.sync import SyncReport, sync
    from trajdata._bake.verify import VerifyReport, verify
    from trajdata._check.audit.report import AuditReport, audit
    from trajdata._check.evaluation import EvaluationReport, Scores, evaluate
    from trajdata._check.law_check import LawReport, check_law
    from trajdata._clips.fields import DEFAULT_FIELDS, FIELDS
    from trajdata._clips.source import ClipSource
    from trajdata._clips.source_protocol import Source
    from trajdata._clips.typed import Batch, Clip
    from trajdata._errors import (
        ArgumentError,
        CompilerError,
        LockedError,
        MissingPackageError,
        ShardError,
        SpecMismatchError,
        TrajdataError,
    )
    from trajdata._export.progress import ExportProgress
    from trajdata._export.run import ExportReport, export
    from trajdata._jit import kernel
    from trajdata._loading.dataset import TrajectoryDataset
    from trajdata._loading.map_dataset import TrajectoryMapDataset
    from trajdata._loading.output import Output
    from trajdata._loading.state import resume_point
    from trajdata._loading.tensors import TensorBatch
    from trajdata._reading.read_through import read_through
    from trajdata._reading.stored import open_shards
    from trajdata._spec.identity import FORMAT
    from trajdata._spec.model import ClipSpec
    from trajdata._spec.presets import preset, presets
    from trajdata._spec.schema import spec_schema
    from trajdata._user_laws.making import law

__all__ = [
    "DEFAULT_FIELDS",
    "FIELDS",
    "FORMAT",
    "ArgumentError",
    "AuditReport",
    "Batch",
    "Clip",
    "ClipSource",
    "ClipSpec",
    "CompilerError",
    "EvaluationReport",
    "ExportProgress",
    "ExportReport",
    "LawReport",
    "LockedError",
    "MaterializeReport",
    "MissingPackageError",
    "Output",
    "RepairReport",
    "Scores",
    "ShardError",
    "Source",
    "SpecMismatchError",
    "SyncReport",
    "TensorBatch",
    "TrajdataError",
    "TrajectoryDataset",
    "TrajectoryMapDataset",
    "VerifyReport",
    "__version__",
    "audit",
    "bake_range",
    "check_law",
    "cos_sin",
    "direction",
    "evaluate",
    "exp",
    "export",
    "finish",
    "kernel",
    "law",
    "materialize",
    "open_shards",
    "preset",
    "presets",
    "read_through",
    "repair",
    "resume_point",
    "spec_schema",
    "sync",
    "unit",
    "verify",
]

__version__ = "0.1.0"

_HOME = {
    "DEFAULT_FIELDS": "trajdata._clips.fields",
    "FIELDS": "trajdata._clips.fields",
    "FORMAT": "trajdata._spec.identity",
    "ArgumentError": "trajdata._errors",
    "AuditReport": "trajdata._check.audit.report",
    "Batch": "trajdata._clips.typed",
    "Clip": "trajdata._clips.typed",
    "ClipSource": "trajdata._clips.source",
    "ClipSpec": "trajdata._spec.model",
    "CompilerError": "trajdata._errors",
    "EvaluationReport": "trajdata._check.evaluation",
    "ExportProgress": "trajdata._export.progress",
    "ExportReport": "trajdata._export.run",
    "LawReport": "trajdata._check.law_check",
    "LockedError": "trajdata._errors",
    "MaterializeReport": "trajdata._bake.run",
    "MissingPackageError": "trajdata._errors",
    "Output": "trajdata._loading.output",
    "RepairReport": "trajdata._bake.repair",
    "Scores": "trajdata._check.evaluation",
    "ShardError": "trajdata._errors",
    "Source": "trajdata._clips.source_protocol",
    "SpecMismatchError": "trajdata._errors",
    "SyncReport": "trajdata._bake.sync",
    "TensorBatch": "trajdata._loading.tensors",
    "TrajdataError": "trajdata._errors",
    "TrajectoryDataset": "trajdata._loading.dataset",
    "TrajectoryMapDataset": "trajdata._loading.map_dataset",
    "VerifyReport": "trajdata._bake.verify",
    "audit": "trajdata._check.audit.report",
    "bake_range": "trajdata._bake.ranges",
    "check_law": "trajdata._check.law_check",
    "cos_sin": "trajdata._arithmetic.trig",
    "direction": "trajdata._arithmetic.vectors",
    "evaluate": "trajdata._check.evaluation",
    "exp": "trajdata._arithmetic.exponential",
    "export": "trajdata._export.run",
    "finish": "trajdata._bake.ranges",
    "kernel": "trajdata._jit",
    "law": "trajdata._user_laws.making",
    "materialize": "trajdata._bake.run",
    "open_shards": "trajdata._reading.stored",
    "preset": "trajdata._spec.presets",
    "presets": "trajdata._spec.presets",
    "read_through": "trajdata._reading.read_through",
    "repair": "trajdata._bake.repair",
    "resume_point": "trajdata._loading.state",
    "spec_schema": "trajdata._spec.schema",
    "sync": "trajdata._bake.sync",
    "unit": "trajdata._arithmetic.philox",
    "verify": "trajdata._bake.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trajdata' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
