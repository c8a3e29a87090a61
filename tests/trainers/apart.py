"""Run a program with the packages that `make` installs beside the environment, as some of them pin
what others need: python tests/trainers/apart.py PROGRAM [ARGUMENTS]

torchvision may have been built for a torch with CUDA: its own operators then do not load with this
torch. What the trainers use of it needs none of them; only their names must be declared.
"""

import runpy
import sys
from pathlib import Path

import torch

FOLDERS = [Path(sys.prefix) / name for name in ("trainers", "torchvision")]

if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    sys.path += map(str, FOLDERS)
    if torch.version.cuda is None:
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    runpy.run_path(sys.argv[0], run_name="__main__")
