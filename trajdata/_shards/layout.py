"""The bytes of a record, which is one clip inside a shard.

A shard is n records of the same length, followed by two blocks of zeros. A record is the clip's
members. Each member is a 512-byte USTAR header and the member's bytes, padded with zeros to whole
blocks. All records with the same spec and fields have the same length and the same offsets, so a
shard can be used as an array of records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import DEFAULT_FIELDS, FIELDS, TEXT_FIELDS
from trajdata._clips.texts import wording
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = [
    "END_BYTES",
    "KEY_DIGITS",
    "STANDARD_ARRAYS",
    "Member",
    "RecordLayout",
    "check_array_fields",
    "default_shard_clips",
    "key_digits",
    "record_layout",
    "write_key",
]

KEY_DIGITS = 12
"""Digits of a clip's key. This bounds the number of clips that a store can hold."""
END_BYTES = 1024
"""Length of the two blocks of zeros at the end of a tar."""
STANDARD_ARRAYS = ("trajectory", "jittered", "pixels", "depth", "radius")
"""Array fields that a record stores beside the video by default."""

_BLOCK = 512
_CHECKSUM = slice(148, 154)
_SHARD_VIDEO_BYTES = 128 * 2**20
_KEY_POWERS = 10 ** np.arange(KEY_DIGITS - 1, -1, -1, dtype=np.int64)


@dataclass(frozen=True)
class Member:
    """One member of a record.

    Attributes:
        name: the member's name in the tar without the "KEY." at its beginning.
        field: the field that it holds: an array field, "label" (ASCII digits) or "metadata" (JSON
            text).
        start: offset of the member's tar header in the record, bytes.
        offset: offset of the member's value in the record, bytes; of an array, the ``.npy`` header
            ends here.
        size: bytes of the member, including the ``.npy`` header.
        dtype: dtype of the value, in NumPy's spelling.
        shape: shape of the value.
    """

    name: str
    field: str
    start: int
    offset: int
    size: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def value_bytes(self) -> int:
        """Bytes of the value."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)

    @property
    def preamble(self) -> bytes:
        """The ``.npy`` header of an array; empty for other members."""
        return _npy_header(self.dtype, self.shape) if self.name.endswith(".npy") else b""

    @cached_property
    def head(self) -> bytes:
        """The member's bytes before the value, in the record of clip 0: tar and ``.npy`` header."""
        return _tar_header(f"{'0' * KEY_DIGITS}.{self.name}", self.size) + self.preamble


@dataclass(frozen=True)
class RecordLayout:
    """The places of the members in a record.

    Attributes:
        members: in the order of the tar.
        record_bytes: length of every record.
    """

    members: tuple[Member, ...]
    record_bytes: int

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """A record as a structured dtype: each member's value under its field's name, and "key"."""
        return np.dtype(
            {
                "names": ["key", *(member.field for member in self.members)],
                "formats": [
                    (np.uint8, (KEY_DIGITS,)),
                    *((member.dtype, member.shape) for member in self.members),
                ],
                "offsets": [0, *(member.offset for member in self.members)],
                "itemsize": self.record_bytes,
            }
        )

    @cached_property
    def template(self) -> NDArray[np.uint8]:
        """The record of clip 0 with every value zero, uint8 (record_bytes,); read-only."""
        record = np.zeros(self.record_bytes, np.uint8)
        for member in self.members:
            record[member.start : member.offset] = np.frombuffer(member.head, np.uint8)
        record.flags.writeable = False
        return record

    def shard_bytes(self, clips: int) -> int:
        """Length in bytes of a shard of ``clips`` clips."""
        return clips * self.record_bytes + END_BYTES

    def write_keys(self, records: NDArray[np.uint8], indices: NDArray[np.int64]) -> None:
        """Turn the headers of records made from ``template`` into those of other clips.

        Args:
            records: uint8 (B, record_bytes), changed in place.
            indices: int64 (B,), below 10**12.
        """
        digits = key_digits(indices)
        for member in self.members:
            write_key(records[:, member.start : member.offset], member.head, digits)

    def as_json(self) -> dict[str, Any]:
        """The JSON value of the layout in index.json."""
        return {
            "bytes": self.record_bytes,
            "members": [
                {
                    "member": member.name,
                    "field": member.field,
                    "offset": member.offset,
                    "dtype": member.dtype,
                    "shape": list(member.shape),
                }
                for member in self.members
            ],
        }


