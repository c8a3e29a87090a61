"""Faults that a test of `make test` must notice, one at a time: `make mutants` tries them.

A mutant is a piece of text that stands once in a file, what takes its place, and the narrowest
tests that notice. Nothing is imported here, so that the list can be read without the package.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: what is wrong then, in words.
        file: in which it is, relative to the checkout.
        find: text that stands there exactly once.
        replace: what takes its place.
        tests: pytest's names of tests of `make test`, at least one of which must fail.
    """

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    @property
    def room(self) -> str:
        """The part of the package that the file belongs to."""
        return self.file.split("/")[1].removesuffix(".py")


def _mutants(file: str, *rows: tuple[str, str, str, str]) -> tuple[Mutant, ...]:
    """Mutants of one file, as (name, find, replace, test)."""
    return tuple(
        Mutant(name, f"trajdata/{file}", find, replace, (f"tests/{test}",))
        for name, find, replace, test in rows
    )


_ARITHMETIC = (
    *_mutants(
        "_arithmetic/philox.py",
        (
            "Philox has nine rounds",
            "for _ in range(10):",
            "for _ in range(9):",
            "arithmetic/test_philox.py::test_philox_gives_the_known_answers_of_its_paper",
        ),
        (
            "the object is no part of an address",
            " | (np.uint64(item) << np.uint64(16))",
            "",
            "arithmetic/test_philox.py::test_every_part_of_an_address_changes_the_words",
        ),
        (
            "a unit number may be 0",
            "(np.float64(np.int64(word)) + 0.5)",
            "np.float64(np.int64(word))",
            "arithmetic/test_philox.py::test_a_unit_number_is_never_0_or_1",
        ),
    ),
    *_mutants(
        "_arithmetic/trig.py",
        (
            "sign of the cosine in the second quarter",
            "return -sine, cosine",
            "return sine, cosine",
            "arithmetic/test_trig.py",
        ),
    ),
    *_mutants(
        "_arithmetic/grid.py",
        (
            "a number goes down to the grid and not to the nearest of it",
            "value * _PER_UNIT + 0.5",
            "value * _PER_UNIT",
            "arithmetic/test_grid.py",
        ),
    ),
    *_mutants(
        "_arithmetic/vectors.py",
        (
            "a basis that is not orthogonal",
            "sign * b, -sign * x, b",
            "sign * b, sign * x, b",
            "arithmetic/test_vectors.py",
        ),
        (
            "directions crowd at a pole",
            "z = 1.0 - 2.0 * a",
            "z = 1.0 - 2.0 * a * a",
            "arithmetic/test_vectors.py",
        ),
    ),
)

_MOTION = "world/test_motion.py::"
_EVERY_LAW = "world/test_laws.py::"

_LAWS = (
    *_mutants(
        "_laws/linear.py",
        (
            "the lower bound of a line is its upper one",
            "return still + min(drift * t0, drift * t1)",
            "return still + max(drift * t0, drift * t1)",
            _MOTION + "test_the_lower_bound_of_a_linear_form_holds_on_the_whole_path[linear]",
        ),
    ),
    *_mutants(
        "_laws/circular.py",
        (
            "a circle that misses its anchor",
            "scene.y - r * (cosine * uy + sine * wy)",
            "scene.y - r * (cosine * uy - sine * wy)",
            _MOTION + "test_an_object_passes_its_anchor_at_time_0_with_its_speed",
        ),
    ),
    *_mutants(
        "_laws/helical.py",
        (
            "a helix travels against its axis in depth",
            "z + n[14] * t",
            "z - n[14] * t",
            _MOTION + "test_the_path_follows_from_the_named_numbers[magvit-32]",
        ),
        (
            "a helix may stay at one depth",
            "far >= own.least_growth * near",
            "far >= near",
            _MOTION + "test_a_helical_clip_changes_its_apparent_size_and_circles_its_axis",
        ),
    ),
    *_mutants(
        "_laws/parabolic.py",
        (
            "a parabola falls twice as far",
            "h = 0.5 * t * t",
            "h = t * t",
            _MOTION + "test_the_path_follows_from_the_named_numbers[magvit-32]",
        ),
        (
            "the bound of a parabola forgets its turning point",
            "if t0 < turning < t1:",
            "if t1 < turning < t0:",
            _MOTION + "test_the_lower_bound_of_a_linear_form_holds_on_the_whole_path[parabolic]",
        ),
    ),
    *_mutants(
        "_laws/bounce.py",
        (
            "a ball goes through one pair of walls",
            "q = n[4] * fold((n[6] + n[8] * t) / n[4])",
            "q = n[6] + n[8] * t",
            _EVERY_LAW + "test_the_path_of_a_law_follows_from_its_named_numbers[bounce]",
        ),
        (
            "one pair of walls may be missed",
            "and _bounces(n[6], n[8], n[4], t0 + edge, t1 - edge) >= 1.0",
            "",
            _EVERY_LAW + "test_a_bouncing_object_meets_walls_of_both_pairs_and_keeps_its_speed",
        ),
    ),
    *_mutants(
        "_laws/pendulum.py",
        (
            "the series of the pendulum ends after its first term",
            "_TERMS = 10",
            "_TERMS = 1",
            _EVERY_LAW + "test_the_path_of_a_law_follows_from_its_named_numbers[pendulum]",
        ),
        (
            "the bound of the swing forgets its lowest point",
            "return still - n[3] * size",
            "return still + n[3] * size",
            _EVERY_LAW + "test_what_a_law_declares_as_its_bound_holds_at_every_moment[pendulum]",
        ),
    ),
    *_mutants(
        "_laws/orbit.py",
        (
            "Kepler's equation is solved by one step",
            "_NEWTON_STEPS = 6",
            "_NEWTON_STEPS = 1",
            _EVERY_LAW + "test_the_path_of_a_law_follows_from_its_named_numbers[orbit]",
        ),
    ),
    *_mutants(
        "_laws/drag.py",
        (
            "the speed limit of drag is that of the end",
            "return max(_speed(n, t0), _speed(n, t1)) * _ROUNDED",
            "return _speed(n, t1) * _ROUNDED",
            _EVERY_LAW + "test_what_a_law_declares_as_its_bound_holds_at_every_moment[drag]",
        ),
    ),
    *_mutants(
        "_laws/spring.py",
        (
            "the bound of a spring is that of its width at the anchor",
            "n[3] * exp(-n[4] * t0)",
            "n[3]",
            _EVERY_LAW + "test_what_a_law_declares_as_its_bound_holds_at_every_moment[spring]",
        ),
    ),
    *_mutants(
        "_laws/stop_and_go.py",
        (
            "a halt need not be seen",
            "return halt + n[7] <= t1 - edge",
            "return True",
            _EVERY_LAW + "test_stop_and_go_halts_and_goes_on_in_the_same_direction",
        ),
    ),
    *_mutants(
        "_laws/random_walk.py",
        (
            "all knots of a walk take the same step",
            "philox4x32(np.uint64(k), none",
            "philox4x32(none, none",
            _EVERY_LAW
            + "test_the_knots_of_a_random_walk_are_steps_of_one_length_and_no_two_walks_agree",
        ),
    ),
    *_mutants(
        "_user_laws/sources.py",
        (
            "what a user's kernel calls is not looked at",
            "waiting += [value.py_func for value in values if _is_users_kernel(value)]",
            "pass",
            "user_laws/test_rules.py::test_the_digest_follows_the_source_and_all_that_it_names",
        ),
        (
            "the value of what a law names is no part of its digest",
            "            yield _content(value)\n",
            "",
            "user_laws/test_rules.py::test_the_digest_follows_the_source_and_all_that_it_names",
        ),
        (
            "fastmath is taken",
            "if dict(value.targetoptions) != _OPTIONS:",
            "if False:",
            "user_laws/test_rules.py::test_what_is_not_bit_exact_is_refused_with_its_line",
        ),
    ),
    *_mutants(
        "_laws/registry.py",
        (
            "a law of the same name stands in for one of another source",
            "if known is not None and known.text() == text:",
            "if known is not None:",
            "user_laws/test_rules.py::test_a_spec_of_a_law_that_changed_since_is_not_rendered",
        ),
        (
            "a stranger's text may end the string that it stands in",
            """or set(rest) & set('{}"\\\\'):""",
            """or set(rest) & set("{}"):""",
            "user_laws/test_rules.py::"
            "test_texts_of_a_stranger_that_could_not_stand_in_a_clip_are_refused",
        ),
    ),
    *_mutants(
        "_registry.py",
        (
            "an unknown name is looked for as a module",
            "if name not in names_in(room):",
            "if not name:",
            "spec/test_json.py::test_what_is_no_spec_is_one_sentence_that_names_it",
        ),
    ),
)

_COMPOSITING = "render/test_compositing.py::"
_FACETS = "render/test_facets.py::"

_SHAPES = (
    *_mutants(
        "_shapes/sphere.py",
        (
            "a sphere is lit from behind",
            "across + lz * (z + bend * around)",
            "across - lz * (z + bend * around)",
            _COMPOSITING + "test_a_sphere_is_brightest_where_it_faces_the_light",
        ),
        (
            "no ambient light",
            "return _AMBIENT + _DIFFUSE * lit",
            "return _DIFFUSE * lit",
            "test_golden.py::test_clips_have_their_golden_digests[magvit-32]",
        ),
    ),
)

_WRONG_SETTING = "spec/test_spec.py::test_a_wrong_value_is_a_value_error_that_names_the_field"

