"""A video autoencoder with finite scalar quantization, for the examples that need tokens.

After Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", ICLR 2024: each channel of
the latents is rounded to one of a few levels, and the codebook is the product of the levels.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class FSQ(nn.Module):
    """Latents (B, D, T, H, W), any numbers -> the nearest of ``levels[d]`` values from -1 to 1.

    tanh squashes a channel, which is then cut into levels of equal width. The gradient passes the
    rounding as if it were not there.
    """

    def __init__(self, levels):
        super().__init__()
        self.size = math.prod(levels)
        places = [math.prod(levels[:d]) for d in range(len(levels))]
        self.register_buffer("counts", torch.tensor(levels).view(1, -1, 1, 1, 1), persistent=False)
        self.register_buffer("places", torch.tensor(places).view(1, -1, 1, 1, 1), persistent=False)

    def forward(self, latents):
        smooth = (latents.tanh() + 1) / 2 * self.counts - 0.5
        level = torch.minimum(smooth.round().clamp(min=0), self.counts - 1)
        return self.on_scale(smooth + (level - smooth).detach())

    def on_scale(self, level):
        """Levels 0, 1, ... of each channel as values from -1 to 1."""
        return 2 * level / (self.counts - 1) - 1

    def codes(self, latents):
        """int64 (B, T, H, W), 0 to ``size`` - 1: which entry of the codebook each latent is."""
        level = (self(latents) + 1) / 2 * (self.counts - 1)
        return (level.round().long() * self.places).sum(1)

    def values(self, codes):
        """What ``forward`` gave for these codes, (B, D, T, H, W)."""
        return self.on_scale(codes[:, None] // self.places % self.counts)


class Residual(nn.Module):
    """A convolution over ``reach`` frames and 3 x 3 places, and one over channels; a shortcut."""

    def __init__(self, width, reach):
        super().__init__()
        self.wide = nn.Conv3d(width, width, (reach, 3, 3), padding=(reach // 2, 1, 1))
        self.deep = nn.Conv3d(width, width, 1)

    def forward(self, x):
        return x + self.deep(F.silu(self.wide(F.silu(x))))


class Autoencoder(nn.Module):
    """Videos (B, C, T, H, W), floats on 0..1 -> logits of the same, from one token for 2 frames of
    8 x 8 pixels. T is a multiple of 2, H and W are multiples of 8.

    Train it with ``binary_cross_entropy_with_logits``. Squared errors would be nearly as small if
    all were black, as the object is a hundredth of the pixels, and they pardon a faint halo around
    it, which a tracker does not. Cross-entropy has no bound where an object is painted black.
    """

    def __init__(self, channels, levels, width=32):
        super().__init__()
        patch, deep = (1, 4, 4), 2 * width
        self.encoder = nn.Sequential(
            *(nn.Conv3d(channels, width, patch, patch), Residual(width, 1)),
            *(nn.Conv3d(width, deep, 2, 2), Residual(deep, 3)),
        )
        self.to_latents, self.fsq = nn.Conv3d(deep, len(levels), 1), FSQ(levels)
        self.from_latents = nn.Conv3d(len(levels), deep, 1)
        self.decoder = nn.Sequential(
            *(Residual(deep, 3), Residual(deep, 3), nn.ConvTranspose3d(deep, width, 2, 2)),
            *(Residual(width, 1), Residual(width, 1)),
            nn.ConvTranspose3d(width, channels, patch, patch),
        )
        nn.init.constant_(self.decoder[-1].bias, -4.0)  # black, to begin with

    def forward(self, video):
        return self.paint(self.fsq(self.latents(video)))

    def latents(self, video):
        """(B, D, T / 2, H / 8, W / 8), before they are rounded."""
        return self.to_latents(self.encoder(video))

    def paint(self, values):
        """Logits of videos, from rounded latents."""
        return self.decoder(self.from_latents(values))

    def encode(self, video):
        """int64 (B, T / 2, H / 8, W / 8), the tokens of videos."""
        return self.fsq.codes(self.latents(video))

    def decode(self, codes):
        """The videos of tokens, on 0..1: what is made of a video that has them."""
        return self.paint(self.fsq.values(codes)).sigmoid()
