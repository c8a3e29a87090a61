"""The Trainer of transformers, one or more processes: what each of them is shown in two epochs.

Arguments: the folder for the results, the number of workers.
"""

import sys
from pathlib import Path

import torch
from transformers import Trainer, TrainingArguments

from trajdata import ClipSource, Output, TrajectoryDataset, preset

LENGTH, BATCH = 24, 3


class Model(torch.nn.Module):
    def __init__(self, folder, rank):
        super().__init__()
        self.folder, self.rank = folder, rank
        self.layer = torch.nn.Linear(1, 4)

    def forward(self, pixel_values, labels, index):
        with open(self.folder / f"{self.rank}.txt", "a") as file:
            print(*index.tolist(), file=file)
        logits = self.layer(pixel_values.flatten(1).mean(1, keepdim=True))
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def main(folder, workers):
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    output = Output(dtype="float32", names={"video": "pixel_values", "label": "labels"})
    dataset = TrajectoryDataset(source, length=LENGTH, collate_size=BATCH, output=output)
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=BATCH,
        num_train_epochs=2,
        dataloader_num_workers=workers,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )
    model = Model(folder, arguments.process_index)
    Trainer(model=model, args=arguments, train_dataset=dataset).train()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
