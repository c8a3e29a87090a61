"""What a clip says of its pixels, against a renderer of the tests' own and against itself."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from tests.render import reference
from trajdata import FIELDS, ClipSource, ClipSpec, preset, presets

TRUTH = tuple(
    name for name in FIELDS if name not in ("video", "params", "caption", "equation", "radius")
)


def truth_of(spec, clips, seed=0):
    """The truth of some clips, one dict for each."""
    batch = ClipSource(spec, seed, fields=TRUTH).batch(clips)
    return [{name: batch[name][b] for name in TRUTH} for b in range(len(clips))]


def check_against_reference(spec, clip):
    """Every frame's ids, depths, flows, counts and boxes; how many pixels were compared."""
    wall = spec.camera.wall_depth
    every = [reference.bodies_of(clip, spec, k) for k in range(spec.frames)]
    compared = 0
    for k, bodies in enumerate(every):
        ids, depths = reference.nearest(bodies, reference.rays_of(spec), wall)
        sure = ~reference.is_tie(bodies, spec, wall)
        assert np.array_equal(clip["segmentations"][k][sure], ids[sure])
        assert np.abs(clip["depth_map"][k] - depths)[sure].max() <= 1e-4
        for name, step in (("forward_flow", 1), ("backward_flow", -1)):
            if 0 <= k + step < spec.frames and every[k + step].keys() == bodies.keys():
                moves = reference.flow(ids, depths, bodies, every[k + step], spec)
                assert np.abs(clip[name][k] - moves)[:, sure].max() <= 1e-3
        for slot, body in bodies.items():
            shown = clip["segmentations"][k] == slot + 1
            assert shown.sum() == clip["visible_pixels"][slot, k]
            alone = np.isfinite(body.hits(reference.rays_of(spec)))
            if sure.all() and alone.any():
                share = shown.sum() / alone.sum()
                assert clip["visibility"][slot, k] == pytest.approx(share, abs=1e-6)
            check_boxes(clip, k, slot, shown, alone, body.shape in ("disc", "sphere"))
        compared += sure.sum()
    return compared


def check_boxes(clip, k, slot, shown, alone, is_round):
    left, top, right, bottom = clip["boxes"][slot, k]
    if shown.any():
        rows, columns = np.nonzero(shown)
        assert (left, top) == (columns.min(), rows.min())
        assert (right, bottom) == (columns.max() + 1, rows.max() + 1)
    else:
        assert not clip["boxes"][slot, k].any()
    left, top, right, bottom = clip["amodal_boxes"][slot, k]
    rows, columns = np.nonzero(alone)
    # A corner may stick out between the centres of pixels.
    most = 1.5 if is_round else 4.0
    if alone.any():
        assert left - 1e-3 <= columns.min() + 0.5 <= left + most
        assert right - most <= columns.max() + 0.5 <= right + 1e-3
        assert top - 1e-3 <= rows.min() + 0.5 <= top + most
        assert bottom - most <= rows.max() + 0.5 <= bottom + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in presets() if preset(name).views == 1])
def test_truth_is_what_an_independent_renderer_finds(name):
    spec = preset(name)
    compared = sum(check_against_reference(spec, clip) for clip in truth_of(spec, range(6)))
    assert compared > 0.99 * 6 * spec.frames * spec.height * spec.width


def a_spec(rng):
    """A spec at random, of the laws and shapes that are compiled anyway."""
    near = rng.uniform(3.2, 4.5)
    return preset(
        "magvit-32",
        frames=int(rng.integers(2, 7)),
        height=int(rng.integers(16, 49)),
        width=int(rng.integers(16, 49)),
        channels=int(rng.choice([1, 3])),
        radius=(0.2, float(rng.uniform(0.2, 0.4))),
        depth=(near, float(near + rng.uniform(0.1, 0.5))),
        reach=(float(rng.uniform(1.5, 2.6)), float(rng.uniform(6, 9))),
        place=float(rng.uniform(0.1, 0.5)),
        jitter=float(rng.choice([0.0, 0.02])),
        spin=(0.0, float(rng.uniform(0.1, 6))),
        points=int(rng.integers(1, 6)),
        count=(1, int(rng.choice([1, 4, 8]))),
        transients=(0, int(rng.integers(0, 3))),
        held_out_depth=None,
        held_out_radius=None,
    )


