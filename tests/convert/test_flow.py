"""Files of flow, read by OpenCV as the users of both benchmarks read them."""

import numpy as np
import pytest
from PIL import Image

from trajdata.convert import write_flo, write_kitti_flow

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")


def read_kitti(path):
    """(flow (2, H, W), valid (H, W)): the reading that RAFT and others have."""
    blue, green, red = cv2.split(cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR))
    flow = (np.stack([red, green]).astype(np.float64) - 2**15) / 64
    return flow, blue


def test_opencv_reads_the_flo_that_was_written(scenes, tmp_path):
    _, clips = scenes
    for k, clip in enumerate(clips[:4]):
        path = tmp_path / f"{k}.flo"
        write_flo(path, clip["forward_flow"][k])
        found = cv2.readOpticalFlow(str(path))
        assert found.shape == (24, 40, 2)
        assert np.array_equal(found, clip["forward_flow"][k].transpose(1, 2, 0))
        assert path.stat().st_size == 12 + 8 * 24 * 40


def test_kittis_png_has_the_flow_to_a_128th_of_a_pixel_and_says_where_it_is_valid(scenes, tmp_path):
    _, clips = scenes
    for k, clip in enumerate(clips[:4]):
        path = tmp_path / f"{k}.png"
        write_kitti_flow(path, clip["backward_flow"][k])
        flow, valid = read_kitti(path)
        assert (valid == 1).all()
        assert np.abs(flow - clip["backward_flow"][k]).max() <= 1 / 128
        assert np.abs(flow).max() > 0.5


def test_red_of_kittis_png_is_the_first_component_for_another_decoder_too(tmp_path):
    flow = np.zeros((2, 5, 7), np.float32)
    flow[0], flow[1] = 400.0, -400.0
    write_kitti_flow(tmp_path / "flow.png", flow)
    # Pillow shows the upper byte of 16.
    red, green, blue = np.asarray(Image.open(tmp_path / "flow.png").convert("RGB"))[2, 3]
    assert (red, green, blue) == ((400 * 64 + 2**15) >> 8, (-400 * 64 + 2**15) >> 8, 0)


def test_what_does_not_fit_or_is_not_known_is_marked_as_no_flow(tmp_path):
    flow = np.zeros((2, 4, 6), np.float32)
    flow[0, 1, 2], flow[1, 3, 0], flow[0, 0, 0] = 512.0, -513.0, np.nan
    flow[0, 2, 2], flow[1, 2, 3] = 511.98, -512.0
    valid = np.ones((4, 6), bool)
    valid[3, 5] = False
    write_kitti_flow(tmp_path / "flow.png", flow, valid)
    found, shown = read_kitti(tmp_path / "flow.png")
    bad = {(1, 2), (3, 0), (0, 0), (3, 5)}
    assert {(int(row), int(column)) for row, column in np.argwhere(shown == 0)} == bad
    assert found[0, 2, 2] == 511.984375
    assert found[1, 2, 3] == -512


@pytest.mark.parametrize(
    "flow", [np.zeros((4, 6, 2), np.float32), np.zeros((2, 4, 6), np.int64), np.zeros((2, 4))]
)
def test_what_is_no_flow_is_an_error_and_no_file(flow, tmp_path):
    for write in (write_flo, write_kitti_flow):
        with pytest.raises(ValueError, match="flow: given"):
            write(tmp_path / "x", flow)
    with pytest.raises(ValueError, match="valid: given"):
        write_kitti_flow(tmp_path / "x", np.zeros((2, 4, 6), np.float32), np.ones((4, 6)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_the_systems_own_error(tmp_path):
    for write in (write_flo, write_kitti_flow):
        with pytest.raises(FileNotFoundError):
            write(tmp_path / "none" / "x", np.zeros((2, 4, 6), np.float32))
