"""One process under accelerate: of each setting, what it is shown in two epochs, or told instead.

Arguments: the folder for the results, and a file with the settings by name, as JSON.
"""

import json
import sys
from pathlib import Path

from accelerate import Accelerator, DataLoaderConfiguration
from torch.utils.data import DataLoader

from trajdata import ArgumentError, ClipSource, TrajectoryDataset, preset


def shown(settings):
    """What this process finds, which all others look for at the same time."""
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
    accelerator.wait_for_everyone()
    return found


def main(folder, settings):
    accelerator = Accelerator(cpu=True)
    found = {name: shown(each) for name, each in settings.items()}
    (folder / f"{accelerator.process_index}.json").write_text(json.dumps(found))
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8")))
