"""Several processes train one network."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from multiscope.config import encoder_section_from
from multiscope.errors import InputError
from multiscope.folders.parts import Part
from multiscope.localize.stage import run as localize
from multiscope.training.ranks import ALONE, Place, Ranks, SharedRng, own_part, started_ranks
from tests.forks import Forks, Running

RELATIVE = 1e-4
"""How far a loss may be from that of one process: sums of floats are split in other ways."""
NAMES = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "LOCAL_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
DEEPLOC = "{model: deeploc, width: 0.125, dense: 16, dropout: 0, epochs: 3, batch_size: 9, lr: 0.0001, rotation: 20}"
AUTOENCODER = "{model: autoencoder, width: 0.125, latent: 8, epochs: 2, batch_size: 9, lr: 0.0001}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("said")) as found:
        yield found


def begin(forks: Forks, crops: Path, out: Path, config: str, *, ranks: int) -> list[Running]:
    """Start the processes as torchrun does."""
    command = ["localize", "--device", "cpu", "--encoder", "net", "--seed", "3"]
    command += ["--crops", str(crops), "--out", str(out), "--config", config]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    return [forks.begin(command, **shared, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(ranks)]


def end(processes: Sequence[Running]) -> list[tuple[int, str]]:
    ended = [process.end() for process in processes]
    return [(each.code, each.said) for each in ended]


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("config", [DEEPLOC, AUTOENCODER], ids=["deeploc", "autoencoder"])
def test_two_processes_have_the_loss_curve_of_one(forks: Forks, tiny_crops: Path, tmp_path: Path, config: str) -> None:
    ended = end(begin(forks, tiny_crops, tmp_path / "one", config, ranks=1))
    ended += end(begin(forks, tiny_crops, tmp_path / "two", config, ranks=2))
    assert [code for code, _ in ended] == [0, 0, 0], ended
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert [row["split"] for row in one] == [row["split"] for row in two]
    for mine, other in zip(one, two, strict=True):
        assert mine["loss"] == pytest.approx(other["loss"], rel=RELATIVE)
    weights, others = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert weights.keys() == others.keys()
    notes = json.loads((tmp_path / "two" / "manifest.json").read_text())["notes"]
    assert notes["ranks"] == 2 and not (tmp_path / "two.state").exists()


@pytest.mark.slow
def test_two_processes_that_are_stopped_go_on_together(forks: Forks, tiny_crops: Path, tmp_path: Path) -> None:
    longer = DEEPLOC.replace("epochs: 3", "epochs: 12")
    assert [code for code, _ in end(begin(forks, tiny_crops, tmp_path / "whole", longer, ranks=2))] == [0, 0]
    cut = begin(forks, tiny_crops, tmp_path / "cut", longer, ranks=2)
    epochs = tmp_path / "cut.state" / "epochs"
    deadline = time.monotonic() + 120
    while not (epochs.is_dir() and len(list(epochs.iterdir())) >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(cut[1].pid, signal.SIGTERM)  # one hears of it, both stop at the same step
    (first, said), (second, words) = end(cut)
    assert (first, second) == (1, 1)
    assert "stopped by a signal to another process" in said and "stopped by SIGTERM" in words
    (first, said), (second, words) = end(begin(forks, tiny_crops, tmp_path / "cut", longer, ranks=2))
    assert (first, second) == (0, 0) and "resumed at step" in said and "resumed" not in words
    assert "deprecated" not in said + words
    whole, again = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


@pytest.mark.slow
def test_one_that_is_killed_ends_the_other_with_a_line(forks: Forks, tiny_crops: Path, tmp_path: Path) -> None:
    longer = AUTOENCODER.replace("epochs: 2", "epochs: 400")
    both = begin(forks, tiny_crops, tmp_path / "out", longer, ranks=2)
    deadline = time.monotonic() + 120
    while not (tmp_path / "out.state" / "state.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(both[1].pid, signal.SIGKILL)
    (first, said), (second, _) = end(both)
    assert (first, second) == (1, -signal.SIGKILL)
    assert "multiscope: another process of this training ended" in said and "Traceback" not in said
    assert (tmp_path / "out.state" / "state.pt").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("config", ["{model: cytoself}", "{model: deeploc, class_weights: true}"])
def test_what_is_the_work_of_one_process_says_so(environment: pytest.MonkeyPatch, tmp_path: Path, config: str) -> None:
    """Before it reads anything, or waits for the other one, which is not there."""
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "0"}.items():
        environment.setenv(name, value)
    places = {name: tmp_path / name for name in ("crops", "out", "state")}
    with pytest.raises(InputError, match=r"net: 2 processes were started, and a '\w+' set so is the work of one"):
        localize(**places, encoder="net", config=encoder_section_from(config, encoder="net"), seed=0, device="cpu")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Variables of this process that are as before after the test."""
    for name in [*NAMES, *(name for name in os.environ if name.startswith("SLURM_"))]:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_step_of_slurm_has_ranks(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_TASKS_PER_NODE": "2(x3)", "SLURM_STEP_NODELIST": "gpu[07-09]",
        "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NODEID": "1", "SLURM_JOB_ID": "123456", "SLURM_STEP_ID": "2",
    }.items():  # fmt: skip
        environment.setenv(name, value)
    found = started_ranks()
    assert found == Ranks(3, 6, 2) and found.nodes == 3 and not found.is_first
    assert (os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"], os.environ["LOCAL_RANK"]) == ("gpu07", "27874", "1")


def test_processes_of_one_node_need_not_know_its_name(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_STEP_NODELIST": "nowhere",
        "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0",
    }.items():  # fmt: skip
        environment.setenv(name, value)
    assert started_ranks() == Ranks(1, 2, 2) and os.environ["MASTER_ADDR"] == "127.0.0.1"


def test_a_part_is_that_of_the_rank_or_the_one_that_is_named(environment: pytest.MonkeyPatch) -> None:
    assert own_part(None) == Part(1, 1) and own_part(Part(2, 3)) == Part(2, 3)
    for name, value in {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4", "RANK": "2"}.items():
        environment.setenv(name, value)
    assert own_part(None) == Part(3, 4)
    with pytest.raises(InputError, match="--part: names one part, but 4 processes were started"):
        own_part(Part(2, 3))


def test_a_batch_script_without_srun_is_one_process(environment: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "1"}.items():
        environment.setenv(name, value)
    assert started_ranks() == ALONE


@pytest.mark.parametrize("on_nodes", ["2,1", "3(x2),1"])
def test_nodes_with_different_numbers_of_processes_are_refused(environment: pytest.MonkeyPatch, on_nodes: str) -> None:
    environment.setenv("SLURM_STEP_NUM_TASKS", "3")
    environment.setenv("SLURM_STEP_TASKS_PER_NODE", on_nodes)
    with pytest.raises(InputError, match="set --ntasks-per-node"):
        started_ranks()


@given(st.integers(0, 50), st.integers(1, 6))
def test_ranks_share_all_and_nothing_twice(n: int, size: int) -> None:
    shares = [range(n)[Ranks(number, size).share(n)] for number in range(size)]
    assert [k for share in shares for k in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 99))
def test_a_sample_gets_its_random_numbers_in_whichever_process(n: int, size: int, seed: int) -> None:
    def parts(draw: str) -> np.ndarray:
        found = []
        for number in range(size):
            mine = Ranks(number, size).share(n)
            rng = SharedRng(np.random.default_rng(seed), Place(mine.start, mine.stop - mine.start, n))
            k = mine.stop - mine.start
            found.append(rng.random(k) if draw == "random" else rng.uniform(-1, 1, (k, 2)))
        return np.concatenate(found)

    whole = np.random.default_rng(seed)
    assert np.array_equal(parts("random"), whole.random(n))
    assert np.array_equal(parts("uniform"), np.random.default_rng(seed).uniform(-1, 1, (n, 2)))
