"""What the tests of trainers share."""

import pytest

from trajdata import ClipSource


@pytest.fixture(scope="session")
def source(tiny_spec):
    """The live stream of the tiny spec."""
    return ClipSource(tiny_spec)
