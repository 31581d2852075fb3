"""The stage `embed`: features of a named layer for every cell of every source, and profiles of proteins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from multiscope.config import Embed
from multiscope.data.crops import Crops
from multiscope.embed import STAGE_VERSION
from multiscope.embed.profiles import profiles
from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output, verify
from multiscope.nn.cards import load_network
from multiscope.nn.standardize import standardize
from multiscope.progress import track
from multiscope.stores.tables import write_anndata, write_profiles_parquet
from multiscope.training.device import device_name, make_fabric
from multiscope.training.loader import read_ahead

_BATCH = 256
_CELL_COLUMNS = ["cell_id", "protein", "symbol", "localization", "field_id", "split", "source"]


def run(
    *,
    crops: Sequence[Path],
    model: Path,
    out: Path,
    config: Embed,
    layer: str | None = None,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Embed the cells of every folder in `crops` with `layer` (left out: as trained) of the network in `model`."""
    fabric = make_fabric(device, threads=threads)
    trained = verify(model, made_by=["localize"])
    network, card = load_network(model)
    network = network.to(fabric.device)
    card["layer"] = layer or card["layer"]
    sources = [Crops(path) for path in crops]
    if len({cells.source for cells in sources}) < len(sources):
        raise InputError(f"--crops: two folders of one source ({', '.join(c.source for c in sources)}); name each once")
    described = {key: card[key] for key in ("encoder", "layer", "epoch", "trained_on")}
    with stage_output(
        out,
        stage="embed",
        version=STAGE_VERSION,
        config=config.model_dump(mode="json") | {"layer": card["layer"]},
        inputs={"model": model} | {f"crops {cells.source}": cells.path for cells in sources},
        seed=trained["seed"],
        device=device_name(fabric),
    ) as made:
        embedding = np.concatenate([_embed(network, card, cells, device=fabric.device) for cells in sources])
        tables = [cells.table.assign(source=cells.source) for cells in sources]
        table = pd.concat(tables, ignore_index=True)[_CELL_COLUMNS]
        counted = table["split"].eq("test") if config.profile_split == "test" else table["split"].notna()
        vectors, proteins = profiles(embedding[counted.to_numpy()], table[counted])
        uns = {"embedding": described | {"model_digest": trained["digest"], "seed": trained["seed"]}}
        cells_obs = table.set_axis(table["source"] + "/" + table["cell_id"], axis=0)
        write_anndata(made.path / "cells.zarr", embedding, cells_obs, uns)
        proteins_obs = proteins.set_axis(proteins["Source"] + "/" + proteins["Protein"], axis=0)
        write_anndata(made.path / "proteins.zarr", vectors, proteins_obs, uns)
        write_profiles_parquet(made.path / "proteins.parquet", vectors, proteins)
        made.count("cells", len(table))
        made.count("cells in profiles", int(counted.sum()), {"not on the test side": int((~counted).sum())})
        made.count("profiles", len(proteins))
        for key, value in described.items():
            made.note(key, value)


def _embed(network: nn.Module, card: dict[str, Any], crops: Crops, *, device: torch.device) -> npt.NDArray[np.float32]:
    expected = card["arguments"]["crop_size"]
    if crops.size != expected:
        raise InputError(
            f"{crops.path}: crops of {crops.size} pixels; the network was trained on {expected}: cut them anew"
        )
    channels = crops.channel_indices(card["channels"])
    rows = np.arange(len(crops.table), dtype=np.int64)
    batches = np.array_split(rows, max(1, -(-len(rows) // _BATCH)))
    parts = []
    read = partial(crops.read, channels=channels)
    with torch.no_grad(), read_ahead(read, batches, pin=device.type == "cuda") as read_batches:
        for batch in track(read_batches, what=f"embed: {crops.source}", total=len(batches)):
            images = standardize(batch.images.to(device, non_blocking=True))
            features = network.features(images)  # type: ignore[operator]
            if card["layer"] not in features:
                raise InputError(f"--layer {card['layer']}: the network has {', '.join(features)}; name one of them")
            parts.append(features[card["layer"]].cpu().numpy())
    return np.concatenate(parts).astype(np.float32)
