"""Take clips out of a mapped shard: their values, and the small things that are checked each time.

The kernels work on a shard's bytes, uint8 (clips, record_bytes), row by row in any order. They
copy once and hold no lock, so that threads read side by side.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["gather_values", "read_labels"]

_ZERO = np.uint8(ord("0"))


@kernel
def gather_values(raw, rows, places, start, values):  # type: ignore[no-untyped-def]
    """Copy the values that stand at ``start`` in some records.

    raw: uint8 (clips, record_bytes). rows, places: int64 (n,), which records, and to which rows
    of ``values``, uint8 (B, bytes of a value).
    """
    size = values.shape[1]
    for b in range(rows.shape[0]):
        source = raw[rows[b], start : start + size]
        target = values[places[b]]
        for i in range(size):
            target[i] = source[i]


@kernel
def read_labels(raw, rows, first, digits, start, width, laws, labels):  # type: ignore[no-untyped-def]
    """Read the labels of some records; whether their keys and labels are those of clips.

    raw, rows: as in ``gather_values``. first: index of the shard's first clip. digits: of a key,
    which a record begins with. start, width: of the label's digits. laws: how many there are.
    labels: int64 (n,).
    """
    for b in range(rows.shape[0]):
        record = raw[rows[b]]
        index = first + rows[b]
        for i in range(digits - 1, -1, -1):
            if record[i] != _ZERO + np.uint8(index % 10):
                return False
            index //= 10
        label = np.int64(0)
        for i in range(start, start + width):
            digit = np.int64(record[i]) - np.int64(_ZERO)
            if not 0 <= digit <= 9:
                return False
            label = 10 * label + digit
        if label >= laws:
            return False
        labels[b] = label
    return True
