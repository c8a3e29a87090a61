"""The laws: that numbers mean what they say, that bounds hold, that nothing leaves the frame."""

import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset, presets
from trajdata._check.audit.paths import paths_from_params
from trajdata._laws.registry import find_law
from trajdata._world.motion import numbers_of

FIELDS = ("label", "index", "trajectory", "pixels", "depth", "radius", "params")

LAWS = preset("magvit-32").laws


def batch_of(name_or_spec, count=2000, seed=0, split="train"):
    spec = preset(name_or_spec) if isinstance(name_or_spec, str) else name_or_spec
    batch = ClipSource(spec, seed, split, fields=FIELDS).batch(range(count))
    for name in ("pixels", "depth", "radius") if spec.views > 1 else ():
        batch[name] = batch[name][:, 0]  # the first camera's
    return spec, batch


def path_from(spec, batch, times):
    """X(t) from a clip's named numbers with NumPy's own cosine: independent of the kernels."""
    return paths_from_params(spec.laws, batch["label"], batch["params"], times)


def frame_times(spec, params):
    part = np.arange(spec.frames) / (spec.frames - 1)
    return params["start_s"][:, None] + spec.seconds * part


@pytest.mark.parametrize("name", presets())
def test_the_path_follows_from_the_named_numbers(name):
    spec, batch = batch_of(name, 500)
    path = path_from(spec, batch, frame_times(spec, batch["params"]))
    assert np.abs(path - batch["trajectory"]).max() < 1e-6
    focal = min(spec.height, spec.width)
    again = focal * path[..., :2] / path[..., 2:] + np.array([spec.width, spec.height]) / 2
    assert np.abs(again - batch["pixels"]).max() < 1e-4


@pytest.mark.parametrize("name", presets())
def test_every_object_stays_wholly_inside_the_frame_in_every_frame(name):
    spec, batch = batch_of(name, 5000)
    radius = batch["radius"][..., None].astype(np.float64)
    assert (batch["pixels"] - radius).min() >= 0
    assert (batch["pixels"] + radius - np.array([spec.width, spec.height])).max() <= 0


def test_objects_stay_inside_at_every_moment_between_frames_too():
    spec = preset("magvit-32").replace(frames=257)
    source = ClipSource(spec, fields=("pixels", "radius"))
    batch = source.batch(range(2000))
    radius = batch["radius"][..., None].astype(np.float64)
    keep = spec.camera.margin * 16 - 1e-4
    assert (batch["pixels"] - radius).min() >= keep
    assert (batch["pixels"] + radius).max() <= 32 - keep


@pytest.mark.parametrize("shape", [(32, 64), (64, 32), (16, 48)])
def test_objects_stay_inside_frames_that_are_not_square(shape):
    height, width = shape
    _, batch = batch_of(ClipSpec().replace(height=height, width=width), 2000)
    radius = batch["radius"][..., None].astype(np.float64)
    assert (batch["pixels"] - radius).min() >= 0
    assert (batch["pixels"] + radius - np.array([width, height])).max() <= 0


def test_a_linear_clip_has_constant_velocity():
    _, batch = batch_of("magvit-64")
    path = batch["trajectory"][batch["label"] == LAWS.index("linear")].astype(np.float64)
    assert np.abs(np.diff(path, 2, axis=1)).max() < 1e-5


def test_a_parabolic_clip_has_constant_acceleration_and_a_visible_bow():
    spec, batch = batch_of("magvit-64")
    rows = batch["label"] == LAWS.index("parabolic")
    path = batch["trajectory"][rows].astype(np.float64)
    step = spec.seconds / (spec.frames - 1)
    found = np.linalg.norm(np.diff(path, 2, axis=1), axis=-1) / step**2
    asked = batch["params"]["acceleration_m_s2"][rows]
    assert np.abs(found - asked[:, None]).max() < 1e-3
    track = batch["pixels"][rows].astype(np.float64)
    chord = track[:, -1] - track[:, 0]
    off = track - track[:, :1]
    bow = np.abs(off[..., 0] * chord[:, None, 1] - off[..., 1] * chord[:, None, 0])
    bow = bow.max(axis=1) / np.linalg.norm(chord, axis=1)
    assert bow.min() > 1.0


