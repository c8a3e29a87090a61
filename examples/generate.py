"""Does a generated clip obey the law that was asked for? Flow matching, conditional on the class.

    python examples/generate.py

An autoencoder learns eight numbers for each frame. Then a network learns the velocity that carries
noise to the latents of a whole clip of a class (Lipman et al., "Flow Matching for Generative
Modeling", ICLR 2023). Clips are disks of one size in shades of gray.
"""

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn
from training import DEVICE, Training, begin, finish

import trajdata
from trajdata.scoring import evaluate_generator, evaluate_tokenizer, law_score, scores_json

CHANGES = {"shapes": ("disc",), "radius": (0.33, 0.33), "contrast": 0.45}
LATENTS, STEPS = 8, 50  # numbers for a frame; steps from noise to a clip
NOISE = 0.05
"""On latents in training, so that the decoder is smooth: what is generated is never quite exact."""
FRAMES, NOISES = 4, 4
"""Of each clip: frames for the autoencoder in a step, and noises for the flow."""
OUTPUT = trajdata.Output(dtype="float32", value_range=(0, 1), as_tuple=("video", "label"))


def mlp(*sizes):
    layers = [(nn.Linear(sizes[k - 1], sizes[k]), nn.ReLU()) for k in range(1, len(sizes))]
    return nn.Sequential(*[part for pair in layers for part in pair][:-1])


class Autoencoder(nn.Module):
    """Frames, floats on 0..1 (..., pixels) -> latents (..., LATENTS) -> logits of the frames."""

    def __init__(self, pixels):
        super().__init__()
        self.encoder, self.decoder = mlp(pixels, 256, 256, LATENTS), mlp(LATENTS, 256, 512, pixels)

    def latents(self, video):
        """(B, T, C, H, W) -> (B, T * LATENTS)."""
        return self.encoder(video.flatten(2)).flatten(1)

    def loss(self, frames):
        latents = self.encoder(frames)
        made = self.decoder(latents + NOISE * torch.randn_like(latents))
        # Not a squared error, which hardly sees a faint haze, as a tracker does; and latents that
        # grow would make nothing of the noise.
        error = F.binary_cross_entropy_with_logits(made, frames, 1 + frames)
        return error + 1e-4 * latents.square().mean()

    @torch.no_grad()
    def paint(self, latents, shape):
        """uint8 (B, T, C, H, W)."""
        made = self.decoder(latents.unflatten(1, (shape[0], LATENTS))).sigmoid()
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
    options = begin(__doc__, "generate", clips=768_000, batch=128)
    spec = trajdata.preset("gray-32", **CHANGES)
    shape, laws = spec.video_shape, len(spec.laws)
    train, val = (trajdata.ClipSource(spec, options.seed, split) for split in ("train", "val"))
    coder = Autoencoder(spec.channels * spec.height * spec.width)
    coding = Training("autoencoder", coder, options, rate=3e-3, clips=2 * options.clips // 3)
    for video, _ in coding.batches(train, OUTPUT):
        torch.manual_seed(coding.done)  # so that a resumed training has the same noise
        some = torch.rand(video.shape[:2], device=DEVICE).argsort(1)[:, :FRAMES]
        coding.step(coder.loss(torch.take_along_dim(video.flatten(2), some[:, :, None], 1)))
    coder.requires_grad_(False)
    torch.manual_seed(options.seed)
    flow = Flow(spec.frames * LATENTS, laws).to(DEVICE)
    some = coder.latents(torch.from_numpy(train.batch(range(2000))["video"]).to(DEVICE) / 255)
    flow.scale[:] = torch.stack([some.mean(0), some.std(0)])
    flowing = Training("flow", flow, options, rate=2e-3)
    for video, label in flowing.batches(train, OUTPUT):
        torch.manual_seed(flowing.done)
        flowing.step(flow.loss(coder.latents(video), label))

    def reconstruct(video):
        return coder.paint(coder.latents(torch.from_numpy(video).to(DEVICE) / 255), shape)

    def sample(label):
        return coder.paint(flow.sample(torch.from_numpy(label).to(DEVICE)), shape)

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
