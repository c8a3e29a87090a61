"""What every test may use."""

from __future__ import annotations

import pytest

from trajdata._spec.model import ClipSpec


@pytest.fixture(scope="session")
def tiny_spec() -> ClipSpec:
    """The smallest pictures that a spec allows: clips of 4 x 3 x 16 x 16, 3 KB each."""
    return ClipSpec().replace(frames=4, height=16, width=16)
