"""One step of each trainer, with the arguments that the guide's table has for it.

Arguments: a file with the rows by the class that trains, as JSON, and the file for what was found.
All of them run in one process, as it starts slowly. `apart.py` runs it.
"""

import copy
import json
import sys
import tempfile
import traceback
from pathlib import Path

import torch
from torch.utils.data import DataLoader

import trajdata

LAWS = 4
ENCODER = {
    "image_size": 32,
    "num_frames": 8,
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "num_labels": LAWS,
}
"""A transformer as small as it can be."""
BLOCKS = (8, 8, 8, 8)
GIVEN = {
    "AutoencoderKLWan": (8, 9),
    "AutoencoderKLCogVideoX": (9, 10),
    "AutoencoderKLCosmos": (8, 9, 12),
}
"""Numbers of frames that are tried."""


def weights(model):
    return [weight.detach().clone() for weight in model.parameters()]


def has_learnt(model, before):
    return any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def one_step(model, loss_of, dataset):
    """Forward, loss, backward, optimizer, on the first batch."""
    batch = next(iter(DataLoader(dataset, batch_size=None)))
    optimizer, before = torch.optim.AdamW(model.parameters(), 1e-3), weights(model.train())
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    return {"loss": loss.item(), "learnt": has_learnt(model, before)}


def reconstruction(model, dataset):
    """A step of an autoencoder of diffusers, and how many frames it returns of how many."""

    def loss_of(model, batch):
        return torch.nn.functional.mse_loss(model(batch["video"]).sample, batch["video"])

    found = one_step(model, loss_of, dataset)
    with torch.no_grad():
        videos = [torch.zeros(1, 3, frames, 32, 32) for frames in GIVEN[type(model).__name__]]
        found["frames"] = [[v.shape[2], model(v).sample.shape[2]] for v in videos]
    return found


def wan(dataset):
    from diffusers import AutoencoderKLWan

    latents = {"z_dim": 4, "latents_mean": [0.0] * 4, "latents_std": [1.0] * 4}
    return reconstruction(AutoencoderKLWan(base_dim=8, num_res_blocks=1, **latents), dataset)


def cogvideox(dataset):
    from diffusers import AutoencoderKLCogVideoX

    model = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=BLOCKS,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=32,
        sample_width=32,
    )
    return reconstruction(model, dataset)


def cosmos(dataset):
    from diffusers import AutoencoderKLCosmos

    model = AutoencoderKLCosmos(
        encoder_block_out_channels=BLOCKS,
        decode_block_out_channels=BLOCKS,
        latent_channels=4,
        num_layers=1,
        resolution=32,
        attention_resolutions=(4,),
        latents_mean=None,
        latents_std=None,
    )
    return reconstruction(model, dataset)


def classification(model, dataset):
    return one_step(model, lambda model, batch: model(**batch).loss, dataset)


def video_mae():
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    config = VideoMAEConfig(patch_size=8, tubelet_size=2, **ENCODER)
    return VideoMAEForVideoClassification(config)


def timesformer():
    from transformers import TimesformerConfig, TimesformerForVideoClassification

    return TimesformerForVideoClassification(TimesformerConfig(patch_size=8, **ENCODER))


def vivit():
    from transformers import VivitConfig, VivitForVideoClassification

    return VivitForVideoClassification(VivitConfig(tubelet_size=[2, 8, 8], **ENCODER))


def vjepa2():
    from transformers import VJEPA2Config, VJEPA2ForVideoClassification

    config = VJEPA2Config(
        crop_size=32,
        patch_size=8,
        frames_per_clip=8,
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        mlp_ratio=1,
        num_pooler_layers=1,
        pred_hidden_size=24,
        pred_num_hidden_layers=1,
        pred_num_attention_heads=2,
        num_labels=LAWS,
    )
    return VJEPA2ForVideoClassification(config)


def magvit2(dataset):
    from magvit2_pytorch import VideoTokenizer, VideoTokenizerTrainer

    model = VideoTokenizer(
        image_size=32,
        init_dim=4,
        layers=(("compress_space", 8), ("compress_time", 8), "residual"),
        use_fsq=True,
        fsq_levels=[4, 4],
        use_gan=False,
        perceptual_loss_weight=0.0,
        discr_kwargs={"dim": 8, "image_size": 32, "channels": 3, "max_dim": 16},
    )
    before, losses = copy.deepcopy(weights(model)), []
    with tempfile.TemporaryDirectory() as folder:
        trainer = VideoTokenizerTrainer(
            model,
            dataset=dataset,
            batch_size=2,
            num_train_steps=1,
            valid_frac=0.5,
            learning_rate=1e-3,
            checkpoints_folder=folder,
            results_folder=folder,
        )
        trainer.log = lambda **figures: losses.append(figures.get("recon_loss"))
        trainer.train()
    found = {"loss": losses[0], "learnt": has_learnt(model, before)}
    try:
        model(torch.zeros(1, 3, 8, 32, 32))
    except AssertionError as error:
        found["refused"] = str(error)
    return found


def lightning(dataset):
    import lightning as framework

    class Model(framework.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(8 * 3 * 32 * 32, LAWS)
            self.losses = []

        def training_step(self, batch, _):
            video, label = batch
            loss = torch.nn.functional.cross_entropy(self.layer(video.flatten(1)), label)
            self.losses.append(loss.item())
            return loss

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters())

    model = Model()
    before = weights(model)
    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = framework.Trainer(accelerator="cpu", max_steps=1, **quiet)
    trainer.fit(model, DataLoader(dataset, batch_size=None))
    return {"loss": model.losses[0], "learnt": has_learnt(model, before)}


def hugging_face(dataset):
    from transformers import Trainer, TrainingArguments

    model = video_mae()
    before = weights(model)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=1,
            per_device_train_batch_size=2,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        ended = Trainer(model=model, args=arguments, train_dataset=dataset).train()
    return {"loss": ended.training_loss, "learnt": has_learnt(model, before)}


STEPS = {
    "VideoTokenizerTrainer": magvit2,
    "AutoencoderKLCosmos": cosmos,
    "AutoencoderKLCogVideoX": cogvideox,
    "AutoencoderKLWan": wan,
    "VideoMAEForVideoClassification": lambda dataset: classification(video_mae(), dataset),
    "TimesformerForVideoClassification": lambda dataset: classification(timesformer(), dataset),
    "VivitForVideoClassification": lambda dataset: classification(vivit(), dataset),
    "VJEPA2ForVideoClassification": lambda dataset: classification(vjepa2(), dataset),
    "lightning.Trainer": lightning,
    "transformers.Trainer": hugging_face,
}


def dataset_of(row):
    """The dataset of a row of the table, of a few clips."""
    names = {name: getattr(trajdata, name) for name in ("Output", "preset")}
    source = trajdata.ClipSource(eval(row["spec"], names), fields=("video", "label"))
    output = eval(row["output"], names)
    if row["dataset"] == "TrajectoryMapDataset":
        return trajdata.TrajectoryMapDataset(source, length=8, output=output)
    return trajdata.TrajectoryDataset(source, length=8, batch_size=2, output=output)


def main(rows, out):
    torch.set_num_threads(1)
    found = {}
    for name, step in STEPS.items():
        try:
            torch.manual_seed(0)
            found[name] = step(dataset_of(rows[name]))
        except ModuleNotFoundError as error:
            found[name] = {"missing": error.name}
        except Exception:  # of whatever kind: it is a test's failure, and the others go on
            found[name] = {"error": traceback.format_exc()[-3000:]}
    out.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
