"""Polygons in place of circles."""

import math

import pytest

from trajdata._arithmetic.ring import ring


@pytest.mark.parametrize("sides", [4, 6, 12, 16, 48, 64])
def test_a_ring_is_regular_and_has_the_area_of_the_circle(sides):
    corners, middles, far = ring(sides)
    assert len(corners) == len(middles) == sides
    for number, (corner, middle) in enumerate(zip(corners, middles, strict=True)):
        angle = math.tau * number / sides
        assert corner == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-14)
        angle += math.pi / sides
        assert middle == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-14)
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    area = sum(a * d - b * c for (a, b), (c, d) in pairs) / 2 * far * far
    assert area == pytest.approx(math.pi, abs=1e-13)
