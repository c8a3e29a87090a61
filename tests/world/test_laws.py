"""Every law: its numbers mean what they say, its bound holds, it is seen to be what it is."""

import numpy as np
import pytest

from trajdata import ArgumentError, ClipSource, ClipSpec, preset
from trajdata._check.audit.paths import KNOWN_PATHS, paths_from_params
from trajdata._laws.registry import Law, find_law, law_names
from trajdata._world.framing import STEPS, inside_of, moved_of
from trajdata._world.tables import settings_row

LAWS = law_names()
SPEC = preset("magvit-32").replace(laws=LAWS)
FIELDS = ("label", "index", "trajectory", "pixels", "radius", "params")
COUNT = 6000


@pytest.fixture(scope="module")
def source():
    return ClipSource(SPEC, fields=FIELDS)


@pytest.fixture(scope="module")
def clips(source):
    return source.batch(range(COUNT))


def numbers_of_law(source, law, count=150):
    """(scenes, numbers) of clips under one law, as they were accepted."""
    sampled = source._stages.sample(np.arange(count), LAWS.index(law))
    return sampled.scenes[:, 0], sampled.numbers[:, 0]


def dense_path(law, numbers, times):
    return np.array([find_law(law).position(numbers, t) for t in times])


def test_every_law_has_a_path_that_is_written_apart_from_its_kernel():
    assert tuple(sorted(KNOWN_PATHS)) == LAWS


@pytest.mark.parametrize("law", LAWS)
def test_the_path_of_a_law_follows_from_its_named_numbers(clips, law):
    rows = clips["label"] == LAWS.index(law)
    params = {name: values[rows] for name, values in clips["params"].items()}
    times = params["start_s"][:, None] + SPEC.seconds * np.arange(8) / 7
    path = paths_from_params(LAWS, clips["label"][rows], params, times)
    assert np.abs(path - clips["trajectory"][rows]).max() < 1e-6


@pytest.mark.parametrize("law", LAWS)
def test_what_a_law_declares_as_its_bound_holds_at_every_moment(source, law):
    rng = np.random.default_rng(3)
    known = find_law(law)
    for scene, numbers in zip(*numbers_of_law(source, law), strict=True):
        t0, t1 = scene["start"], scene["start"] + SPEC.seconds
        times = np.linspace(t0, t1, 401)
        path = dense_path(law, numbers, times)
        if known.least is None:
            speeds = np.linalg.norm(np.diff(path, axis=0), axis=-1) / np.diff(times)
            assert speeds.max() <= known.fastest(numbers, t0, t1)
            continue
        for form in rng.normal(size=(4, 3)):
            assert (path @ form).min() >= known.least(numbers, t0, t1, *form) - 1e-9


@pytest.mark.parametrize("law", LAWS)
def test_a_bound_is_near_enough_to_the_path_that_few_motions_are_lost(source, law):
    scenes, _ = numbers_of_law(source, law, 3000)
    assert scenes["attempt"].mean() < 12
    assert scenes["speed"].min() >= SPEC.motion.speed[0]


@pytest.mark.parametrize("law", LAWS)
def test_the_object_stays_inside_the_frame_at_every_moment(law):
    # One spec for all laws, so that one set of kernels is compiled.
    dense = ClipSource(SPEC.replace(frames=257), fields=("pixels", "radius"))
    batch = dense._batch(np.arange(400), {}, None, LAWS.index(law))
    radius = batch["radius"][..., None].astype(np.float64)
    keep = SPEC.camera.margin * 16 - 1e-4
    assert (batch["pixels"] - radius).min() >= keep
    assert (batch["pixels"] + radius).max() <= 32 - keep
    length = np.linalg.norm(np.diff(batch["pixels"].astype(float), axis=1), axis=-1).sum(axis=1)
    assert length.min() >= 0.999 * SPEC.motion.least_path * 32 or find_law(law).shows_motion


@pytest.mark.parametrize("law", LAWS)
def test_it_passes_its_anchor_at_time_0_with_its_speed(source, law):
    step = 1e-5
    for scene, numbers in zip(*numbers_of_law(source, law, 100), strict=True):
        before, at, after = dense_path(law, numbers, (-step, 0.0, step))
        assert np.abs(at - [scene["x"], scene["y"], scene["z"]]).max() < 1e-7
        speed = np.linalg.norm(after - before) / (2 * step)
        assert speed == pytest.approx(scene["speed"], rel=1e-3)


