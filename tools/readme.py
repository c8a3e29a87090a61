"""Fill the tables of README and docs from the result files: python tools/readme.py [--check]

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is between them is written
here, so that every figure there is one that a committed command measured.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
EXAMPLES = ROOT / "examples" / "results"
PAGES = (
    *(ROOT / "README.md", ROOT / "docs" / "performance.md", ROOT / "docs" / "quality.md"),
    *(ROOT / "docs" / "guide" / "examples.md", ROOT / "docs" / "index.md"),
    ROOT / "docs" / "guide" / "bake.md",
)
SIZES = ("8x32", "16x64")
PRESETS = ("magvit-32", "magvit-64", "gray-32", "magvit2-128")
SCENES = ("scenes-32", "scenes-64", "scenes-128", "transients-32", "combinations-32", "laws-32")


def load(name: str, folder: Path = RESULTS) -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def learnability() -> str:
    """Whole clips by network; then one frame, the mean and shuffled frames by the 3-D CNN."""
    rows_on_file = load("learnability")["rows"]
    found = {(r["preset"], r["network"], r["view"], r["difficulty"]): r for r in rows_on_file}
    columns = (*PRESETS[:2], *(f"{name}-random" for name in PRESETS[:2]))
    views = ("first", "middle", "last", "mean", "shuffled")
    wanted = [(name, "clip") for name in ("cnn3d", "r2plus1d", "transformer")]
    wanted += [("cnn3d", view) for view in views]
    rows = []
    for network, view in wanted:
        cells = [found.get((preset, network, view, 0.0)) for preset in columns]
        if any(cells):
            bounds = {f"{c['relation']} {c['bound']:.0%}" for c in cells if c and c["bound"]}
            shown = [f"{c['accuracy']:.1%} ({c['training_clips']:,})" if c else "" for c in cells]
            rows.append([f"{network}, {view}", *shown, *(bounds or {""})])
    return table(["accuracy (training clips)", *columns, "bound"], rows)


NETWORKS = {
    "cnn3d": "A 3-D CNN",
    "r2plus1d": "a small R(2+1)D",
    "transformer": "a video transformer",
}


def learnt() -> str:
    """What three networks made of the default preset, in a sentence."""
    rows = {
        row["network"]: row
        for row in load("learnability")["rows"]
        if (row["preset"], row["view"], row["difficulty"]) == (PRESETS[0], "clip", 0.0)
    }
    told = "; ".join(
        f"{words} of {row['parameters']:,} parameters: **{row['accuracy']:.1%}** after "
        f"{row['training_clips']:,} clips"
        for words, row in ((words, rows[name]) for name, words in NETWORKS.items())
    )
    tested = max(row["test_clips"] for row in rows.values())
    return (
        f"Networks that saw clips of `{PRESETS[0]}` as RGB in [-1, 1], with no preparation, name "
        f"the law of this share of {tested:,} fresh clips of `val` (chance: 25 %). {told}."
    )


def audit(presets: tuple[str, ...] = PRESETS) -> str:
    reports = [load(f"audit-{preset}") for preset in presets]
    names = dict.fromkeys(
        finding["name"]
        for report in reports
        for finding in report["findings"]
        if not finding["name"].startswith("mutual information")
    )
    rows = []
    for name in names:
        found = [
            next((f for f in report["findings"] if f["name"] == name), None) for report in reports
        ]
        cells = ["" if f is None else f"{f['figure']:.4g} ({f['sample']:,})" for f in found]
        bounds = dict.fromkeys(f"{f['relation']} {f['bound']:g} {f['unit']}" for f in found if f)
        rows.append([name, *cells, " or ".join(bounds)])
    shared = [
        max(f["figure"] for f in report["findings"] if f["name"].startswith("mutual information"))
        for report in reports
    ]
    samples = [f"{report['clips']:,}" for report in reports]
    cells = [f"{figure:.2g} ({sample})" for figure, sample in zip(shared, samples, strict=True)]
    rows.append(
        ["largest mutual information of label and a sampled factor", *cells, "<= 0.001 bit"]
    )
    return table(["figure (sample)", *presets, "bound"], rows)


def audit_scenes() -> str:
    return audit(SCENES)


def by_size(rows: list[dict[str, Any]], *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows of a result file by these keys, and by the size of the clips under each."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), {})[row["clips"]] = row
    return found


def measured_on(found: dict[str, Any]) -> str:
    machine = found["machine"]
    return (
        f"Measured on: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; Python {machine['python']}, NumPy {machine['numpy']}, "
        f"Numba {machine['numba']}, torch {machine['torch']}."
    )


def throughput() -> str:
    found = load("throughput")
    rows = [
        [
            what,
            *(
                f"{sizes[size]['clips_per_second']:,.0f} ({sizes[size]['of_memset']:.3f})"
                for size in SIZES
            ),
        ]
        for (what,), sizes in by_size(found["rows"], "what").items()
    ]
    head = ["clips/s (share of memset)", *SIZES]
    return f"{table(head, rows)}\n\n{measured_on(found)}"


def floats() -> str:
    found = load("floats")
    rate = {(row["clips"], row["what"]): row["clips_per_second"] for row in found["rows"]}
    rows = []
    for size in SIZES:
        for dtype in ("float32", "bfloat16"):
            kinds = ("live", "ceiling", "one core")
            live, ceiling, alone = (rate[size, f"{kind}, {dtype}"] for kind in kinds)
            rows.append(
                [
                    size,
                    dtype,
                    f"{live:,}",
                    f"{ceiling:,}",
                    f"{live / ceiling:.1f}",
                    f"{rate[size, 'live, float32'] / live:.2f}",
                    f"{alone:,}",
                ]
            )
    head = ["clips of", "dtype", "live, 1 worker, clips/s", "the DataLoader's own ceiling", "ratio"]
    head += ["time over that of float32", "one core, without a DataLoader"]
    return f"{table(head, rows)}\n\n{measured_on(found)}"


SPEED = (
    ("rendered: `source.batch`, one core", "throughput", "source.batch"),
    ("rendered: `DataLoader`, 2 workers", "throughput", "DataLoader, live, 2 workers"),
    ("from shards: `DataLoader`, 2 workers", "throughput", "DataLoader, cached, 2 workers"),
    ("baked: `materialize`, 2 threads", "throughput", "materialize"),
    ("*webdataset* from its own shards, 2 workers", "webdataset", "read, 2 workers"),
    ("*litdata* from its own chunks, 2 workers", "litdata", "read, 2 workers"),
    ("the bound: memset of the same bytes", "throughput", "memset"),
)
"""Rows of the README's table: its words, the result file or the peer, and the row there."""


