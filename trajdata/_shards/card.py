"""README.md of a store: the dataset card, which people and other libraries read."""

from __future__ import annotations

import numpy as np

from trajdata._clips.fields import FIELDS
from trajdata._clips.texts import param_names
from trajdata._shards.layout import Member
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import canonical
from trajdata._words import counted

__all__ = ["CARD", "card_text"]

CARD = "README.md"


def card_text(recipe: Recipe) -> str:
    """The card. Its ``configs:`` tell ``datasets.load_dataset(folder)`` where the shards are.

    It names no place and no time, so that the same recipe always gives the same bytes.
    """
    t, c, h, w = recipe.spec.picture_shape
    channels = f"{c} channel{'s' if c > 1 else ''}"
    if recipe.spec.views > 1:
        channels += f" from {recipe.spec.views} cameras"
    layout, shards = recipe.layout, counted(recipe.shards, "shard")
    members = "\n".join(
        f"| `KEY.{member.name}` | `{member.dtype}` | {member.shape} "
        f"| {_meaning(member.field, recipe)} |"
        for member in layout.members
    )
    laws = ", ".join(f"{label} = {law}" for label, law in enumerate(recipe.spec.laws))
    return f"""---
configs:
- config_name: default
  data_files:
  - split: {_peer_split(recipe.split)}
    path: {recipe.split}-*.tar
dataset_info:
  features:
{_features(recipe)}
task_categories:
- video-classification
tags:
- synthetic
- video
- webdataset
---

# {counted(recipe.clips, "synthetic trajectory clip")}, split {recipe.split}

Written by trajdata (`pip install trajdata-video`). Each clip is {t} frames of {w} x {h} pixels
with {channels}, with its exact truth. Labels: {laws}.

Clip i is a pure function of the recipe below and of i, so this store can be made again to the byte.

## Read it

```python
import trajdata
stored = trajdata.open_shards("this/folder")
batches = trajdata.TrajectoryDataset(stored, batch_size=128)

import webdataset
clips = webdataset.WebDataset("{recipe.split}-000000.tar", shardshuffle=False).decode()

import datasets
clips = datasets.load_dataset("this/folder").with_format("numpy")
```

## A clip in a shard

{shards} of {counted(recipe.shard_clips, "clip")} (the last may have fewer), uncompressed USTAR.
KEY is the clip's index in twelve digits. A record has {layout.record_bytes} bytes.

| member | dtype | shape | what |
| --- | --- | --- | --- |
{members}

## Make it again

```
{recipe.command("DIR")}
```

```json
{canonical(recipe.as_json()).decode("ascii")}```
"""


def _features(recipe: Recipe) -> str:
    """The types of a clip's members in YAML, as Hugging Face ``datasets`` names them.

    Without these, ``datasets`` infers nested lists: loading and reading clips as NumPy arrays then
    takes several times as long (benchmarks/load_dataset.py measures it).
    """
    lines: list[str] = []
    for member in recipe.layout.members:
        lines.append(f"- name: {member.name}")
        if member.field == "label":
            lines += ["  dtype:", "    class_label:", "      names:"]
            lines += [f"        '{label}': {law}" for label, law in enumerate(recipe.spec.laws)]
        elif member.field == "metadata":
            lines += ["  struct:", "  - name: index", "    dtype: int64"]
            for name in ("label", "caption", "equation"):
                lines += [f"  - name: {name}", "    dtype: string"]
            lines += ["  - name: params", "    struct:"]
            for name in param_names(recipe.spec):
                lines += [f"    - name: {name}", "      dtype: float64"]
        else:
            lines += [f"  {line}" for line in _array_feature(member)]
    for name in ("__key__", "__url__"):
        lines += [f"- name: {name}", "  dtype: string"]
    return "\n".join(f"  {line}" for line in lines)


def _array_feature(member: Member) -> list[str]:
    name = np.dtype(member.dtype).name
    if not member.shape:
        return [f"dtype: {name}"]
    if len(member.shape) == 1:
        return [f"list: {name}", f"length: {member.shape[0]}"]
    shape = [f"    - {side}" for side in member.shape]
    return ["dtype:", f"  array{len(member.shape)}_d:", "    shape:", *shape, f"    dtype: {name}"]


def _peer_split(split: str) -> str:
    """The split's name in ``datasets``: "validation" for "val", and "_" in place of "-"."""
    return "validation" if split == "val" else split.replace("-", "_")


def _meaning(field: str, recipe: Recipe) -> str:
    if field == "label":
        return "the label, ASCII decimal"
    if field == "metadata":
        return "index, label name, parameters, caption, equation; padded with blanks"
    axes = ", ".join(FIELDS[field].axes_of(recipe.spec))
    return f"{FIELDS[field].meaning} ({FIELDS[field].unit}), axes {axes}"
