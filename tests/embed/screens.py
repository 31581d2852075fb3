"""Small folders of crops and of networks, made through the stores: what the stage reads, without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from multiscope.folders.manifest import stage_output
from multiscope.nn.cards import build_network, save_network, save_weights
from multiscope.stores.samples import write_samples

SIZE = 52
CHANNELS = ("protein", "cytosol")
ARGUMENTS = {"in_channels": 2, "n_classes": 3, "width": 0.0625, "dense": 8, "crop_size": SIZE}


def make_crops(
    out: Path,
    n: int = 60,
    *,
    source: str = "clean",
    channels: Sequence[str] = CHANNELS,
    size: int = SIZE,
    images: np.ndarray[Any, Any] | None = None,
    **columns: Any,
) -> Path:
    """`n` cells of the proteins A, B, C and none, on the plates p0 and p1; `columns` replaces some of the table."""
    rng = np.random.default_rng(len(source))
    if images is None:
        coarse = rng.integers(100, 4000, (n, len(channels), 4, 4), dtype=np.uint16)
        images = coarse.repeat(-(-size // 4), axis=2).repeat(-(-size // 4), axis=3)[..., :size, :size]
    table = pd.DataFrame(
        {
            "cell_id": [f"cell{i}" for i in range(n)],
            "protein": [("A", "B", "C", "", "B")[i % 5] for i in range(n)],
            "field_id": [f"field{i // 4}" for i in range(n)],
            "plate": [f"p{i % 2}" for i in range(n)],
            "split": ["train" if i % 3 else "test" for i in range(n)],
        }
    ).assign(**columns)
    proteins = pd.DataFrame(
        {"protein": ["A", "B", "C"], "symbol": ["a", "b", "c"], "localization": ["nucleus", "er", ""]}
    )
    with stage_output(out, stage="crop", version=1, config={"source": source}, inputs={}) as made:
        attributes = {"channels": list(channels), "source": source, "pixel_size_um": 0.1}
        write_samples(made.path / "crops.zarr", {"image": images}, table, attributes)
        proteins.to_parquet(made.path / "proteins.parquet")
    return out


def make_model(out: Path, *, epochs: int = 3, sides: pd.DataFrame | None = None, **facts: Any) -> Path:
    """A DeepLoc of random weights, with one checkpoint an epoch, of which the last is the network itself."""
    with stage_output(out, stage="localize", version=1, config={}, inputs={}, seed=0) as made:
        (made.path / "epochs").mkdir()
        for epoch in range(1, epochs + 1):
            network = _drawn(epoch)
            save_weights(made.path / "epochs" / f"{epoch:03d}.safetensors", network)
        known = {"encoder": "net", "classes": ["er", "nucleus", "bud"], "channels": list(CHANNELS), "layer": "d2"}
        known |= {"epoch": epochs, "trained_on": "clean", "intensities": "standardize", "cell_channel": None}
        save_network(made.path, network, "deeploc", ARGUMENTS, known | facts)
        if sides is not None:
            sides.to_parquet(made.path / "split.parquet")
    return out


def _drawn(seed: int) -> nn.Module:
    """A network whose layers differ between cells as much as those of a trained one, which fresh weights do not."""
    torch.manual_seed(seed)
    network = build_network("deeploc", ARGUMENTS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.5 if parameter.ndim > 1 else 1)
    return network
