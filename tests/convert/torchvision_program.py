"""What torchvision makes of a clip: ``python torchvision_program.py FOLDER OUT``.

FOLDER has torchvision, which may have been built for a torch with CUDA: its own operators then do
not load with this torch. What is used here, transforms, datasets and tensors, needs none of them;
only their names must be declared.
"""

import sys

import numpy as np
import torch

FOLDER, OUT = sys.argv[1:]
sys.path.append(FOLDER)
if torch.version.cuda is None:
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from pathlib import Path  # noqa: E402

from PIL import Image  # noqa: E402
from torchvision.datasets import Sintel  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

import trajdata.convert  # noqa: E402

spec = trajdata.preset("scenes-32", count=(3, 4), height=24, width=40)
fields = (*trajdata.convert.CONVERTER_FIELDS["to_tv_tensors"], "forward_flow", "index")
clip = trajdata.ClipSource(spec, fields=fields)[2]
found = trajdata.convert.to_tv_tensors(clip)
mirrored = v2.RandomHorizontalFlip(p=1.0)(found)
doubled = v2.Resize((48, 80), interpolation=v2.InterpolationMode.NEAREST)(found)
cropped = v2.SanitizeBoundingBoxes(min_size=1, labels_getter=lambda sample: sample["labels"])(
    v2.CenterCrop((12, 12))(found)
)

scene = Path(OUT).parent / "Sintel" / "training"
for folder in ("clean", "flow"):
    (scene / folder / "clip").mkdir(parents=True)
for k in range(8):
    picture = Image.fromarray(np.moveaxis(clip["video"][k], 0, -1))
    picture.save(scene / "clean" / "clip" / f"frame_{k:04d}.png")
    if k < 7:
        name = scene / "flow" / "clip" / f"frame_{k:04d}.flo"
        trajdata.convert.write_flo(name, clip["forward_flow"][k])
frames = Sintel(str(scene.parents[1]), split="train", pass_name="clean")
flow = np.stack([frames[k][2] for k in range(len(frames))])

arrays = {}
for name, sample in (("same", found), ("mirrored", mirrored), ("doubled", doubled)):
    for key, value in sample.items():
        arrays[f"{name}_{key}"] = value.numpy()
for key in ("boxes", "masks", "labels"):
    arrays[f"cropped_{key}"] = cropped[key].numpy()
kinds = ",".join(f"{key}:{type(value).__name__}" for key, value in mirrored.items())
np.savez(OUT, flow=flow, kinds=kinds, format=str(found["boxes"].format.value), **arrays)
