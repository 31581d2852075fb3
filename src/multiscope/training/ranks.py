"""The processes of one training: as many as `srun` or `torchrun` started, each with its part of every batch.

Slurm's variables are those of the step (`SLURM_STEP_NUM_TASKS`), not of the job: a batch script that asked for four
tasks and did not say `srun` is one process, and must not wait for three that never come.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch import nn

from multiscope.errors import InputError, Interrupted
from multiscope.folders.parts import Part

_FIRST_PORT, _PORTS = 20000, 10000
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is."""

    number: int = 0
    size: int = 1
    local_size: int = 1
    """Processes on this node; the same on every node."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes what the training leaves."""
        return self.number == 0

    @property
    def nodes(self) -> int:
        """Machines that they run on."""
        return self.size // self.local_size

    def mean(self, losses: Mapping[str, float], share: float) -> dict[str, float]:
        """Means over the whole batch, of which this process had `share`; the same on all."""
        return dict(zip(losses, self.total([value * share for value in losses.values()]), strict=True))

    def total(self, values: list[float]) -> list[float]:
        """Sums over all processes, the same on all."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=_device())
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def any(self, flag: bool) -> bool:
        """Whether it is so on one of them at least."""
        return self.total([float(flag)])[0] > 0

    def wait(self) -> None:
        """Until all are here."""
        self.total([0.0])

    def from_first(self, value: T) -> T:
        """What the first process has for `value`: what it finds on a disk the others need not see there yet."""
        if self.size == 1:
            return value
        message = [value]
        dist.broadcast_object_list(message, src=0, device=_device())
        return message[0]

    def expect_same(self, network: nn.Module) -> None:
        """A `RuntimeError` if the weights are not the same to the bit in all processes: the first one's are kept."""
        digest = hashlib.sha256()
        for value in network.state_dict().values():
            digest.update(value.cpu().numpy().tobytes())
        if self.any(digest.digest() != self.from_first(digest.digest())):
            raise RuntimeError("the processes trained networks that differ, which is a fault of the program")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where processes wait for each other: if one of them has ended, so do the others, with one line."""
        try:
            yield
        except RuntimeError as error:
            if not _is_lost(error):
                raise
            raise Interrupted("another process of this training ended; what it said comes before this") from None
        if self.size > 1:
            dist.destroy_process_group()

    def share(self, n: int) -> slice:
        """Which of `n` things are this process's."""
        whole, rest = divmod(n, self.size)
        start = self.number * whole + min(self.number, rest)
        return slice(start, start + whole + (self.number < rest))


ALONE = Ranks()


@dataclass(frozen=True)
class Place:
    """Where the samples of one process lie in the batch of all."""

    start: int
    n: int
    whole: int
    """Samples of the batch of all."""

    @property
    def share(self) -> float:
        """Part of the batch."""
        return self.n / self.whole


class SharedRng:
    """Random numbers for a part of a batch, drawn for the whole one: a sample gets its own in whichever process."""

    def __init__(self, rng: np.random.Generator, place: Place) -> None:
        """Of `rng`, for the samples at `place`."""
        self._rng, self._place = rng, place

    def random(self, n: int) -> npt.NDArray[np.float64]:
        """`n` numbers from 0 to 1, one a sample."""
        assert n == self._place.n
        return self._mine(self._rng.random(self._place.whole))

    def uniform(self, low: float, high: float, size: int | tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Numbers from `low` to `high`; the first of `size` counts the samples."""
        n, *rest = (size,) if isinstance(size, int) else size
        assert n == self._place.n
        return self._mine(self._rng.uniform(low, high, (self._place.whole, *rest)))

    def _mine(self, drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return drawn[self._place.start : self._place.start + self._place.n]


def started_ranks() -> Ranks:
    """What `torchrun` or a step of Slurm says of this process; sets the variables that torch joins them by."""
    if "SLURM_STEP_NUM_TASKS" in os.environ and "LOCAL_WORLD_SIZE" not in os.environ:
        _set_from_slurm()
    size, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if size == 1:
        return Ranks()
    if size % local:
        raise InputError(f"{size} processes, {local} on this node; expected as many on each: set --ntasks-per-node")
    return Ranks(int(os.environ["RANK"]), size, local)


def _set_from_slurm() -> None:
    """Slurm's names of the numbers under those of torchrun."""
    size = int(os.environ["SLURM_STEP_NUM_TASKS"])
    on_nodes = os.environ.get("SLURM_STEP_TASKS_PER_NODE", "1")
    if size > 1 and "," in on_nodes:
        raise InputError(f"{on_nodes} processes on the nodes; expected as many on each: set --ntasks-per-node")
    # steps of one job may run side by side
    number = 37 * int(os.environ.get("SLURM_JOB_ID", "0")) + int(os.environ.get("SLURM_STEP_ID", "0"))
    local = on_nodes.partition("(")[0]
    os.environ |= {
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": local,
        "RANK": os.environ["SLURM_PROCID"],
        "LOCAL_RANK": os.environ["SLURM_LOCALID"],
        "GROUP_RANK": os.environ["SLURM_NODEID"],
    }
    alone = local == str(size)  # on its node: that needs no name
    first = "127.0.0.1" if alone else SLURMEnvironment.resolve_root_node_address(os.environ["SLURM_STEP_NODELIST"])
    os.environ.setdefault("MASTER_ADDR", first)
    os.environ.setdefault("MASTER_PORT", str(_FIRST_PORT + number % _PORTS))


def _device() -> torch.device:
    """Where the processes' messages lie: nccl knows GPUs alone."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


def _is_lost(error: RuntimeError) -> bool:
    """Whether a process that was waited for is gone; gloo has no exception of its own."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def own_part(given: Part | None) -> Part:
    """Which part of a work is this process's, of one that needs no messages: the one `given`, else that of its rank."""
    ranks = started_ranks()
    if given is None:
        return Part(ranks.number + 1, ranks.size)
    if ranks.size > 1:
        raise InputError(
            f"--part: names one part, but {ranks.size} processes were started, which share the work by themselves; "
            "leave it out, or start one"
        )
    return given


def only_one_process(out: Path) -> None:
    """An `InputError` where several processes were started for what one makes."""
    if (found := started_ranks()).size > 1:
        raise InputError(f"{out}: {found.size} processes were started, and this is the work of one; start one")