@pytest.mark.parametrize("law", LAWS)
def test_a_path_is_continuous(source, law):
    for scene, numbers in zip(*numbers_of_law(source, law, 40), strict=True):
        times = np.linspace(scene["start"], scene["start"] + SPEC.seconds, 2001)
        steps = np.linalg.norm(np.diff(dense_path(law, numbers, times), axis=0), axis=-1)
        assert steps.max() < 15 * SPEC.seconds / 2000  # 15 m/s is more than any law reaches


def test_where_when_how_big_and_how_fast_do_not_depend_on_the_law(source):
    held = source._stages.sample(np.arange(2000), 0).scenes
    for label in range(1, len(LAWS)):
        other = source._stages.sample(np.arange(2000), label).scenes
        for name in set(held.dtype.names) - {"law", "attempt"}:
            assert np.array_equal(held[name], other[name]), (LAWS[label], name)


def test_a_law_has_either_a_bound_or_a_speed_limit():
    known = find_law("linear")
    parts = {name: getattr(known, name) for name in ("propose", "position", "distinct")}
    texts = {"name": "x", "version": 1, "numbers": (), "phrase": "", "equation": ""}
    with pytest.raises(ArgumentError, match="neither of least and fastest"):
        Law(**texts, **parts)
    with pytest.raises(ArgumentError, match="both of least and fastest"):
        Law(**texts, **parts, least=known.least, fastest=known.least)


# Framing by samples, on a law that is known: a line with its speed as the limit.

LINE = find_law("linear")


@pytest.fixture(scope="module")
def sampled_line():
    from trajdata._jit import kernel

    @kernel
    def fastest(n, t0, t1):
        return np.sqrt(n[3] * n[3] + n[4] * n[4] + n[5] * n[5])

    return Law(
        **{
            **{name: getattr(LINE, name) for name in LINE.__dataclass_fields__},
            **{"least": None, "fastest": fastest, "shows_motion": False},
        }
    )


def test_framing_by_samples_takes_no_motion_that_the_bound_refuses(sampled_line):
    settings = settings_row(ClipSpec(), "train")[0]
    by_bound, by_samples = inside_of(LINE), inside_of(sampled_line)
    rng = np.random.default_rng(5)
    agreed = taken = refused = 0
    for _ in range(3000):
        n = np.array([*rng.uniform(-2, 2, 2), rng.uniform(3, 7), *rng.normal(size=3)])
        exact = by_bound(n, -1.0, 1.0, 0.3, settings)
        found = by_samples(n, -1.0, 1.0, 0.3, settings)
        assert exact or not found
        taken += found
        refused += not exact
        agreed += exact == found
    assert min(taken, refused) > 300
    assert agreed > 2900  # what is lost lies within half a step of the edge


def test_framing_by_samples_keeps_free_what_lies_between_them(sampled_line):
    """An object that moves away and back between two samples would be seen by neither."""
    settings = settings_row(ClipSpec(), "train")[0]
    inside = inside_of(sampled_line)
    step = 2.0 / STEPS
    # Straight at the right edge; at the last sample it is just inside.
    edge = settings["free_x"] * 4.0 - 0.3 * settings["slant_x"]
    for beyond in (-0.6, -0.4):  # in steps of the way
        speed = 1.0
        n = np.array([edge + beyond * step * speed - speed, 0.0, 4.0, speed, 0.0, 0.0])
        slack = 0.5 * step * speed * np.sqrt(1 + settings["free_x"] ** 2)
        assert inside(n, -1.0, 1.0, 0.3, settings) == (-beyond * step * speed >= slack)


def test_a_position_that_is_no_number_is_not_inside(sampled_line):
    n = np.array([np.nan, 0.0, 4.0, 0.0, 0.0, 0.0])
    settings = settings_row(ClipSpec(), "train")[0]
    assert not inside_of(sampled_line)(n, -1.0, 1.0, 0.3, settings)


def test_the_length_of_a_path_is_measured_on_the_picture(sampled_line):
    moved = moved_of(sampled_line)
    along = np.array([0.0, 0.0, 4.0, 0.4, 0.0, 0.0])  # 0.8 m in 2 s at 4 m: 0.2 shorter sides
    assert moved(along, -1.0, 1.0, 0.199)
    assert not moved(along, -1.0, 1.0, 0.201)
    away = np.array([0.0, 0.0, 4.0, 0.0, 0.0, 1.0])  # straight away from the camera
    assert not moved(away, -1.0, 1.0, 0.01)


