"""Does a generated clip obey the law that was asked for? Flow matching, conditional on the class.

    python examples/generate.py

An autoencoder of frames says where the brightness is, and learns two more numbers. Then a network
learns the velocity that carries noise to the numbers of a whole clip of a class (Lipman et al.,
"Flow Matching for Generative Modeling", ICLR 2023). Clips are disks of one size in shades of gray.
"""

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn
from training import DEVICE, Training, begin, finish

import trajdata
from trajdata.scoring import evaluate_generator, evaluate_tokenizer, law_score, scores_json

CHANGES = {"shapes": ("disc",), "radius": (0.4, 0.4), "contrast": 0.45}
LATENTS, STEPS = 4, 50  # numbers for a frame; steps from noise to a clip
NOISE, NOISES = 0.003, 4  # on latents of the autoencoder; for each clip in a step of the flow
OUTPUT = trajdata.Output(dtype="float32", value_range=(0, 1), as_tuple=("video", "label"))


def mlp(*sizes):
    layers = [(nn.Linear(sizes[k - 1], sizes[k]), nn.SiLU()) for k in range(1, len(sizes))]
    return nn.Sequential(*[part for pair in layers for part in pair][:-1])


class Autoencoder(nn.Module):
    """Frames, floats on 0..1 (..., pixels) -> latents (..., LATENTS) -> logits of the frames.

    Each pixel is painted from its place relative to the object's, as if by a spatial broadcast
    decoder (Watters et al., 2019), so that what is learnt in one place is known in all.
    """

    def __init__(self, side, width=24):
        super().__init__()
        line = (torch.arange(side) + 0.5) / side * 2 - 1
        self.register_buffer("grid", torch.cartesian_prod(line, line).flip(1))  # x, y of pixels
        self.more, self.what = mlp(side**2, 128, LATENTS - 2), nn.Linear(LATENTS - 2, width)
        self.place, self.paint = nn.Linear(2, width, bias=False), mlp(width, width, 1)
        nn.init.uniform_(self.place.weight, -17, 17)  # so large that edges can be sharp

    def latents(self, frames):
        where = frames / frames.sum(-1, keepdim=True) @ self.grid
        return torch.cat([where, self.more(frames)], -1)

    def logits(self, latents):
        where, what = latents[..., None, :2], self.what(latents[..., None, 2:])
        return self.paint(F.silu(self.place(self.grid - where) + what)).squeeze(-1)

    def loss(self, frames):
        latents = self.latents(frames)
        made = self.logits(latents + NOISE * torch.randn_like(latents))
        # Not a squared error, which hardly sees a faint haze, as a tracker does.
        return F.binary_cross_entropy_with_logits(made, frames, 1 + frames)

    @torch.no_grad()
    def videos(self, latents, shape):
        """uint8 (B, T, C, H, W) from the latents of clips, (B, T * LATENTS)."""
        made = self.logits(latents.unflatten(1, (shape[0], LATENTS))).sigmoid()
        return (255 * made).round().byte().cpu().numpy().reshape(-1, *shape)


class Flow(nn.Module):
    """Noisy latents of a clip (B, D), times (B,) and labels (B,) -> velocities (B, D)."""

    def __init__(self, size, classes, width=256, depth=4):
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, 5, 8)))
        self.register_buffer("scale", torch.ones(2, size))  # mean and spread of latents
        self.first, self.classes = nn.Linear(size + 16, width), nn.Embedding(classes, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), mlp(width, 2 * width, width)) for _ in range(depth)
        )
        self.last = nn.Linear(width, size)

    def forward(self, at, time, label):
        angle = time[:, None] * self.frequencies
        hidden = self.first(torch.cat([at, angle.sin(), angle.cos()], 1)) + self.classes(label)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)

    def loss(self, latents, label):
        data = ((latents - self.scale[0]) / self.scale[1]).repeat(NOISES, 1)
        noise, time = torch.randn_like(data), torch.rand(len(data), device=data.device)
        made = self(torch.lerp(noise, data, time[:, None]), time, label.repeat(NOISES))
        return F.mse_loss(made, data - noise)

    @torch.no_grad()
    def sample(self, label):
        """Latents (B, D) of clips of these classes, by Heun's method."""
        at = torch.randn(len(label), self.scale.shape[1], device=label.device)
        for step in range(STEPS):
            time = torch.full((len(label),), step / STEPS, device=label.device)
            here = self(at, time, label)
            at = at + (here + self(at + here / STEPS, time + 1 / STEPS, label)) / 2 / STEPS
        return at * self.scale[1] + self.scale[0]


def draw(videos, labels, spec, path):
    """Clips of each law as strips of frames, with the law that the pixels name."""
    named = law_score(videos, spec).law
    figure = Figure(figsize=(9, 0.62 * len(videos)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(videos), 1)):
        strip = np.pad(videos[row, :, 0], ((0, 0), (0, 0), (0, 1)), constant_values=90)
        axes.imshow(np.concatenate(strip, axis=1), cmap="gray", vmin=0, vmax=255)
        words = f"asked: {spec.laws[labels[row]]}\nnamed: {[*spec.laws, 'none'][named[row]]}"
        axes.set_ylabel(words, rotation=0, ha="right", va="center", fontsize=8)
        axes.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110, format="png")


def main():
    options = begin(__doc__, "generate", clips=512_000, batch=128)
    spec = trajdata.preset("gray-32", **CHANGES)
    shape, laws = spec.video_shape, len(spec.laws)
    train, val = (trajdata.ClipSource(spec, options.seed, split) for split in ("train", "val"))
    coder = Autoencoder(spec.height)
    coding = Training("autoencoder", coder, options, rate=8e-3, clips=options.clips // 4)
    for video, _ in coding.batches(train, OUTPUT):
        torch.manual_seed(coding.done)  # so that a resumed training has the same noise
        some = torch.randint(spec.frames, video.shape[:1], device=DEVICE)
        coding.step(coder.loss(video.flatten(2)[range(len(video)), some]))
    coder.requires_grad_(False)
    torch.manual_seed(options.seed)
    flow = Flow(spec.frames * LATENTS, laws).to(DEVICE)

    def latents_of(video):
        return coder.latents(video.flatten(2)).flatten(1)

    some = latents_of(torch.from_numpy(train.batch(range(2000))["video"]).to(DEVICE) / 255)
    flow.scale[:] = torch.stack([some.mean(0), some.std(0)])
    flowing = Training("flow", flow, options, rate=2e-3)
    for video, label in flowing.batches(train, OUTPUT):
        torch.manual_seed(flowing.done)
        flowing.step(flow.loss(latents_of(video), label))

    def reconstruct(video):
        return coder.videos(latents_of(torch.from_numpy(video).to(DEVICE) / 255), shape)

    def sample(label):
        return coder.videos(flow.sample(torch.from_numpy(label).to(DEVICE)), shape)

    torch.manual_seed(options.seed)
    kept = evaluate_tokenizer(reconstruct, val, clips=options.test_clips, splits=())["val"]
    made = evaluate_generator(sample, val, clips=options.test_clips)
    print(f"{made.law_agreement.value:.1%} of generated clips obey the law that was asked for")
    found = {"preset": "gray-32", "changes": CHANGES, "latents_per_frame": LATENTS}
    found |= {"autoencoder": {**coding.figures(), "scores": scores_json(kept)}}
    found |= {"flow": {**flowing.figures(), "scores": scores_json(made)}}
    labels = np.repeat(np.arange(laws), 3)
    videos = sample(labels)
    finish("generate", spec, options, found, lambda path: draw(videos, labels, spec, path))


if __name__ == "__main__":
    main()
