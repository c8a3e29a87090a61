"""One process under accelerate: what it is shown in two epochs, or what it is told instead.

Arguments: the folder for the results, then the settings as JSON.
"""

import json
import sys
from pathlib import Path

from accelerate import Accelerator, DataLoaderConfiguration
from torch.utils.data import DataLoader

from trajdata import ArgumentError, ClipSource, TrajectoryDataset, preset


def main(folder, settings):
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    accelerator = Accelerator(
        cpu=True,
        dataloader_config=DataLoaderConfiguration(
            dispatch_batches=settings["dispatch"], split_batches=settings.get("split", False)
        ),
    )
    dataset = TrajectoryDataset(source, **settings["dataset"])
    loader = DataLoader(dataset, **settings["loader"])
    if settings.get("prepare", True):
        loader = accelerator.prepare(loader)
    found = {"ranks": accelerator.num_processes}
    try:
        found["len"] = len(loader)
        found["epochs"] = [
            [batch["index"].tolist() for batch in loader] for _ in range(settings.get("epochs", 2))
        ]
    except ArgumentError as error:
        found["error"] = str(error)
    (folder / f"{accelerator.process_index}.json").write_text(json.dumps(found))
    if "error" not in found:
        accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
