"""Cameras that move and several at once, against the tests' own renderer and extrinsics."""

import itertools
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from tests.render import reference
from tests.render.test_truth import TRUTH
from trajdata import ClipSource, ClipSpec, preset

MOVING = {
    "orbit": {"orbit": (0.3, 0.4), "place": 0.25},
    "pan": {"pan": (0.05, 0.1), "place": 0.3},
    "shaking": {"shaking": 0.01, "place": 0.3},
    "ring": {"views": 3, "ring": 0.15, "place": 0.25, "framed": "first"},
    "all": {
        **{"views": 2, "baseline": 0.1, "ring": 0.05, "orbit": (0.1, 0.2), "pan": (0.0, 0.02)},
        **{"shaking": 0.005, "place": 0.2, "jitter": 0.01},
    },
}


def moving(name, **changes):
    shapes = ("disc", "sphere", "cube", "cone")
    return preset("scenes-32", frames=5, shapes=shapes, **MOVING[name], **changes)


def clips_of(spec, clips, fields=TRUTH, seed=0):
    batch = ClipSource(spec, seed, fields=fields).batch(clips)
    return [{name: batch[name][b] for name in fields} for b in range(len(clips))]


def check_view(spec, clip, view):
    """Every frame of a view: ids, depths, flows, boxes, points; how many pixels were compared."""
    own = reference.view_of(clip, view) if spec.views > 1 else clip
    rays, wall, compared = reference.rays_of(spec), spec.camera.wall_depth, 0
    cameras = [reference.camera_of(clip, view, k) for k in range(spec.frames)]
    world = [reference.bodies_of(clip, spec, k) for k in range(spec.frames)]
    every = [
        {slot: camera.sees(body) for slot, body in bodies.items()}
        for camera, bodies in zip(cameras, world, strict=True)
    ]
    for k, (camera, bodies) in enumerate(zip(cameras, every, strict=True)):
        far = camera.wall(rays, wall)
        ids, depths = reference.nearest(bodies, rays, far)
        sure = ~reference.is_tie(bodies, spec, np.inf)
        assert np.array_equal(own["segmentations"][k][sure], ids[sure])
        # Extrinsics are float32, and near an outline depth changes fast.
        assert np.abs(own["depth_map"][k] - depths)[sure & (ids == 0)].max() <= 1e-4
        off = np.abs(own["depth_map"][k] - depths)[sure]
        assert np.quantile(off, 0.999) <= 1e-4
        assert off.max() <= 2e-3
        for name, step in (("forward_flow", 1), ("backward_flow", -1)):
            if not (0 <= k + step < spec.frames and every[k + step].keys() == bodies.keys()):
                continue
            moves = reference.flow(ids, depths, bodies, every[k + step], spec)
            points = (rays * depths[..., None] - camera.shift) @ camera.turn
            later = cameras[k + step]
            there = reference.project(points @ later.turn.T + later.shift, spec)
            still = there - reference.project(rays, spec)
            moves = np.where(ids == 0, np.moveaxis(still, -1, 0), moves)
            assert np.abs(own[name][k] - moves)[:, sure].max() <= 2e-3
        for slot, body in bodies.items():
            shown = own["segmentations"][k] == slot + 1
            assert shown.sum() == own["visible_pixels"][slot, k]
            rows, columns = np.nonzero(np.isfinite(body.hits(rays)))
            left, top, right, bottom = own["amodal_boxes"][slot, k]
            if rows.size and view == 0:
                assert left - 1e-3 <= columns.min() + 0.5 <= left + 4
                assert right - 4 <= columns.max() + 0.5 <= right + 1e-3
                assert top - 1e-3 <= rows.min() + 0.5 <= top + 4
                assert bottom - 4 <= rows.max() + 0.5 <= bottom + 1e-3
        compared += sure.sum()
    return compared


@pytest.mark.parametrize("name", MOVING)
def test_truth_of_every_camera_is_what_an_independent_renderer_finds(name):
    spec = moving(name)
    for clip in clips_of(spec, range(6)):
        for view in range(spec.views):
            least = 0.97 * spec.frames * spec.height * spec.width
            assert check_view(spec, clip, view) > least


def test_truth_of_the_stereo_preset_is_what_an_independent_renderer_finds():
    spec = preset("stereo-64")
    for clip in clips_of(spec, range(2)):
        for view in range(2):
            check_view(spec, clip, view)