# What each law is.


def rows_of(clips, law):
    rows = clips["label"] == LAWS.index(law)
    return {name: values[rows] for name, values in clips["params"].items()}


def dense(law, params, count=400):
    times = params["start_s"][:, None] + SPEC.seconds * np.linspace(0, 1, count)
    labels = np.full(times.shape[0], LAWS.index(law))
    return times, paths_from_params(LAWS, labels, params, times)


def test_a_bouncing_object_meets_walls_of_both_pairs_and_keeps_its_speed(clips):
    params = rows_of(clips, "bounce")
    times, path = dense("bounce", params)
    speed = np.linalg.norm(np.diff(path, axis=1), axis=-1) / np.diff(times)
    assert np.median(speed, axis=1) == pytest.approx(params["speed_m_s"], rel=1e-6)
    for axis in "uw":
        unit = np.stack([params[f"{axis}{c}"] for c in "xyz"], -1)
        along = np.einsum("btc,bc->bt", np.diff(path, axis=1), unit)
        # Of 399 steps those of the first and last tenth do not count: a bounce there is not seen.
        assert (np.diff(np.sign(along[:, 38:362]), axis=1) != 0).any(axis=1).all()


def test_a_pendulum_keeps_its_length_and_swings_at_least_once_to_and_fro(clips):
    params = rows_of(clips, "pendulum")
    _, path = dense("pendulum", params)
    pivot = np.stack([params[f"{axis}0_m"] for axis in "xyz"], -1)[:, None]
    assert np.linalg.norm(path - pivot, axis=-1) == pytest.approx(
        np.broadcast_to(params["length_m"][:, None], path.shape[:2]), rel=1e-6
    )
    swings = params["angular_speed_rad_s"] * SPEC.seconds / (2 * np.pi)
    assert swings.min() >= 1.0 - 1e-8


def test_a_pendulum_obeys_its_equation_of_motion(clips):
    params = rows_of(clips, "pendulum")
    times, path = dense("pendulum", params, 4001)
    pivot = np.stack([params[f"{axis}0_m"] for axis in "xyz"], -1)[:, None]
    arm = (path - pivot) / params["length_m"][:, None, None]
    cosine, sine = (
        np.einsum("btc,bc->bt", arm, np.stack([params[f"{axis}{c}"] for c in "xyz"], -1))
        for axis in "uw"
    )
    angle = np.unwrap(np.arctan2(sine, cosine))
    second = np.diff(angle, 2, axis=1) / (times[:, 1] - times[:, 0])[:, None] ** 2
    ratio = second / np.sin(angle[:, 1:-1])
    firm = np.abs(np.sin(angle[:, 1:-1])) > 0.3
    for own, used in zip(ratio, firm, strict=True):
        assert own[used].std() < 1e-3 * abs(own[used].mean())