def speed() -> str:
    found = load("throughput")
    rates = by_size(found["rows"], "what")
    peers_found = load("peers")
    if peers_found["machine"] != found["machine"]:
        raise ValueError("throughput.json and peers.json: given two machines; allowed is one")
    peer_rates = by_size(peers_found["rows"], "peer", "what")
    rows = []
    for words, where, what in SPEED:
        sizes = rates[(what,)] if where == "throughput" else peer_rates[where, what]
        rows.append([words, *(f"{sizes[size]['clips_per_second']:,.0f}" for size in SIZES)])
    head = ["clips a second", *(f"{size.replace('x', ' frames of ')} px" for size in SIZES)]
    return f"{table(head, rows)}\n\n{measured_on(found)}"


def targets() -> str:
    rows = [
        [
            row["what"],
            row["clips"],
            f"{row['relation']} {row['target']:,g} {row['unit']}",
            f"{row['figure']:,.4g}",
            "yes" if row["holds"] else "**no**",
        ]
        for row in load("targets")["rows"]
    ]
    return table(["what", "clips", "target", "figure", "reached"], rows)


def stages() -> str:
    rows = [
        [what, *(f"{sizes[size]['microseconds_per_clip']:.2f}" for size in SIZES)]
        for (what,), sizes in by_size(load("stages")["rows"], "what").items()
    ]
    return table(["us a clip", *SIZES], rows)


