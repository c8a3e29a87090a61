"""Write tests/golden.json: digests of clips that must never change while FORMAT stays.

    python tools/golden.py            # write the file
    python tools/golden.py --check    # exit 1 if the clips of today differ from it

A clip's digest covers its video, its arrays and its JSON text, so the pixels, the truth and the
words. Run this after FORMAT was raised on purpose, and at no other time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from trajdata import FORMAT, ClipSource, ClipSpec, preset, presets
from trajdata._clips.fields import STORED_ARRAYS
from trajdata._shards.layout import END_BYTES
from trajdata._shards.records import RecordBuilder, record_source
from trajdata._spec.splits import split_names

GOLDEN = Path(__file__).parents[1] / "tests" / "golden.json"
SEED = 0
CLIPS = 64
SHARD_CLIPS = 4096


def spec_for(name: str, split: str) -> ClipSpec:
    """The preset; for the split that needs it, with colours and laws kept apart."""
    spec = preset(name)
    separate = spec.replace(separate_colours=True)
    return separate if split == "ood-colour-law" else spec


def clip_digests(name: str, split: str) -> list[str]:
    """The first 16 hex digits of the SHA-256 of each of the first 64 clips."""
    source = ClipSource(spec_for(name, split), SEED, split, fields=("video", *STORED_ARRAYS))
    batch = source.batch(range(CLIPS))
    texts = np.empty((CLIPS, source.metadata_bytes), np.uint8)
    source.metadata(range(CLIPS), texts)
    digests = []
    for i in range(CLIPS):
        digest = hashlib.sha256()
        for field in source.fields:
            digest.update(batch[field][i].tobytes())
        digest.update(texts[i].tobytes())
        digests.append(digest.hexdigest()[:16])
    return digests


def shard_digest(name: str, split: str) -> str:
    """SHA-256 of the shard of the first 4,096 clips, as `materialize` would write it."""
    source = record_source(spec_for(name, split), SEED, split)
    builder = RecordBuilder(source, 8 * 2**20)
    digest = hashlib.sha256()
    for first in range(0, SHARD_CLIPS, builder.room):
        records, _ = builder.build(range(first, min(first + builder.room, SHARD_CLIPS)))
        digest.update(records.data)
    digest.update(bytes(END_BYTES))
    return digest.hexdigest()


def golden() -> dict[str, object]:
    """What tests/golden.json should hold."""
    return {
        "format": FORMAT,
        "command": "python tools/golden.py",
        "seed": SEED,
        "clips": {
            name: {split: clip_digests(name, split) for split in split_names()}
            for name in presets()
        },
        "shard_clips": SHARD_CLIPS,
        "shards": {
            name: {split: shard_digest(name, split) for split in split_names()}
            for name in presets()
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
