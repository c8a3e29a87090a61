"""MOVi's form, read as the descriptions of its features say, and checked against our own truth."""

import numpy as np
import pytest

from trajdata import ClipSource, preset
from trajdata.convert import CONVERTER_FIELDS, to_movi

SHAPES = ("disc", "sphere", "cube", "cylinder", "cone")


def read(example, name):
    """Depth or flow in its unit, by the formula that MOVi's page gives to its users."""
    low, high = example["metadata"][f"{name}_range"]
    return example[name] / 65535 * (high - low) + low


def steps_of(example, name):
    """What 16 bits leave, with the float32 of the range."""
    low, high = example["metadata"][f"{name}_range"]
    return 0.51 * (high - low) / 65535 + 1e-6 * max(abs(low), abs(high))


def turned(quaternion, vectors):
    """Vectors (..., 3) turned by a unit quaternion wxyz, by q v q*."""
    w, axis = quaternion[0], np.asarray(quaternion[1:], np.float64)
    across = 2 * np.cross(axis, vectors)
    return vectors + w * across + np.cross(axis, across)


@pytest.fixture(scope="module")
def examples(scenes):
    spec, clips = scenes
    return [(clip, to_movi(clip, spec)) for clip in clips]


def order_of(clip):
    seen = clip["visible_pixels"].sum(axis=1)
    return [slot for slot in np.argsort(-seen, kind="stable") if seen[slot]]


def test_dense_fields_have_the_shapes_and_dtypes_of_movi(examples):
    for _, example in examples:
        for name, channels, dtype in (
            ("video", 3, np.uint8),
            ("segmentations", 1, np.uint8),
            ("depth", 1, np.uint16),
            ("forward_flow", 2, np.uint16),
            ("backward_flow", 2, np.uint16),
            ("object_coordinates", 3, np.uint16),
        ):
            assert example[name].shape == (8, 24, 40, channels)
            assert example[name].dtype == dtype


def test_depth_is_the_distance_from_the_cameras_centre(examples):
    rows, columns = np.mgrid[:24, :40] + 0.5
    for clip, example in examples:
        # f = 24: the shorter side.
        stretch = np.sqrt(1 + ((columns - 20) ** 2 + (rows - 12) ** 2) / 24**2)
        want = clip["depth_map"] * stretch
        error = np.abs(read(example, "depth")[..., 0] - want).max()
        assert error < steps_of(example, "depth")
        assert want.max() > 1.2 * clip["depth_map"].max()


def test_flow_is_row_then_column_and_both_flows_go_along_time(examples):
    for clip, example in examples:
        for name, sign in (("forward_flow", 1), ("backward_flow", -1)):
            found = read(example, name)
            want = sign * clip[name]
            assert np.abs(found[..., 0] - want[:, 1]).max() < steps_of(example, name)
            assert np.abs(found[..., 1] - want[:, 0]).max() < steps_of(example, name)


def test_a_point_in_steady_motion_has_the_same_flow_from_behind_and_to_the_front():
    spec = preset("magvit-64", laws=("linear",), depth=(4.0, 4.0), shapes=("disc",))
    source = ClipSource(spec, fields=CONVERTER_FIELDS["to_movi"])
    example = to_movi(source[0], spec)
    inside = example["segmentations"][4, ..., 0] == 1
    ahead, behind = (read(example, f"{way}_flow")[4][inside] for way in ("forward", "backward"))
    assert np.abs(ahead).max() > 0.5
    assert np.abs(ahead - behind).max() < 0.2 * np.abs(ahead).max()


def test_ids_are_places_in_the_list_of_instances_most_seen_first(examples):
    for clip, example in examples:
        slots = order_of(clip)
        assert example["metadata"]["num_instances"] == len(slots)
        counts = []
        for number, slot in enumerate(slots, 1):
            mask = example["segmentations"][..., 0] == number
            assert np.array_equal(mask, clip["segmentations"] == slot + 1)
            visibility = example["instances"]["visibility"][number - 1]
            assert np.array_equal(visibility, mask.sum(axis=(1, 2)))
            counts.append(mask.sum())
        assert counts == sorted(counts, reverse=True)
        assert set(np.unique(example["segmentations"])) <= set(range(len(slots) + 1))


def test_an_object_that_no_pixel_shows_is_left_out(scenes):
    spec, clips = scenes
    clip = dict(clips[0])
    slot = order_of(clip)[0]
    clip["segmentations"] = np.where(clip["segmentations"] == slot + 1, 0, clip["segmentations"])
    clip["visible_pixels"] = clip["visible_pixels"].copy()
    clip["visible_pixels"][slot] = 0
    example = to_movi(clip, spec)
    assert len(example["instances"]["asset_id"]) == len(order_of(clips[0])) - 1
    assert set(np.unique(example["segmentations"])) == set(range(len(order_of(clip)) + 1))


