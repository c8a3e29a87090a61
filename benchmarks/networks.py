"""The ordinary video networks that learnability is measured with, each of at most 1 M parameters.

Each takes a video, float32 (B, C, T, H, W), and gives logits (B, classes). None knows anything of
the data: they are a plain 3-D CNN, a small R(2+1)D (Tran et al., "A Closer Look at Spatiotemporal
Convolutions for Action Recognition", CVPR 2018) and a small video transformer (Arnab et al.,
"ViViT: A Video Vision Transformer", ICCV 2021) whose tubelets are embedded by a convolutional stem
(Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["NETWORKS", "cnn3d", "r2plus1d", "transformer"]

Shape = tuple[int, int, int, int]
"""Of one video: channels, frames, height, width."""


def _stem_stride(shape: Shape) -> tuple[int, int, int]:
    """The first layer's stride: what leaves at most 8 frames of 16 x 16 of any video."""
    _, frames, height, width = shape
    return max(1, frames // 8), max(1, height // 16), max(1, width // 16)


def _block(inputs: int, outputs: int, kernel: int, frames: int, stride: tuple[int, int, int]):  # type: ignore[no-untyped-def]
    """Conv3d, batch norm, ReLU. A video of one frame has no neighbours in time to look at."""
    size = (3 if frames > 1 else 1, kernel, kernel)
    padding = tuple(side // 2 for side in size)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, size, stride, padding, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    )


def _flat_size(body: nn.Module, shape: Shape) -> int:
    """How many numbers ``body`` makes of one video."""
    body.eval()
    with torch.no_grad():
        size = body(torch.zeros(1, *shape)).numel()
    body.train()
    return size


def cnn3d(shape: Shape, classes: int) -> nn.Module:
    """Four blocks of Conv3d, batch norm and ReLU; flatten; two linear layers."""
    frames = shape[1]
    halved = (2 if frames > 1 else 1, 2, 2)
    body = nn.Sequential(
        _block(shape[0], 16, 5, frames, _stem_stride(shape)),
        _block(16, 32, 3, frames, (1, 2, 2)),
        _block(32, 64, 3, frames, halved),
        _block(64, 64, 3, frames, (1, 1, 1)),
        nn.Flatten(),
    )
    return nn.Sequential(
        body, nn.Linear(_flat_size(body, shape), 128), nn.ReLU(), nn.Linear(128, classes)
    )


class _Factored(nn.Sequential):
    """A convolution in space, then one in time, each with batch norm; ReLU between them."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int, int], kernel: int = 3):
        # As many channels between them as give the parameters of the full 3-D convolution.
        between = 3 * kernel**2 * inputs * outputs // (kernel**2 * inputs + 3 * outputs)
        super().__init__(
            nn.Conv3d(
                inputs,
                between,
                (1, kernel, kernel),
                (1, *stride[1:]),
                (0, kernel // 2, kernel // 2),
                bias=False,
            ),
            nn.BatchNorm3d(between),
            nn.ReLU(),
            nn.Conv3d(between, outputs, (3, 1, 1), (stride[0], 1, 1), (1, 0, 0), bias=False),
            nn.BatchNorm3d(outputs),
        )


class _Residual(nn.Module):
    """Two factored convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _Factored(inputs, outputs, stride), nn.ReLU(), _Factored(outputs, outputs, (1, 1, 1))
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != (1, 1, 1):
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, video: Tensor) -> Tensor:
        return torch.relu(self.body(video) + self.shortcut(video))


def r2plus1d(shape: Shape, classes: int) -> nn.Module:
    """A factored stem, three residual blocks of factored convolutions, mean, one linear layer."""
    return nn.Sequential(
        _Factored(shape[0], 16, _stem_stride(shape), kernel=5),
        nn.ReLU(),
        _Residual(16, 32, (2, 2, 2)),
        _Residual(32, 64, (1, 2, 2)),
        _Residual(64, 96, (2, 2, 2)),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(96, classes),
    )


def _sines(sides: tuple[int, int, int], width: int) -> Tensor:
    """Sines and cosines of each token's time, row and column, a third of ``width`` for each."""
    pairs = width // 6
    frequencies = torch.pi / 2 / 32 ** (torch.arange(pairs) / pairs)
    places = torch.cartesian_prod(*(torch.arange(float(side)) for side in sides))
    angles = (places[:, :, None] * frequencies).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], 1)


class _Transformer(nn.Module):
    """Tubelets, fixed positions, pre-norm encoder blocks, mean of the tokens, a linear layer."""

    def __init__(self, shape: Shape, classes: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        frames = shape[1]
        self.embed = nn.Sequential(
            _block(shape[0], 16, 5, frames, _stem_stride(shape)),
            _block(16, 48, 3, frames, (2 if frames > 1 else 1, 2, 2)),
            nn.Conv3d(48, width, (1, 2, 2), (1, 2, 2)),
        )
        with torch.no_grad():
            sides = tuple(self.embed.eval()(torch.zeros(1, *shape)).shape[2:])
        self.embed.train()
        self.register_buffer("positions", _sines(sides, width), persistent=False)
        block = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), False)
        self.head = nn.Linear(width, classes)

    def forward(self, video: Tensor) -> Tensor:
        tokens = self.embed(video).flatten(2).transpose(1, 2) + self.positions
        logits: Tensor = self.head(self.blocks(tokens).mean(1))
        return logits


def transformer(shape: Shape, classes: int) -> nn.Module:
    """Three encoder blocks over 64 tubelets, 4 in time and 4 x 4 in space, that two convolutions
    with batch norm and a linear embedding make."""
    return _Transformer(shape, classes, width=96, depth=3, heads=4)


NETWORKS: dict[str, Callable[[Shape, int], nn.Module]] = {
    "cnn3d": cnn3d,
    "r2plus1d": r2plus1d,
    "transformer": transformer,
}
