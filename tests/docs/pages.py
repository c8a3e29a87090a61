"""The pages of README and site, and the code blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
NOT_RUN = re.compile(r"# Not run by the tests: (\S.{8,})")
"""How a block that is not run says why, in its first line, where the reader sees it."""
RUN = ("python", "bash")
SHOWN = ("text", "yaml")
"""Languages of blocks that are read only."""


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        language: as the fence says; empty where it does not.
        line: of the page on which its first line stands, from 1.
        code: the text between the fences.
        title: the file that it stands for, which the bash blocks after it can run; else empty.
    """

    language: str
    line: int
    code: str
    title: str = ""

    @property
    def reason(self):
        """Why it is not run; None: it is."""
        match = NOT_RUN.match(self.code)
        return match[1] if match else None


def blocks_of(text):
    """The blocks of a page, in order."""
    fences = re.finditer(
        r'^( *)```(\S*)(?: title="([^"\n]*)")?[^\n]*\n(.*?)^\1```$', text, re.M | re.S
    )
    return [
        Block(fence[2], text[: fence.start(4)].count("\n") + 1, fence[4], fence[3] or "")
        for fence in fences
    ]
