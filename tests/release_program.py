"""What a release does where only it is installed: ``python release_program.py GOLDEN_TOOL CASE``.

Prints JSON: where the package lies, its version, and the digest of clips.
"""

import importlib.util
import json
import sys

import trajdata

tool, case = sys.argv[1:]
spec = importlib.util.spec_from_file_location("golden", tool)
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)
told = {
    "file": trajdata.__file__,
    "version": trajdata.__version__,
    "digest": golden.clips_digest(golden.cases()[case], "train"),
    "torch": "torch" in sys.modules,
}
print(json.dumps(told))