def test_boxes_are_top_left_bottom_right_in_shares_of_the_frames_that_show_the_object(examples):
    for _, example in examples:
        parts = example["instances"]
        for number, (boxes, frames) in enumerate(
            zip(parts["bboxes"], parts["bbox_frames"], strict=True), 1
        ):
            mask = example["segmentations"][..., 0] == number
            assert list(frames) == list(np.flatnonzero(mask.any(axis=(1, 2))))
            for box, frame in zip(boxes, frames, strict=True):
                rows, columns = np.nonzero(mask[frame])
                want = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
                assert box == pytest.approx(np.divide(want, (24, 40, 24, 40)), abs=1e-6)


def test_poses_and_corners_are_those_of_the_objects(examples):
    for clip, example in examples:
        parts = example["instances"]
        for number, slot in enumerate(order_of(clip)):
            for name in ("positions", "velocities", "quaternions", "angular_velocities"):
                assert np.array_equal(parts[name][number], clip[name][slot])
            place = clip["positions"][slot][:, :2] / clip["positions"][slot][:, 2:]
            want = (24 * place + (20, 12)) / (40, 24)
            assert parts["image_positions"][number] == pytest.approx(want, abs=1e-5)
            corner = turned(clip["quaternions"][slot, 3], -clip["half_extents"][slot])
            first, *_, last = parts["bboxes_3d"][number, 3] - clip["positions"][slot, 3]
            assert first == pytest.approx(corner, abs=1e-5)
            assert last == pytest.approx(-corner, abs=1e-5)
            assert parts["asset_id"][number] == SHAPES[clip["shapes"][slot]]


def test_a_pixels_coordinates_in_its_object_lead_back_to_the_pixel(examples):
    for clip, example in examples:
        for number, slot in enumerate(order_of(clip)):
            frame = int(example["instances"]["bbox_frames"][number][0])
            rows, columns = np.nonzero(example["segmentations"][frame, ..., 0] == number + 1)
            shares = example["object_coordinates"][frame, rows, columns] / 65535
            local = (2 * shares - 1) * clip["half_extents"][slot]
            points = clip["positions"][slot, frame] + turned(
                clip["quaternions"][slot, frame], local
            )
            places = 24 * points[:, :2] / points[:, 2:] + (20, 12)
            assert places == pytest.approx(np.stack([columns, rows], 1) + 0.5, abs=0.01)


def test_the_camera_sees_with_kubrics_axes_what_the_clip_shows(examples):
    for clip, example in examples:
        camera = example["camera"]
        position = clip["positions"][int(order_of(clip)[0]), 2]
        back = camera["quaternions"][2] * (1, -1, -1, -1)
        x, y, z = turned(back, position - camera["positions"][2])
        # Kubric's intrinsics, in shares of the frame: it looks along -z, y points up.
        across = camera["focal_length"] / camera["sensor_width"]
        found = 0.5 + across * x / -z, 0.5 - across * 40 / 24 * y / -z
        assert found == pytest.approx(example["instances"]["image_positions"][0, 2], abs=1e-5)
        assert camera["field_of_view"] == pytest.approx(2 * np.arctan(20 / 24))


def test_a_camera_that_is_turned_and_moved_has_that_pose(scenes):
    spec, clips = scenes
    angle, frames = 0.7, 8
    cosine, sine = np.cos(angle), np.sin(angle)
    view = np.eye(4)
    view[:3, :3] = [[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]
    view[:3, 3] = view[:3, :3] @ (-0.3, 0.2, -0.1)
    clip = {**clips[0], "extrinsics": np.broadcast_to(view, (1, frames, 4, 4)).astype(np.float32)}
    camera = to_movi(clip, spec)["camera"]
    assert camera["positions"][5] == pytest.approx((0.3, -0.2, 0.1), abs=1e-6)
    # The axis of view: its own -z is the world's direction that the matrix takes to +z.
    assert turned(camera["quaternions"][5], np.array([0, 0, -1.0])) == pytest.approx(
        view[2, :3], abs=1e-6
    )
    assert turned(camera["quaternions"][5], np.array([0, 1.0, 0])) == pytest.approx(
        -view[1, :3], abs=1e-6
    )


def test_gray_clips_have_three_channels_and_flat_values_a_range_without_width(scenes):
    spec = preset("gray-32", count=(1, 2))
    clip = dict(ClipSource(spec, fields=CONVERTER_FIELDS["to_movi"])[0])
    clip["forward_flow"] = np.zeros_like(clip["forward_flow"])
    example = to_movi(clip, spec)
    assert example["video"].shape == (8, 32, 32, 3)
    assert np.array_equal(example["video"][..., 0], example["video"][..., 2])
    assert list(example["metadata"]["forward_flow_range"]) == [0, 0]
    assert not read(example, "forward_flow").any()
    assert [len(rows) for rows in example["events"]["collisions"].values()] == [0] * 6


def test_a_clip_that_lacks_fields_is_an_error_that_says_which(scenes):
    spec, clips = scenes
    with pytest.raises(
        ValueError, match=r"clip: given one without depth_map, extrinsics; .*to_movi"
    ):
        to_movi({k: v for k, v in clips[0].items() if k not in ("depth_map", "extrinsics")}, spec)
    batch = ClipSource(spec, fields=CONVERTER_FIELDS["to_movi"]).batch([0])
    with pytest.raises(ValueError, match=r"given video of shape \(1, 8, 3, 24, 40\); .* one clip"):
        to_movi(batch, spec)
