"""Who is measured, and how each is used."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "LIVE", "PEERS", "STORED", "Peer"]


@dataclass(frozen=True)
class Peer:
    """One row of the table.

    Attributes:
        name: as it is shown.
        module: the file in this folder that serves it.
        note: how it is used, for the reader of the table.
        arguments: of the module.
        against: the row of trajdata that it is compared with.
        environment: the name of its requirements file; empty: it runs in this interpreter.
        without_dependencies: requirements that are installed after the file, and alone.
    """

    name: str
    module: str
    note: str
    arguments: tuple[str, ...] = ()
    against: str = "trajdata"
    environment: str = ""
    without_dependencies: tuple[str, ...] = ()


STORED = Peer(
    "trajdata",
    "trajdata_peer.py",
    "Shards through open_shards and TrajectoryDataset. Writing is materialize with 2 threads, and "
    "includes rendering the clips, hashing and fsync; the others are given clips that are ready "
    "and sync nothing.",
    arguments=("stored",),
)
LIVE = Peer(
    "trajdata, live",
    "trajdata_peer.py",
    "Nothing is stored: every clip is rendered when it is loaded, and never seen before.",
    arguments=("live",),
)
LIMITS = Peer(
    "limits",
    "limits_peer.py",
    "The bytes of one batch filled, and copied, again and again in the same place.",
)
PEERS = (
    STORED,
    LIVE,
    Peer(
        "webdataset",
        "webdataset_peer.py",
        "ShardWriter, shards of 64 MiB, the video as raw bytes; WebDataset, batched in the "
        "pipeline, WebLoader. Shuffled: the shards, and a buffer of 1,000 clips.",
        arguments=("video.bin",),
    ),
    Peer(
        "webdataset, .npy",
        "webdataset_peer.py",
        "The same with the video as a .npy member, which webdataset encodes and decodes itself, "
        "as it does trajdata's shards.",
        arguments=("video.npy",),
    ),
    Peer(
        "litdata",
        "litdata_peer.py",
        "optimize with 2 forked processes and chunks of 64 MB, the video as raw bytes; "
        "StreamingDataset and StreamingDataLoader on a local folder.",
        arguments=("bytes",),
        environment="litdata",
    ),
    Peer(
        "litdata, arrays",
        "litdata_peer.py",
        "The same with the video as a NumPy array, which litdata encodes and decodes itself, and "
        "the loader's own batches.",
        arguments=("array",),
        environment="litdata",
    ),
    Peer(
        "HF datasets",
        "datasets_peer.py",
        "Dataset.from_generator and save_to_disk, the video in a binary column; whole batches "
        "through a BatchSampler and with_transform.",
    ),
    Peer(
        "MosaicML streaming",
        "streaming_peer.py",
        "MDSWriter, shards of 64 MiB, the video as raw bytes; StreamingDataset and "
        "StreamingDataLoader on a local folder. Installed without the SDKs of the clouds.",
        environment="streaming",
        without_dependencies=("mosaicml-streaming==0.13.0",),
    ),
    Peer(
        "by hand, OpenCV",
        "handwritten_peer.py",
        "A map-style dataset that renders a clip per index with cv2.circle, and the DataLoader's "
        "own batches; its clips are simpler than trajdata's. Writing renders all clips and saves "
        "one .npz.",
        against=LIVE.name,
        environment="handwritten",
    ),
)
