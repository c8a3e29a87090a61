"""Run the code blocks of a page in order, in one process and in the current folder.

python page_program.py BLOCKS.json: a list of [language, name, code, title]. What Python defines in
one block is there in the next; one with a title is a file that is written. Bash blocks run in
between, where they stand.
"""

import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
    sys.path.insert(0, "")  # As in a reader's own session: files of the folder can be imported.
    for language, name, code, title in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        print(f"--- {name}", flush=True)
        if title:
            Path(title).write_text(code, "utf-8")
        elif language == "python":
            # Workers may be forked from here: what a block defines is this module's.
            exec(compile(code, name, "exec"), sys.modules["__main__"].__dict__)
        else:
            subprocess.run(["bash", "-euo", "pipefail", "-c", code], check=True)


if __name__ == "__main__":
    main()