@pytest.mark.parametrize("name", ["orbit", "all"])
def test_pictures_of_a_moving_camera_are_close_to_supersampling(name):
    spec = moving(name, height=64, width=64, background="texture")
    source = ClipSource(spec, fields=("video", "amodal_boxes", "present"))
    for b in range(6):
        clip = source[b]
        if spec.views > 1:
            clip = {**clip, "video": clip["video"][0], "amodal_boxes": clip["amodal_boxes"][:, 0]}
        for k in (0, spec.frames - 1):
            assert reference.decibels(source.supersampled(b, k), clip, k)[0] >= 34


def test_what_the_supersampler_sees_of_a_moving_camera_is_what_an_independent_renderer_sees():
    spec = moving("orbit")
    fields = ("extrinsics", *reference.FIELDS)
    for b, clip in enumerate(clips_of(spec, range(3), fields)):
        source, k = ClipSource(spec), 4
        camera, scene = reference.camera_of(clip, 0, k), source.scenes([b])[0]
        bodies = {s: camera.sees(o) for s, o in reference.bodies_of(clip, spec, k).items()}
        light = camera.turn @ np.array([scene[0][f"light_{axis}"] for axis in "xyz"])
        due = np.zeros((3, spec.height, spec.width))
        shifts = (np.arange(8) + 0.5) / 8 - 0.5
        for shift in itertools.product(shifts, shifts):
            rays = reference.rays_of(spec, shift)
            ids, depths = reference.nearest(bodies, rays, np.inf)
            for slot, body in bodies.items():
                own = ids == slot + 1
                shine = body.shine(rays[own], depths[own], light)
                due[:, own] += 255 * clip["colours"][slot][:, None] * shine / 64
        assert np.abs(source.supersampled(b, k) - due).mean() < 0.1