_SPEC = (
    *_mutants(
        "_spec/groups.py",
        (
            "a law may be listed twice",
            '        _each_once("laws", tuple(used.law for used in self.laws))\n',
            "",
            _WRONG_SETTING,
        ),
        (
            "a held-out range may meet the one that training shows",
            "if held_out[0] <= own[1] and own[0] <= held_out[1]:",
            "if held_out[0] <= own[0] and own[0] <= held_out[1]:",
            _WRONG_SETTING,
        ),
    ),
    *_mutants(
        "_settings.py",
        (
            "a range may run backwards",
            "if given[0] > given[1]:",
            "if given[0] > 2 * given[1]:",
            _WRONG_SETTING,
        ),
    ),
    *_mutants(
        "_spec/identity.py",
        (
            "a fingerprint without FORMAT",
            '"format": FORMAT',
            '"format": 0',
            "spec/test_spec.py::"
            "test_a_fingerprint_is_that_of_the_format_and_of_what_a_spec_says_of_itself",
        ),
    ),
    *_mutants(
        "_spec/splits.py",
        (
            "two splits have changed their numbers",
            'Split("val", 1),\n    Split("test", 2),',
            'Split("val", 2),\n    Split("test", 1),',
            "test_golden.py::test_the_defaults_of_the_settings_are_those_that_fingerprints_rest_on",
        ),
    ),
    *_mutants(
        "_spec/presets.py",
        (
            "difficulty forgets where a dial stood",
            "now[name] + difficulty * (hardest - now[name])",
            "now[name] + difficulty * hardest",
            "spec/test_spec.py::test_difficulty_turns_its_four_knobs_together",
        ),
    ),
    *_mutants(
        "_spec/model.py",
        (
            "half of an object may leave the frame",
            "(free - need / depth) / half",
            "(free - 0.5 * need / depth) / half",
            "spec/test_spec.py::"
            "test_an_object_at_the_outermost_anchor_fits_into_the_frame_and_no_further_one_does",
        ),
        (
            "every split but its own shows a held-out range",
            "if find_split(split).held_out == name else None",
            "if find_split(split).held_out != name else None",
            "world/test_sampling.py::test_a_held_out_range_is_met_in_its_own_split_only",
        ),
    ),
    *_mutants(
        "_spec/schema.py",
        (
            "the schema takes any setting of a group",
            '"additionalProperties": False, "properties": properties}',
            '"additionalProperties": True, "properties": properties}',
            "spec/test_json.py::test_the_schema_refuses_what_a_spec_does_not_have",
        ),
    ),
)

_WORLD = (
    *_mutants(
        "_world/sampling.py",
        (
            "a law lacks one shape less",
            "    return other if other < own else other + 1\n",
            "    return other\n",
            "world/test_combinations.py::"
            "test_a_law_lacks_its_shape_in_training_and_has_only_that_shape_in_its_split",
        ),
        (
            "transients have any hue where hues are held out",
            "    scene.hue = _hue(unit(w[0]), scene.law, settings.hues, settings.classes)\n"
            "    if item >= np.int64(settings.count_high):\n",
            "    scene.hue = _hue(unit(w[0]), scene.law, settings.hues, settings.classes)\n"
            "    if item >= np.int64(settings.count_high):\n"
            "        scene.hue = unit(w[0])\n",
            "world/test_combinations.py::test_a_law_lacks_its_hues_in_training_in_transients_too",
        ),
    ),
    *_mutants(
        "_world/tables.py",
        (
            "the number of objects is never held out",
            """for factor in ("count", "depth", "radius", "speed"):""",
            """for factor in ("depth", "radius", "speed"):""",
            "world/test_combinations.py::"
            "test_a_number_of_objects_that_is_held_out_is_in_its_split_only",
        ),
    ),
    *_mutants(
        "_world/deal.py",
        (
            "a deck is shuffled with one card too few",
            "* np.uint64(j + 1))",
            "* np.uint64(j))",
            "world/test_deal.py::test_every_order_of_four_classes_is_dealt_equally_often",
        ),
    ),
    *_mutants(
        "_world/jitter.py",
        (
            "sign of jitter",
            "+ scale * (total - 2.0)",
            "- scale * (total - 2.0)",
            "world/test_jitter.py::test_a_displacement_goes_the_way_of_its_words",
        ),
    ),
    *_mutants(
        "_world/framing.py",
        (
            "the frame is not kept free for jitter",
            "need_x = settings.slant_x * radius + settings.shake * (1.0 + settings.free_x)",
            "need_x = settings.slant_x * radius",
            "world/test_jitter.py::"
            "test_a_jittered_object_stays_inside_the_frame_and_its_truth_is_what_is_drawn",
        ),
    ),
    *_mutants(
        "_world/framing.py",
        (
            "what lies between two samples is not kept free",
            "between = 0.5 * step * fastest(n, t0, t1)",
            "between = 0.0 * step * fastest(n, t0, t1)",
            _EVERY_LAW + "test_framing_by_samples_keeps_free_what_lies_between_them",
        ),
        (
            "a law need not move",
            "if length >= least_path:",
            "if length >= -1e9:",
            _EVERY_LAW + "test_the_length_of_a_path_is_measured_on_the_picture",
        ),
    ),
    *_mutants(
        "_world/motion.py",
        (
            "a law need not be seen",
            "not full or shown(",
            "full or shown(",
            _MOTION + "test_a_parabolic_clip_has_constant_acceleration_and_a_visible_bow",
        ),
    ),
    *_mutants(
        "_world/times.py",
        (
            "the last frame comes too early",
            "frames + beyond) / (frames - 1)",
            "frames + beyond) / frames",
            _MOTION + "test_the_path_follows_from_the_named_numbers[magvit-32]",
        ),
    ),
    *_mutants(
        "_world/camera.py",
        (
            "y goes up",
            "0.5 * height + scale *",
            "0.5 * height - scale *",
            "world/test_camera.py::test_x_goes_right_and_y_goes_down",
        ),
        (
            "the apparent radius does not follow the depth",
            "scale * scenes[b, item].radius",
            "focal / 4.0 * scenes[b, item].radius",
            "world/test_camera.py::test_the_apparent_radius_is_inverse_to_the_depth",
        ),
    ),
    *_mutants(
        "_world/tables.py",
        (
            "the margin is added to the frame",
            "half - 0.5 * spec.camera.margin",
            "half + 0.5 * spec.camera.margin",
            _MOTION + "test_objects_stay_inside_at_every_moment_between_frames_too",
        ),
    ),
    *_mutants(
        "_world/sampling.py",
        (
            "the light comes from behind the object",
            "scene.light_z = -(1.0 - 0.5 * unit(w[0]))",
            "scene.light_z = 1.0 - 0.5 * unit(w[0])",
            "world/test_sampling.py::test_the_light_is_a_unit_vector_from_the_cameras_side",
        ),
        (
            "an object may be as dark as the background",
            "max(most + contrast, _DARK)",
            "max(most, _DARK)",
            "world/test_sampling.py::"
            "test_colours_are_colours_and_differ_from_the_background_in_luma",
        ),
    ),
)

_LOOKS = "render/test_looks.py::"
_CAMERAS = "render/test_cameras.py::"