def test_an_orbit_sweeps_equal_areas_in_equal_times_about_its_focus(clips):
    params = rows_of(clips, "orbit")
    _, path = dense("orbit", params, 2001)
    u = np.stack([params[f"u{axis}"] for axis in "xyz"], -1)
    centre = np.stack([params[f"{axis}0_m"] for axis in "xyz"], -1)
    focus = centre + (params["long_half_axis_m"] * params["eccentricity"])[:, None] * u
    arm = path - focus[:, None]
    area = np.linalg.norm(np.cross(arm[:, :-1], arm[:, 1:]), axis=-1)
    assert (area.std(axis=1) / area.mean(axis=1)).max() < 1e-4
    distance = np.linalg.norm(arm, axis=-1)
    speed = np.linalg.norm(np.diff(path, axis=1), axis=-1)
    fastest = np.take_along_axis(distance, speed.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert (fastest / distance.min(axis=1)).max() < 1.01


def test_a_spring_swings_on_a_line_and_loses_its_width(clips):
    params = rows_of(clips, "spring")
    _, path = dense("spring", params)
    off = path - path[:, :1]
    assert np.linalg.svd(off, compute_uv=False)[:, 1].max() < 1e-9
    loss = np.exp(-params["decay_1_s"] * SPEC.seconds)
    assert loss.max() < 0.46


def test_drag_brings_a_body_to_its_terminal_velocity(clips):
    params = rows_of(clips, "drag")
    times, path = dense("drag", params, 2001)
    step = times[0, 1] - times[0, 0]
    velocity = np.diff(path, axis=1) / step
    final = np.stack([params[f"f{axis}_m_s"] for axis in "xyz"], -1)[:, None]
    left = np.linalg.norm(velocity - final, axis=-1)
    assert left[:, -1] / left[:, 0] == pytest.approx(
        np.exp(-1999 * step / params["slowing_s"]), rel=1e-3
    )
    assert (left[:, -1] / left[:, 0]).max() < 0.05


def test_a_lissajous_figure_has_a_small_whole_ratio(clips):
    params = rows_of(clips, "lissajous")
    ratio = params["speed_w_rad_s"] / params["speed_u_rad_s"]
    assert set(np.round(ratio, 6)) == {1.5, 2.0}


def test_a_spiral_winds_outwards_or_inwards_by_its_ratio(clips):
    params = rows_of(clips, "spiral")
    first, last = (
        params["spiral_radius_m"] + params["widening_m_s"] * params[name]
        for name in ("start_s", "end_s")
    )
    ratio = np.maximum(first, last) / np.minimum(first, last)
    assert ratio.min() >= 2.0 - 1e-6
    assert ratio.max() <= 3.2 + 1e-6
    assert 0.3 < (last > first).mean() < 0.7


def test_a_u_turn_goes_back_beside_its_way_out_at_one_speed(clips):
    params = rows_of(clips, "u_turn")
    _, path = dense("u_turn", params, 1001)
    steps = np.diff(path, axis=1)
    size = np.linalg.norm(steps, axis=-1)
    assert (size.max(axis=1) / size.min(axis=1)).max() < 1.01
    cosine = np.einsum("bc,bc->b", steps[:, 0], steps[:, -1]) / size[:, 0] / size[:, -1]
    assert cosine == pytest.approx(-1, abs=1e-6)


def test_stop_and_go_halts_and_goes_on_in_the_same_direction(clips):
    params = rows_of(clips, "stop_and_go")
    _, path = dense("stop_and_go", params)
    size = np.linalg.norm(np.diff(path, axis=1), axis=-1)
    assert ((size < 1e-12).sum(axis=1) * SPEC.seconds / 399).min() > 0.55
    for goes in size > 1e-12:
        changes = np.diff(goes.astype(int))
        first_halt = np.flatnonzero(changes == -1)[0]
        assert (changes[first_halt:] == 1).any()
    assert np.linalg.svd(path - path[:, :1], compute_uv=False)[:, 1].max() < 1e-9


def test_a_zigzag_turns_twice_or_more_and_keeps_its_speed(clips):
    params = rows_of(clips, "zigzag")
    times, path = dense("zigzag", params)
    steps = np.diff(path, axis=1)
    speed = np.median(np.linalg.norm(steps, axis=-1), axis=1) / (times[0, 1] - times[0, 0])
    assert speed == pytest.approx(params["speed_m_s"], rel=1e-6)
    side = np.stack([params[f"w{axis}"] for axis in "xyz"], -1)
    across = np.sign(np.einsum("btc,bc->bt", steps, side))
    assert (np.diff(across, axis=1) != 0).any(axis=1).all()
    period = params["period_s"]
    assert (2 * SPEC.seconds / period).min() >= 2.2 - 1e-6


def test_the_knots_of_a_random_walk_are_steps_of_one_length_and_no_two_walks_agree(clips):
    params = rows_of(clips, "random_walk")
    knots = np.stack(
        [[params[f"knot{k}_{axis}_m"] for axis in "xyz"] for k in range(9)], 0
    ).transpose(2, 0, 1)
    length = np.linalg.norm(np.diff(knots, axis=1), axis=-1)
    assert (length.max(axis=1) / length.min(axis=1)).max() < 1 + 1e-6
    steps = np.diff(knots, axis=1) / length[..., None]
    assert np.abs(steps.mean(axis=0)).max() < 0.25  # in any direction
    assert steps.std(axis=1).max(axis=1).min() > 0.2  # and another one at every knot
    assert np.unique(np.round(steps.reshape(len(steps), -1), 6), axis=0).shape[0] == len(steps)
