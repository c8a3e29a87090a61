"""The answer to "how many clips?" is that of its result file, and the file that of its runs."""

import importlib
import json
import re
import statistics
import sys

import numpy as np
import pytest

from tests.docs.pages import PAGES, ROOT
from trajdata import ClipSource

REPORT = json.loads((ROOT / "benchmarks" / "results" / "how_many.json").read_text("utf-8"))
NUMBERS = (1_000, 3_000, 10_000, 30_000, 100_000)
FIGURES = {
    "classification": ("accuracy",),
    "prediction": ("error_px",),
    "generation": ("law_agreement", "memorized"),
}
STUDENT = {2: 12.7062, 3: 4.30265}
"""The 97.5 % point of Student's distribution, by number of runs."""


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module("how_many")
    for name in ("how_many", "how_many_tasks", "measuring"):
        sys.modules.pop(name, None)


@pytest.fixture
def answer(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("readme").how_many_answer


def runs_of(figure, clips):
    return [row[figure] for row in REPORT["rows"] if row["clips"] == clips and figure in row]


def test_the_summary_is_that_of_the_runs():
    held = {(cell["figure"], cell["clips"]) for cell in REPORT["summary"]}
    for figure in sum(FIGURES.values(), ()):
        assert (figure, "fresh") in held
        for clips in (*NUMBERS, "fresh"):
            assert ((figure, clips) in held) == bool(runs_of(figure, clips))
    for cell in REPORT["summary"]:
        values = runs_of(cell["figure"], cell["clips"])
        assert cell["seeds"] == len(values)
        assert cell["mean"] == pytest.approx(statistics.mean(values))
        if len(values) == 1:
            assert cell["low"] is cell["high"] is None
            continue
        wide = STUDENT[len(values)] * statistics.stdev(values) / len(values) ** 0.5
        assert cell["high"] - cell["mean"] == pytest.approx(wide, rel=1e-4)
        assert cell["mean"] - cell["low"] == pytest.approx(wide, rel=1e-4)


def test_all_runs_of_a_task_have_the_same_steps():
    for row in REPORT["rows"]:
        task = REPORT["tasks"][row["task"]]
        assert row["shown_clips"] == task["steps"] * task["batch_clips"]


def is_as_good(figure, clips):
    mean, fresh = (statistics.mean(runs_of(figure, some)) for some in (clips, "fresh"))
    if figure == "error_px":
        return mean <= 1.05 * fresh
    return mean <= fresh + 0.01 if figure == "memorized" else mean >= fresh - 0.01


def test_the_numbers_on_the_first_page_are_those_of_the_runs():
    text = PAGES["docs/index.md"].read_text("utf-8")
    found = re.findall(r"\*\*((?:more than )?[\d,]+)\*\* for (\w+)", text)
    named = {task: number for number, task in found}
    assert set(named) == set(FIGURES)
    for task, figures in FIGURES.items():
        tried = [clips for clips in NUMBERS if runs_of(figures[0], clips)]
        good = [clips for clips in tried if all(is_as_good(figure, clips) for figure in figures)]
        enough = [n for n in tried if all(clips in good for clips in tried if clips >= n)]
        assert named[task] == (f"{enough[0]:,}" if enough else f"more than {tried[-1]:,}")


def made_up(**means):
    cells = []
    for figure, values in means.items():
        sizes = (*NUMBERS, "fresh")
        cells += [
            {"figure": figure, "clips": clips, "mean": mean, "seeds": 3}
            for clips, mean in zip(sizes, values, strict=True)
        ]
    return {"summary": cells}


def test_a_number_that_is_enough_is_so_by_every_figure_and_with_all_larger_numbers(answer):
    said = answer(
        made_up(
            accuracy=(0.5, 0.985, 0.9, 0.985, 0.99, 0.99),
            error_px=(9.0, 2.0, 1.9, 1.9, 1.9, 1.0),
            law_agreement=(0.9, 0.7, 0.7, 0.7, 0.7, 0.7),
            memorized=(0.8, 0.1, 0.02, 0.01, 0.01, 0.01),
        )
    )
    assert "**30,000** for classification" in said
    assert "**more than 100,000** for prediction" in said
    assert "**10,000** for generation" in said
    assert "9.00 px against 1.00 px (error of place)" in said
    assert "so far" not in said and "means over 3 seeds" in said


def test_an_answer_from_some_of_the_runs_says_so(answer):
    whole = made_up(accuracy=(0.5, 0.9, 0.99, 0.99, 0.99, 0.99))
    part = {"summary": [cell for cell in whole["summary"] if cell["clips"] in (1_000, "fresh")]}
    for report in (whole, part):
        assert "so far" in answer(report)
    assert "**10,000** for classification" in answer(whole)
    assert "**more than 1,000** for classification" in answer(part)
    assert "prediction" not in answer(whole)


def drawn(batches, count):
    """The bytes of the videos of so many batches, a list of one set for each."""
    return [{video.numpy().tobytes() for video in next(batches)[0]} for _ in range(count)]


@pytest.mark.slow
def test_repeated_clips_are_the_first_ones_once_a_pass_and_fresh_ones_never_come_again(benchmark):
    batch, steps = benchmark.BATCH, 16
    known = ClipSource(benchmark.SPEC, 3, "train").batch(range(1000))["video"]
    of = {video.tobytes() for video in (known.astype(np.float32) / np.float32(255))}
    run = benchmark.Run("prediction", 1000, 3)
    batches = drawn(benchmark.batches_of(run, steps), steps)
    first, second = batches[: steps // 2], batches[steps // 2 :]
    assert set.union(*first) == set.union(*second) == of
    assert first != second
    assert sum(map(len, first)) == 1000
    fresh = drawn(benchmark.batches_of(benchmark.Run("prediction", "fresh", 3), steps), steps)
    assert len(set.union(*fresh)) == steps * batch


@pytest.mark.slow
def test_a_benchmark_that_is_started_again_trains_only_what_is_not_on_file(
    benchmark, monkeypatch, tmp_path, capsys
):
    trained = []

    def row_of(run, task, progress):
        if len(trained) == 4:
            raise RuntimeError("killed")
        trained.append(run)
        figures = {"accuracy": 0.5, "error_px": 2.0, "law_agreement": 0.5, "memorized": 0.0}
        figures |= {"constant_velocity_px": 3.0, "cpu_seconds": 60.0}
        return {
            **{"task": run.task, "clips": run.clips, "seed": run.seed, **figures},
            "fingerprint": benchmark.SPEC.fingerprint,
            "shown_clips": task.steps * benchmark.BATCH,
        }

    out = tmp_path / "how_many.json"
    monkeypatch.setattr(benchmark, "trained", row_of)
    monkeypatch.setattr(
        sys, "argv", ["how_many", "--out", str(out), "--work", str(tmp_path), "--seeds", "1"]
    )
    with pytest.raises(RuntimeError, match="killed"):
        benchmark.main()
    assert len(json.loads(out.read_text("utf-8"))["rows"]) == 4
    first, trained[:] = list(trained), []
    monkeypatch.setattr(benchmark, "ORDER", benchmark.ORDER[:2])
    benchmark.main()
    assert [run.task for run in trained] == ["prediction", "generation"]
    assert not set(trained) & set(first)
    assert len(json.loads(out.read_text("utf-8"))["rows"]) == 6
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.tmp"))