_RENDER = (
    *_mutants(
        "_render/grain.py",
        (
            "sign of grain",
            "+ scale * (np.float32(np.int64(total)) - _MEAN)",
            "- scale * (np.float32(np.int64(total)) - _MEAN)",
            "render/test_grain.py::test_the_noise_of_a_byte_goes_the_way_of_its_word",
        ),
        (
            "all clips have one grain",
            "words(key, indices[b], 0, GRAIN, block)",
            "words(key, 0, 0, GRAIN, block)",
            "render/test_grain.py::test_the_noise_of_a_byte_goes_the_way_of_its_word",
        ),
    ),
    *_mutants(
        "_render/film.py",
        (
            "gray levels are cut off and not rounded",
            "(colour * shade[i] - back)\n        values[i] = np.uint8(np.int32(value + _HALF))",
            "(colour * shade[i] - back)\n        values[i] = np.uint8(np.int32(value))",
            _COMPOSITING + "test_a_pixel_has_the_nearest_gray_level",
        ),
        (
            "behind an object is the background of the row below",
            "begin = (box[0] + i) * width + box[1]",
            "begin = (box[0] + i + 1) * width + box[1]",
            _LOOKS + "test_a_background_is_that_of_an_independent_renderer",
        ),
    ),
    *_mutants(
        "_render/truth.py",
        (
            "the wall before a camera that turns is everywhere as far as in the middle",
            "_, _, away = into_object(here, x, y, 1.0)",
            "_, _, away = into_object(here, 0.0, 0.0, 1.0)",
            _CAMERAS + "test_truth_of_every_camera_is_what_an_independent_renderer_finds",
        ),
        (
            "of a row whose last rays are not eight, the last one is missing",
            "range(np.uintp(min(columns - begin, _RAYS)))",
            "range(np.uintp(min(columns - begin, _RAYS)) - np.uintp(1))",
            "render/test_truth.py::test_a_solid_fits_into_the_sphere_of_its_radius_and_is_what_the_reference_sees",
        ),
    ),
    *_mutants(
        "_render/grounds.py",
        (
            "the lattices of a texture have one address",
            "words(key, index, 0, GROUND, place)[number]",
            "words(key, index, 0, GROUND, place)[0]",
            _LOOKS + "test_a_background_is_that_of_an_independent_renderer",
        ),
    ),
    *_mutants(
        "_render/patterns.py",
        (
            "a pattern lies along other axes",
            "half + per * x, half + per * y, half + per * z",
            "half + per * y, half + per * x, half + per * z",
            "test_golden.py::test_clips_have_their_golden_digests[texture, patterns]",
        ),
    ),
    *_mutants(
        "_render/exposure.py",
        (
            "a mean over moments is cut off and not rounded",
            "totals[:] = exposures // 2",
            "totals[:] = 0",
            _LOOKS + "test_a_blurred_frame_is_the_mean_of_sharp_ones_within_its_shutter",
        ),
        (
            "a trail does not fade",
            "left[c, pixel] = share * left[c, pixel]",
            "left[c, pixel] = left[c, pixel]",
            _LOOKS + "test_a_trail_fades_by_its_share_with_every_frame",
        ),
    ),
    *_mutants(
        "_render/compositing.py",
        (
            "rows are as long as columns",
            "+ box[0] * width + box[1]",
            "+ box[0] * height + box[1]",
            _COMPOSITING + "test_a_disc_is_where_it_is_said_in_pictures_that_are_not_square",
        ),
    ),
    *_mutants(
        "_render/coverage.py",
        (
            "the last row of a disc is missing",
            "min(int(np.floor(y + down + 0.5)) + 1, height)",
            "min(int(np.floor(y + down + 0.5)), height)",
            _COMPOSITING + "test_area_and_centroid_of_a_disc_are_true_at_sub_pixel_places",
        ),
        (
            "a disc is darker than its colour",
            "shown[:] = _ONE",
            "shown[:] = _ONE * np.float32(0.9)",
            _COMPOSITING + "test_a_disc_covers_whole_pixels_wholly_and_others_not_at_all",
        ),
        (
            "what is left over of a box is not covered",
            "whole = (area + RUN - 1) // RUN * RUN",
            "whole = area // RUN * RUN",
            "render/test_coverage.py::test_the_covered_area_is_the_outlines",
        ),
    ),
    *_mutants(
        "_render/areas.py",
        (
            "an edge that goes up counts like one that goes down",
            "            part, value = -part, -value\n",
            "",
            _FACETS + "test_a_triangles_area_in_each_pixel_is_exact_wherever_it_lies",
        ),
        (
            "what is left of a box is forgotten",
            "            x = further = 0.0\n            is_kept = True",
            "            x = further = 0.0\n            is_kept = False",
            _FACETS + "test_a_triangles_area_in_each_pixel_is_exact_wherever_it_lies",
        ),
    ),
    *_mutants(
        "_render/facets.py",
        (
            "faces that are turned away are lit",
            "lit[i] = shade if is_seen else 0.0",
            "lit[i] = shade",
            "test_golden.py::test_clips_have_their_golden_digests[scenes-32]",
        ),
    ),
    *_mutants(
        "_render/overlaps.py",
        (
            "of two spheres that are apart the farther one is before the other",
            "return 1 if towards > 0.0 else -1",
            "return -1 if towards > 0.0 else 1",
            "test_golden.py::test_clips_have_their_golden_digests[scenes-32]",
        ),
        (
            "two edges in a pixel are laid over one another",
            "if cover < _ONE and inside[pixel] > 0 and not filled[pixel]:",
            "if False:",
            "test_golden.py::test_clips_have_their_golden_digests[scenes-32]",
        ),
        (
            "objects of which nobody knows the order have one",
            "if covers[own] > _ZERO and covers[other] > _ZERO:",
            "if False:",
            "test_golden.py::test_clips_have_their_golden_digests[scenes-64]",
        ),
    ),
    *_mutants(
        "_render/crossings.py",
        (
            "all that a filling object may hide is dropped",
            "is_hidden = parts[n] >= _ONE or near >= farthest or ranks[ahead, item] > 0",
            "is_hidden = True",
            "test_golden.py::test_clips_have_their_golden_digests[scenes-32]",
        ),
    ),
)

_CLIPS = (
    *_mutants(
        "_clips/truth.py",
        (
            "every camera's dense truth is the first one's place",
            "memory[view * size :]",
            "memory[0:]",
            _CAMERAS + "test_truth_of_the_stereo_preset_is_what_an_independent_renderer_finds",
        ),
    ),
    *_mutants(
        "_clips/fields.py",
        (
            "V stands behind T",
            'at = self.axes.index("T")',
            'at = self.axes.index("T") + 1',
            _CAMERAS + "test_pixels_depth_and_radius_are_those_of_each_camera",
        ),
    ),
    *_mutants(
        "_clips/source.py",
        (
            "a clip too many goes with each chunk",
            "chunk = slice(first, min(first + _CHUNK, count))",
            "chunk = slice(first, min(first + _CHUNK + 1, count))",
            "clips/test_source.py::test_the_size_of_a_batch_does_not_change_a_byte",
        ),
    ),
    *_mutants(
        "_clips/stages.py",
        (
            "a pair is the clip itself",
            "            labels[:] = label\n",
            "            pass\n",
            "world/test_sampling.py::test_a_pair_shares_everything_but_the_law",
        ),
    ),
    *_mutants(
        "_clips/templates.py",
        (
            "numbers are cut off and not rounded",
            "abs(values[a]) * scale + 0.5",
            "abs(values[a]) * scale",
            "clips/test_templates.py::test_numbers_are_rounded_half_up_to_their_decimals",
        ),
        (
            "plus and minus have changed places",
            "45 if negative else 43",
            "43 if negative else 45",
            "clips/test_templates.py::test_numbers_are_rounded_half_up_to_their_decimals",
        ),
    ),
    *_mutants(
        "_clips/texts.py",
        (
            "a clip ends when it begins",
            "on_grid(scene.start + seconds)",
            "on_grid(scene.start)",
            "clips/test_texts.py::test_the_equation_gives_the_path_when_it_is_evaluated",
        ),
        (
            "a number of a clip's JSON may be a text",
            "if name not in names or not isinstance(value, float):",
            "if name not in names:",
            "clips/test_texts.py::test_json_that_is_not_a_clips_is_a_value_error",
        ),
    ),
    *_mutants(
        "_clips/fields.py",
        (
            "a field may be named twice",
            "if unknown or not names or len(set(names)) != len(names):",
            "if unknown or not names:",
            "clips/test_source.py::"
            "test_unknown_repeated_or_no_fields_are_errors_that_list_the_fields",
        ),
    ),
    *_mutants(
        "_clips/batches.py",
        (
            "an array of another dtype is taken",
            "if array.dtype != dtype or array.shape",
            "if array.shape",
            "clips/test_source.py::test_an_out_array_that_does_not_fit_is_an_error",
        ),
    ),
)

_STRICT = "shards/test_strict.py::"
_INDEX = "shards/test_index.py::"
_FOLDING = "bake/test_folding.py::"

_SHARDS = (
    *_mutants(
        "_shards/strict.py",
        (
            "padding is not checked",
            "if padding.any():",
            "if False:",
            _STRICT + "test_what_stands_between_a_value_and_the_next_header_is_zeros",
        ),
        (
            "the label of the JSON is not compared with cls",
            'if clip["label"] != law:',
            "if False:",
            _STRICT + "test_the_json_names_the_law_that_the_label_stands_for",
        ),
        (
            "numbers need not be finite",
            "if not sound.all():",
            "if False:",
            _STRICT + "test_numbers_are_finite",
        ),
        (
            "headers are not compared",
            "if not np.array_equal(due, held):",
            "if False:",
            _STRICT + "test_every_byte_of_a_header_is_compared",
        ),
        (
            "the JSON may be another clip's",
            'if clip["index"] != self._first + row:',
            "if False:",
            _STRICT + "test_the_json_is_of_the_clip_that_the_key_names",
        ),
        (
            "anything may stand at the end",
            "if end.any():",
            "if False:",
            _STRICT + "test_a_shard_ends_as_a_tar_does_and_nowhere_else",
        ),
        (
            "a shard may be short of a block",
            "if size != recipe.shard_bytes(shard):",
            "if False:",
            _STRICT + "test_a_shard_ends_as_a_tar_does_and_nowhere_else",
        ),
    ),
    *_mutants(
        "_shards/layout.py",
        (
            "a header's checksum does not count the key",
            "_octal(int(head[_CHECKSUM], 8) + growth, 6)",
            "_octal(int(head[_CHECKSUM], 8) + 0 * growth, 6)",
            "shards/test_layout.py::test_headers_are_those_that_tarfile_writes",
        ),
        (
            "a member of whole blocks is padded by one more",
            "_BLOCK + -(-size // _BLOCK) * _BLOCK",
            "_BLOCK + (size // _BLOCK + 1) * _BLOCK",
            "shards/test_layout.py::test_the_layout_of_magvit_32_is_pinned",
        ),
    ),
    *_mutants(
        "_shards/records.py",
        (
            "keys stay those of the last filling",
            "        self.layout.write_keys(self._bytes[:count], where)\n",
            "",
            "shards/test_layout.py::"
            "test_a_shard_is_a_tar_whose_members_are_the_fields_in_their_order",
        ),
    ),
    *_mutants(
        "_shards/recipe.py",
        (
            "the last shard has as many clips as the others",
            "range(first, min(first + self.shard_clips, self.clips))",
            "range(first, first + self.shard_clips)",
            _INDEX + "test_an_index_is_a_wids_index_with_one_key_more",
        ),
        (
            "shards may be cut otherwise than asked for",
            'for name in ("clips", "shard_clips", "fields"):',
            'for name in ("clips", "fields"):',
            _INDEX + "test_a_mismatch_names_every_field_that_differs",
        ),
    ),
    *_mutants(
        "_shards/index.py",
        (
            "any text is a SHA-256",
            "if not is_sha256(digest):",
            "if False:",
            _INDEX + "test_a_damaged_index_is_an_error_that_says_what_was_expected",
        ),
        (
            "file names of an index are not compared",
            "if held != due:",
            "if False:",
            _INDEX + "test_a_damaged_index_is_an_error_that_says_what_was_expected",
        ),
        (
            "a long index may have anything for a hash",
            "        if wrong is not None:\n",
            "        if False:\n",
            _INDEX + "test_a_text_that_is_no_hash_is_named_with_its_shard_in_a_long_index_too",
        ),
    ),
    *_mutants(
        "_shards/strict_json.py",
        (
            "JSON may be of any depth",
            "if deepest > _DEPTH:",
            "if False:",
            "shards/test_strict_json.py::test_what_is_not_plain_json_is_an_error_that_names_the_file",
        ),
        (
            "a key may stand twice",
            "if len(value) != len(pairs):",
            "if False:",
            "shards/test_strict_json.py::test_what_is_not_plain_json_is_an_error_that_names_the_file",
        ),
    ),
    *_mutants(
        "_shards/commit_record.py",
        (
            "the classes of a commit record need not come to its clips",
            "\n        or sum(labels) != due.clips\n",
            "\n",
            "reading/test_stored.py::test_a_damaged_commit_record_is_an_error",
        ),
        (
            "a commit record of another spelling is taken",
            "    check_spelling(data, commit.as_json(), file)\n",
            "",
            "reading/test_stored.py::test_a_damaged_commit_record_is_an_error",
        ),
    ),
    *_mutants(
        "_shards/commit_range.py",
        (
            "the clips of a line need not add up",
            "and sum(counts) == recipe.shard_clips",
            "",
            _FOLDING + "test_a_line_of_a_range_that_no_bake_writes_is_an_error",
        ),
        (
            "a range of another spelling is taken",
            "    check_spelling(data, found_range.as_json(), file)\n",
            "",
            _FOLDING + "test_a_line_of_a_range_that_no_bake_writes_is_an_error",
        ),
    ),
    *_mutants(
        "_shards/gather.py",
        (
            "a label may be any number",
            "if label >= laws:",
            "if label > 255:",
            "reading/test_stored.py::test_damage_is_an_error_with_file_and_offset",
        ),
    ),
)

