"""What one call of the stage embeds, and the steps of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiscope.config import Embed
from multiscope.data.cells import Rows
from multiscope.embed.cells import BATCH, Cells
from multiscope.embed.embedder import Embedder
from multiscope.embed.groups import Blocks
from multiscope.embed.normalize import Normalized, check_groups
from multiscope.embed.profiles import profiles
from multiscope.embed.sides import with_sides
from multiscope.errors import InputError
from multiscope.folders.journal import Journal
from multiscope.folders.manifest import StageRun
from multiscope.folders.parts import WHOLE, Part
from multiscope.nn.cards import load_checkpoint
from multiscope.progress import track
from multiscope.stores.matrix import Matrix, MatrixWriter, Values
from multiscope.stores.tables import write_profiles_parquet

_BLOCK_BYTES = 2**26
_BLOCK_BATCHES = 64


@dataclass(frozen=True)
class Job:
    """Cells, an embedder, its layers, and the cells of which profiles are made."""

    cells: Cells
    embedder: Embedder
    config: Embed
    widths: Mapping[str, int]
    """Features of the layers that are asked for; the first is that of `cells.zarr`."""
    table: pd.DataFrame
    rows: Rows
    """Cells of which profiles are made."""
    counts: Mapping[str, int]
    """Cells of which they are not, by the reason."""
    notes: Mapping[str, Any]

    @property
    def layer(self) -> str:
        """The layer of `cells.zarr`."""
        return next(iter(self.widths))

    @property
    def block_rows(self) -> int:
        """Cells of a block: whole batches, all layers together about 64 MiB."""
        batches = _BLOCK_BYTES // (4 * BATCH * sum(self.widths.values()))
        return min(BATCH * int(np.clip(batches, 1, _BLOCK_BATCHES)), len(self.cells))

    def embed(self, made: StageRun, part: Part, checkpoints: Mapping[int, Path]) -> None:
        """Run the network over a part of the cells, and over all of them with a part of the `checkpoints`, by epoch.

        Finished blocks are kept when the job is killed, so those of the further layers lie in the scratch folder until
        the stage is complete.
        """
        self._embed(self._places(made), made.journal, part, what="embed")
        for epoch in part.share(list(checkpoints)):
            self.embed_epoch(made, epoch, checkpoints[epoch])

    def complete(self, made: StageRun, epoch: int) -> Matrix:
        """Write the array of `cells.zarr`, and profiles of the further layers, of all cells that were embedded."""
        x, places = made.path / "cells.zarr" / "X", self._places(made)
        if self.config.normalize != "none":
            matrix = self._normalized(places[self.layer])
            with self._writer({x: matrix.shape[1]}, made.journal) as writer:
                for number in track(writer.missing, what="embed: normalize", total=len(writer.missing)):
                    writer.write(number, partial(_only, x, matrix, number))
        for name in list(self.widths)[1:]:
            path = made.path / _swept(name, epoch)
            path.parent.mkdir(exist_ok=True)
            write_profiles_parquet(path, *self.profiles(self._normalized(places[name])))
        return Matrix(x)

    def embed_epoch(self, made: StageRun, epoch: int, weights: Path) -> None:
        """Write profiles of all layers with the weights in the file `weights`; done again whole when killed in it.

        Only cells of which profiles are made are embedded, if no others are wanted to normalize them by.
        """
        with made.unit(f"epoch {epoch}") as unit:
            if unit.finished:
                return
            scratch = made.journal.scratch / f"epoch{epoch}"
            places = {name: scratch / name for name in self.widths}
            job = self if self.config.normalize != "none" else self._of_profiles()
            with self._weights(weights):
                job._embed(places, None, WHOLE, what=f"embed: epoch {epoch}")
            for name, place in places.items():
                found = job.profiles(job._normalized(place))
                write_profiles_parquet(unit.path(_swept(name, epoch)), *found)
            shutil.rmtree(scratch)

    @contextmanager
    def _weights(self, file: Path) -> Iterator[None]:
        """Others for a while: the model's own come back, for what is embedded after that."""
        network = self.embedder.network
        own = deepcopy(network.state_dict())
        load_checkpoint(network, file)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def profiles(self, matrix: Blocks) -> tuple[Values, pd.DataFrame]:
        """One row a protein and source of the cells in `matrix`."""
        return profiles(matrix, self.table, self.rows, self.config.aggregate)

    def _of_profiles(self) -> Job:
        """The same job of the cells of which profiles are made alone."""
        table = self.table.iloc[self.rows].reset_index(drop=True)
        rows = np.arange(len(self.rows), dtype=np.int64)
        return replace(self, cells=self.cells.only(self.rows), table=table, rows=rows)

    def _places(self, made: StageRun) -> dict[str, Path]:
        """Where each layer is written as the network says it."""
        places = {name: made.journal.scratch / name for name in self.widths}
        if self.config.normalize == "none":
            places[self.layer] = made.path / "cells.zarr" / "X"
        return places

    def _embed(self, places: Mapping[str, Path], journal: Journal | None, part: Part, *, what: str) -> None:
        widths = {place: self.widths[name] for name, place in places.items()}
        with self._writer(widths, journal, part) as writer:
            self.embedder.embed(self.cells, places, writer, what=what)

    def _writer(self, widths: Mapping[Path, int], journal: Journal | None, part: Part = WHOLE) -> MatrixWriter:
        size = {"n_rows": len(self.cells), "block_rows": self.block_rows}
        return MatrixWriter(widths, **size, journal=journal, part=part)

    def _normalized(self, place: Path) -> Blocks:
        matrix = Matrix(place)
        if self.config.normalize == "none":
            return matrix
        return Normalized(matrix, self.table, self.config.normalize_by, self.config.normalize)


def plan(cells: Cells, embedder: Embedder, config: Embed, model: Path, layer: str) -> Job:
    """The job that embeds `cells` with the network of the folder `model`; what cannot be done is an `InputError`."""
    there = embedder.widths(cells)
    if layer not in there:
        raise InputError(f"--layer {layer}: the network has {', '.join(there)}; name one of them")
    chosen = [layer, *(name for name in config.layers if name in there and name != layer)]
    widths = {name: there[name] for name in chosen}
    table = cells.table(config.normalize_by) if config.normalize != "none" else cells.table()
    if config.normalize != "none":
        check_groups(cells, table, config.normalize_by, config.normalize, widths)
    table, n_unknown = with_sides(table, model)
    left_out = (table["split"] != "test").to_numpy() & (config.profile_split == "test")
    nameless = (table["protein"] == "").to_numpy()
    rows = np.flatnonzero(~left_out & ~nameless)
    if not len(rows):
        raise InputError(
            f"{cells.sources[0].path}: no cell of a known protein is on the test side, of which profiles are made; set "
            "embed.profile_split: all, or give the crops proteins"
        )
    return Job(
        cells,
        embedder,
        config,
        widths,
        table,
        rows,
        counts={"not on the test side": int(left_out.sum()), "no protein": int((nameless & ~left_out).sum())},
        notes={
            "layers": chosen,
            "layers_left_out": [name for name in config.layers if name not in there],
            "cells_new_to_the_model": n_unknown,
        },
    )


def _only(place: Path, matrix: Blocks, number: int) -> dict[Path, Values]:
    return {place: matrix.block(number)}


def _swept(layer: str, epoch: int) -> str:
    return f"sweep/{layer}_epoch{epoch:03d}.parquet"
