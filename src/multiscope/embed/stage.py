"""The stage `embed`: layers of a network for every cell of every source, and profiles of proteins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multiscope.config import Embed
from multiscope.data.crops import Crops
from multiscope.embed import STAGE_VERSION
from multiscope.embed.cells import Cells
from multiscope.embed.embedder import Embedder
from multiscope.embed.job import Job, plan
from multiscope.folders.manifest import StageRun, verify
from multiscope.folders.parts import Part, shared_output
from multiscope.nn.cards import load_network
from multiscope.stores.tables import complete_anndata, write_anndata, write_profiles_parquet
from multiscope.training.device import device_name, make_fabric
from multiscope.training.ranks import own_part


def run(
    *,
    crops: Sequence[Path],
    model: Path,
    out: Path,
    config: Embed,
    layer: str | None = None,
    device: str = "auto",
    threads: int = 1,
    part: Part | None = None,
) -> None:
    """Embed the cells of every folder in `crops` with `layer` (left out: as trained) of the network in `model`.

    `cells.zarr` is what profiles are made of: normalized, if `config` says so. Profiles of further layers and epochs
    are below `sweep`. Of several jobs, or of the processes of `srun`, each embeds its `part`, and the last one
    completes the folder.
    """
    part, fabric = own_part(part), make_fabric(device, threads=threads)
    trained = verify(model, made_by=["localize"])
    network, card = load_network(model)
    cells = Cells([Crops(path) for path in crops], card)
    embedder = Embedder(network, flips=config.flips, device=fabric.device, threads=threads)
    job = plan(cells, embedder, config, model, layer or card["layer"])
    checkpoints = _other_epochs(model, card["epoch"]) if config.epochs == "all" else {}
    with shared_output(
        out,
        part,
        lambda made, share: job.embed(made, share, checkpoints),
        stage="embed",
        version=STAGE_VERSION,
        config=config.model_dump(mode="json") | {"layer": job.layer},
        inputs={"model": model} | {f"crops {source.source}": source.path for source in cells.sources},
        seed=trained["seed"],
        device=device_name(fabric),
    ) as made:
        if made is not None:
            _complete(made, job, card, trained)
            made.note("epochs", [card["epoch"], *checkpoints])


def _complete(made: StageRun, job: Job, card: Mapping[str, Any], trained: Mapping[str, Any]) -> None:
    """Write the tables, and say what was embedded with the network of `card`, which the run `trained` made."""
    config = job.config
    vectors, proteins = job.profiles(job.complete(made, card["epoch"]))
    described = {key: card[key] for key in ("encoder", "epoch", "trained_on")} | {"layer": job.layer}
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
    made.count("cells", len(job.cells))
    made.count("cells in profiles", len(job.rows), job.counts)
    made.count("profiles", len(proteins))
    notes = {"aggregate": config.aggregate, "normalize": config.normalize}
    for key, value in {**described, **job.notes, **notes}.items():
        made.note(key, value)


def _other_epochs(model: Path, epoch: int) -> dict[int, Path]:
    """Checkpoints of the folder `model` by their epoch, but that of `epoch`, whose weights are the model's own."""
    files = {int(path.stem): path for path in sorted((model / "epochs").glob("*.safetensors"))}
    return {number: path for number, path in files.items() if number != epoch}
