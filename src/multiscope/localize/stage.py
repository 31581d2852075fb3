"""The stage `localize`: train one encoder on the crops of the training cells."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from multiscope.config import AnyEncoder, Network, Transfer
from multiscope.data.crops import Crops
from multiscope.data.local_copy import local_copy
from multiscope.errors import InputError
from multiscope.folders.manifest import StageRun, stage_output
from multiscope.localize import STAGE_VERSION
from multiscope.localize.encoders.registry import ENCODERS
from multiscope.localize.learner import Learner
from multiscope.localize.task import Task, take_sides
from multiscope.nn.cards import save_network
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.ranks import started_ranks
from multiscope.training.stream import Stream


def run(
    *,
    crops: Path,
    out: Path,
    state: Path,
    encoder: str,
    config: AnyEncoder,
    seed: int,
    split: Path | None = None,
    classes: Sequence[str] | None = None,
    device: str = "auto",
    threads: int = 1,
    loading: Literal["random", "stream"] = "random",
    local: bool = False,
) -> None:
    """Train `encoder` as `config` says on the training cells of the folder `crops`.

    Sides are those of the folder `split`, else those of the data set. A localization that is none of `classes` is an
    error. `loading` and `local` suit the disk that `crops` lies on: `stream` reads blocks of neighbours through a
    shuffle buffer, so the order of the cells is another one and the weights too; `local` reads a copy on the local
    disk.
    """
    ranks, precision = started_ranks(), config.precision if isinstance(config, Network) else "32"
    if ranks.size > 1 and not config.can_be_shared:
        raise InputError(
            f"{encoder}: {ranks.size} processes were started, and a '{config.model}' set so is the work of one; "
            "start one (docs/several-gpus.md says what can be shared)"
        )
    fabric = make_fabric(device, threads=threads, precision=precision, ranks=ranks)
    cells = Crops(crops)
    sides = take_sides(cells, split)
    inputs = {"crops": crops} | ({} if split is None else {"split": split})
    inputs |= {"trained": config.trained} if isinstance(config, Transfer) else {}
    described: dict[str, Any] = {
        "stage": "localize",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json") | ({} if classes is None else {"classes": list(classes)}),
        "inputs": inputs,
        "seed": seed,
    }
    machine: dict[str, Any] = {"threads": threads, "loading": loading, "ranks": ranks.size}
    with ExitStack() as opened:
        # the first of several processes keeps what they learn together
        output = stage_output(out, **described, device=device_name(fabric))
        made = opened.enter_context(output) if ranks.is_first else None
        opened.enter_context(ranks.together())
        ranks.wait()
        folder = open_state(state, **described, writes=ranks.is_first, **machine)
        stream = Stream() if loading == "stream" else None
        learner = ENCODERS[config.model](config, Task(cells, classes, seed, fabric, stream, ranks=ranks))
        if local:
            cells.store = opened.enter_context(local_copy(cells.store))
        learner.learn(folder, f"localize: {encoder}")
        if made is not None:
            _keep(made, learner, {"encoder": encoder, "trained_on": cells.source, **sides})
            keep_history(folder, made.path)
            for key, value in machine.items():
                made.note(key, value)
    if ranks.is_first:
        folder.remove()


def _keep(made: StageRun, learner: Learner[Any], facts: dict[str, Any]) -> None:
    """Write the network, the sides of all cells and what it predicts, and say what it learned from."""
    facts |= {**learner.facts, "layer": learner.layer, "epoch": learner.epoch}
    save_network(made.path, learner.network, learner.architecture, learner.arguments, facts)
    table = learner.task.crops.table
    table[["cell_id", "split"]].to_parquet(made.path / "split.parquet", compression="zstd")
    for name, found in learner.tables().items():
        found.to_parquet(made.path / f"{name}.parquet", compression="zstd")
    for what, side, chosen in (("training", "train", learner.train_rows), ("validation", "val", learner.val_rows)):
        n_left = len(learner.task.rows(side)) - len(chosen)
        made.count(f"{what} cells", len(chosen), {learner.unused: n_left} if n_left else {})
    for key, value in facts.items():
        made.note(key, value)
