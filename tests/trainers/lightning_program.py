"""Lightning with two processes: what each of them is shown in two epochs.

Arguments: the folder for the results, where the loader is made ("before" fit, or in the "module"),
and the number of workers. Lightning starts the second process with the same arguments.
"""

import sys
from pathlib import Path

import lightning
import torch
from torch.utils.data import DataLoader

from trajdata import ClipSource, Output, TrajectoryDataset, preset

LENGTH, BATCH = 24, 3


def loader(workers):
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    dataset = TrajectoryDataset(
        source, length=LENGTH, batch_size=BATCH, output=Output(dtype="float32")
    )
    return DataLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0)


class Data(lightning.LightningDataModule):
    def __init__(self, workers):
        super().__init__()
        self.workers = workers

    def train_dataloader(self):
        return loader(self.workers)


class Model(lightning.LightningModule):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        with open(self.folder / f"{self.global_rank}.txt", "a") as file:
            print(self.current_epoch, *batch["index"].tolist(), file=file)
        return self.layer(batch["video"].mean().reshape(1, 1)).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def main(folder, where, workers):
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=2,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    if where == "before":
        trainer.fit(Model(folder), loader(workers))
    else:
        trainer.fit(Model(folder), datamodule=Data(workers))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
