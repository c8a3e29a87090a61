"""Which law moves the object? A small 3-D CNN learns it from RGB, on clips rendered as it trains.

    python examples/classify.py

That it is the motion which tells, two checks show. A second network of the same make sees the first
frame only, of as many clips. The first network is also asked with the frames in random order.
"""

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn
from training import DEVICE, Training, begin, finish

import trajdata

OUTPUT = trajdata.Output(
    layout="CTHW", dtype="float32", value_range=(0, 1), as_tuple=("video", "label")
)


class Block(nn.Module):
    """Two convolutions over space and time beside a shortcut, each after group norm and ReLU."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.shortcut = nn.Conv3d(inputs, outputs, 1, stride)
        self.body = nn.Sequential(
            *(nn.GroupNorm(8, inputs), nn.ReLU(), nn.Conv3d(inputs, outputs, 3, stride, 1)),
            *(nn.GroupNorm(8, outputs), nn.ReLU(), nn.Conv3d(outputs, outputs, 3, 1, 1)),
        )

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


def classifier(spec, frames, width=32):
    """A network: videos (B, C, frames, H, W), floats on 0..1 -> (B, laws)."""
    body = nn.Sequential(
        nn.Conv3d(spec.channels, width, (1, 4, 4), (1, 4, 4)),
        *(Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 2 * width, 2)),
        *(nn.ReLU(), nn.Flatten()),
    )
    with torch.no_grad():
        size = body(torch.zeros(1, spec.channels, frames, spec.height, spec.width)).numel()
    return nn.Sequential(body, nn.Linear(size, len(spec.laws)))


def first_frame(video):
    """The first frame of each clip."""
    return video[:, :, :1]


def shuffled(video):
    """The frames of each clip in an order of its own, at random."""
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(len(video), video.shape[2], generator=generator).argsort(1)
    return torch.take_along_dim(video, order[:, None, :, None, None].to(DEVICE), 2)


@torch.no_grad()
def confusion(network, source, clips, view):
    """(laws, laws): clips by their law, down, and by the law that the network names, across."""
    table = torch.zeros(len(source.spec.laws), len(source.spec.laws), dtype=torch.int64)
    dataset = trajdata.TrajectoryDataset(source, length=clips, batch_size=100, output=OUTPUT)
    for video, label in dataset:
        named = network(view(video.to(DEVICE))).argmax(1).cpu()
        table.index_put_((label, named), torch.ones_like(label), accumulate=True)
    return table


def accuracy(table):
    """The share of clips whose law was named."""
    return table.trace().item() / table.sum().item()


def trained(name, view, frames, source, options):
    """A network that was trained on what ``view`` shows of the clips, and the figures of that."""
    torch.manual_seed(options.seed)  # here, so that the weights are the same after a resume
    network = classifier(source.spec, frames)
    training = Training(name, network, options, rate=2e-3)
    for video, label in training.batches(source, OUTPUT):
        training.step(F.cross_entropy(network(view(video)), label))
    return network.eval(), training.figures()


def draw(table, laws, path):
    """The confusion as a picture."""
    figure = Figure(figsize=(4, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table, cmap="Blues")
    for law, row in enumerate(table.tolist()):
        for named, count in enumerate(row):
            colour = "white" if count > table.max() / 2 else "black"
            axes.text(named, law, f"{count:,}", ha="center", va="center", color=colour)
    axes.set(xlabel="named", ylabel="law", xticks=range(len(laws)), yticks=range(len(laws)))
    axes.set_xticklabels(laws)
    axes.set_yticklabels(laws)
    figure.savefig(path, dpi=120, format="png")


def main():
    options = begin(__doc__, "classify", clips=36_000, batch=32)
    spec = trajdata.preset("magvit-32")
    train = trajdata.ClipSource(spec, options.seed, "train")
    val = trajdata.ClipSource(spec, options.seed, "val")
    clip, figures = trained("clip", lambda video: video, spec.frames, train, options)
    one, one_figures = trained("first-frame", first_frame, 1, train, options)
    table = confusion(clip, val, options.test_clips, lambda video: video)
    found = {
        "preset": "magvit-32",
        "test_clips": options.test_clips,
        "accuracy": accuracy(table),
        "shuffled_accuracy": accuracy(confusion(clip, val, options.test_clips, shuffled)),
        "first_frame_accuracy": accuracy(confusion(one, val, options.test_clips, first_frame)),
        "confusion": table.tolist(),
        **figures,
        "first_frame_training": one_figures,
    }
    for name in ("accuracy", "shuffled_accuracy", "first_frame_accuracy"):
        print(f"{name.replace('_', ' ')} on val: {found[name]:.1%}")
    finish("classify", spec, options, found, lambda path: draw(table, spec.laws, path))


if __name__ == "__main__":
    main()