def test_disparity_is_focal_length_times_baseline_by_depth():
    """In the stereo preset: a place that the first camera sees is f b / z farther left in the
    second, to 1e-3 px."""
    spec = preset("stereo-64")
    focal, baseline, shown = 64.0, 0.2, 0
    for clip in clips_of(spec, range(10)):
        assert clip["extrinsics"][1, 0] == pytest.approx(
            np.array([[1, 0, 0, -baseline], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        )
        left, right = clip["points"][:, 0].astype(float), clip["points"][:, 1].astype(float)
        for k in range(spec.frames):
            rows, columns = np.nonzero(clip["segmentations"][0, k])
            for i, j in list(zip(rows, columns, strict=True))[::7]:
                z = float(clip["depth_map"][0, k, i, j])
                # The same ray's place, in the other camera.
                ray = np.array([(j + 0.5 - 32) / focal, (i + 0.5 - 32) / focal, 1.0])
                world = np.append(z * ray, 1.0)
                seen = clip["intrinsics"][1] @ (clip["extrinsics"][1, k] @ world)[:3]
                assert (j + 0.5) - seen[0] / seen[2] == pytest.approx(
                    focal * baseline / z, abs=1e-3
                )
                assert seen[1] / seen[2] == pytest.approx(i + 0.5, abs=1e-3)
        assert np.abs(left[..., 1] - right[..., 1]).max() < 1e-3
        # Tracks are of the same surface points: their disparity says at which depth they are.
        for point, k in zip(*np.nonzero(~clip["occluded"][:, 0]), strict=True):
            x, y = left[point, k]
            ray = np.array([[(x - 32) / focal, (y - 32) / focal, 1.0]])
            bodies = reference.bodies_of(clip, spec, k)
            ids, depth = reference.nearest(bodies, ray, np.inf)
            if ids[0]:
                disparity = x - right[point, k, 0]
                near = [
                    reference.nearest(bodies, ray + np.array([dx, dy, 0]), np.inf)[1][0]
                    for dx in (-1e-4, 1e-4)
                    for dy in (-1e-4, 1e-4)
                ]
                if np.ptp([*near, depth[0]]) < 1e-2:
                    assert disparity == pytest.approx(focal * baseline / depth[0], abs=1e-3)
                    shown += 1
    assert shown > 300


@pytest.mark.parametrize("name", MOVING)
def test_every_object_stays_inside_the_pictures_that_have_to_show_it(name):
    """At the margin's edge, by the exact outline, at far more moments than a clip has."""
    spec = moving(name, transients=(0, 1)).replace(frames=60)
    fields = ("amodal_boxes", "exists", "present", "depth", "positions", "extrinsics")
    margin = 0.5 * 0.0625 * spec.height - 1e-3
    batch = ClipSource(spec, fields=fields).batch(range(60))
    boxes, present = batch["amodal_boxes"], batch["present"]
    for view in range(spec.views):
        own = boxes[:, :, view] if spec.views > 1 else boxes
        if view == 0 or spec.camera.framed == "all":
            seen = own[present]
            assert (seen[:, :2] >= margin).all()
            assert (seen[:, 2] <= spec.width - margin).all()
            assert (seen[:, 3] <= spec.height - margin).all()
    # No camera is ever nearer than the near reach.
    world = np.concatenate([batch["positions"], np.ones((*present.shape, 1))], axis=-1)
    depth = np.einsum("bvtk,bntk->bvnt", batch["extrinsics"][:, :, :, 2], world)
    shown = np.broadcast_to(present[:, None], depth.shape)
    assert depth[shown].min() >= spec.camera.reach[0] - 1e-5


def test_a_law_that_is_shown_to_be_inside_by_samples_stays_inside_moving_pictures():
    laws = ("pendulum", "bounce", "random_walk")
    spec = preset("laws-32", laws=laws, frames=60, orbit=(0.1, 0.2), place=0.3)
    boxes = ClipSource(spec, fields=("amodal_boxes",)).batch(range(60))["amodal_boxes"]
    assert boxes[..., :2].min() >= 0.999
    assert boxes[..., 2:].max() <= 31.001


def test_cameras_are_rigid_and_go_as_far_as_the_spec_says():
    spec = moving("orbit", shaking=0.0).replace(frames=9)
    for clip in clips_of(spec, range(30), ("extrinsics", "intrinsics")):
        turns = clip["extrinsics"][0, :, :3, :3].astype(float)
        assert np.abs(turns @ np.swapaxes(turns, -1, -2) - np.eye(3)).max() < 1e-6
        whole = turns[-1] @ turns[0].T
        angle = np.arccos((np.trace(whole) - 1) / 2)
        assert 0.3 <= angle <= 0.4
        assert np.abs(turns[4] - np.eye(3)).max() < 1e-6  # in the middle it is at rest
        # What it goes about stays where it is.
        pivot = np.array([0, 0, np.mean(spec.objects.depth), 1.0])
        seen = clip["extrinsics"][0].astype(float) @ pivot
        assert seen == pytest.approx(np.tile(pivot, (9, 1)), abs=1e-5)
        assert clip["intrinsics"][0].tolist() == [[32, 0, 16], [0, 32, 16], [0, 0, 1]]


def test_pixels_depth_and_radius_are_those_of_each_camera():
    spec = moving("all")
    names = ("positions", "target", "extrinsics", "intrinsics", "pixels", "depth", "radius")
    for clip in clips_of(spec, range(5), names):
        assert clip["pixels"].shape == (2, 5, 2)
        for view in range(2):
            for k in range(5):
                world = np.append(clip["positions"][clip["target"], k].astype(float), 1)
                x, y, z = (clip["extrinsics"][view, k] @ world)[:3]
                assert clip["depth"][view, k] == pytest.approx(z, abs=1e-5)
                assert clip["pixels"][view, k] == pytest.approx(
                    [16 + 32 * x / z, 16 + 32 * y / z], abs=1e-4
                )


def test_several_cameras_give_video_with_v_in_front_and_the_same_bytes_whatever_is_asked_for():
    spec = moving("ring", shutter=0.5, exposures=2, trail=0.3, pixel_noise=2.0)
    assert spec.video_shape == (3, 5, 3, 32, 32)
    whole = ClipSource(spec, fields=("video", *TRUTH)).batch(range(7))
    assert whole["video"].shape == (7, *spec.video_shape)
    assert whole["boxes"].shape == (7, 3, 3, 5, 4)
    alone = ClipSource(spec).batch([6, 2])
    assert np.array_equal(alone["video"][1], whole["video"][2])
    for name in ("depth_map", "segmentations", "forward_flow", "points", "boxes"):
        assert np.array_equal(ClipSource(spec, fields=(name,)).batch(range(7))[name], whole[name])


def test_a_camera_that_would_lose_its_objects_is_an_error_that_says_what_to_change():
    for wrong, words in (
        ({"pan": (0.0, 0.5)}, "place: given 0.55; in train, an object .* lower place"),
        ({"orbit": (0.0, 3.0)}, "they must see the wall"),
        ({"views": 2, "baseline": 2.0}, "picture of camera 1"),
        ({"views": 5}, "views"),
        ({"orbit": (0.4, 0.1)}, "orbit: given"),
    ):
        with pytest.raises(ValueError, match=words):
            ClipSpec().replace(wrong)
    apart = ClipSpec().replace(views=2, baseline=2.0, framed="first")
    assert ClipSpec.from_json(apart.to_json()) == apart


def test_the_stereo_example_gets_depth_back_from_pictures(capsys):
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "stereo.py"), run_name="__main__")
    found = re.search(r"median error ([\d.]+) px", capsys.readouterr().out)
    assert float(found[1]) < 0.5