_ENGINES = "bake/test_engines.py::"
_WRITING = "store/test_writing.py::"
_LINKS = "store/test_links.py::"
_GROW = "bake/test_grow.py::"
_ORDER = _WRITING + "test_a_file_is_committed_in_the_order_that_survives_a_power_loss"
_ASIDE = _WRITING + "test_what_is_set_aside_or_removed_is_so_on_the_medium_too"

_STORE = (
    *_mutants(
        "_store/cache.py",
        (
            "what is read next is given up for what is read after it",
            "if not (spare and path.stem in kept) and _evicted(path):",
            "if _evicted(path):",
            "cloud/test_cache.py::test_what_is_read_next_is_not_given_up_for_what_is_read_after_it",
        ),
        (
            "a file of the cache may have any bytes",
            "if digest.hexdigest() != sha256:",
            "if False:",
            "cloud/test_cache.py::"
            "test_a_shard_with_other_bytes_is_an_error_before_anybody_sees_them",
        ),
    ),
    *_mutants(
        "_reading/ahead.py",
        (
            "a worker that ends leaves a shard half fetched",
            "daemon=multiprocessing.parent_process() is None",
            "daemon=True",
            "cloud/test_cache.py::test_a_worker_that_ends_leaves_no_shard_half_fetched",
        ),
    ),
    *_mutants(
        "_store/writing.py",
        (
            "no fsync of a file",
            '{size} should be", temp)\n            _sync_or_say(lambda: disk.sync(file), temp)\n',
            '{size} should be", temp)\n',
            _ORDER,
        ),
        (
            "no fsync of the folder after a rename",
            "        raise\n"
            "    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)\n",
            "        raise\n",
            _ORDER,
        ),
        (
            "a file has its name before it is on the medium",
            "            _sync_or_say(lambda: disk.sync(file), temp)\n"
            "        finally:\n"
            "            disk.close(file)\n"
            "        disk.check_identity()\n"
            "        disk.rename(temp, final)\n",
            "            disk.check_identity()\n"
            "            disk.rename(temp, final)\n"
            "            _sync_or_say(lambda: disk.sync(file), final)\n"
            "        finally:\n"
            "            disk.close(file)\n",
            _ORDER,
        ),
        (
            "a folder that took another's place is written to",
            "            _sync_or_say(lambda: disk.sync(file), temp)\n"
            "        finally:\n"
            "            disk.close(file)\n"
            "        disk.check_identity()\n"
            "        disk.rename(temp, final)\n",
            "            _sync_or_say(lambda: disk.sync(file), temp)\n"
            "        finally:\n"
            "            disk.close(file)\n"
            "        disk.rename(temp, final)\n",
            "store/test_disk.py::test_a_writer_whose_folder_was_replaced_gives_nothing_a_name",
        ),
        (
            "the size is not checked before a file gets its name",
            "at += chunk.nbytes\n            found = disk.written(file)\n",
            "at += chunk.nbytes\n            found = size\n",
            _WRITING + "test_a_file_of_the_wrong_size_gets_no_final_name",
        ),
        (
            "what was written half stays among the temps",
            "        _remove_temp(disk, temp)\n        raise\n    _sync_or",
            "        raise\n    _sync_or",
            _WRITING + "test_an_exception_out_of_the_bytes_leaves_nothing",
        ),
        (
            "a short write is taken for a whole one",
            "rest = rest[count:]",
            "rest = rest[len(rest) :]",
            _WRITING + "test_short_and_interrupted_writes_are_carried_on",
        ),
    ),
    *_mutants(
        "_store/folder.py",
        (
            "no fsync of the folder of what is set aside",
            "        self.disk.sync_folder(ASIDE)\n",
            "",
            _ASIDE,
        ),
        (
            "the old name of what is set aside is synced before the new one",
            "        self.disk.sync_folder(ASIDE)\n"
            "        self.disk.sync_folder(os.path.dirname(name))\n",
            "        self.disk.sync_folder(os.path.dirname(name))\n"
            "        self.disk.sync_folder(ASIDE)\n",
            _ASIDE,
        ),
        (
            "no fsync after a removal",
            "        self.disk.remove(name)\n"
            "        self.disk.sync_folder(os.path.dirname(name))\n",
            "        self.disk.remove(name)\n",
            _ASIDE,
        ),
        (
            "the temps of every process have the same names",
            "writer=os.urandom(8).hex()",
            'writer=""',
            _ENGINES
            + "test_a_writer_that_sleeps_while_its_temp_is_cleared_does_not_commit_anothers",
        ),
        (
            "no fsync of the folder that holds a new store's folders",
            'for name in (COMMITS, HIDDEN, ""):',
            "for name in (COMMITS, HIDDEN):",
            _WRITING + "test_the_folders_that_a_store_needs_are_on_the_medium_before_a_file_is",
        ),
    ),
    *_mutants(
        "_store/lock.py",
        (
            "nothing is locked",
            "                self._disk.lock(file, is_shared=self._is_shared)\n",
            "                pass\n",
            "store/test_lock.py::test_a_writer_in_the_same_process_is_a_second_writer_too",
        ),
    ),
    *_mutants(
        "_store/disk.py",
        (
            "a new file may be another's",
            "os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_NOFOLLOW",
            "os.O_WRONLY | os.O_CREAT | _O_NOFOLLOW",
            _WRITING + "test_a_temp_that_another_writer_left_is_no_obstacle_and_stays_as_it_is",
        ),
        (
            "a folder below the store may be a link",
            "os.open(base, _FOLDER | _O_NOFOLLOW, dir_fd=self._opened(folder))",
            "os.open(base, _FOLDER, dir_fd=self._opened(folder))",
            _LINKS + "test_a_folder_below_the_store_is_never_a_link",
        ),
        (
            "a file that may be no link is one",
            "links = 0 if follow else _O_NOFOLLOW",
            "links = 0",
            _LINKS + "test_only_shards_index_and_card_may_be_links",
        ),
        (
            "what is no regular file is opened",
            "        if not stat.S_ISREG(mode):\n",
            "        if False:\n",
            _LINKS + "test_what_is_no_file_is_refused_and_never_opened",
        ),
        (
            "a file with a second name is written to",
            "        if names != 1:\n",
            "        if False:\n",
            _LINKS + "test_a_lock_or_log_with_a_second_name_is_not_written_to",
        ),
        (
            "a folder that was replaced goes unnoticed",
            "            if not is_same:\n",
            "            if False:\n",
            "bake/test_replaced.py::test_a_folder_behind_a_link_is_baked_into_and_a_link_that_moves_"
            "on_is_noticed",
        ),
        (
            "what is overwritten is cut first",
            "        os.pwrite(file, data, 0)\n        os.ftruncate(file, len(data))\n",
            "        os.pwrite(file, data, 0)\n",
            "store/test_contract.py::test_what_is_overwritten_has_the_new_bytes_and_no_more",
        ),
    ),
    *_mutants(
        "_store/bucket.py",
        (
            "a listing ends with its first page",
            "            if after is None:\n                return\n",
            "            return\n",
            "store/test_contract.py::test_a_listing_comes_in_pages_with_each_name_once",
        ),
    ),
    *_mutants(
        "_store/commit_records.py",
        (
            "a store is listed once while ranges are folded",
            "        is_last = ranges_of(self._recipe) == 0\n",
            "        is_last = True\n",
            _FOLDING + "test_who_reads_while_a_range_is_folded_misses_no_record",
        ),
        (
            "a record may contradict its range",
            "        elif self.commits[commit.shard] != commit:\n",
            "        elif False:\n",
            _FOLDING + "test_a_single_record_that_contradicts_its_range_is_found_and_goes",
        ),
    ),
    *_mutants(
        "_store/contents.py",
        (
            "index and commit record may contradict each other",
            "        if index is not None:\n            for shard",
            "        if False:\n            for shard",
            "reading/test_stored.py::test_a_damaged_commit_record_is_an_error",
        ),
        (
            "index and recipe may contradict each other",
            "if index is not None and recipe is not None and recipe != index.recipe:",
            "if False:",
            "reading/test_stored.py::test_a_recipe_that_contradicts_the_index_is_an_error",
        ),
        (
            "an index that the store has outgrown counts",
            "return before.clips < now.clips and",
            "return False and",
            _GROW + "test_a_repair_leaves_a_growing_store_growing",
        ),
        (
            "what changes while it is read is damage",
            "            if _recipe_bytes(store) == before:\n                raise\n",
            "            raise\n",
            "store/test_contents.py::test_a_store_that_grows_while_it_is_read_is_read_again",
        ),
        (
            "only the last shard is hashed again",
            "_REHASHED = 2",
            "_REHASHED = 1",
            "bake/test_run.py::test_the_last_shard_but_one_of_a_complete_store_is_hashed_again_too",
        ),
    ),
    *_mutants(
        "_store/ranges.py",
        (
            "a file ends with its first whole block",
            "if len(block) < block_bytes:",
            "if len(block) <= block_bytes:",
            "store/test_contract.py::test_files_are_read_whole_in_blocks_and_for_their_hash",
        ),
        (
            "a file that is too long is cut to the limit",
            "return store.read(name, 0, limit + 1)",
            "return store.read(name, 0, limit)",
            "store/test_contract.py::test_files_are_read_whole_in_blocks_and_for_their_hash",
        ),
    ),
    *_mutants(
        "_store/memory.py",
        (
            "a second creator replaces what the first one wrote",
            "            if name in self._files:\n                return False\n",
            "",
            "store/test_contract.py::test_only_the_first_creates",
        ),
    ),
    *_mutants(
        "_store/shard_view.py",
        (
            "a shard is opened without a look at its first record",
            "        self.check_headers(0)\n",
            "",
            "reading/test_stored.py::test_damage_is_an_error_with_file_and_offset",
        ),
        (
            "a shard that was cut is read",
            "and (found := mapped.size()) != self._bytes:",
            "and (found := mapped.size()) < 0:",
            "reading/test_cut_shards.py::"
            "test_a_shard_that_is_cut_while_it_is_mapped_is_an_error_and_no_crash",
        ),
    ),
)

