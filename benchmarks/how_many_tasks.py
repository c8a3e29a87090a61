"""The three tasks that ``how_many.py`` asks "how many clips?" of: networks, losses, scores.

Each task is a small network, trained in a fixed number of steps on whatever clips it is given, and
then scored on clips of `val`. The first two networks take frames as channels of a picture, as Mnih
et al. do ("Human-level control through deep reinforcement learning", Nature 518, 2015), which costs
a CPU much less than 3-D convolutions. The third is that of ``examples/flow_matching.py``, smaller.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from trajdata import ClipSource, preset
from trajdata.scoring import (
    evaluate_generator,
    evaluate_predictor,
    evaluate_tokenizer,
    scores_json,
)

__all__ = ["BATCH", "GIVEN", "SPEC", "TASKS", "Batches", "Task"]

SPEC = preset("gray-32", shapes=("disc",), radius=(0.33, 0.33), contrast=0.45)
BATCH = 125
"""So that every number of clips is a whole number of batches."""
GIVEN = 4
"""Frames that predictions are made from."""

_OBJECT_WEIGHT = 1.0
"""How much more an error counts on a white pixel than on a black one."""
_MEASURED_CLIPS = 1000
"""From which the spread of latents is measured; no set of clips is smaller."""

Batches = Iterator[tuple[Tensor, Tensor]]
"""Videos, float32 (B, T, 1, H, W) on [0, 1], and labels, int64 (B,)."""


@dataclass(frozen=True)
class Task:
    """One of the three.

    Attributes:
        name: of the task.
        steps: batches that a network sees in all.
        figure: the name of the figure by which runs are compared.
        build: makes the networks, in the order in which they are trained.
        train: trains them on batches, and yields a loss after each step.
        score: the figures of trained networks, on this many clips of a source; last, how many
            clips of training they are compared with.
        notes: what was done, in words.
    """

    name: str
    steps: int
    figure: str
    build: Callable[[], nn.ModuleDict]
    train: Callable[[nn.ModuleDict, Batches], Iterator[float]]
    score: Callable[[nn.ModuleDict, ClipSource, int, int], dict[str, Any]]
    notes: Sequence[str]


def _block(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """Half the side: convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _body(frames: int) -> nn.Sequential:
    """Three blocks; from (B, frames, 32, 32) to (B, 1536)."""
    blocks = _block(frames, 24, 5), _block(24, 48, 3), _block(48, 96, 3)
    return nn.Sequential(*blocks, nn.Flatten())


class _Optimizer:
    """AdamW with one cycle of the learning rate, as long as the training."""

    def __init__(self, network: nn.Module, steps: int, rate: float, decay: float) -> None:
        parameters = list(network.parameters())
        self._adam = torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
        self._cycle = torch.optim.lr_scheduler.OneCycleLR(
            self._adam, rate, total_steps=steps, pct_start=0.15
        )

    def step(self, loss: Tensor) -> float:
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self._cycle.step()
        return loss.item()


def _on_unit(video: NDArray[np.uint8]) -> Tensor:
    """uint8 (B, T, 1, H, W) as float32 on [0, 1]."""
    return torch.from_numpy(video).float() / 255


def _as_bytes(logits: Tensor) -> NDArray[np.float32]:
    """What networks make, as floats on 0 to 255."""
    shown: NDArray[np.float32] = logits.sigmoid().mul(255).numpy()
    return shown


