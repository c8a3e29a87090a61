"""The bytes of this FORMAT, on every machine, Python, NumPy and Numba."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import SECONDS
from trajdata import FORMAT, ClipSpec

ROOT = Path(__file__).parents[1]
GOLDEN = json.loads((ROOT / "tests" / "golden.json").read_text("ascii"))


def _tool():
    spec = importlib.util.spec_from_file_location("golden", ROOT / "tools" / "golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = _tool()
CASES = TOOL.cases()


def test_the_golden_file_belongs_to_this_format_and_covers_every_case():
    assert GOLDEN["format"] == FORMAT
    assert list(GOLDEN["cases"]) == list(CASES)


def test_the_defaults_of_the_settings_are_those_that_fingerprints_rest_on():
    """A setting may be added; none may change its default, nor a split its number."""
    now = json.loads(json.dumps(ClipSpec().settings()))
    assert {name: now[name] for name in GOLDEN["defaults"]} == GOLDEN["defaults"]
    numbers = {split.name: split.number for split in TOOL.SPLITS}
    assert {name: numbers[name] for name in GOLDEN["splits"]} == GOLDEN["splits"]


@pytest.mark.parametrize("case", GOLDEN["cases"])
def test_a_spec_keeps_its_fingerprint_labels_and_record_length(case):
    held = GOLDEN["cases"][case]
    assert TOOL.identity(CASES[case]) == {name: held[name] for name in TOOL.identity(CASES[case])}


@pytest.mark.parametrize("case", GOLDEN["cases"])
def test_clips_have_their_golden_digests(case):
    for split, digest in GOLDEN["cases"][case]["clips"].items():
        assert TOOL.clips_digest(CASES[case], split) == digest, split


@pytest.mark.slow
@pytest.mark.parametrize("case", GOLDEN["cases"])
def test_a_shard_has_its_golden_digest(case):
    for split, digest in GOLDEN["cases"][case]["shards"].items():
        assert TOOL.shard_digest(CASES[case], split) == digest, split


COMPILE = """
import re
import llvmlite.binding as llvm
from trajdata import FIELDS, ClipSource, preset
from trajdata._render import compositing, grain, tracks, truth
from trajdata._world import camera, deal, jitter, motion, pose, sampling

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
ARM = "aarch64-unknown-linux-gnu"
machine = llvm.Target.from_triple(ARM).create_target_machine(cpu="apple-m1", opt=3)

def for_arm(ir):
    ir = re.sub(r"target datalayout.*", "", ir)
    ir = re.sub(r"target triple.*", f'target triple = "{ARM}"', ir)
    ir = re.sub(r'"target-(cpu|features)"="[^"]*"', "", ir)
    # Reference counts, which know nothing of numbers.
    ir = re.sub(r"= (?:tail )?call i8 @llvm[.]x86[.]atomic.*", "= add i8 0, 0", ir)
    return machine.emit_assembly(llvm.parse_assembly(ir))

ClipSource(preset("scenes-32")).batch([0])
for name in ("magvit-32", "gray-32", "magvit-32-random"):
    ClipSource(preset(name, difficulty=0.5)).batch([0])
    ClipSource(preset(name), fields=tuple(FIELDS)).warm()
spec = preset("magvit-32")
moved = motion.motion_kernels(spec.known_laws)
scenes = compositing.clip_renderer(preset("scenes-32").shapes, several=True)
lone = compositing.clip_renderer(spec.shapes, several=False)
for function in (scenes, lone, grain.add_grain, camera.project, deal.deal,
                 sampling.sample_scenes, jitter.shake_positions, moved.fit_motions,
                 moved.place_objects, truth.truth_renderer(spec.shapes),
                 tracks.point_tracker(spec.shapes), pose.turn_objects, pose.set_poses):
    print("\\n".join(function.inspect_asm().values()))
    print("\\n".join(for_arm(ir) for ir in function.inspect_llvm().values()))
"""


@pytest.mark.slow
def test_no_fused_multiply_add_stands_in_the_machine_code_of_x86_and_arm(tmp_path):
    """Fusing would round once instead of twice, and only where the machine has it."""
    run = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    products = re.findall(r"\b(?:v?mul[sp][sd]|fmul)\b", run.stdout)
    assert {"fmul", "vmulsd"} <= set(products) or {"fmul", "mulsd"} <= set(products)
    fused = re.findall(r"\b(?:v?fn?m(?:add|sub)\w*|fmla|fmls)\b.*", run.stdout)
    assert fused == []


PLAIN = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("golden", sys.argv[1])
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)
print(json.dumps({n: golden.clips_digest(s, "train") for n, s in golden.cases().items()}))
"""


@pytest.mark.slow
def test_clips_are_the_same_on_a_processor_without_vector_extensions(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PLAIN, str(ROOT / "tools" / "golden.py")],
        env={
            **os.environ,
            "NUMBA_CPU_NAME": "generic",
            "NUMBA_CPU_FEATURES": "",
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    for case, digest in json.loads(run.stdout).items():
        assert digest == GOLDEN["cases"][case]["clips"]["train"], case
