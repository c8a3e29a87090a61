"""Write tests/golden.json: digests of clips that must never change while FORMAT stays.

    python tools/golden.py            # write the file
    python tools/golden.py --check    # exit 1 if the clips of today differ from it

A digest of clips covers their video, arrays and JSON text: the pixels, the truth and the words. A
digest of a shard covers every byte of the file. Run this after FORMAT was raised on purpose, and
at no other time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from trajdata import FORMAT, ClipSource, ClipSpec, preset, presets
from trajdata._shards.layout import END_BYTES, STANDARD_ARRAYS, record_layout
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._spec.splits import SPLITS, split_names

GOLDEN = Path(__file__).parents[1] / "tests" / "golden.json"
SEED = 0
CLIPS = 64
SHARD_SPLITS = ("train", "ood-depth")
SHARD_CLIPS, SHARD_BYTES = 4096, 2**27
"""A shard that is digested has as many clips as fit into so many bytes, but not more."""

_NEEDED: dict[str, dict[str, Any]] = {
    "ood-colour-law": {"separate_colours": True},
    "ood-shape-law": {"separate_shapes": True},
    "ood-count": {},
}
"""What a spec must set to have a split; nothing: it depends on the spec."""

FIELDS = ("video", "label", "trajectory", "jittered", "pixels", "depth", "radius")


def cases() -> dict[str, ClipSpec]:
    """The specs whose clips are pinned: every preset, and what no preset shows."""
    wide = {"height": 24, "width": 56, "frames": 5}
    return {
        **{name: preset(name) for name in presets()},
        "magvit-32, difficulty 0.5": preset("magvit-32", difficulty=0.5),
        "magvit-32, difficulty 1": preset("magvit-32", difficulty=1),
        "gray-32, difficulty 0.5": preset("gray-32", difficulty=0.5),
        "not square": preset("magvit-32", **wide),
        "not square, difficulty 1": preset("magvit-32", difficulty=1, place=0.4, **wide),
        "not square, random background": preset("magvit-32", background="random", **wide),
        "two laws, one shape": preset("gray-32", laws=("helical", "linear"), shapes=("sphere",)),
        "a law's own numbers": preset("magvit-32").replace({"circular.turns": (0.9, 1.0)}),
        "gradient, blur, trails": preset(
            "gray-32", background="gradient", shutter=0.5, exposures=4, trail=0.5, jitter=0.02
        ),
        "cameras that move": preset(
            "scenes-32",
            **{"views": 2, "ring": 0.05, "orbit": (0.1, 0.2), "pan": (0.0, 0.02)},
            **{"shaking": 0.005, "place": 0.2, "background": "texture", "frames": 5},
        ),
        "texture, patterns": preset("scenes-32", background="texture", pattern=0.6),
    }


def spec_for(spec: ClipSpec, split: str) -> ClipSpec:
    """The spec; for the split that needs it, with colours or shapes and laws kept apart, or with a
    number of objects that is held out."""
    if split in spec.splits or split not in _NEEDED:
        return spec
    if split == "ood-shape-law" and len(spec.shapes) < 2:
        return spec.replace(shapes=("disc", "sphere"), separate_shapes=True)
    least, most = spec.objects.count
    needed = _NEEDED[split] or {
        "held_out_count": (1, least - 1) if least > 1 else (most + 1, most + 2)
    }
    return spec.replace(needed)


def clips_digest(spec: ClipSpec, split: str) -> str:
    """The first 32 hex digits of the SHA-256 of the first 64 clips."""
    source = ClipSource(spec_for(spec, split), SEED, split, fields=FIELDS)
    batch = source.batch(range(CLIPS))
    texts = np.empty((CLIPS, source.metadata_bytes), np.uint8)
    source.metadata(range(CLIPS), texts)
    digest = hashlib.sha256()
    for field in FIELDS:
        digest.update(batch[field].tobytes())
    digest.update(texts.tobytes())
    return digest.hexdigest()[:32]


def shard_clips(spec: ClipSpec) -> int:
    """Clips of the shard that is digested."""
    return min(SHARD_CLIPS, SHARD_BYTES // record_layout(spec, STANDARD_ARRAYS).record_bytes)


def shard_digest(spec: ClipSpec, split: str) -> str:
    """SHA-256 of a shard of the first clips, as ``materialize`` writes it."""
    clips = shard_clips(spec)
    own = spec_for(spec, split)
    builder = RecordBuilder(Recipe(own, SEED, split, clips, clips, own.fingerprint), 8 * 2**20)
    digest = hashlib.sha256()
    for first in range(0, clips, builder.capacity):
        records, _ = builder.build(range(first, min(first + builder.capacity, clips)))
        digest.update(records.data)
    digest.update(bytes(END_BYTES))
    return digest.hexdigest()


def identity(spec: ClipSpec) -> dict[str, Any]:
    """What a spec is known by and how its records are laid out."""
    return {
        "fingerprint": spec.fingerprint,
        "laws": list(spec.laws),
        "record_bytes": record_layout(spec, STANDARD_ARRAYS).record_bytes,
    }


def golden() -> dict[str, Any]:
    """What tests/golden.json should hold."""
    return {
        "format": FORMAT,
        "command": "python tools/golden.py",
        "seed": SEED,
        "clips": CLIPS,
        "defaults": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in ClipSpec().settings().items()
        },
        "splits": {split.name: split.number for split in SPLITS},
        "cases": {
            name: {
                **identity(spec),
                "clips": {split: clips_digest(spec, split) for split in split_names()},
                "shard_clips": shard_clips(spec),
                "shards": {split: shard_digest(spec, split) for split in SHARD_SPLITS},
            }
            for name, spec in cases().items()
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    text = json.dumps(golden(), indent=1) + "\n"
    if check:
        same = GOLDEN.read_text("ascii") == text
        print("the clips are those of the golden file" if same else "the clips differ")
        return 0 if same else 1
    GOLDEN.write_text(text, "ascii")
    print(f"wrote {GOLDEN.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
