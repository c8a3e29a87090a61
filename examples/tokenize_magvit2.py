"""A tokenizer of magvit2-pytorch, trained by its own trainer on live clips; does it keep the law?

    python examples/tokenize_magvit2.py

The trainer shuffles and splits its dataset, so it is given a map-style one, and its own checkpoints
carry the training over a stop. Reconstruction only: GAN and perceptual loss are off, as the latter
would download the weights of a network. The loss is magvit2-pytorch's plain squared error, to which
an object of a hundredth of the pixels matters little for a long time.
"""

import json
import math
import time
from pathlib import Path

import torch
from magvit2_pytorch import VideoTokenizer, VideoTokenizerTrainer
from training import DEVICE, begin, finish, write

import trajdata
from trajdata.scoring import draw_scores, evaluate_tokenizer, scores_json

LEVELS = (8, 5, 5, 5)
"""Of the finite scalar quantization: a codebook of 1,000."""
SETTINGS = {"learning_rate": 3e-3, "warmup_steps": 50, "max_grad_norm": 1.0}
AVERAGE = {"beta": 0.99, "update_every": 1, "update_after_step": 50}
"""The moving average of the weights, which is scored, forgets within some hundred steps."""
CLIPS = 1_000_000
"""In the trainer's dataset. Nothing is rendered before it is asked for, so a clip that is shown is
most likely one that was not shown before, whatever the trainer's order is."""


class Trainer(VideoTokenizerTrainer):
    """magvit2-pytorch's trainer, whose checkpoints are whole, and which says how far it is."""

    def follow(self, options):
        """Go on from the newest checkpoint, if there is one, and save every so many seconds."""
        self.options, self.loss = options, math.nan
        self.spent = {"seconds": 0.0, "cpu_seconds": 0.0}  # in all runs
        self.clocks = self.saved = time.monotonic(), time.process_time()
        self.file, self.beside = options.out / "checkpoint.pt", options.out / "spent.json"
        if self.file.exists():
            self.load(self.file)
            self.loss, self.spent = json.loads(self.beside.read_text("utf-8"))
        # The trainer shuffles by torch's seed: with the same one, it would show the same clips.
        torch.manual_seed(options.seed + self.step)

    def log(self, **figures):
        """Called by the trainer in each step, before it counts the step, and in validation."""
        if "recon_loss" not in figures:
            return
        found = figures["recon_loss"]
        self.loss = found if math.isnan(self.loss) else self.loss + 0.02 * (found - self.loss)
        if time.monotonic() - self.saved[0] >= self.options.save_seconds:
            self.keep()

    def keep(self):
        """A checkpoint, and a line on how far it is."""
        now = time.monotonic(), time.process_time()
        for name, before, after in zip(self.spent, self.clocks, now, strict=True):
            self.spent[name] += after - before
        self.clocks = self.saved = now
        kept = json.dumps([self.loss, self.spent])
        write(self.beside, lambda path: path.write_text(kept, "utf-8"))
        self.save(self.file)
        line = f"step {self.step:,} of {self.num_train_steps:,}, loss {self.loss:.4f}, "
        line += f"{self.spent['seconds']:.0f} s"
        write(self.options.out / "PROGRESS.txt", lambda path: path.write_text(line + "\n", "utf-8"))
        print(line, flush=True)

    def save(self, path, overwrite=True):
        """Whole or not at all."""
        write(Path(path), lambda temporary: super(Trainer, self).save(temporary, overwrite))

    def print(self, message):
        """Nothing: the trainer would say something in every step."""


def tokenizer():
    """9 x 32 x 32 pixels become 5 x 8 x 8 tokens."""
    return VideoTokenizer(
        image_size=32,
        init_dim=16,
        input_conv_kernel_size=(3, 3, 3),
        layers=(
            ("compress_space", 32),
            "residual",
            ("compress_space", 64),
            ("compress_time", 64),
            "residual",
        ),
        use_fsq=True,
        fsq_levels=list(LEVELS),
        use_gan=False,
        perceptual_loss_weight=0.0,
        # Never used, but it is made, and is in every checkpoint.
        discr_kwargs={"dim": 8, "image_size": 32, "channels": 3, "max_dim": 16},
    )


def main():
    options = begin(__doc__, "tokenize_magvit2", clips=8_000, batch=8)
    spec = trajdata.preset("magvit2-32")
    output = trajdata.Output(layout="CTHW", dtype="float32", as_tensor="video")
    train = trajdata.ClipSource(spec, options.seed)
    trainer = Trainer(
        tokenizer(),
        dataset=trajdata.TrajectoryMapDataset(train, length=CLIPS, output=output),
        batch_size=options.batch,
        num_train_steps=max(1, options.clips // options.batch),
        valid_frac=1000 / CLIPS,
        checkpoint_every_step=2**40,  # by the clock, not by steps: see `log`
        validate_every_step=200,
        checkpoints_folder=options.out,
        results_folder=options.out,
        ema_kwargs=AVERAGE,
        **SETTINGS,
    )
    trainer.follow(options)
    trainer.train()
    trainer.keep()
    network = trainer.ema_tokenizer.to(DEVICE).eval()

    @torch.no_grad()
    def reconstruct(video):
        floats = torch.from_numpy(video).to(DEVICE).transpose(1, 2) / 255
        return (255 * network(floats).transpose(1, 2).clamp(0, 1)).cpu().numpy()

    val = trajdata.ClipSource(spec, options.seed, split="val")
    scores = evaluate_tokenizer(reconstruct, val, clips=options.test_clips)
    print(f"law kept in {scores['val'].law_retention.value:.1%}")

    tokens = network.tokenize(torch.zeros(1, 3, 9, 32, 32, device=DEVICE)).numel()
    bits = round(tokens * math.log2(math.prod(LEVELS)))
    found = {"preset": "magvit2-32", "tokens": tokens, "bits_per_clip": bits, **SETTINGS}
    found |= {"parameters": sum(p.numel() for p in network.parameters())}
    found |= {"training_clips": trainer.step * options.batch, "loss": trainer.loss}
    found |= {name: round(seconds, 1) for name, seconds in trainer.spent.items()}
    found["scores"] = scores_json(scores)
    finish("tokenize_magvit2", spec, options, found, lambda path: draw_scores(scores, path))


if __name__ == "__main__":
    main()