@pytest.mark.parametrize("specs", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_truth_of_specs_at_random_is_what_an_independent_renderer_finds(specs):
    rng = np.random.default_rng(specs)
    for number in range(specs):
        spec = a_spec(rng)
        for clip in truth_of(spec, [number], seed=number):
            check_against_reference(spec, clip)
            check_points(spec, clip)


def check_points(spec, clip):
    """A point that is seen lies on a surface, and always at the same place of the same object."""
    homes = {}
    for k in range(spec.frames):
        bodies = reference.bodies_of(clip, spec, k)
        for point in np.nonzero(~clip["occluded"][:, k])[0]:
            x, y = clip["points"][point, k].astype(float)
            focal = min(spec.height, spec.width)
            ray = np.array([(x - spec.width / 2) / focal, (y - spec.height / 2) / focal, 1.0])
            ids, depth = reference.nearest(bodies, ray[None], spec.camera.wall_depth)
            if ids[0] == 0:
                # Off the outline by no more than float32 has room for.
                ring = (
                    ray + np.array([[dx, dy, 0] for dx in (-1, 0, 1) for dy in (-1, 0, 1)]) * 1e-5
                )
                ids, depth = reference.nearest(bodies, ring, spec.camera.wall_depth)
                assert ids.any()
                continue
            body = bodies[ids[0] - 1]
            home = (ray * depth[0] - body.position) @ body.turn
            held = homes.setdefault(point, (ids[0], home))
            assert held[0] == ids[0]
            # Near an outline a small step on the picture is a large one on the surface.
            assert np.linalg.norm(held[1] - home) < 0.02


@pytest.mark.parametrize("name", ["magvit-32", "magvit-64"])
def test_points_move_with_surfaces_and_are_seen_at_least_once(name):
    spec = preset(name, spin=(1.0, 3.0))
    for clip in truth_of(spec, range(20)):
        assert not clip["occluded"].all(axis=1).any()
        check_points(spec, clip)


@pytest.mark.parametrize(
    ("shape", "half_extents"),
    [
        ("cube", (3**-0.5, 3**-0.5, 3**-0.5)),
        ("cylinder", (0.6, 0.6, 0.8)),
        ("cone", (0.6, 0.6, 0.8)),
    ],
)
def test_a_solid_fits_into_the_sphere_of_its_radius_and_is_what_the_reference_sees(
    shape, half_extents
):
    spec = preset("scenes-64", shapes=(shape,), count=(1, 1), frames=4)
    source = ClipSource(spec, fields=("params", "half_extents"))
    radius = source.batch(range(20))["params"]["object_radius_m"]
    found = source.batch(range(20))["half_extents"][:, 0] / radius[:, None]
    assert found == pytest.approx(np.tile(half_extents, (20, 1)), rel=1e-6)
    for clip in truth_of(spec, range(12)):
        check_against_reference(spec, clip)
        check_points(spec, clip)
    check_outline(spec, clip)


def check_outline(spec, clip):
    """The whole box is that of the pixels of a picture 16 times finer."""
    (body,) = reference.bodies_of(clip, spec, 0).values()
    fine = spec.replace(height=16 * spec.height, width=16 * spec.width)
    rows, columns = np.nonzero(np.isfinite(body.hits(reference.rays_of(fine))))
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 16
    assert clip["amodal_boxes"][0, 0] == pytest.approx(found, abs=0.25)


def test_the_tip_of_a_cone_is_at_plus_z():
    """Seen along its axis, the tip is what is nearest."""
    spec = preset("scenes-64", shapes=("cone",), count=(1, 1), spin=(0.0, 0.0))
    nearest = []
    for clip in truth_of(spec, range(200)):
        tip = reference.rotation(clip["quaternions"][0, 0])[:, 2] * clip["half_extents"][0, 2]
        place = clip["positions"][0, 0] + tip
        x, y = reference.project(place.astype(float), spec)
        if tip[2] < -0.97 * clip["half_extents"][0, 2]:
            seen = clip["depth_map"][0, int(y), int(x)]
            nearest.append(seen - place[2])
    assert nearest
    assert 0 <= min(nearest) <= max(nearest) < 0.2


def test_a_point_on_the_far_side_of_a_turning_sphere_is_occluded():
    spec = preset("magvit-32", shapes=("sphere",), spin=(3.0, 3.0))
    hidden = np.concatenate([clip["occluded"].ravel() for clip in truth_of(spec, range(50))])
    assert 0.2 < hidden.mean() < 0.7
    still = preset("magvit-32", shapes=("disc",))
    hidden = np.concatenate([clip["occluded"].ravel() for clip in truth_of(still, range(50))])
    assert hidden.mean() == 0


@pytest.mark.parametrize("name", ["magvit-32", "magvit-64"])
def test_following_the_flow_leads_to_the_same_object_and_back(name):
    spec = preset(name)
    checked = 0
    for clip in truth_of(spec, range(20)):
        for k in range(spec.frames - 1):
            rows, columns = np.nonzero(clip["segmentations"][k])
            dx, dy = clip["forward_flow"][k][:, rows, columns]
            there = np.floor(rows + 0.5 + dy).astype(int), np.floor(columns + 0.5 + dx).astype(int)
            # Within the object, where flow is smooth: half a pixel changes it little.
            inside = clip["segmentations"][k + 1][there] > 0
            back = clip["backward_flow"][k + 1][:, there[0], there[1]]
            off = np.hypot(dx + back[0], dy + back[1])[inside]
            assert (off < 0.35).mean() > 0.95
            checked += inside.sum()
    assert checked > 1000


def test_flow_of_the_first_and_last_frame_goes_on_beyond_the_clip_as_the_law_does():
    spec = preset("magvit-32")
    step = spec.seconds / (spec.frames - 1)
    linear = [clip for clip in truth_of(spec, range(20)) if spec.laws[clip["label"]] == "linear"]
    for clip in linear:
        for name, k, side in (("forward_flow", spec.frames - 1, 1), ("backward_flow", 0, -1)):
            bodies = reference.bodies_of(clip, spec, k)
            beyond = bodies[0].position + side * step * clip["velocities"][0, k]
            later = {0: dataclasses.replace(bodies[0], position=beyond)}
            found = reference.nearest(bodies, reference.rays_of(spec), spec.camera.wall_depth)
            moves = reference.flow(*found, bodies, later, spec)
            sure = ~reference.is_tie(bodies, spec, spec.camera.wall_depth)
            assert np.abs(clip[name][k] - moves)[:, sure].max() <= 1e-3
            assert np.abs(clip[name][k]).max() > 0.1
    assert linear


def test_velocities_are_the_paths_derivative():
    spec = preset("magvit-32", frames=400)
    step = spec.seconds / (spec.frames - 1)
    for clip in truth_of(spec, range(8)):
        path, speed = clip["positions"][0].astype(float), clip["velocities"][0]
        assert np.gradient(path, step, axis=0)[2:-2] == pytest.approx(speed[2:-2], abs=2e-3)
        law = spec.laws[clip["label"]]
        if law in ("linear", "circular"):
            size = np.linalg.norm(speed, axis=1)
            assert size == pytest.approx(size[0], rel=1e-6)


def test_a_turned_object_keeps_its_angular_velocity():
    spec = preset("magvit-32", shapes=("sphere",), spin=(2.0, 2.0), frames=50)
    step = spec.seconds / (spec.frames - 1)
    for clip in truth_of(spec, range(5)):
        spin = clip["angular_velocities"][0].astype(float)
        assert np.linalg.norm(spin, axis=1) == pytest.approx(2.0, rel=1e-6)
        assert (spin == spin[0]).all()
        turns = [reference.rotation(q) for q in clip["quaternions"][0]]
        for before, after in pairwise(turns):
            change = (after - before) @ ((after + before) / 2).T / step
            assert np.array([change[2, 1], change[0, 2], change[1, 0]]) == pytest.approx(
                spin[0], abs=5e-3
            )


def test_asking_for_truth_changes_no_pixel():
    for name in ("magvit-32", "gray-32", "scenes-32"):
        spec = preset(name, difficulty=0.5)
        plain = ClipSource(spec).batch(range(20))["video"]
        assert np.array_equal(
            ClipSource(spec, fields=tuple(FIELDS)).batch(range(20))["video"], plain
        )


@pytest.mark.parametrize("name", TRUTH)
def test_a_field_is_the_same_whatever_else_is_asked_for(name):
    spec = preset("scenes-32", difficulty=0.5)
    whole = ClipSource(spec, fields=TRUTH).batch(range(30))
    alone = ClipSource(spec, fields=(name,)).batch(range(30))
    assert np.array_equal(alone[name], whole[name])


def test_the_fields_of_one_object_agree_with_the_fields_of_the_target():
    spec = preset("magvit-64", jitter=0.02)
    batch = ClipSource(spec, fields=tuple(FIELDS)).batch(range(30))
    assert batch["exists"].all()
    assert batch["present"].all()
    assert np.array_equal(batch["laws"][:, 0], batch["label"])
    assert np.array_equal(batch["positions"][:, 0], batch["jittered"])
    assert (batch["target"] == 0).all()
    radius = batch["params"]["object_radius_m"]
    assert batch["half_extents"][:, 0, 0] == pytest.approx(radius)
    flat = batch["shapes"][:, 0] == spec.shapes.index("disc")
    assert (batch["half_extents"][flat, 0, 2] == 0).all()
    assert batch["half_extents"][~flat, 0, 2] == pytest.approx(radius[~flat])


def test_the_camera_projects_positions_to_pixels():
    spec = preset("magvit-32", height=24, width=56)
    for clip in truth_of(spec, range(5)):
        world = np.append(clip["positions"][0, 3].astype(float), 1.0)
        seen = clip["intrinsics"][0] @ (clip["extrinsics"][0, 3] @ world)[:3]
        assert seen[:2] / seen[2] == pytest.approx(clip["pixels"][3], abs=1e-4)


def test_colours_of_gray_clips_are_gray():
    for clip in truth_of(preset("gray-32"), range(5)):
        assert (clip["colours"] == clip["colours"][:, :1]).all()


def test_dense_fields_are_written_straight_into_strided_memory():
    spec = preset("magvit-32")
    source = ClipSource(spec, fields=("depth_map", "segmentations"))
    held = source.batch(range(5))
    memory = np.full((5, spec.frames * spec.height * spec.width + 16), 9, np.float32)
    shape = (5, spec.frames, spec.height, spec.width)
    inner = np.empty(shape, np.float32).strides[1:]
    view = np.lib.stride_tricks.as_strided(memory[:, 8:], shape, (memory.strides[0], *inner))
    source.batch(range(5), out={"depth_map": view})
    assert np.array_equal(view, held["depth_map"])
    assert (memory[:, :8] == 9).all()
    assert (memory[:, -8:] == 9).all()
    with pytest.raises(ValueError, match=r"out\['depth_map'\]: given strides"):
        source.batch(range(5), out={"depth_map": np.empty((*shape, 2), np.float32)[..., 0]})


def test_a_wall_that_objects_would_pass_is_an_error():
    with pytest.raises(ValueError, match=r"wall: given 8\.1; it must lie behind all objects"):
        ClipSpec().replace(wall=8.1)
    assert ClipSpec().camera.wall_depth == 12.0
    clip = ClipSource(ClipSpec().replace(wall=9.5), fields=("depth_map",))[0]
    assert clip["depth_map"].max() == 9.5
