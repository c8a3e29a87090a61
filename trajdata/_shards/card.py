"""README.md of a store of shards: the card that other libraries and people read."""

from __future__ import annotations

from trajdata._clips.fields import FIELDS
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import canonical

__all__ = ["CARD", "card_text"]

CARD = "README.md"


def card_text(recipe: Recipe) -> str:
    """The card, with the ``configs:`` by which ``datasets.load_dataset(folder)`` finds the shards.
    It names no place and no time: the same bytes for the same recipe.
    """
    t, c, h, w = recipe.spec.video_shape
    layout = recipe.layout
    members = "\n".join(
        f"| `KEY.{member.name}` | `{member.dtype}` | {member.shape} | {_meaning(member.field)} |"
        for member in layout.members
    )
    laws = ", ".join(f"{label} = {law}" for label, law in enumerate(recipe.spec.laws))
    return f"""---
configs:
- config_name: default
  data_files:
  - split: {_peer_split(recipe.split)}
    path: {recipe.split}-*.tar
task_categories:
- video-classification
tags:
- synthetic
- video
- webdataset
---

# {recipe.clips:,} synthetic trajectory clips, split {recipe.split}

Written by [trajdata](https://pypi.org/project/trajdata-video/). Each clip is {t} frames of
{w} x {h} pixels with {c} channel{"s" if c > 1 else ""}, with its exact truth. Labels: {laws}.

Clip i is a pure function of the recipe below and of i, so this store can be made again to the byte.

## Read it

```python
import trajdata
stored = trajdata.open_shards("this/folder")
batches = trajdata.TrajectoryDataset(stored, batch_size=128)

import webdataset
clips = webdataset.WebDataset("{recipe.split}-000000.tar", shardshuffle=False).decode()

import datasets
clips = datasets.load_dataset("this/folder")
```

## A clip in a shard

{recipe.shards} shards of {recipe.shard_clips} clips (the last may have fewer), uncompressed USTAR.
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


def _peer_split(split: str) -> str:
    """The split's name as ``datasets`` has it: letters, digits and "_"; "val" by its full name."""
    return "validation" if split == "val" else split.replace("-", "_")


def _meaning(field: str) -> str:
    if field == "label":
        return "the label, ASCII decimal"
    if field == "metadata":
        return "index, label name, parameters, caption, equation; padded with blanks"
    return f"{FIELDS[field].meaning} ({FIELDS[field].unit}), axes {', '.join(FIELDS[field].axes)}"