def key_digits(indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Keys as ASCII, uint8 (B, KEY_DIGITS)."""
    digits = indices[:, None] // _KEY_POWERS % 10
    digits += ord("0")
    return digits.astype(np.uint8)


def write_key(heads: NDArray[np.uint8], head: bytes, digits: NDArray[np.uint8]) -> None:
    """Turn heads made from a member's ``head`` into those of other clips.

    Args:
        heads: uint8 (B, len(head)), changed in place.
        head: of clip 0.
        digits: as ``key_digits`` returns them, uint8 (B, KEY_DIGITS).
    """
    # The key of clip 0 is all zeros, so the checksum of another header is larger by the digits'
    # sum.
    growth = (digits - ord("0")).sum(axis=1, dtype=np.int64)
    heads[:, :KEY_DIGITS] = digits
    heads[:, _CHECKSUM] = _octal(int(head[_CHECKSUM], 8) + growth, 6)


def check_array_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """Validate the array fields that a record shall store beside the video, and return them in the
    order of ``trajdata.FIELDS``.

    Raises:
        ArgumentError: a field is no array field, is in every record anyway, or is named twice.
    """
    storable = [name for name in FIELDS if name not in (*DEFAULT_FIELDS, *TEXT_FIELDS)]
    allowed = f"allowed are {', '.join(storable)}, each once"
    if isinstance(fields, str):
        raise ArgumentError(f"fields: given the string {fields!r:.80}; {allowed}")
    names = list(fields)
    if any(name not in storable for name in names) or len(set(names)) != len(names):
        raise ArgumentError(f"fields: given {', '.join(map(str, names)):.200}; {allowed}")
    return tuple(name for name in storable if name in names)


@lru_cache(maxsize=16)
def record_layout(spec: ClipSpec, fields: tuple[str, ...]) -> RecordLayout:
    """The layout of this spec's records.

    Args:
        spec: of the clips.
        fields: as ``check_array_fields`` returns them.
    """
    values: list[tuple[str, str, np.dtype[Any], tuple[int, ...]]] = [
        ("video.npy", "video", np.dtype(np.uint8), spec.video_shape),
        ("cls", "label", np.dtype(np.uint8), (len(str(len(spec.laws) - 1)),)),
        ("json", "metadata", np.dtype(np.uint8), (wording(spec).metadata_bytes,)),
    ]
    for name in fields:
        field = FIELDS[name]
        values.append((f"{name}.npy", name, np.dtype(field.dtype), field.shape(spec)))
    members = []
    start = 0
    for member_name, field_name, dtype, shape in values:
        text = dtype.newbyteorder("<").str
        preamble = len(_npy_header(text, shape)) if member_name.endswith(".npy") else 0
        size = preamble + dtype.itemsize * math.prod(shape)
        offset = start + _BLOCK + preamble
        members.append(Member(member_name, field_name, start, offset, size, text, shape))
        start += _BLOCK + -(-size // _BLOCK) * _BLOCK
    return RecordLayout(tuple(members), start)


def default_shard_clips(spec: ClipSpec) -> int:
    """The default number of clips in a shard: a power of two, with up to 128 MiB of video.

    A machine renders and writes that much in seconds, so that a shard is committed well within a
    minute.
    """
    most = min(max(_SHARD_VIDEO_BYTES // spec.clip_bytes, 1), 65536)
    return 1 << (most.bit_length() - 1)


def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """The header of a ``.npy`` file, format version 1.0. Its length is a multiple of 64 bytes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"


def _tar_header(name: str, size: int) -> bytes:
    """The USTAR header (POSIX.1-1988) of a regular file with mode 0644; the other fields are 0."""
    header = bytearray(_BLOCK)
    header[0 : len(name)] = name.encode("ascii")
    header[100:108] = b"0000644\0"
    header[108:116] = header[116:124] = b"0000000\0"
    header[124:136] = b"%011o\0" % size
    header[136:148] = b"%011o\0" % 0
    header[148:156] = b" " * 8  # in the checksum, its own field counts as blanks
    header[156:157] = b"0"
    header[257:265] = b"ustar\x0000"
    header[329:337] = header[337:345] = b"0000000\0"
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _octal(values: NDArray[np.int64], digits: int) -> NDArray[np.uint8]:
    shifts = 3 * np.arange(digits - 1, -1, -1, dtype=np.int64)
    return ((values[:, None] >> shifts & 7) + ord("0")).astype(np.uint8)