def peers() -> str:
    found = load("peers")
    rates = by_size(found["rows"], "peer", "what")
    columns = ("write", "read, 0 workers", "read, 2 workers", "read, shuffled")
    names = [name for name in found["notes"] if name in found["against"]]
    tables = []
    for size in SIZES:
        rows = []
        for name in names:
            cells = [_peer_cell(found, rates, size, name, what) for what in columns]
            rows.append([name, *cells])
        tables.append(table([f"{size}: clips/s", *columns], rows))
    versions = {row["peer"]: row["version"] for row in found["rows"]}
    notes = [
        f"- {name} ({versions[name]}): {note}" if name in versions else f"- {name}: {note}"
        for name, note in found["notes"].items()
    ]
    missing = [
        f"- {name} could not be measured: {why}" for name, why in found["unavailable"].items()
    ]
    return "\n\n".join([*tables, "\n".join([*notes, *missing])])


def buckets() -> str:
    """Clips a second from and into a bucket, and how many times as fast trajdata is."""
    found = load("buckets")
    rates = {
        (row["peer"], row["what"], row["clips"]): row["clips_per_second"] for row in found["rows"]
    }
    lines = []
    for peer, what in dict.fromkeys((row["peer"], row["what"]) for row in found["rows"]):
        target = found["targets"].get(peer) or found["targets"].get(what)
        against = found["compared"].get(what)
        cells = []
        for size in SIZES:
            own = rates.get((peer, what, size))
            ours = rates.get((*against, size)) if against else None
            cells.append("" if own is None else f"{own:,}")
            if own and ours and [peer, what] != against:
                cells[-1] += f" ({ours / own:.2f}x)"
        lines.append([f"{peer}: {what}", *cells, f">= {target:g}x" if target else ""])
    notes = "\n".join(f"- {name}: {note}" for name, note in found["notes"].items())
    missing = "".join(f"\n- {name}: {why}" for name, why in found["unavailable"].items())
    return "\n\n".join(
        [table(["clips/s", *SIZES, "target"], lines), notes + missing, measured_on(found)]
    )


def _peer_cell(
    found: dict[str, Any], rates: dict[tuple[Any, ...], Any], size: str, name: str, what: str
) -> str:
    """Clips a second, and how many times faster trajdata is."""
    row = rates.get((name, what), {}).get(size)
    if row is None:
        return ""
    if row["clips_per_second"] is None:
        return "failed"
    own = f"{row['clips_per_second']:,}"
    if name.startswith("trajdata"):
        return own
    ours = rates.get((found["against"][name], what)) or rates["trajdata", what]
    return f"{own} ({ours[size]['clips_per_second'] / row['clips_per_second']:.1f}x)"


def endurance() -> str:
    found = load("endurance")
    names = {"uss_bytes": "memory of its own", "open_files": "open files", "mappings": "mappings"}
    rows = [
        [who, *(f"{found['growth'][who][name]:.2f}" for name in names)]
        for who in ("trainer", "worker")
    ]
    said = (
        f"{found['batches']:,} batches of {found['batch_bytes']:,} bytes through "
        f"{found['workers']} workers in {found['epochs']} epochs, {found['seconds']:,} s; the "
        f"median of {len(found['looks'])} looks, the second half over the first:"
    )
    return f"{said}\n\n{table(['second half / first', *names.values()], rows)}"