_READING = (
    *_mutants(
        "_reading/committed.py",
        (
            "one clip more than there are can be read",
            "if highest >= clips:",
            "if highest > clips:",
            "reading/test_stored.py::test_an_index_that_is_not_there_is_an_error_that_says_which_are",
        ),
        (
            "a shard's clips come in another order than asked for",
            "where - shard * size, np.arange(len(where))",
            "where - shard * size, np.arange(len(where))[::-1].copy()",
            "reading/test_stored.py::test_a_batch_read_is_the_batch_rendered",
        ),
        (
            "shards that are not committed can be read",
            "if shard not in self.shards:",
            "if False:",
            "reading/test_stored.py::test_of_an_unfinished_bake_the_committed_shards_can_be_read",
        ),
        (
            "clips beyond the last one count as committed",
            "self._readable[shards] & (indices < self.recipe.clips)",
            "self._readable[shards]",
            "reading/test_stored.py::test_of_an_unfinished_bake_the_committed_shards_can_be_read",
        ),
        (
            "an unfinished bake is opened as a finished one",
            "if contents.index is None and len(contents.commits) < recipe.shards:",
            "if False:",
            "reading/test_stored.py::test_an_unfinished_bake_is_an_error_that_says_how_to_go_on",
        ),
    ),
    *_mutants(
        "_reading/stored.py",
        (
            "an index from the end is one off",
            "first_clip(self.batch([number % self.clips]))",
            "first_clip(self.batch([number % (self.clips + (number < 0))]))",
            "reading/test_stored.py::test_a_clip_read_is_the_clip_rendered",
        ),
    ),
    *_mutants(
        "_reading/read_through.py",
        (
            "shards of another stream are read",
            "    if differences:\n",
            "    if False:\n",
            "reading/test_read_through.py::"
            "test_another_stream_is_refused_with_the_difference_named",
        ),
        (
            "the texts of read and of rendered clips have changed places",
            "for row, text in zip(np.flatnonzero(rows).tolist(), value, strict=True):",
            "for row, text in zip(np.flatnonzero(rows).tolist()[::-1], value, strict=True):",
            "reading/test_read_through.py::test_the_bytes_are_those_of_the_live_stream",
        ),
    ),
)

_RUN = "bake/test_run.py::"
_REPORTER = "bake/test_reporter.py::"

_PROOF = "bake/test_proof.py::"

