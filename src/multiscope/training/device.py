"""Device and threads of a training or an inference job."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy

from multiscope.errors import InputError
from multiscope.training.ranks import ALONE, Ranks


def make_fabric(
    device: str, *, threads: int, precision: Literal["32", "bf16-mixed", "16-mixed"] = "32", ranks: Ranks = ALONE
) -> Fabric:
    """A Fabric on `device` (`auto`, `cpu`, `cuda`) with `threads` CPU threads; deterministic where torch can be.

    `precision` is that of the training; `16-mixed` is for GPUs. With several `ranks` the networks that it sets up are
    trained together, each process on a GPU of its own where there are any.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible; use --device cpu or ask the cluster for a GPU")
    if device == "auto":
        _say_if_a_gpu_is_not_seen()
    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=True)
    if ranks.size > 1:  # said when the network is set up; the newer name is unknown to older torch
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated", category=FutureWarning)
    with warnings.catch_warnings():
        # Fabric advises on hardware it finds unused; the choice was made here
        warnings.simplefilter("ignore")
        fabric = Fabric(
            accelerator="auto" if device == "auto" else device,
            devices=[_own_gpu(torch.cuda.device_count())] if _has_gpus(device) else 1,
            num_nodes=ranks.nodes,
            strategy=_together(device, ranks) if ranks.size > 1 else "auto",
            plugins=TorchElasticEnvironment() if ranks.size > 1 else LightningEnvironment(),
            precision=precision,
        )
        fabric.launch()
    if precision == "16-mixed" and fabric.device.type == "cpu":
        raise InputError("precision: '16-mixed' needs a GPU, and none is used; expected '32' or 'bf16-mixed' on a CPU")
    return fabric


def _together(device: str, ranks: Ranks) -> DDPStrategy:
    """One network on all ranks, each of a node with the device that it would have alone."""
    n_gpus = torch.cuda.device_count() if _has_gpus(device) else 0
    devices = [torch.device("cuda", _own_gpu(n_gpus)) if n_gpus else torch.device("cpu")] * ranks.local_size
    # buffers are those of batch normalization, which shares them itself
    return DDPStrategy(parallel_devices=devices, broadcast_buffers=False)


def _has_gpus(device: str) -> bool:
    return device != "cpu" and torch.cuda.is_available()


def _own_gpu(n_visible: int) -> int:
    """Which GPU is this process's: Slurm shows each process of a node all its GPUs, or the one of its own."""
    return int(os.environ.get("LOCAL_RANK", "0")) % n_visible


def device_name(fabric: Fabric) -> str:
    """What the manifest says: `cpu` or the name of the GPU."""
    if fabric.device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(fabric.device)}"
    return str(fabric.device.type)


def _say_if_a_gpu_is_not_seen() -> None:
    """One line where a scheduler gave the job a GPU that torch cannot use: on the CPU it may take days."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "-1")
    if given not in ("", "-1") and not torch.cuda.is_available():
        print(
            f"this job was given a GPU (CUDA_VISIBLE_DEVICES={given}), but torch sees none: it goes on on the CPU; "
            "check the driver of the node (nvidia-smi) and that torch was built for CUDA",
            file=sys.stderr,
            flush=True,
        )