def scenes() -> str:
    found = load("scenes")["rows"]
    cases = list(dict.fromkeys(row["case"] for row in found))
    names = list(dict.fromkeys(row["row"] for row in found))
    rates = {(row["row"], row["case"]): row for row in found}

    def cell(row: dict[str, Any] | None) -> str:
        if row is None:
            return ""
        rate = f"{row['median']:,.0f}" if row["median"] > 1 else f"{row['median']:.2f}"
        return f"{rate} ({row['target']:,})" if row["target"] else rate

    rows = [[name, *(cell(rates.get((name, case))) for case in cases)] for name in names]
    return table(["clips/s (target)", *cases], rows)


def load_dataset() -> str:
    """What the types on a store's card save readers with Hugging Face ``datasets``."""
    found = load("load_dataset")
    sizes = by_size(found["rows"], "what")
    clips = " and ".join(
        f"{row['number']:,} of {size.replace('x', ' frames of ')} px"
        for size, row in sizes["load_dataset",].items()
    )

    def gains(what: str) -> str:
        return " and ".join(f"{row['gain_with_load']:.1f}" for row in sizes[what,].values())

    return (
        f"The types save time. For `load_dataset` and then every member of all clips as NumPy "
        f"arrays, {clips}, a card without types takes {gains('NumPy, batches')} times as long in "
        f"batches of {found['batch_clips']}, and {gains('NumPy, one by one')} times one clip at a "
        "time. Without a format, `datasets` makes lists of Python's numbers, which the types make "
        f"no faster to read. Measured with datasets {found['versions']['datasets']} on: "
        f"{measured_on(found).removeprefix('Measured on: ')}"
    )


def mixing() -> str:
    found = load("mixing")
    rows = [
        [
            f"`{row['order']}`" if row["order"].startswith("shuffle") else row["order"],
            f"{row['displacement']:.3f}",
            f"{row['same_shard']:.1%}",
            f"{row['correlation']:.3f}",
            f"{row['divergence_bits']:.2f}",
            f"{row['shards_at_once']:.0f}",
            f"{row['fetches_a_shard']:,.0f}",
        ]
        for row in found["rows"]
    ]
    head = ["order", "displacement", "neighbours of one shard", "correlation of neighbours"]
    head += [f"KL of a batch of {found['counted_batch']}, bits", "shards begun", "fetches a shard"]
    return table(head, rows)


def ranks() -> str:
    rows = [
        [
            f"`{row['order']}`" if row["order"].startswith("shuffle") else row["order"],
            f"{row['shard_clips']:,} ({row['shard_bytes'] / 1e6:,.0f} MB)",
            f"{row['fetched_for_one_needed']:,.0f}",
            f"{row['requests_a_second']:,.0f}",
            f"{row['bytes_a_second'] / 1e9:,.0f} GB/s",
            f"{row['shards_a_node_at_once']:,.0f}",
        ]
        for row in load("ranks")["rows"]
    ]
    head = ["order", "clips a shard", "bytes fetched for one needed", "requests a second"]
    head += ["from the bucket", "shards a node reads at a time"]
    return table(head, rows)


def _share(figure: dict[str, float]) -> str:
    """A share with its interval, percent."""
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def classify() -> str:
    found = load("classify", EXAMPLES)
    one = found["first_frame_training"]
    rows = [
        ["all frames, in order", f"{found['training_clips']:,}", f"{found['accuracy']:.1%}"],
        ["the same network, frames shuffled", "", f"{found['shuffled_accuracy']:.1%}"],
        [
            "the first frame, a network trained on it",
            f"{one['training_clips']:,}",
            f"{found['first_frame_accuracy']:.1%}",
        ],
    ]
    head = ["what the network sees", "training clips", f"accuracy on {found['test_clips']:,} clips"]
    return table(head, rows)