def _error(logits: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy: next to black, it minds a haze that a squared error would hardly see."""
    entropy = functional.binary_cross_entropy_with_logits(logits, true, reduction="none")
    return ((1 + _OBJECT_WEIGHT * true) * entropy).mean()


# ---- classification


def _classifier() -> nn.ModuleDict:
    head = nn.Sequential(nn.Linear(1536, 128), nn.ReLU(), nn.Linear(128, len(SPEC.laws)))
    network = nn.Sequential(_body(SPEC.frames), head).to(memory_format=torch.channels_last)
    return nn.ModuleDict({"classifier": network})


def _train_classifier(networks: nn.ModuleDict, batches: Batches) -> Iterator[float]:
    network = networks["classifier"]
    optimizer = _Optimizer(network, CLASSIFICATION_STEPS, 3e-3, 0.05)
    for video, label in batches:
        yield optimizer.step(functional.cross_entropy(network(video[:, :, 0]), label))


def _score_classifier(
    networks: nn.ModuleDict, source: ClipSource, clips: int, known: int
) -> dict[str, Any]:
    right = 0
    for first in range(0, clips, BATCH):
        batch = source.batch(range(first, min(first + BATCH, clips)))
        named = networks["classifier"](_on_unit(batch["video"])[:, :, 0]).argmax(1)
        right += int((named == torch.from_numpy(batch["label"])).sum())
    return {"accuracy": right / clips, "test_clips": clips}


# ---- prediction


def _predictor() -> nn.ModuleDict:
    coming = SPEC.frames - GIVEN
    pixels = coming * SPEC.height * SPEC.width
    head = nn.Sequential(
        *(nn.Linear(1536, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()),
        *(nn.Linear(256, pixels), nn.Unflatten(1, (coming, 1, SPEC.height, SPEC.width))),
    )
    network = nn.Sequential(_body(GIVEN), head).to(memory_format=torch.channels_last)
    return nn.ModuleDict({"predictor": network})


def _train_predictor(networks: nn.ModuleDict, batches: Batches) -> Iterator[float]:
    network = networks["predictor"]
    optimizer = _Optimizer(network, PREDICTION_STEPS, 2e-3, 0.01)
    for video, _ in batches:
        made = network(video[:, :GIVEN, 0])
        yield optimizer.step(_error(made, video[:, GIVEN:]))


def _score_predictor(
    networks: nn.ModuleDict, source: ClipSource, clips: int, known: int
) -> dict[str, Any]:
    def predict(video: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _as_bytes(networks["predictor"](_on_unit(video)[:, :, 0]))

    score = evaluate_predictor(predict, source, given=GIVEN, clips=clips, splits=())[source.split]
    ways = {
        name: float(np.mean([figure.value for figure in getattr(score, name)]))
        for name in ("position_px", "constant_velocity_px", "real_position_px")
    }
    return {
        "error_px": ways["position_px"],
        "constant_velocity_px": ways["constant_velocity_px"],
        "tracking_px": ways["real_position_px"],
        "test_clips": clips,
        "score": scores_json(score),
    }


# ---- generation

_WIDTH = 256
_LATENTS = 4
_LATENT_NOISE = 0.003
_NOISES = 4
"""That the generator is trained on with each clip."""
_SAMPLING_STEPS = 40


def _mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class _Autoencoder(nn.Module):
    """Single frames, (..., H W): the centre of brightness and two learned numbers; each pixel is
    painted from its place relative to that centre and these numbers, as if by a spatial broadcast
    decoder (Watters et al., 2019)."""

    def __init__(self, side: int, width: int = 24) -> None:
        super().__init__()
        line = (torch.arange(side) + 0.5) / side * 2 - 1
        self.register_buffer("grid", torch.cartesian_prod(line, line).flip(1))
        self.more, self.what = _mlp(side**2, 128, _LATENTS - 2), nn.Linear(_LATENTS - 2, width)
        self.place, self.paint = nn.Linear(2, width, bias=False), _mlp(width, width, 1)
        # So large that edges can be sharp from the beginning.
        nn.init.uniform_(self.place.weight, -17, 17)

    def latents(self, video: Tensor) -> Tensor:
        """(B, T, 1, H, W) -> (B, T D)."""
        return self._coded(video.flatten(2)).flatten(1)

    def logits(self, latents: Tensor) -> Tensor:
        """(B, T D) -> (B, T, 1, H, W)."""
        painted = self._painted(latents.unflatten(1, (SPEC.frames, _LATENTS)))
        return painted.unflatten(2, (1, SPEC.height, SPEC.width))

    def loss(self, frames: Tensor) -> Tensor:
        latents = self._coded(frames)
        return _error(self._painted(latents + _LATENT_NOISE * torch.randn_like(latents)), frames)

    def _coded(self, frames: Tensor) -> Tensor:
        where = frames / frames.sum(-1, keepdim=True) @ self.grid
        return torch.cat([where, self.more(frames)], -1)

    def _painted(self, latents: Tensor) -> Tensor:
        where, what = latents[..., None, :2], self.what(latents[..., None, 2:])
        near = functional.silu(self.place(self.grid - where) + what)
        painted: Tensor = self.paint(near).squeeze(-1)
        return painted


class _Flow(nn.Module):
    """The velocity of flow matching: an MLP over the latents of all frames at once, (B, D)."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, 5, 8)))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.first = nn.Linear(size + 16, _WIDTH)
        self.classes = nn.Embedding(classes, _WIDTH)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(_WIDTH),
                nn.Linear(_WIDTH, 2 * _WIDTH),
                nn.GELU(),
                nn.Linear(2 * _WIDTH, _WIDTH),
            )
            for _ in range(3)
        )
        self.last = nn.Linear(_WIDTH, size)

    def forward(self, at: Tensor, time: Tensor, label: Tensor) -> Tensor:
        angle = time[:, None] * self.frequencies
        hidden = self.first(torch.cat([at, angle.sin(), angle.cos()], 1)) + self.classes(label)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        velocity: Tensor = self.last(hidden)
        return velocity


