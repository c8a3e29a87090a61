"""What torchvision's folders make of an export: ``python folder_program.py FOLDER EXPORTS``.

FOLDER has torchvision, whose own operators may have been built for another torch; folders of files
need none of them, only their names must be declared. Prints JSON.
"""

import json
import sys

import numpy as np
import torch

FOLDER, EXPORTS = sys.argv[1:]
sys.path.append(FOLDER)
if torch.version.cuda is None:
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision.datasets import DatasetFolder, ImageFolder  # noqa: E402


def load(path):
    with np.load(path, allow_pickle=False) as held:
        return int(held["index"]), int(held["label"]), int(held["video"].sum())


clips = DatasetFolder(f"{EXPORTS}/npz/clips", loader=load, extensions=(".npz",))
pictures = ImageFolder(f"{EXPORTS}/png/clips")
told = {
    "classes": clips.classes,
    "picture_classes": pictures.classes,
    "clips": [(index, label, target, total) for (index, label, total), target in clips],
    "pictures": len(pictures),
}
print(json.dumps(told))