def tokenizers() -> str:
    found = load("tokenize_fsq", EXAMPLES)
    scratch = f"{found['sizes'][0]['training_clips']:,}"
    rows = []
    for row in found["sizes"]:
        val = row["scores"]["val"]
        rows.append(
            [
                f"{row['bits_per_clip']:,}",
                f"{row['codebook']:,}",
                f"{scratch} + {row['training_clips']:,}" if rows else scratch,
                _share(val["law_retention"]),
                _share(row["scores"]["ood-speed"]["law_retention"]),
                f"{val['position_px']['value']:.2f}",
                f"{val['psnr_db']['value']:.1f}",
            ]
        )
    real, floor = val["real_law"], val["shuffled_law"]
    off = f"{val['real_position_px']['value']:.2f}"
    faster = row["scores"]["ood-speed"]["real_law"]
    rows.append(["the clips themselves", "", "", _share(real), _share(faster), off, ""])
    rows.append(["their frames shuffled", "", "", _share(floor), "", "", ""])
    head = ["bits a clip", "codebook", "training clips", "law kept, `val`", "`ood-speed`"]
    return table([*head, "error of place, px", "PSNR, dB"], rows)


def magvit2() -> str:
    found = load("tokenize_magvit2", EXAMPLES)
    rows = [
        [
            f"`{split}`",
            *(_share(score[name]) for name in ("law_retention", "real_law", "shuffled_law")),
            *(f"{score[name]['value']:.2f}" for name in ("position_px", "real_position_px")),
            f"{score['psnr_db']['value']:.1f}",
        ]
        for split, score in found["scores"].items()
    ]
    head = ["split", "law kept", "the clips themselves", "their frames shuffled"]
    head += ["error of place, px", "of the clips themselves", "PSNR, dB"]
    machine = found["machine"]
    spent = (
        f"{found['parameters']:,} parameters, {found['training_clips']:,} clips in batches of "
        f"{found['batch_clips']}, {found['cpu_seconds']:,.0f} s of one core, {found['tokens']} "
        f"tokens or {found['bits_per_clip']:,} bits a clip. Measured on: {machine['cpu']}, "
        f"{machine['threads']} thread of {machine['cores']} cores, {machine['system']}; torch "
        f"{machine['torch']}."
    )
    return f"{table(head, rows)}\n\n{spent}"


WAYS = {
    "the network": "position_px",
    "constant velocity": "constant_velocity_px",
    "constant acceleration": "constant_acceleration_px",
    "the last place": "copy_last_px",
    "tracking the true frames": "real_position_px",
}
"""Rows of the predictor's table, and what its scores call them."""


def predictor() -> str:
    found = load("predict", EXAMPLES)
    val, given = found["scores"]["val"], found["given"]
    rows = [
        [words, *(f"{error['value']:.2f}" for error in val[name])] for words, name in WAYS.items()
    ]
    nearer = ["yes" if better else "**no**" for better in val["beats_velocity"]]
    rows.append(["network nearer than constant velocity", *nearer])
    frames = [f"frame {given + 1 + k}" for k in range(len(nearer))]
    kept, real, floor = (
        f"{val[name]['value']:.1%}" for name in ("law_retention", "real_law", "shuffled_law")
    )
    law = f"The frames that were seen and the predicted ones together name their law in {kept} of "
    law += f"clips; the clips themselves in {real}, with their frames shuffled in {floor}."
    return f"{table(['error of place, px', *frames], rows)}\n\n{law}"


def examples() -> str:
    """What each example's training was."""
    rows = []
    for name in ("classify", "tokenize_fsq", "predict"):
        found = load(name, EXAMPLES)
        parts = [
            *found.get("sizes", [found]),
            *([found[k] for k in found if k.endswith("training")]),
        ]
        seconds = sum(part["seconds"] for part in parts)
        waited = sum(part["waited_seconds"] for part in parts)
        rows.append(
            [
                f"`{name}.py`",
                f"`{found['preset']}`",
                f"{parts[0]['parameters']:,}",
                f"{sum(part['training_clips'] for part in parts):,}",
                f"{sum(part['cpu_seconds'] for part in parts):,.0f}",
                f"{seconds:,.0f}",
                f"{waited / seconds:.1%}",
            ]
        )
    machine = found["machine"]
    head = ["example", "preset", "parameters", "clips, all trainings", "s of one core", "s"]
    measured = f"Measured on: {machine['cpu']}, {machine['threads']} thread of {machine['cores']} "
    measured += f"cores, {machine['system']}; torch {machine['torch']}."
    return f"{table([*head, 'of it waiting for clips'], rows)}\n\n{measured}"


