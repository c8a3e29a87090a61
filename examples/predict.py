"""Where will the object be? Four frames are seen, four are predicted, and the places are compared.

    python examples/predict.py

A small 2-D CNN, in whose channels the four frames are stacked, paints the other four. Its loss is
the cross-entropy of pixels: squared errors are nearly as small where all is black. It is scored
beside what needs no network: the last place, constant velocity, constant acceleration.
"""

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn
from training import DEVICE, Training, begin, finish

import trajdata
from trajdata.scoring import evaluate_predictor, scores_json

GIVEN = 4
"""Frames that are seen."""
OUTPUT = trajdata.Output(dtype="float32", value_range=(0, 1), as_tuple=("video",))
WAYS = ("copy_last", "constant_velocity", "constant_acceleration", "position", "real_position")


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.wide, self.deep = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return x + self.deep(F.relu(self.wide(F.relu(self.norm(x)))))


class Predictor(nn.Module):
    """Frames (B, GIVEN, C, H, W) on 0..1 -> logits of those to come, (B, coming, C, H, W)."""

    def __init__(self, spec, width=96, depth=4):
        super().__init__()
        self.shape = (spec.frames - GIVEN, spec.channels, spec.height, spec.width)
        self.cut = nn.Conv2d(GIVEN * spec.channels, width, 4, 4)
        self.places = nn.Parameter(torch.zeros(width, spec.height // 4, spec.width // 4))
        self.body = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.paint = nn.ConvTranspose2d(width, self.shape[0] * spec.channels, 4, 4)
        nn.init.constant_(self.paint.bias, -4.0)  # black, to begin with

    def forward(self, video):
        seen = self.cut(video.flatten(1, 2)) + self.places
        return self.paint(F.relu(self.body(seen))).unflatten(1, self.shape[:2])


def predict(network, video):
    """uint8 (B, GIVEN, C, H, W) -> the frames to come: what ``evaluate_predictor`` calls."""
    with torch.no_grad():
        made = network(torch.from_numpy(video).to(DEVICE) / 255).sigmoid()
    return (255 * made).round().byte().cpu().numpy()


def draw(score, path):
    """Error of place in each frame to come, by way of predicting."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    frames = range(GIVEN + 1, GIVEN + 1 + len(score["position_px"]))
    for way in WAYS:
        values = [error["value"] for error in score[f"{way}_px"]]
        label = {"position": "the network", "real_position": "tracking itself"}.get(way)
        axes.plot(frames, values, "o-", label=label or way.replace("_", " "))
    axes.set(xlabel="frame", xticks=frames, ylabel="pixels from the true place", yscale="log")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, format="png")


def main():
    options = begin(__doc__, "predict", clips=40_000)
    spec = trajdata.preset("magvit-32")
    train = trajdata.ClipSource(spec, options.seed)
    network = Predictor(spec)
    training = Training("predictor", network, options, rate=1e-3)
    for (video,) in training.batches(train, OUTPUT):
        seen, due = video[:, :GIVEN], video[:, GIVEN:]
        training.step(F.binary_cross_entropy_with_logits(network(seen), due))
    network.eval()
    val = trajdata.ClipSource(spec, options.seed, "val")
    scores = evaluate_predictor(
        lambda video: predict(network, video),
        val,
        given=GIVEN,
        clips=options.test_clips,
        splits=("ood-speed",),
    )
    for frame, better in enumerate(scores["val"].beats_velocity, GIVEN + 1):
        print(f"frame {frame}: {'nearer' if better else 'NOT nearer'} than constant velocity")
    found = {"preset": "magvit-32", "given": GIVEN, **training.figures()}
    found["scores"] = scores_json(scores)
    finish("predict", spec, options, found, lambda path: draw(found["scores"]["val"], path))


if __name__ == "__main__":
    main()
