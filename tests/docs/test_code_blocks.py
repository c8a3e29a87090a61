"""Every code block of README and guides is run, as a reader would run them: from top to bottom."""

import json
import os
import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT, RUN, SHOWN, Block, blocks_of
from tests.patience import SECONDS

BLOCKS = {name: blocks_of(path.read_text("utf-8")) for name, path in PAGES.items()}
WITH_CODE = [
    name
    for name, blocks in BLOCKS.items()
    if any(block.language in RUN and not block.reason for block in blocks)
]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
OF_A_BUCKET = ("docs/guide/cloud.md",)
"""Pages that need a server."""
COMMANDS = {"python": "", "torchrun": "-m torch.distributed.run", "trajdata": "-m trajdata"}
"""What a reader who has installed the package can type."""


def run_blocks(blocks, page, folder, **environment):
    """The page's blocks in a process of their own, whose folder is ``folder``."""
    tools = folder / "bin"
    tools.mkdir()
    for name, words in COMMANDS.items():
        command = tools / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', "utf-8")
        command.chmod(0o755)
    listed = [
        [block.language, f"{page}:{block.line}", block.code, block.title]
        for block in blocks
        if block.language in RUN and not block.reason
    ]
    (folder / "blocks.json").write_text(json.dumps(listed), "utf-8")
    work = folder / "work"
    work.mkdir()
    return subprocess.run(
        [sys.executable, str(ROOT / "tests/docs/page_program.py"), str(folder / "blocks.json")],
        cwd=work,
        env={
            "HOME": str(folder),
            "PATH": f"{tools}{os.pathsep}{os.defpath}",
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs_as_it_stands(page, tmp_path, request):
    environment = {}
    if page in OF_A_BUCKET:
        request.getfixturevalue("s3_environment")
        environment = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    run = run_blocks(BLOCKS[page], page, tmp_path, **environment)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]


@pytest.mark.parametrize(
    ("language", "code"),
    [("python", "x = 1\nassert x == 2"), ("bash", "trajdata no-such-command"), ("python", "(")],
)
def test_a_block_that_is_wrong_is_found_with_its_place(language, code, tmp_path):
    run = run_blocks([Block(language, 7, code)], "page.md", tmp_path)
    assert run.returncode != 0
    assert "page.md:7" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_cells_of_a_notebook_run_in_order_and_hold_no_outputs(path, tmp_path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]
    blocks = [Block("python", k, "".join(cell["source"])) for k, cell in enumerate(code, 1)]
    run = run_blocks(blocks, path.name, tmp_path)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]


@pytest.mark.parametrize("page", PAGES)
def test_a_block_is_run_or_says_why_not(page):
    text = PAGES[page].read_text("utf-8")
    assert text.count("```") == 2 * len(BLOCKS[page]), "a fence that is not closed, or inside"
    for block in BLOCKS[page]:
        where = f"{page}:{block.line}"
        assert block.language in (*RUN, *SHOWN), f"{where}: in what language is it?"
        skipped = block.code.lower().startswith("# not run")
        assert not skipped or block.reason, f"{where}: say why it is not run"


def test_the_guides_and_the_readme_have_code():
    assert {"README.md", "docs/index.md"} <= set(WITH_CODE)
    assert all(name in WITH_CODE for name in PAGES if name.startswith("docs/guide/"))