def generator() -> str:
    found = load("generate", EXAMPLES)
    coder, flow = found["autoencoder"], found["flow"]
    kept, made = coder["scores"], flow["scores"]
    rows = [
        ["generated clips", _share(made["law_agreement"]), _share(made["lawful"])],
        ["reconstructions of real clips", _share(kept["law_retention"]), ""],
        ["real clips", _share(made["real_law"]), _share(made["real_lawful"])],
        ["real clips, frames shuffled", _share(made["shuffled_law"]), ""],
    ]
    names = ("autoencoder", "flow")
    cost = [
        [
            name,
            f"{found[name]['parameters']:,}",
            f"{found[name]['training_clips']:,}",
            f"{found[name]['cpu_seconds']:,.0f}",
            f"{found[name]['seconds']:,.0f}",
            f"{found[name]['waiting_share']:.1%}",
        ]
        for name in names
    ]
    near, real = made["nearest_training_px"], made["real_nearest_training_px"]
    machine = found["machine"]
    head = [
        f"of {made['clips']:,} clips",
        "name the law asked for",
        "as near to a law as real ones",
    ]
    trained = ["network", "parameters", "clips", "s of one core", "s", "of it waiting for clips"]
    new = (
        f"Memorized: {_share(made['memorized'])}; of real clips 1.0%. The nearest of "
        f"{made['training_clips']:,} training clips is {near:.2f} px away, that of a real clip "
        f"{real:.2f} px."
    )
    measured = f"Measured on: {machine['cpu']}, {machine['threads']} thread of {machine['cores']} "
    measured += f"cores, {machine['system']}; torch {machine['torch']}."
    return "\n\n".join([table(head, rows), new, table(trained, cost), measured])


NUMBERS = (1_000, 3_000, 10_000, 30_000, 100_000)
FRESH = "fresh"
UNITS: dict[str, Callable[[float], str]] = {
    "accuracy": lambda value: f"{value:.1%}",
    "error_px": lambda value: f"{value:.2f} px",
    "law_agreement": lambda value: f"{value:.1%}",
    "memorized": lambda value: f"{value:.1%}",
}
WORDS = {
    "accuracy": "classification: accuracy",
    "error_px": "prediction: error of place",
    "law_agreement": "generation: obey the law asked for",
    "memorized": "generation: memorized",
}
Means = dict[tuple[str, int | str], float]


def _is_as_good(figure: str, of: Means, clips: int) -> bool:
    """Whether this many clips, repeated, do as well as fresh ones by a figure."""
    mean, fresh = of[figure, clips], of[figure, FRESH]
    if figure == "memorized":
        return mean <= fresh + 0.01
    return mean <= 1.05 * fresh if figure == "error_px" else mean >= fresh - 0.01


def enough(of: Means, *figures: str) -> int | None:
    """The least of the numbers that were tried from which on clips that are repeated do as well as
    fresh ones; None where no number does."""
    found = None
    for clips in reversed(NUMBERS):
        if (figures[0], clips) not in of:
            continue
        if not all(_is_as_good(figure, of, clips) for figure in figures):
            break
        found = clips
    return found


TASKS = {
    "classification": ("accuracy",),
    "prediction": ("error_px",),
    "generation": ("law_agreement", "memorized"),
}


