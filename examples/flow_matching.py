"""The networks of ``generate.py``: an autoencoder of frames, and flow matching over its latents.

The flow is an MLP that learns the velocity at which noise, at time 0, moves to the latents of a
clip, at time 1, along a straight line (Lipman et al., "Flow Matching for Generative Modeling", ICLR
2023).
"""

import torch
import torch.nn.functional as F
from torch import nn

LATENTS = 4
"""Numbers for a frame: x and y of the centre of brightness, and two that are learnt."""
NOISE = 0.003
"""On latents while the autoencoder is trained, so that a small error of a latent is a small error
in the picture."""
NOISES = 4
"""How many the flow is trained on with each clip in a step."""
STEPS = 50
"""From noise to a clip."""


def mlp(*sizes):
    layers = [(nn.Linear(sizes[k - 1], sizes[k]), nn.SiLU()) for k in range(1, len(sizes))]
    return nn.Sequential(*[part for pair in layers for part in pair][:-1])


class Autoencoder(nn.Module):
    """Frames, floats on 0..1 (..., pixels) -> latents (..., LATENTS) -> logits of the frames.

    Frames are black but for the object. A pixel is painted from its place relative to the object's,
    as by a spatial broadcast decoder (Watters et al., 2019), so that what is learnt in one place is
    known in all.
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

    def clips(self, video):
        """(B, T, C, H, W) -> (B, T * LATENTS)."""
        return self.latents(video.flatten(2)).flatten(1)

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
