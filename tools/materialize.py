"""``python tools/materialize.py --clips N --out DIR`` is ``trajdata materialize``."""

import sys
from pathlib import Path

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from trajdata._cli import main

if __name__ == "__main__":
    main(["materialize", *sys.argv[1:]])
