"""Copy the values of clips out of a mapped shard, and check the keys and labels on the way.

The kernels take a shard's bytes, uint8 (clips, record_bytes), and rows in any order. They copy each
value once and do not hold the GIL, so that several threads can read at the same time.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["gather_values", "read_labels"]

_ZERO = np.uint8(ord("0"))


@kernel
def gather_values(raw, rows, places, start, values):  # type: ignore[no-untyped-def]
    """Copy the values that begin at byte ``start`` of some records.

    raw: uint8 (clips, record_bytes). rows: int64 (n,), which records. places: int64 (n,), the rows
    of ``values`` to copy to. values: uint8 (B, bytes of a value).
    """
    size = values.shape[1]
    for b in range(rows.shape[0]):
        source = raw[rows[b], start : start + size]
        target = values[places[b]]
        for i in range(size):
            target[i] = source[i]


@kernel
def read_labels(raw, rows, first, digits, start, width, laws, labels):  # type: ignore[no-untyped-def]
    """Read the labels of some records. Returns False if a key is wrong or a label is no label.

    raw, rows: as in ``gather_values``. first: index of the shard's first clip. digits: number of
    digits of a key, with which a record begins. start, width: first byte of the label, and number
    of its digits. laws: number of laws. labels: int64 (n,), written.
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
