"""Device and threads of a training or an inference job."""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from lightning_fabric import Fabric

from multiscope.errors import InputError


def make_fabric(device: str, *, threads: int, precision: Literal["32", "bf16-mixed", "16-mixed"] = "32") -> Fabric:
    """A Fabric on `device` (`auto`, `cpu`, `cuda`) with `threads` CPU threads; deterministic where torch can be.

    `precision` is that of the training; `16-mixed` is for GPUs.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible; use --device cpu or ask the cluster for a GPU")
    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=True)
    with warnings.catch_warnings():
        # Fabric advises on hardware it finds unused; the choice was made here
        warnings.simplefilter("ignore")
        fabric = Fabric(accelerator="auto" if device == "auto" else device, devices=1, precision=precision)
        fabric.launch()
    if precision == "16-mixed" and fabric.device.type == "cpu":
        raise InputError("precision: '16-mixed' needs a GPU, and none is used; expected '32' or 'bf16-mixed' on a CPU")
    return fabric


def device_name(fabric: Fabric) -> str:
    """What the manifest says: `cpu` or the name of the GPU."""
    if fabric.device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(fabric.device)}"
    return str(fabric.device.type)
