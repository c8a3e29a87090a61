"""Clips that the converters take."""

import pytest

from trajdata import ClipSource, preset
from trajdata.convert import CONVERTER_FIELDS

FIELDS = tuple(sorted({name for fields in CONVERTER_FIELDS.values() for name in fields}))
SPEC = preset("scenes-32", count=(2, 4), height=24, width=40)


@pytest.fixture(scope="session")
def scenes():
    """A spec of several objects in a frame that is not square, and 12 of its clips."""
    source = ClipSource(SPEC, fields=(*FIELDS, "present"))
    return SPEC, [source[index] for index in range(12)]
