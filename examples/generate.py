"""Does a generated clip obey the law that was asked for? Flow matching, conditional on the class.

    python examples/generate.py

An autoencoder of frames knows where the brightness is, and learns two more numbers. Flow matching
then learns to make the numbers of a whole clip of a class. Clips are disks of one size in shades of
gray. The networks are in ``flow_matching.py``.
"""

import numpy as np
import torch
from flow_matching import LATENTS, Autoencoder, Flow
from matplotlib.figure import Figure
from training import DEVICE, Training, begin, finish

import trajdata
from trajdata.scoring import evaluate_generator, evaluate_tokenizer, law_score, scores_json

CHANGES = {"shapes": ("disc",), "radius": (0.4, 0.4), "contrast": 0.45}
OUTPUT = trajdata.Output(dtype="float32", value_range=(0, 1), as_tuple=("video", "label"))


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
    some = coder.clips(torch.from_numpy(train.batch(range(2000))["video"]).to(DEVICE) / 255)
    flow.scale[:] = torch.stack([some.mean(0), some.std(0)])
    flowing = Training("flow", flow, options, rate=2e-3)
    for video, label in flowing.batches(train, OUTPUT):
        torch.manual_seed(flowing.done)
        flowing.step(flow.loss(coder.clips(video), label))

    def reconstruct(video):
        return coder.videos(coder.clips(torch.from_numpy(video).to(DEVICE) / 255), shape)

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
