"""What the kernels of the hot path are spared, and what they must not do in return."""

import numba
import numpy as np
import pytest

from trajdata._jit import bare_kernel, kernel


def total_until_negative(table):
    total = 0.0
    for i in range(table.shape[0]):
        row = table[i]
        if row[0] < 0.0:
            break
        total += row[1:].sum()
    return total


def with_an_array(count):
    return np.zeros(count)[0]


def test_a_kernel_that_makes_an_array_is_refused_if_it_is_bare():
    assert kernel(with_an_array)(3) == 0.0
    with pytest.raises(numba.core.errors.NumbaError):
        bare_kernel(with_an_array)(3)


def test_a_kernel_that_a_bare_one_calls_may_make_none_either_whatever_the_cache_has():
    assert kernel(with_an_array)(3) == 0.0  # compiled for itself, and cached
    inner = kernel(with_an_array)

    @bare_kernel
    def outer(count):
        return inner(count)

    with pytest.raises(numba.core.errors.NumbaError):
        outer(3)


def test_a_bare_kernel_counts_no_references_to_what_it_looks_at():
    assert "_nrt" in bare_kernel(total_until_negative).targetoptions
    table = np.arange(12.0).reshape(4, 3)
    views = [table[i:] for i in range(4)]
    found = bare_kernel(total_until_negative)
    assert [found(view) for view in views] == [total_until_negative(view) for view in views]
    for text in found.inspect_llvm().values():
        assert "NRT_incref" not in text.replace("declare", "")
