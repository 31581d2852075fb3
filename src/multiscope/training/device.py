"""Device and threads of a training or an inference job."""

from __future__ import annotations

import warnings

import torch
from lightning_fabric import Fabric

from multiscope.errors import InputError


def make_fabric(device: str, *, threads: int) -> Fabric:
    """A Fabric on `device` (`auto`, `cpu`, `cuda`) with `threads` CPU threads; deterministic where torch can be."""
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible; use --device cpu or ask the cluster for a GPU")
    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=True)
    with warnings.catch_warnings():
        # Fabric advises on hardware it finds unused; the choice was made here
        warnings.simplefilter("ignore")
        fabric = Fabric(accelerator="auto" if device == "auto" else device, devices=1)
        fabric.launch()
    return fabric


def device_name(fabric: Fabric) -> str:
    """What the manifest says: `cpu` or the name of the GPU."""
    if fabric.device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(fabric.device)}"
    return str(fabric.device.type)
