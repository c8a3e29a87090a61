import numpy as np

from trajdata._world.camera import project
from trajdata._world.tables import SCENE


def project_one(point, radius=0.3, height=32, width=32):
    scenes = np.zeros((1, 1), SCENE)
    scenes["radius"] = radius
    pixels, radii = np.empty((1, 1, 1, 2)), np.empty((1, 1, 1))
    project(np.array(point, float).reshape(1, 1, 1, 3), scenes, height, width, pixels, radii)
    return (*pixels[0, 0, 0], radii[0, 0, 0])


def test_the_view_axis_meets_the_middle_of_the_frame():
    assert project_one((0, 0, 4))[:2] == (16, 16)
    assert project_one((0, 0, 4), height=32, width=64)[:2] == (32, 16)


def test_x_goes_right_and_y_goes_down():
    assert project_one((1, 0, 4))[:2] == (24, 16)
    assert project_one((0, 1, 4))[:2] == (16, 24)


def test_half_the_field_of_view_reaches_the_frames_edge():
    # Focal length = the shorter side, so at depth z the edge is at z / 2.
    assert project_one((2, 0, 4))[0] == 32
    assert project_one((0, -2, 4))[1] == 0


def test_the_apparent_radius_is_inverse_to_the_depth():
    assert project_one((0, 0, 4))[2] == 2 * project_one((0, 0, 8))[2] == 32 * 0.3 / 4


def test_twice_the_resolution_has_twice_the_coordinates():
    small = np.array(project_one((0.7, -0.4, 4.4)))
    assert np.allclose(2 * small, project_one((0.7, -0.4, 4.4), height=64, width=64), rtol=1e-15)