def test_a_circular_clip_comes_round_in_either_sense():
    spec, batch = batch_of("magvit-64")
    rows = batch["label"] == LAWS.index("circular")
    params = {name: value[rows] for name, value in batch["params"].items()}
    centre = np.stack([params["x0_m"], params["y0_m"], params["z0_m"]], -1)[:, None]
    arm = batch["trajectory"][rows].astype(np.float64) - centre
    distance = np.linalg.norm(arm, axis=-1)
    assert np.abs(distance - params["orbit_radius_m"][:, None]).max() < 1e-5
    turns = params["angular_speed_rad_s"] * spec.seconds / (2 * np.pi)
    assert turns.min() >= 0.75 - 1e-9
    normal = np.cross(arm[:, 0], arm[:, 1])
    assert (normal[:, 2] > 0).mean() == pytest.approx(0.5, abs=0.08)
    tilt = np.degrees(np.arccos(np.abs(normal[:, 2]) / np.linalg.norm(normal, axis=-1)))
    assert tilt.max() < spec.motion.laws[1].settings.tilt_degrees + 0.1
    assert tilt.std() > 5


def test_a_helical_clip_changes_its_apparent_size_and_circles_its_axis():
    spec, batch = batch_of("magvit-64")
    rows = batch["label"] == LAWS.index("helical")
    params = {name: value[rows] for name, value in batch["params"].items()}
    ratio = batch["radius"][rows].max(axis=1) / batch["radius"][rows].min(axis=1)
    assert ratio.min() > 1.1
    axis = np.stack([params["vx_m_s"], params["vy_m_s"], params["vz_m_s"]], -1)
    times = frame_times(spec, params)
    depths = params["z0_m"][:, None] + axis[:, 2:] * times[:, [0, -1]]
    growth = depths.max(axis=1) / depths.min(axis=1)
    asked = spec.motion.laws[LAWS.index("helical")].settings.least_growth
    assert asked <= growth.min() + 1e-9 < 1.1 * asked
    centre = np.stack([params["x0_m"], params["y0_m"], params["z0_m"]], -1)[:, None]
    arm = batch["trajectory"][rows] - centre - axis[:, None] * times[..., None]
    assert np.abs(np.linalg.norm(arm, axis=-1) - params["orbit_radius_m"][:, None]).max() < 1e-5
    assert np.abs((arm * axis[:, None]).sum(-1)).max() < 1e-5


@pytest.mark.parametrize("law", LAWS)
def test_the_lower_bound_of_a_linear_form_holds_on_the_whole_path(law):
    module = find_law(law)
    rng = np.random.default_rng(3)
    for _ in range(100):
        numbers = rng.normal(size=numbers_of(tuple(map(find_law, LAWS))))
        numbers[3] = abs(numbers[3])
        if law in ("circular", "helical"):
            u, w, _ = np.linalg.qr(rng.normal(size=(3, 3)))[0].T
            numbers[6:9], numbers[9:12] = u, w
        a, b, c = rng.normal(size=3)
        t0 = -rng.random()
        bound = module.least(numbers, t0, t0 + 2.0, a, b, c)
        path = np.array([module.position(numbers, t) for t in np.linspace(t0, t0 + 2.0, 201)])
        assert (path @ np.array([a, b, c])).min() >= bound - 1e-9


def test_the_same_seed_shows_the_same_motions_at_every_resolution():
    _, small = batch_of("magvit-32", 500)
    _, large = batch_of("magvit-64", 500)
    for name in small["params"]:
        assert np.array_equal(small["params"][name], large["params"][name])
    assert np.array_equal(small["trajectory"][:, 0], large["trajectory"][:, 0])
    assert np.array_equal(small["trajectory"][:, -1], large["trajectory"][:, -1])
    assert np.allclose(2 * small["pixels"][:, 0], large["pixels"][:, 0], atol=1e-4)


def test_a_motion_that_cannot_fit_is_slowed_down_until_it_does():
    spec = ClipSpec().replace(speed=(500.0, 900.0))
    batch = ClipSource(spec, fields=FIELDS).batch(range(200))
    radius = batch["radius"][..., None]
    assert (batch["pixels"] - radius).min() >= 0
    assert (batch["pixels"] + radius).max() <= 32
    assert batch["params"]["speed_m_s"].max() < 500
    assert batch["params"]["speed_m_s"].min() > 0


def test_presets_never_need_to_slow_a_motion_down():
    for name in presets():
        spec, batch = batch_of(name, 20_000)
        assert batch["params"]["speed_m_s"].min() >= spec.motion.speed[0]


def test_an_object_passes_its_anchor_at_time_0_with_its_speed():
    spec = preset("magvit-32")
    source = ClipSource(spec, fields=FIELDS)
    batch, scenes = source.batch(range(400)), source.scenes(range(400))[:, 0]
    step = 1e-5
    times = np.tile([-step, 0, step], (400, 1))
    before, at, after = np.moveaxis(path_from(spec, batch, times), 1, 0)
    anchor = np.stack([scenes[axis] for axis in "xyz"], -1)
    assert np.abs(at - anchor).max() < 1e-8
    speed = np.linalg.norm(after - before, axis=-1) / (2 * step)
    assert speed == pytest.approx(scenes["speed"], rel=1e-4)
