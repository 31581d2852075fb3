"""The stage `embed`: layers of a network for every cell of every source, and profiles of proteins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multiscope.config import Embed
from multiscope.data.crops import Crops
from multiscope.embed import STAGE_VERSION
from multiscope.embed.cells import Cells
from multiscope.embed.embedder import Embedder
from multiscope.embed.job import plan
from multiscope.folders.manifest import stage_output, verify
from multiscope.nn.cards import load_network
from multiscope.stores.tables import complete_anndata, write_anndata, write_profiles_parquet
from multiscope.training.device import device_name, make_fabric


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
    """Embed the cells of every folder in `crops` with `layer` (left out: as trained) of the network in `model`.

    `cells.zarr` is what profiles are made of: normalized, if `config` says so. Profiles of further layers and epochs
    are below `sweep`.
    """
    fabric = make_fabric(device, threads=threads)
    trained = verify(model, made_by=["localize"])
    network, card = load_network(model)
    cells = Cells([Crops(path) for path in crops], card)
    embedder = Embedder(network, flips=config.flips, device=fabric.device, threads=threads)
    job = plan(cells, embedder, config, model, layer or card["layer"])
    described = {key: card[key] for key in ("encoder", "epoch", "trained_on")} | {"layer": job.layer}
    with stage_output(
        out,
        stage="embed",
        version=STAGE_VERSION,
        config=config.model_dump(mode="json") | {"layer": job.layer},
        inputs={"model": model} | {f"crops {source.source}": source.path for source in cells.sources},
        seed=trained["seed"],
        device=device_name(fabric),
    ) as made:
        vectors, proteins = job.profiles(job.embed_weights(made, card["epoch"]))
        checkpoints = _other_epochs(model, card["epoch"]) if config.epochs == "all" else {}
        for epoch, weights in checkpoints.items():
            job.embed_epoch(made, epoch, weights)
        uns = {
            "embedding": described
            | {"model_digest": trained["digest"], "seed": trained["seed"]}
            | {key: getattr(config, key) for key in ("flips", "normalize", "normalize_by")}
        }
        names = job.table["source"].astype(str) + "/" + job.table["cell_id"].astype(str)
        complete_anndata(made.path / "cells.zarr", job.table.set_axis(names, axis=0), uns)
        proteins_obs = proteins.set_axis(proteins["Source"] + "/" + proteins["Protein"], axis=0)
        write_anndata(made.path / "proteins.zarr", vectors, proteins_obs, uns | {"aggregate": config.aggregate})
        write_profiles_parquet(made.path / "proteins.parquet", vectors, proteins)
        made.count("cells", len(cells))
        made.count("cells in profiles", len(job.rows), job.counts)
        made.count("profiles", len(proteins))
        notes = {"epochs": [card["epoch"], *checkpoints], "aggregate": config.aggregate, "normalize": config.normalize}
        for key, value in {**described, **job.notes, **notes}.items():
            made.note(key, value)


def _other_epochs(model: Path, epoch: int) -> dict[int, Path]:
    """Checkpoints of the folder `model` by their epoch, but that of `epoch`, whose weights are the model's own."""
    files = {int(path.stem): path for path in sorted((model / "epochs").glob("*.safetensors"))}
    return {number: path for number, path in files.items() if number != epoch}
