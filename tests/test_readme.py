"""The README says what is: its tables are those of the result files, its Python runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_tables_are_those_that_the_result_files_give():
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "readme.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_every_file_that_is_linked_is_there(page):
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
        assert ((ROOT / page).parent / target).is_file(), target


@pytest.mark.timeout(300)
def test_the_python_of_the_readme_runs_as_it_stands(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 3
    program = "\n".join(
        ["import datasets, webdataset", "if __name__ == '__main__':"]
        + [
            "    " + line
            for block in blocks
            for line in block.replace("30_000", "2_000").splitlines()
        ]
    )
    (tmp_path / "readme.py").write_text(program, "utf-8")
    run = subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path,
        env={"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert (tmp_path / "out" / "index.json").is_file()