def how_many_answer(report: Any = None) -> str:
    """The answer in a few sentences, from the means of the result file."""
    report = report or load("how_many")
    of: Means = {(cell["figure"], cell["clips"]): cell["mean"] for cell in report["summary"]}
    seeds = [cell["seeds"] for cell in report["summary"]]
    words = []
    for name, figures in TASKS.items():
        tried = [clips for clips in NUMBERS if (figures[0], clips) in of]
        if tried and (figures[0], FRESH) in of:
            least = enough(of, *figures)
            number = f"more than {max(tried):,}" if least is None else f"{least:,}"
            words.append(f"**{number}** for {name}")
    ends = [
        f"{UNITS[figure](of[figure, 1_000])} against {UNITS[figure](of[figure, FRESH])} "
        f"({words_of.partition(': ')[2]})"
        for figure, words_of in WORDS.items()
        if (figure, FRESH) in of and (figure, 1_000) in of
    ]
    is_whole = len(of) == len(WORDS) * (len(NUMBERS) + 1) and min(seeds) == max(seeds)
    count = f"{max(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    count += " seed" if max(seeds) == 1 else " seeds"
    so_far = "" if is_whole else " (so far: more runs are to come)"
    return (
        "Clips that are shown again and again do as well as fresh ones, of which none is seen "
        f"twice, from these numbers on{so_far}: {', '.join(words)}. 1,000 clips against fresh "
        f"ones: {', '.join(ends)}. These are means over {count} of small networks, each trained "
        "for minutes of one core; larger ones may need more."
    )


def how_many() -> str:
    """Means over seeds, with their intervals, by task and number of clips."""
    report = load("how_many")
    cells = {(cell["figure"], cell["clips"]): cell for cell in report["summary"]}
    rows = []
    for figure, words in WORDS.items():
        row = [words]
        for clips in (*NUMBERS, FRESH):
            cell = cells.get((figure, clips))
            text = "" if cell is None else UNITS[figure](cell["mean"])
            if cell is not None and cell["low"] is not None:
                text += f" ± {UNITS[figure](cell['high'] - cell['mean'])}"
            row.append(text if cell is None else f"{text} ({cell['seeds']})")
        rows.append(row)
    trained = [
        [
            name,
            " + ".join(f"{number:,}" for number in task["parameters"].values()),
            f"{task['steps']:,}",
            f"{task['steps'] * task['batch_clips']:,}",
            f"{max(row['cpu_seconds'] for row in report['rows'] if row['task'] == name):,.0f}",
        ]
        for name, task in report["tasks"].items()
    ]
    head = ["mean (seeds)", *(f"{clips:,}" for clips in NUMBERS), FRESH]
    about = ["task", "parameters", "steps", "clips shown", "s of one core, at most"]
    return f"{table(head, rows)}\n\n{table(about, trained)}\n\n{measured_on(report['rows'][-1])}"


TABLES: dict[str, Callable[[], str]] = {
    "generator": generator,
    "how_many": how_many,
    "how_many_answer": how_many_answer,
    "learnability": learnability,
    "learnt": learnt,
    "load_dataset": load_dataset,
    "examples": examples,
    "classify": classify,
    "tokenizers": tokenizers,
    "magvit2": magvit2,
    "predictor": predictor,
    "audit": audit,
    "audit_scenes": audit_scenes,
    "buckets": buckets,
    "speed": speed,
    "throughput": throughput,
    "floats": floats,
    "targets": targets,
    "stages": stages,
    "peers": peers,
    "endurance": endurance,
    "scenes": scenes,
    "mixing": mixing,
    "ranks": ranks,
}


def filled(text: str) -> str:
    """A page with its tables written anew."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- table {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    differs = False
    for page in PAGES:
        text = page.read_text("utf-8")
        new = filled(text)
        differs |= new != text
        if not check:
            page.write_text(new, "utf-8")
    if check:
        print("the tables differ" if differs else "the tables are those of the result files")
    return 1 if check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
