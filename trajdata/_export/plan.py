"""What is exported: the stream, which clips and fields, in which format, cut into which parts."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trajdata._checks import whole_number
from trajdata._clips.fields import DEFAULT_FIELDS, FIELDS, TEXT_FIELDS, check_fields
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError, SpecMismatchError
from trajdata._shards.layout import KEY_DIGITS
from trajdata._shards.recipe import stream_words
from trajdata._shards.strict_json import canonical, parse
from trajdata._spec.model import ClipSpec

__all__ = ["CLIPS", "EXPORT", "ExportPlan", "export_plan"]

EXPORT = "export.json"
"""The file beside the clips that says what they are."""
CLIPS = "clips"
"""The folder with the clips, which other programs are given: nothing else is in it."""

_MOST_BYTES = 2**20


@dataclass(frozen=True)
class ExportPlan:
    """What an export's files follow from.

    Attributes:
        spec, seed, split: of the stream.
        fields: of a clip, in the order of every clip's dict.
        clips: clips [0, clips) are exported.
        to: name of the format.
        is_exact: whether the pixels come back as they were.
        part_clips: part k has the clips [k * part_clips, (k + 1) * part_clips).
    """

    spec: ClipSpec
    seed: int
    split: str
    fields: tuple[str, ...]
    clips: int
    to: str
    is_exact: bool
    part_clips: int

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.clips // self.part_clips)

    def indices(self, part: int) -> range:
        """The clips of a part."""
        first = part * self.part_clips
        return range(first, min(first + self.part_clips, self.clips))

    def as_json(self) -> dict[str, Any]:
        """The JSON value of ``EXPORT``. ``laws`` has the name of each label."""
        return {
            "clips": self.clips,
            "exact_pixels": self.is_exact,
            "fields": list(self.fields),
            "fingerprint": self.spec.fingerprint,
            "laws": list(self.spec.laws),
            "part_clips": self.part_clips,
            "seed": self.seed,
            "spec": self.spec.as_json(),
            "split": self.split,
            "to": self.to,
        }

    def to_bytes(self) -> bytes:
        """The bytes of ``EXPORT``."""
        return canonical(self.as_json())

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of ``EXPORT``: each part's record says to which export it belongs."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def check_same(self, held: bytes, where: str) -> None:
        """Check that the bytes of a folder's ``EXPORT`` are those of this plan.

        Raises:
            SpecMismatchError: they are another plan's; names what differs.
            ShardError: they are no JSON object.
        """
        if held == self.to_bytes():
            return
        # As JSON has it: lists where Python has tuples.
        asked, there = json.loads(self.to_bytes()), parse(held, where, _MOST_BYTES)
        differences = {
            name: (_short(asked.get(name)), _short(there.get(name)))
            for name in {**asked, **there}
            if asked.get(name) != there.get(name)
        }
        # Of two specs this says which settings differ, and the fingerprint says no more.
        if "spec" in differences:
            differences.pop("fingerprint", None)
        raise SpecMismatchError(where, differences or {"bytes": ("as trajdata writes it", "other")})

    def command(self, where: str, stored: str | None) -> str:
        """The shell command that begins or continues this export.

        Args:
            where: folder of the export.
            stored: path or URL of the store that clips are read from; None: they are rendered.
        """
        words = ["trajdata", "export", where, "--to", self.to]
        if stored is None:
            words += stream_words(self.spec, self.seed, self.split)
        else:
            words += ["--from", stored]
        words += ["--clips", str(self.clips), "--fields", ",".join(self.fields)]
        return shlex.join(words)


def export_plan(
    source: Source,
    clips: int | None,
    to: str,
    is_exact: bool,
    part_bytes: int,
    part_clips: int,
) -> ExportPlan:
    """The plan of an export.

    Args:
        source: the stream.
        clips: how many; None: all of a source that has an end.
        to, is_exact, part_bytes, part_clips: of the format.

    Raises:
        ArgumentError: a number of clips that the source does not have, or a law whose name is no
            name for a folder.
    """
    most = 10**KEY_DIGITS if source.clips is None else source.clips
    if clips is None:
        if source.clips is None:
            raise ArgumentError("clips: given None; allowed is a number: this source has no end")
        clips = source.clips
    clips = whole_number("clips", clips, 1, most)
    # The spec of a store may come from anyone, and its laws name folders.
    for law in source.spec.laws:
        if not law.isidentifier():
            raise ArgumentError(
                f"source: given the law {law!r:.80}; allowed are names as in Python"
            )
    fields = check_fields(tuple(dict.fromkeys((*DEFAULT_FIELDS, *source.fields))))
    fitting = max(1, min(part_clips, part_bytes // _clip_bytes(source.spec, fields)))
    return ExportPlan(
        spec=source.spec,
        seed=source.seed,
        split=source.split,
        fields=fields,
        clips=clips,
        to=to,
        is_exact=is_exact,
        # A power of two, so that the chunks of a part end with it.
        part_clips=1 << (fitting.bit_length() - 1),
    )


def _clip_bytes(spec: ClipSpec, fields: tuple[str, ...]) -> int:
    """Bytes of the arrays of one clip."""
    return sum(
        np.dtype(FIELDS[name].dtype).itemsize * math.prod(FIELDS[name].shape(spec))
        for name in fields
        if name not in TEXT_FIELDS
    )


def _short(value: object) -> object:
    """A value for a message: of a long one only its beginning."""
    text = f"{value!r}"
    return value if len(text) <= 300 else f"{text[:300]}..."