_BAKE = (
    *_mutants(
        "_bake/agreement.py",
        (
            "a folder with files of others is baked into",
            "        _check_not_foreign(store)\n",
            "        pass\n",
            _RUN + "test_a_folder_with_files_of_others_under_our_names_is_not_touched",
        ),
        (
            "a store shrinks",
            "    if recipe.clips < held.clips:\n",
            "    if False:\n",
            _GROW + "test_a_store_never_shrinks_and_says_so[complete]",
        ),
    ),
    *_mutants(
        "_bake/proof.py",
        (
            "a shard that cannot be found is no wrong one",
            "            found.put(shard)\n        except BaseException",
            "            found.put(None)\n        except BaseException",
            _PROOF + "test_shards_that_are_damaged_or_lost_are_found_by_their_hashes",
        ),
    ),
    *_mutants(
        "_bake/commit.py",
        (
            "a shard is committed before it has its name",
            "    store.put(name, hashed(), size)\n"
            "    commit = Commit.of(recipe, shard, digest.hexdigest(), tuple(labels))\n"
            "    put_commit_record(store, commit)\n",
            "    held = [memoryview(bytes(chunk)) for chunk in hashed()]\n"
            "    commit = Commit.of(recipe, shard, digest.hexdigest(), tuple(labels))\n"
            "    put_commit_record(store, commit)\n"
            "    store.put(name, held, size)\n",
            "bake/test_task.py::test_a_shard_has_its_name_before_its_commit_record_has",
        ),
        (
            "a shard need not have the bytes that were promised",
            "if promised is not None and digest.hexdigest() != promised:",
            "if False:",
            "bake/test_task.py::"
            "test_a_shard_that_does_not_come_to_its_promised_bytes_is_not_committed",
        ),
        (
            "a short shard that was damaged is replaced when a store grows",
            "not in (sha256, outgrown)",
            "not in (sha256, outgrown) and outgrown is None",
            _GROW + "test_a_damaged_short_shard_is_set_aside_when_the_store_grows",
        ),
        (
            "a file of another is replaced and not set aside",
            "        store.set_aside(name)\n",
            "        return\n",
            _RUN + "test_a_file_under_a_shards_name_with_other_bytes_is_moved_aside",
        ),
    ),
    *_mutants(
        "_bake/copying.py",
        (
            "a shard is copied that has other bytes than were promised",
            "                promised=task.promised,\n",
            "                promised=None,\n",
            "bake/test_sync.py::test_a_damaged_shard_is_named_and_nothing_of_it_stays",
        ),
        (
            "a shard that was damaged on the way is not read again",
            "_ATTEMPTS = 2\n",
            "_ATTEMPTS = 1\n",
            "bake/test_sync.py::test_a_flipped_bit_that_passes_is_read_again",
        ),
    ),
    *_mutants(
        "_bake/folding.py",
        (
            "a range with other records is taken for ours",
            "            if held != data:\n",
            "            if False:\n",
            _FOLDING + "test_a_range_that_says_something_else_is_an_error_and_no_record_goes",
        ),
        (
            "single records that a killed run left stay",
            "or self._single[_rows(number)].any())",
            "or False)",
            _FOLDING + "test_single_records_that_a_killed_run_left_beside_their_range_go",
        ),
    ),
    *_mutants(
        "_bake/takeover.py",
        (
            "one damaged shard keeps the sound ones back",
            "                damaged.append(error)\n                return None\n",
            "                raise\n",
            "bake/test_sync.py::test_a_damaged_shard_is_named_and_nothing_of_it_stays",
        ),
        (
            "a sync does not look at what earlier ones copied",
            "                left = contents.committed.shards.without(found.newest)\n",
            "                left = contents.committed.shards.without(range(recipe.shards))\n",
            "bake/test_sync.py::test_what_was_damaged_since_an_earlier_sync_is_copied_again",
        ),
        (
            "any file is taken over as the preview",
            "if picture.startswith(_PNG) and",
            "if picture and",
            "bake/test_sync.py::test_a_preview_that_is_no_picture_is_left_behind",
        ),
    ),
    *_mutants(
        "_bake/offer.py",
        (
            "a store that promises other shards is written to",
            "    for shard in held.promised.differing(promised):\n",
            "    for shard in ():\n",
            "bake/test_sync.py::test_stores_that_promise_different_shards_are_left_as_they_are",
        ),
    ),
    *_mutants(
        "_bake/run.py",
        (
            "no clip is rendered again before a bake goes on",
            "    check_clip(ShardView(store, recipe, shard), recipe, clip)\n",
            "",
            _RUN + "test_a_committed_clip_that_is_rendered_otherwise_now_stops_the_bake",
        ),
        (
            "an index is written over shards that nobody looked at",
            "            left = contents.committed.shards.without(found.newest)\n",
            "            left = contents.committed.shards.without(range(recipe.shards))\n",
            _RUN + "test_an_index_is_written_over_no_shard_that_was_damaged_meanwhile",
        ),
        (
            "the index of before a store grew stays",
            "        store.remove(INDEX)\n",
            "        pass\n",
            _GROW + "test_a_store_that_is_growing_says_that_it_is_unfinished",
        ),
        (
            "the index is there before the card is",
            '    put_bytes(store, CARD, card_text(recipe).encode("utf-8"))\n'
            "    index = Index(recipe, commits.hashes(range(recipe.shards)))\n"
            "    put_index(store, index)\n",
            "    index = Index(recipe, commits.hashes(range(recipe.shards)))\n"
            "    put_index(store, index)\n"
            '    put_bytes(store, CARD, card_text(recipe).encode("utf-8"))\n',
            _REPORTER + "test_the_page_says_done_before_the_file_for_programs_does",
        ),
        (
            "temps of a killed run stay",
            "    cleared = store.clear_temps()\n",
            "    cleared = 0\n",
            _REPORTER + "test_a_bake_that_goes_on_says_what_it_checked_and_keeps_the_history",
        ),
    ),
    *_mutants(
        "_bake/reporter.py",
        (
            "programs are told of the end before the page is written",
            "        self._write_page(report)\n"
            "        write_progress(self._store, report)\n"
            "        if self",
            "        write_progress(self._store, report)\n"
            "        self._write_page(report)\n"
            "        if self",
            _REPORTER + "test_the_page_says_done_before_the_file_for_programs_does",
        ),
    ),
    *_mutants(
        "_bake/task.py",
        (
            "an fsync that failed ends a bake at once",
            "            if attempt > _ATTEMPTS:\n                raise\n",
            "            raise\n",
            _RUN + "test_a_shard_whose_fsync_fails_is_rendered_again[sync]",
        ),
        (
            "clips of a task that failed count as rendered",
            "        except BaseException:\n            tell(-rendered)\n            raise\n",
            "        except BaseException:\n            raise\n",
            "bake/test_task.py::test_what_a_callback_raises_ends_the_task_and_leaves_no_temp",
        ),
    ),
    *_mutants(
        "_bake/repair.py",
        (
            "a commit record proves a shard",
            "right = {s: index[s] if index is not None else rendered.get(s) for s in due}",
            "right = {s: commits[s].sha256 if s in commits else rendered.get(s) for s in due}",
            _PROOF + "test_what_an_index_proves_outranks_a_shard_with_its_commit_record",
        ),
        (
            "a machine that renders otherwise repairs",
            "        check_clip(view, recipe, view.first)\n",
            "        pass\n",
            "bake/test_repair.py::test_a_machine_that_renders_other_bytes_touches_nothing",
        ),
        (
            "strays stay where they are",
            "asides = [*damaged, *strays]",
            "asides = [*damaged]",
            "bake/test_repair.py::test_strays_are_moved_aside",
        ),
        (
            "an index that was lost is not written again",
            "needs_index = findings.is_whole and not findings.has_index",
            "needs_index = False",
            "bake/test_repair.py::test_an_index_comes_back_to_the_same_bytes[lost]",
        ),
    ),
    *_mutants(
        "_bake/verify.py",
        (
            "strays are not seen",
            "    for name in strays:\n",
            "    for name in ():\n",
            "bake/test_verify.py::test_what_is_wrong_is_named_by_kind_and_file",
        ),
        (
            "a full look compares no hash",
            "if walked.sha256 != sha256:",
            "if False:",
            "bake/test_verify.py::test_what_only_a_full_look_finds",
        ),
        (
            "a full look counts no classes",
            "if commit is not None and walked.labels != commit.labels:",
            "if False:",
            "bake/test_verify.py::"
            "test_a_record_that_counts_other_classes_than_its_shard_has_is_found",
        ),
        (
            "a quick look leaves the end out",
            "    view.check_end()\n",
            "",
            "bake/test_verify.py::"
            "test_a_changed_byte_in_the_first_or_last_headers_or_the_end_is_found",
        ),
    ),
    *_mutants(
        "_bake/rerender.py",
        (
            "clips that are rendered again are compared with themselves",
            "np.flatnonzero(due[0] != view.raw[row])",
            "np.flatnonzero(due[0] != due[0])",
            "bake/test_verify.py::"
            "test_clips_that_are_rendered_otherwise_now_are_found_by_rendering_them_again",
        ),
        (
            "clips that are rendered again are the first ones",
            "[(2 * k + 1) * total // (2 * count) for k in range(count)]",
            "list(range(count))",
            "bake/test_verify.py::test_the_clips_that_are_rendered_again_are_spread_evenly",
        ),
    ),
    *_mutants(
        "_bake/engines/ray_site.py",
        (
            "a node writes into whatever store it finds",
            "if found != self._recipe_bytes:",
            "if False:",
            _ENGINES + "test_a_node_that_sees_no_store_or_another_one_bakes_nothing",
        ),
        (
            "a node that was asleep does not look whether the store has grown",
            "        if clips > 0:\n",
            "        if False:\n",
            _ENGINES + "test_a_store_that_grows_while_a_node_sleeps_keeps_its_shard",
        ),
        (
            "a node that renders other bytes bakes",
            "if found != site.sample:",
            "if False:",
            _ENGINES + "test_a_node_that_renders_other_bytes_bakes_nothing",
        ),
    ),
    *_mutants(
        "_bake/engines/ray_driver.py",
        (
            "what a node could not commit counts as baked",
            "                return Refused(pickled)\n",
            "                continue\n",
            "cluster/test_ray.py::test_an_error_of_a_node_is_raised_here_as_the_node_raised_it",
        ),
    ),
    *_mutants(
        "_bake/progress.py",
        (
            "a report is too old from the start",
            "and self._age_seconds(now) > self.stale_after_seconds",
            "and self._age_seconds(now) < self.stale_after_seconds",
            "bake/test_progress.py::test_a_running_report_is_stale_after_its_time_and_a_done_one_never",
        ),
    ),
    *_mutants(
        "_bake/meter.py",
        (
            "the rate of a node is that of all its time",
            "                recent.popleft()\n        return",
            "                break\n        return",
            _ENGINES + "test_the_rate_of_a_node_is_that_of_the_last_minute",
        ),
        (
            "committed clips stay in flight",
            "            self._in_flight -= sum(counts.values())\n",
            "",
            "bake/test_progress.py::"
            "test_a_report_counts_what_is_committed_and_what_is_in_flight_apart",
        ),
    ),
    *_mutants(
        "_bake/history.py",
        (
            "two stretches are joined as if they were as long",
            "one.clips_per_second * first + other.clips_per_second * second",
            "one.clips_per_second * second + other.clips_per_second * first",
            "bake/test_history.py::test_a_long_history_is_thinned_and_loses_no_clip",
        ),
    ),
)

_PARTITION = "loading/test_partition.py::"
_TRANSPORT = "loading/test_transport.py::"
_IN_THIS_PROCESS = "loading/test_dataset.py::"

