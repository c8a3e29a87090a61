"""Does a tokenizer keep the motion? FSQ autoencoders of several codebook sizes, scored by the law.

    python examples/tokenize_fsq.py

Finite scalar quantization (Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", ICLR
2024) rounds each channel of the latents to one of a few levels; the codebook is their product. The
first size is trained from scratch. Each other begins with the weights of the first, where they fit,
and is trained on a quarter of the clips.
"""

import math

import torch
import torch.nn.functional as F
from fsq import Autoencoder
from matplotlib.figure import Figure
from training import DEVICE, Training, begin, finish

import trajdata
from trajdata.scoring import evaluate_tokenizer, scores_json

SIZES = ((8, 8, 8, 8, 8, 8), (8, 8, 8, 8), (8, 8), (4, 4), (4,))
"""Levels of each channel."""
LATER = 4
"""Into how many parts the clips are divided for sizes after the first."""
RATE = 2e-3
OUTPUT = trajdata.Output(layout="CTHW", dtype="float32", value_range=(0, 1), as_tuple=("video",))


@torch.no_grad()
def through_tokens(network, video):
    """uint8 (B, T, C, H, W) -> the same from its tokens: what ``evaluate_tokenizer`` calls."""
    floats = torch.from_numpy(video).to(DEVICE).transpose(1, 2) / 255
    made = network.decode(network.encode(floats)).transpose(1, 2)
    return (255 * made).round().byte().cpu().numpy()


def draw(rows, path):
    """Law retention and error of place against bits, beside those of the real clips."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    law, place = figure.subplots(1, 2)
    bits = [row["bits_per_clip"] for row in rows]
    for axes, name, label, style in (
        (law, "real_law", "the clips themselves", "--"),
        (law, "law_retention", "reconstructions", "o-"),
        (law, "shuffled_law", "shuffled frames", ":"),
        (place, "position_px", "reconstructions", "o-"),
        (place, "real_position_px", "the clips themselves", "--"),
    ):
        values = [row["scores"]["val"][name]["value"] for row in rows]
        axes.plot(bits, values, style, label=label)
        axes.set(xlabel="bits per clip", xticks=bits)
        axes.legend(fontsize=8)
    law.set(ylabel="clips whose law can be read back", ylim=(0, 1.02))
    place.set(ylabel="error of place, pixels", yscale="log")
    figure.savefig(path, dpi=120, format="png")


def main():
    options = begin(__doc__, "tokenize_fsq", clips=24_000)
    spec = trajdata.preset("magvit-32")
    train = trajdata.ClipSource(spec, options.seed)
    val = trajdata.ClipSource(spec, options.seed, "val")
    tokens = spec.frames // 2 * (spec.height // 8) * (spec.width // 8)
    rows, before = [], {}
    for levels in SIZES:
        torch.manual_seed(options.seed)  # here, so that the weights are the same after a resume
        network = Autoencoder(spec.channels, levels)
        own = network.state_dict()
        own |= {name: held for name, held in before.items() if held.shape == own[name].shape}
        network.load_state_dict(own)
        name, clips = "x".join(map(str, levels)), options.clips // (LATER if before else 1)
        training = Training(name, network, options, rate=RATE, clips=clips)
        for (video,) in training.batches(train, OUTPUT):
            training.step(F.binary_cross_entropy_with_logits(network(video), video))
        before = before or network.eval().state_dict()
        scores = evaluate_tokenizer(
            lambda video, network=network: through_tokens(network, video),
            val,
            clips=options.test_clips,
            splits=("ood-speed",),
        )
        bits = round(tokens * math.log2(network.fsq.size))
        row = {"levels": list(levels), "codebook": network.fsq.size, "bits_per_clip": bits}
        rows.append({**row, **training.figures(), "scores": scores_json(scores)})
        kept, off = scores["val"].law_retention.value, scores["val"].position_px.value
        print(
            f"{name}: {bits} bits a clip, law kept in {kept:.1%}, places {off:.2f} px off",
            flush=True,
        )
    found = {"preset": "magvit-32", "tokens": tokens, "sizes": rows}
    finish("tokenize_fsq", spec, options, found, lambda path: draw(rows, path))


if __name__ == "__main__":
    main()
