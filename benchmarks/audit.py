"""Audit every preset at a million clips: python benchmarks/audit.py [--clips N] [--preset NAME]

Writes benchmarks/results/audit-<preset>.json and .png, each as soon as it is there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from trajdata import audit, preset, presets

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [name for name in presets() if preset(name).camera.is_lone]
    parser.add_argument("--preset", choices=names, help="one preset (default: all)")
    parser.add_argument("--clips", type=int, default=1_000_000, help="clips of the cheap figures")
    arguments = parser.parse_args()
    for name in [arguments.preset] if arguments.preset else names:
        started = time.monotonic()
        report = audit(preset(name), clips=arguments.clips)
        report.write(RESULTS)
        (RESULTS / "audit.json").rename(RESULTS / f"audit-{name}.json")
        (RESULTS / "audit.png").rename(RESULTS / f"audit-{name}.png")
        broken = [finding.name for finding in report.findings if not finding.passed]
        verdict = "every bound holds" if report.passed else json.dumps(broken)
        print(f"{name}: {verdict}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