_LOADING = (
    *_mutants(
        "_loading/partition.py",
        (
            "ranks take one position too few",
            "first + (self.rank + 1) * size)",
            "first + (self.rank + 1) * size - 1)",
            _PARTITION + "test_the_ranks_together_cover_every_position_once_in_order",
        ),
        (
            "the short last batch is left out",
            "None if end is None else -(-(end - start) // self.global_batch)",
            "None if end is None else (end - start) // self.global_batch",
            _PARTITION + "test_the_ranks_together_cover_every_position_once_in_order",
        ),
        (
            "a worker goes on with the next batch, whoever has it",
            "first = worker + whole * workers",
            "first = worker + whole",
            _PARTITION + "test_a_worker_goes_on_after_any_number_of_clips_given",
        ),
        (
            "a whole batch counts as begun",
            "before = (given - 1) // self.batch",
            "before = given // self.batch",
            _PARTITION + "test_consumed_is_the_start_that_goes_on_after_the_latest_batch",
        ),
        (
            "ranks may show different numbers of clips",
            "elif self.length % self.world_size:",
            "elif False:",
            _PARTITION
            + "test_a_length_that_the_ranks_cannot_share_is_refused_with_the_nearest_that_work",
        ),
    ),
    *_mutants(
        "_loading/order.py",
        (
            "fresh epochs overlap",
            "places + epoch * self.length if",
            "places + epoch if",
            "loading/test_order.py::test_fresh_epochs_never_show_a_clip_twice",
        ),
        (
            "every epoch has one order",
            "self.split, epoch)(places)",
            "self.split, 0)(places)",
            "loading/test_order.py::"
            "test_shuffling_shows_the_clips_of_the_epoch_in_an_order_of_its_own",
        ),
        (
            "there is an epoch beyond the end of a store",
            "last = self.clips // self.length - 1",
            "last = self.clips // self.length",
            "loading/test_order.py::test_fresh_epochs_end_where_the_source_does",
        ),
    ),
    *_mutants(
        "_loading/permutation.py",
        (
            "an image may be one too large",
            "if x < end:",
            "if x <= end:",
            "loading/test_permutation.py::test_it_is_a_bijection",
        ),
        (
            "a permutation is the same for every purpose",
            "    w = words(key, epoch, 0, ORDER, purpose)\n",
            "    w = words(key, epoch, 0, ORDER, 0)\n",
            "loading/test_shard_order.py::test_each_purpose_epoch_and_seed_has_an_order_of_its_own",
        ),
    ),
    *_mutants(
        "_loading/shard_order.py",
        (
            "a short last shard leaves a gap",
            "    if rank > tail:\n        at -= tail_gap\n",
            "",
            "loading/test_shard_order.py::test_it_is_the_order_that_lists_make",
        ),
        (
            "all windows are mixed alike",
            "words(key, epoch, 0, ORDER, _CLIPS + window)",
            "words(key, epoch, 0, ORDER, _CLIPS)",
            "loading/test_shard_order.py::test_it_is_the_order_that_lists_make",
        ),
    ),
    *_mutants(
        "_loading/producer.py",
        (
            "nobody is told which shards come next",
            "self._fetch_ahead([*now, *coming])",
            "self._fetch_ahead([*now])",
            "loading/test_shard_order.py::"
            "test_the_source_is_told_the_shards_of_this_window_and_the_next",
        ),
    ),
    *_mutants(
        "_loading/output.py",
        (
            "white is not quite white",
            "low + (high - low) * bytes_ / 255",
            "low + (high - low) * bytes_ / 256",
            "loading/test_output.py::"
            "test_a_float_is_the_byte_on_the_straight_line_of_the_range_rounded_once",
        ),
        (
            "values are multiplied by the standard deviation",
            "(bytes_ / 255 - mean) / std",
            "(bytes_ / 255 - mean) * std",
            "loading/test_output.py::"
            "test_each_channel_is_normalized_by_its_own_mean_and_std_as_torchvision_does",
        ),
    ),
    *_mutants(
        "_loading/map_dataset.py",
        (
            "an index from the end is one off",
            "return number % self._length",
            "return number % (self._length + (number < 0))",
            "loading/test_map_dataset.py::test_a_clip_is_the_one_that_the_stream_shows_there",
        ),
    ),
    *_mutants(
        "_loading/dataset.py",
        (
            "a start cuts every epoch",
            "start = self._start if epoch == self._passes.first_epoch else 0",
            "start = self._start",
            _IN_THIS_PROCESS
            + "test_a_start_goes_on_where_an_interrupted_epoch_stopped_and_later_epochs_are_whole",
        ),
        (
            "a state counts no clips",
            "            current.given += len(positions)\n",
            "",
            _IN_THIS_PROCESS
            + "test_a_state_lets_the_next_pass_go_on_and_the_one_after_it_begin_anew",
        ),
    ),
    *_mutants(
        "_loading/passes.py",
        (
            "an epoch that is set stays the old one",
            "        self._numbers[_NAMED_EPOCH] = epoch\n        self",
            "        self",
            _IN_THIS_PROCESS
            + "test_a_fresh_epoch_shows_clips_never_seen_and_a_repeated_one_the_same",
        ),
    ),
    *_mutants(
        "_loading/state.py",
        (
            "a state of another stream is taken",
            "    if differences:\n",
            "    if False:\n",
            "loading/test_state.py::"
            "test_a_state_of_another_stream_is_refused_with_the_difference_named",
        ),
    ),
    *_mutants(
        "_loading/view.py",
        (
            "more clips than a store has can be asked for",
            "if source.clips is not None and length > source.clips:",
            "if False:",
            "loading/test_map_dataset.py::test_more_clips_than_there_are_is_refused",
        ),
    ),
    *_mutants(
        "_loading/ahead.py",
        (
            "one batch more than said is made ahead",
            "while len(waiting) < parts_ahead(threads):",
            "while len(waiting) <= parts_ahead(threads):",
            "loading/test_ahead.py::test_no_more_is_made_ahead_than_is_said",
        ),
    ),
    *_mutants(
        "_loading/pool.py",
        (
            "memory is used again while it is held",
            "weakref.finalize(loan, free.append, block).atexit = False",
            "free.append(block)",
            "loading/test_pool.py::test_batches_that_are_kept_never_change[0]",
        ),
    ),
    *_mutants(
        "_loading/transport/sender.py",
        (
            "a slot that was sent counts as free",
            "    slab.set_mark(lease.slot, SENT)\n",
            "",
            _TRANSPORT + "test_without_a_free_slot_an_ordinary_tensor_is_sent",
        ),
    ),
    *_mutants(
        "_loading/transport/slab.py",
        (
            "a slot is claimed while its last batch is on its way",
            " and self.mark(slot) == FREE:\n                return",
            ":\n                return",
            _TRANSPORT + "test_without_a_free_slot_an_ordinary_tensor_is_sent",
        ),
    ),
    *_mutants(
        "_loading/transport/receiver.py",
        (
            "who keeps many batches leaves no slot",
            "copies = 2 * slab.held >= slab.shape.slots",
            "copies = False",
            _TRANSPORT + "test_who_keeps_half_of_the_slots_is_given_copies",
        ),
    ),
)

_AUDIT = "check/test_audit.py::"

_MEASURES = "check/test_measures.py::"
_CHECK = (
    *_mutants(
        "_check/measures.py",
        (
            "a velocity is per frame",
            "np.diff(off, axis=1) / frame_seconds",
            "np.diff(off, axis=1)",
            "check/test_evaluation.py::test_velocity_error_is_per_second",
        ),
        (
            "a prediction that is no number has an error that is none",
            "if not np.isfinite(found).all():",
            "if False:",
            "check/test_evaluation.py::test_predictions_that_do_not_fit_are_errors_that_say_so",
        ),
        (
            "tracks and objects are matched by frames in which the object is away",
            "costs = np.minimum(distance, farthest) * shown[:, None]",
            "costs = np.minimum(distance, farthest)",
            _MEASURES + "test_where_an_object_is_away_does_not_say_which_track_is_its",
        ),
        (
            "flow counts where it leads out of the clip",
            """slice(None, -1) if name == "forward_flow" else slice(1, None)""",
            "slice(None)",
            _MEASURES + "test_flow_is_scored_in_frames_that_lead_to_a_frame_of_the_clip",
        ),
        (
            "the background is an object",
            "        seen[0] = False\n",
            "",
            _MEASURES
            + "test_masks_are_matched_over_the_whole_clip_and_the_background_counts_for_nothing",
        ),
        (
            "the frame of a query is judged",
            "np.arange(points.shape[2]) > first",
            "np.arange(points.shape[2]) >= first",
            _MEASURES + "test_tapvids_figures_are_those_of_its_definition",
        ),
    ),
    *_mutants(
        "_check/audit/findings.py",
        (
            "a figure that is no number holds every bound",
            "return self.figure <= self.bound",
            "return not self.figure > self.bound",
            _AUDIT + "test_a_figure_that_is_not_a_number_holds_no_bound",
        ),
    ),
    *_mutants(
        "_check/audit/streams.py",
        (
            "the least imbalance is taken for the worst",
            "counts.min(axis=1)).max(initial=0)",
            "counts.min(axis=1)).min(initial=0)",
            _AUDIT + "test_labels_dealt_with_a_lean_are_found",
        ),
        (
            "what training shows of a held-out range is not counted",
            "(low <= values) & (values <= high)",
            "(low > values) & (values > high)",
            _AUDIT + "test_a_held_out_range_that_training_shows_is_found",
        ),
    ),
    *_mutants(
        "_check/audit/truth.py",
        (
            "an object may hang over the right edge, or else the left one",
            "(x - r >= 0) & (x + r <= spec.width)",
            "(x + r <= spec.width)",
            _AUDIT + "test_an_object_over_the_edge_is_found_even_by_a_hundredth_of_a_pixel",
        ),
    ),
)

_SHOW = (
    *_mutants(
        "_show/pictures.py",
        (
            "the last frame is never shown",
            "round(k * (frames - 1) / max(shown - 1, 1))",
            "round(k * (frames - 1) / max(shown, 1))",
            "show/test_gallery.py::test_long_clips_are_thinned_out_and_keep_first_and_last_frame",
        ),
    ),
    *_mutants(
        "_show/gallery.py",
        (
            "a name can end the page's script",
            '.replace("<", "\\\\u003c")',
            "",
            "show/test_gallery.py::test_no_name_can_break_out_of_the_page",
        ),
    ),
    *_mutants(
        "_show/notebook.py",
        (
            "a setting's value is markup",
            "html.escape(_said(value))",
            "_said(value)",
            "show/test_notebook.py::test_no_name_in_a_spec_is_taken_for_markup",
        ),
        (
            "more clips are said to be left out than are",
            "and {count - _MOST_CLIPS:,} more",
            "and {count:,} more",
            "show/test_notebook.py::"
            "test_a_batch_is_shown_by_its_first_clips_and_says_how_many_more_there_are",
        ),
    ),
    *_mutants(
        "_show/tiles.py",
        (
            "the path lies half a pixel off",
            "pixels.astype(np.float64) * self._enlarge / self._thin",
            "(pixels.astype(np.float64) + 0.5) * self._enlarge / self._thin",
            "show/test_pictures.py::"
            "test_a_place_is_counted_from_the_corner_of_a_pixel_at_every_size",
        ),
    ),
    *_mutants(
        "_show/encoding.py",
        (
            "an animation runs too fast",
            "100 * seconds / (frames - 1)",
            "100 * seconds / frames",
            "show/test_pictures.py::test_an_animation_has_the_clips_frames_at_the_specs_speed",
        ),
    ),
)

_EXITS = "cli/test_cli.py::test_each_error_has_its_exit_code"

_CLI = (
    *_mutants(
        "_words.py",
        (
            "one thing is several",
            "if number == 1 else",
            "if number == 0 else",
            "cli/test_words.py::test_no_command_says_several_of_one_thing",
        ),
        (
            "a slow rate is told as nothing",
            "if rate >= 10 else",
            "if rate >= 0 else",
            "cli/test_words.py::test_one_rate_is_told_by_lines_text_and_page",
        ),
    ),
    *_mutants(
        "_cli/exits.py",
        ("a full disk is a failure for good", '        "ENOSPC",\n', "", _EXITS),
        (
            "a locked folder is another stream",
            "        return LOCKED, str(error)\n",
            "        return OTHER_SPEC, str(error)\n",
            _EXITS,
        ),
        (
            "a Ctrl-C is a failure",
            "raise typer.Exit(INTERRUPTED) from error",
            "raise typer.Exit(FAILED) from error",
            _EXITS,
        ),
    ),
    *_mutants(
        "_cli/checking.py",
        (
            "damage that was found is told with exit code 0",
            "        if not report.ok:\n            raise typer.Exit(FAILED)\n",
            "",
            "bake/test_repair.py::test_the_command_says_what_it_did",
        ),
    ),
    *_mutants(
        "_cli/watching.py",
        (
            "a file that is just being synced ends the watch",
            "if torn > _PATIENCE:",
            "if torn > 1:",
            "cli/test_watching.py::test_a_file_that_is_just_being_synced_is_waited_for",
        ),
        (
            "every look prints a line",
            "elif shown != (status, report.shards_done):",
            "elif shown != (status,):",
            "cli/test_watching.py::test_a_look_that_finds_nothing_new_prints_nothing",
        ),
    ),
)