def _generator() -> nn.ModuleDict:
    flow = _Flow(SPEC.frames * _LATENTS, len(SPEC.laws))
    return nn.ModuleDict({"autoencoder": _Autoencoder(SPEC.height), "flow": flow})


def _train_generator(networks: nn.ModuleDict, batches: Batches) -> Iterator[float]:
    coder, flow = networks["autoencoder"], networks["flow"]
    optimizer = _Optimizer(coder, AUTOENCODER_STEPS, 8e-3, 0.01)
    for _ in range(AUTOENCODER_STEPS):
        video, _ = next(batches)
        some = torch.randint(SPEC.frames, video.shape[:1])
        yield optimizer.step(coder.loss(video.flatten(2)[torch.arange(len(video)), some]))
    held: list[Tensor] = []
    optimizer = _Optimizer(flow, FLOW_STEPS, 2e-3, 0.01)
    for video, label in batches:
        with torch.no_grad():
            latents = coder.latents(video)
        if len(held) * BATCH < _MEASURED_CLIPS:
            held.append(latents)
            flow.mean, flow.spread = torch.cat(held).mean(0), torch.cat(held).std(0) + 1e-6
        data = ((latents - flow.mean) / flow.spread).repeat(_NOISES, 1)
        noise, time = torch.randn_like(data), torch.rand(len(data))
        at = noise + time[:, None] * (data - noise)
        velocity = flow(at, time, label.repeat(_NOISES))
        yield optimizer.step((velocity - (data - noise)).square().mean())


def _sampled(flow: nn.Module, label: Tensor) -> Tensor:
    """Latents (B, T D), by Heun's method from noise at time 0 to data at time 1."""
    at, width = torch.randn(len(label), len(flow.mean)), 1 / _SAMPLING_STEPS
    for step in range(_SAMPLING_STEPS):
        time = torch.full((len(label),), step * width)
        here = flow(at, time, label)
        there = flow(at + width * here, time + width, label)
        at = at + width / 2 * (here + there)
    return at * flow.spread + flow.mean


def _score_generator(
    networks: nn.ModuleDict, source: ClipSource, clips: int, known: int
) -> dict[str, Any]:
    coder = networks["autoencoder"]

    def reconstruct(video: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _as_bytes(coder.logits(coder.latents(_on_unit(video))))

    def sample(label: NDArray[np.int64]) -> NDArray[np.float32]:
        return _as_bytes(coder.logits(_sampled(networks["flow"], torch.from_numpy(label))))

    kept = evaluate_tokenizer(reconstruct, source, clips=clips, splits=())[source.split]
    made = evaluate_generator(sample, source, clips=clips, training_clips=known)
    return {
        "law_agreement": made.law_agreement.value,
        "memorized": made.memorized.value,
        "autoencoder_law": kept.law_retention.value,
        "autoencoder_px": kept.position_px.value,
        "test_clips": clips,
        "score": scores_json(made),
    }


CLASSIFICATION_STEPS = 1600
PREDICTION_STEPS = 1600
AUTOENCODER_STEPS = 500
FLOW_STEPS = 2300

TASKS = {
    task.name: task
    for task in (
        Task(
            *("classification", CLASSIFICATION_STEPS, "accuracy"),
            *(_classifier, _train_classifier, _score_classifier),
            ("cross-entropy", "AdamW, peak learning rate 3e-3, weight decay 0.05"),
        ),
        Task(
            *("prediction", PREDICTION_STEPS, "error_px"),
            *(_predictor, _train_predictor, _score_predictor),
            (
                f"{GIVEN} frames to the other {SPEC.frames - GIVEN}",
                f"cross-entropy, times 1 + {_OBJECT_WEIGHT:g} x brightness",
                "AdamW, peak learning rate 2e-3, weight decay 0.01",
            ),
        ),
        Task(
            *("generation", AUTOENCODER_STEPS + FLOW_STEPS, "law_agreement"),
            *(_generator, _train_generator, _score_generator),
            (
                f"an autoencoder of single frames, {AUTOENCODER_STEPS} steps, one frame of each "
                f"clip; {_LATENTS} latents a frame, noise {_LATENT_NOISE:g} on them",
                f"its loss: cross-entropy, times 1 + {_OBJECT_WEIGHT:g} x brightness; AdamW, peak "
                "learning rate 8e-3, weight decay 0.01",
                f"then flow matching over the latents of all frames, {FLOW_STEPS} steps, "
                f"{_NOISES} noises for each clip; AdamW, peak learning rate 2e-3, weight decay "
                f"0.01; {_SAMPLING_STEPS} steps of Heun's method",
            ),
        ),
    )
}
