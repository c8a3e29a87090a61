"""torchrun, with as many ranks as it began with or with fewer: every clip once in an epoch."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess

import psutil
import pytest

from tests.patience import SECONDS, until
from tests.trainers.launching import command, run, surroundings
from trajdata import ClipSource, TrajectoryDataset, preset

pytestmark = pytest.mark.slow

PROGRAM = "torchrun_program.py"
STEP_SECONDS = 0.2
"""Of the elastic test: the kill then falls into an epoch."""
LATE_SECONDS = 5
"""For how long two nodes that have met wait for a third one."""


def shown(folder):
    """All batches that were trained on, in order: without those of a round that were later than the
    checkpoint with which the next round went on."""
    lines = [
        json.loads(line)
        for path in folder.glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    rounds = sorted({line["round"]: line["since"] for line in lines}.items())
    ends = {this: end for (this, _), (_, end) in itertools.pairwise(rounds)}
    kept = [
        line
        for line in lines
        if [line["epoch"], line["consumed"]] < ends.get(line["round"], [2, 0])
    ]
    return sorted(kept, key=lambda line: (line["epoch"], line["consumed"], line["rank"]))


def clips(batches):
    return [clip for batch in batches for clip in batch["clips"]]


def due():
    """The clips of two epochs in the order of one rank alone."""
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    found = []
    for epoch in range(2):
        data = TrajectoryDataset(source, length=48, batch_size=48, shuffle=True, epoch=epoch)
        found += next(iter(data))["index"].tolist()
    assert sorted(found) == list(range(96))
    return found


@pytest.mark.parametrize("ranks", [2, 3])
def test_torchrun_shows_every_clip_once_though_the_dataset_is_older_than_the_ranks(tmp_path, ranks):
    code, output = run(PROGRAM, tmp_path, -1, 0, ranks=ranks)
    assert code == 0, output
    batches = shown(tmp_path)
    assert {batch["ranks"] for batch in batches} == {ranks}
    assert clips(batches) == due()


def test_a_new_launch_with_fewer_ranks_goes_on_with_the_clips_that_are_left(tmp_path):
    code, output = run(PROGRAM, tmp_path, 2, 0, ranks=3)
    assert code != 0
    # The checkpoint says that 3 batches of 2 clips of 3 ranks are consumed.
    assert json.loads((tmp_path / "state.json").read_text()) == {"epoch": 0, "start": 18}, output
    code, output = run(PROGRAM, tmp_path, -1, 0, ranks=2)
    assert code == 0, output
    assert clips(shown(tmp_path)) == due()


# Elastic restart


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def of_the_test(folder):
    """The processes, but this one, that were started with this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and str(folder) in process.cmdline():
                found.append(process)
    return found


@pytest.fixture
def agents(tmp_path):
    """Three agents of torchrun for two or three nodes, the first one with the store by which they
    meet; none of their processes is left behind.

    Workers do not share the agents' store: a second round would find the addresses of the first
    one there, and wait for ranks that are gone.
    """
    started, port = [], free_port()
    try:
        for number in range(3):
            meeting = f"is_host={int(number == 0)},keep_alive_interval=1"
            meeting += f",last_call_timeout={LATE_SECONDS},join_timeout={SECONDS}"
            launcher = ["--nnodes=2:3", "--max-restarts=9", "--rdzv-id=elastic"]
            launcher += [f"--rdzv-endpoint=localhost:{port}", f"--rdzv-conf={meeting}"]
            with open(tmp_path / f"agent-{number}.log", "w") as log:
                started.append(
                    subprocess.Popen(
                        command(PROGRAM, tmp_path, -1, STEP_SECONDS, ranks=1, launcher=launcher),
                        **surroundings(TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1"),
                        stdout=log,
                        stderr=log,
                    )
                )
        yield started
    finally:
        for process in of_the_test(tmp_path):
            with contextlib.suppress(psutil.Error):
                process.kill()
        for agent in started:
            agent.kill()
            agent.wait(SECONDS)


def kill_node(agent):
    """As if a machine had gone: the agent and all that it started."""
    gone = [*psutil.Process(agent.pid).children(recursive=True)]
    agent.send_signal(signal.SIGKILL)
    for process in gone:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert agent.wait(SECONDS) == -signal.SIGKILL


def test_when_one_of_three_nodes_is_killed_the_others_meet_again_and_lose_and_repeat_no_clip(
    agents, tmp_path
):
    def said():
        return "\n".join(log.read_text()[-3000:] for log in sorted(tmp_path.glob("*.log")))

    def three_are_training():
        assert all(agent.poll() is None for agent in agents), said()
        return any(batch["ranks"] == 3 and batch["consumed"] >= 6 for batch in shown(tmp_path))

    until(three_are_training, "three ranks train")
    kill_node(agents[2])
    for agent in agents[:2]:
        assert agent.wait(SECONDS) == 0, said()
    batches = shown(tmp_path)
    met = [batch["ranks"] for batch in batches if batch["epoch"] == 0]
    assert met == sorted(met, reverse=True), "three ranks, and then two"
    assert set(met) == {2, 3}, "the kill did not fall into the first epoch"
    assert clips(batches) == due()
    until(lambda: not of_the_test(tmp_path), "the processes have ended")
