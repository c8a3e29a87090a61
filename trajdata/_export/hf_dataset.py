"""A data set of Hugging Face's ``datasets``, as ``Dataset.save_to_disk`` writes it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trajdata._checks import needed
from trajdata._clips.fields import FIELDS
from trajdata._clips.texts import param_names
from trajdata._export.extra import EXPORT_EXTRA
from trajdata._export.plan import CLIPS, ExportPlan

__all__ = ["HfDataset"]

_FINGERPRINT_DIGITS = 16


class HfDataset:
    """Writes ``clips`` as a data set that ``datasets.load_from_disk`` opens: a file of Arrow for
    each part, the label as ``ClassLabel``, arrays with their shapes.

    Args:
        plan: of the export.

    Raises:
        MissingPackageError: datasets is not installed.
    """

    def __init__(self, plan: ExportPlan) -> None:
        self._datasets = needed("datasets", EXPORT_EXTRA)
        self._arrow = needed("pyarrow", EXPORT_EXTRA)
        self._plan = plan
        self._features = _features(self._datasets, plan)

    def part(self, clips: range, batch: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """One file; see ``Writer``."""
        columns = {
            name: _rows(values) if isinstance(values, Mapping) else values
            for name, values in batch.items()
        }
        made = self._datasets.Dataset.from_dict(columns, features=self._features)
        table = made.with_format("arrow")[:]
        file = io.BytesIO()
        with self._arrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        yield self._name(clips.start // self._plan.part_clips), file.getvalue()

    def closing(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """What the data set consists of, and its features."""
        told = (
            f"{self._plan.clips} synthetic trajectory clips by trajdata, seed {self._plan.seed}, "
            f"split {self._plan.split}, fingerprint {self._plan.spec.fingerprint}"
        )
        info = self._datasets.DatasetInfo(description=told, features=self._features)
        with tempfile.TemporaryDirectory() as folder:
            info.write_to_directory(folder)
            data = (Path(folder) / "dataset_info.json").read_bytes()
        yield f"{CLIPS}/dataset_info.json", data
        state: dict[str, Any] = {
            "_data_files": [{"filename": name.rpartition("/")[2]} for name in names],
            "_fingerprint": self._plan.digest[:_FINGERPRINT_DIGITS],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        yield f"{CLIPS}/state.json", json.dumps(state, indent=2).encode("ascii")

    def _name(self, part: int) -> str:
        return f"{CLIPS}/data-{part:05d}-of-{self._plan.parts:05d}.arrow"


def _rows(columns: Mapping[str, Any]) -> list[dict[str, float]]:
    """The numbers of each clip, from arrays with a number of all clips."""
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _features(datasets: Any, plan: ExportPlan) -> Any:
    found: dict[str, Any] = {}
    for name in plan.fields:
        field = FIELDS[name]
        if name == "label":
            found[name] = datasets.ClassLabel(names=list(plan.spec.laws))
        elif name == "params":
            number = datasets.Value("float64")
            found[name] = dict.fromkeys(param_names(plan.spec), number)
        elif field.dtype == "str":
            found[name] = datasets.Value("string")
        else:
            found[name] = _array(datasets, field.dtype, field.shape(plan.spec))
    return datasets.Features(found)


def _array(datasets: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    if not shape:
        return datasets.Value(dtype)
    if len(shape) == 1:
        return datasets.Sequence(datasets.Value(dtype), length=shape[0])
    kind = getattr(datasets, f"Array{len(shape)}D")
    return kind(shape=shape, dtype=dtype)