_JIT = (
    *_mutants(
        "_kernel_cache.py",
        (
            "the checksum of a kernel's file is not compared",
            "return payload if content[:_CHECKSUM_BYTES] == _checksum(key, payload) else None",
            "return payload",
            "test_jit.py::test_a_damaged_file_is_compiled_and_written_again[of another kernel]",
        ),
        (
            "a kernel that another Numba made is used",
            "*(numba.__version__, llvmlite.__version__, np.__version__),",
            "*(llvmlite.__version__, np.__version__),",
            "test_jit.py::test_a_kernel_of_another_version_is_not_used[numba]",
        ),
        (
            "the newest kernels are removed and the oldest kept",
            "ages.sort(reverse=True)",
            "ages.sort()",
            "test_jit.py::test_files_of_one_function_do_not_pile_up",
        ),
    ),
    *_mutants(
        "_kernel_identity.py",
        (
            "what a kernel calls is no part of it",
            'return digest("kernel", self.kernel(value))',
            'return digest("kernel")',
            "test_jit.py::test_functions_of_one_name_with_other_cells_never_share_a_file",
        ),
        (
            "the content of an array is no part of a kernel",
            "_dtype(value.dtype), value.tobytes())",
            "_dtype(value.dtype))",
            "test_jit.py::test_arrays_count_by_their_content",
        ),
        (
            "an import with a comment in its brackets is overlooked",
            r"(\((?:[^)#]|#.*)*\)|[^\n;]*)",
            r"([^\n;]*)",
            "test_jit.py::test_imports_are_found_in_every_form_that_python_has",
        ),
    ),
    *_mutants(
        "_jit.py",
        (
            "kernels run as plain Python where Numba is told not to compile",
            "        return _refusing(function)\n",
            "        return function\n",
            "test_jit.py::test_kernels_without_numbas_compiler_say_so_in_a_sentence",
        ),
    ),
    *_mutants(
        "_checks.py",
        (
            "True is a number",
            "    if isinstance(value, bool):\n        raise error\n",
            "",
            _PARTITION + "test_a_number_out_of_range_is_named",
        ),
    ),
)

_BENCH = _mutants(
    "_bench/plan.py",
    (
        "a bench takes a folder of another stream",
        "            if differences:\n",
        "            if False:\n",
        "bench/test_bench.py::test_a_plan_whose_folder_holds_another_stream_is_refused",
    ),
)

_MOVI = "convert/test_movi.py::"
_CONVERT = (
    *_mutants(
        "_convert/movi.py",
        (
            "MOVi's depth is that from the camera's plane",
            """arrays["depth_map"].astype(np.float64) * stretch""",
            """arrays["depth_map"].astype(np.float64)""",
            _MOVI + "test_depth_is_the_distance_from_the_cameras_centre",
        ),
        (
            "MOVi's backward flow goes against time",
            """-arrays["backward_flow"]""",
            """arrays["backward_flow"]""",
            _MOVI + "test_flow_is_row_then_column_and_both_flows_go_along_time",
        ),
        (
            "MOVi's boxes begin at the left",
            "[:, [1, 0, 3, 2]]",
            "[:, [0, 1, 2, 3]]",
            _MOVI
            + "test_boxes_are_top_left_bottom_right_in_shares_of_the_frames_that_show_the_object",
        ),
        (
            "MOVi's camera has our axes",
            "turns = to_world * np.array([1.0, -1.0, -1.0])",
            "turns = to_world * np.array([1.0, 1.0, 1.0])",
            _MOVI + "test_the_camera_sees_with_kubrics_axes_what_the_clip_shows",
        ),
    ),
    *_mutants(
        "_convert/flow.py",
        (
            "KITTI's red and blue are swapped",
            "for part in (1.0, steps[1], steps[0])]",
            "for part in (steps[0], steps[1], 1.0)]",
            "convert/test_flow.py::"
            "test_red_of_kittis_png_is_the_first_component_for_another_decoder_too",
        ),
    ),
    *_mutants(
        "_convert/coco.py",
        (
            "COCO's boxes are two corners",
            "[left, top, right - left, bottom - top]",
            "[left, top, right, bottom]",
            "convert/test_coco.py::test_coco_reads_masks_boxes_and_categories_that_are_ours",
        ),
    ),
)

_SCORING = (
    *_mutants(
        "_scoring/tracking.py",
        (
            "a centre is half a pixel off",
            "across += cover * (j + 0.5)",
            "across += cover * j",
            "scoring/test_tracking.py::test_a_disc_that_is_drawn_by_hand_is_where_it_was_drawn",
        ),
    ),
    *_mutants(
        "_scoring/naming.py",
        (
            "a number of a law costs nothing",
            " + free * np.log(measured)",
            "",
            "scoring/test_law_score.py::test_real_clips_name_their_law",
        ),
    ),
    *_mutants(
        "_scoring/laws.py",
        (
            "a path that no law comes near to is named",
            "np.where(best < _LEAST_LIKENESS * extent, law, UNNAMED)",
            "law",
            "scoring/test_law_score.py::"
            "test_frames_in_random_order_name_no_law_by_more_than_chance",
        ),
        (
            "a calibration of another spec is taken",
            "elif calibration.fingerprint != spec.fingerprint:",
            "elif False:",
            "scoring/test_law_score.py::"
            "test_a_calibration_is_of_one_spec_and_what_is_scored_does_not_change_it",
        ),
    ),
    *_mutants(
        "_scoring/predictor.py",
        (
            "constant acceleration falls as from rest",
            "0.5 * steps * (steps + 1) * change",
            "0.5 * steps * steps * change",
            "scoring/test_models.py::test_the_simplest_predictions_follow_their_formula",
        ),
    ),
)

_RESUMED = "export/test_resume.py::"

_EXPORT = (
    *_mutants(
        "_export/run.py",
        (
            "parts that are there are written again",
            "[part for part in range(self._plan.parts) if part not in self._records]",
            "list(range(self._plan.parts))",
            _RESUMED + "test_a_file_that_is_missing_or_cut_short_is_written_again",
        ),
        (
            "a folder of each clip stays open",
            "                    self._let_go(before)\n",
            "",
            _RESUMED + "test_many_clips_with_folders_of_their_own_hold_few_folders_open",
        ),
        (
            "parts come in the order in which they ended",
            "for part in sorted(self._records)",
            "for part in reversed(sorted(self._records))",
            "export/test_formats.py::test_a_hugging_face_data_set_of_several_files_is_in_order",
        ),
        (
            "the folder is not looked at before it is locked",
            "        check_folder(store, plan)\n        with store.lock():",
            "        with store.lock():",
            _RESUMED + "test_a_folder_of_another_export_is_left_as_it_is",
        ),
    ),
    *_mutants(
        "_export/records.py",
        (
            "a file that was cut short counts as there",
            "store.size(name) == files[name][0]",
            "store.size(name) is not None",
            _RESUMED + "test_a_file_that_is_missing_or_cut_short_is_written_again",
        ),
        (
            "the record of another export is taken",
            "!= plan.digest",
            "is None",
            _RESUMED + "test_a_record_of_another_export_is_refused",
        ),
        (
            "an export goes into any folder",
            "    if others:\n",
            "    if False:\n",
            _RESUMED + "test_a_folder_that_holds_something_else_is_refused",
        ),
    ),
    *_mutants(
        "_export/plan.py",
        (
            "another export is gone on with",
            "        if held == self.to_bytes():\n",
            "        if True:\n",
            _RESUMED + "test_a_folder_of_another_export_is_left_as_it_is",
        ),
    ),
    *_mutants(
        "_export/class_folders.py",
        (
            "the table of clips is in the order of laws",
            "in sorted(rows)",
            "in rows",
            "export/test_resume.py::test_a_part_that_fails_leaves_the_others_and_says_so",
        ),
        (
            "cameras change places",
            "list(video)",
            "list(video)[::-1]",
            "export/test_formats.py::test_each_camera_has_a_file_of_its_own",
        ),
    ),
    *_mutants(
        "_export/videos.py",
        (
            "an MP4 loses a little",
            '{"qp": "0"}',
            '{"qp": "4"}',
            "export/test_formats.py::test_an_mp4_has_every_pixel_and_the_truth_is_beside_it",
        ),
        (
            "gray is squeezed into 16 to 235",
            "_FULL_RANGE = 2\n",
            "_FULL_RANGE = 1\n",
            "export/test_formats.py::test_an_mp4_has_every_pixel_and_the_truth_is_beside_it",
        ),
        (
            "a WebP loses a little",
            '{"lossless": "1"}',
            '{"quality": "99"}',
            "export/test_formats.py::test_a_webp_has_every_frame_and_every_pixel",
        ),
    ),
    *_mutants(
        "_export/zarr_group.py",
        (
            "a single clip is read with all of its part",
            "_CHUNK_BYTES = 2**17\n",
            "_CHUNK_BYTES = 2**40\n",
            "export/test_formats.py::"
            "test_a_zarr_group_of_several_parts_reads_one_clip_from_a_small_chunk",
        ),
    ),
)

MUTANTS: tuple[Mutant, ...] = (
    *(*_ARITHMETIC, *_LAWS, *_SHAPES, *_SPEC, *_WORLD, *_RENDER, *_CLIPS, *_SHARDS, *_STORE),
    *(*_READING, *_BAKE, *_LOADING, *_CHECK, *_SHOW, *_CLI, *_JIT, *_BENCH, *_CONVERT),
    *(*_SCORING, *_EXPORT),
)
