"""Paired Cell Inpainting: the protein of one cell from that of another cell of the same field."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from multiscope.config import PairedInpainting
from multiscope.errors import InputError
from multiscope.localize.recipe import Moment, NetworkRecipe
from multiscope.training.draws import Rows
from multiscope.training.symmetry import random_symmetries


class PairedInpaintingRecipe(NetworkRecipe[PairedInpainting]):
    """Mean squared error of the target's protein channel, given its marker and a source cell (Lu et al. 2019).

    A source and its target show the same protein in the same field, are on the same side, and are never the same cell.
    The target's protein channel is compared with and never seen.
    """

    architecture = "paired_inpainting"
    unused = "too few cells of the protein in the field"

    @property
    def arguments(self) -> dict[str, Any]:
        """Width, and which channel is which."""
        protein, marker = self._places
        return self.shape | {"width": self.config.width, "protein": protein, "marker": marker}

    def choose(self, rows: Rows) -> Rows:
        """Cells of proteins that have enough cells in a field."""
        groups = self._groups[rows]
        chosen = rows[(groups >= 0) & (np.bincount(groups[groups >= 0], minlength=1)[groups] >= self.config.min_cells)]
        if len(rows) and not len(chosen):
            raise InputError(
                f"{self.task.crops.path}: no field has {self.config.min_cells} cells of one protein on one side of the "
                "split, of which paired inpainting makes pairs; lower min_cells, or split by field"
            )
        return chosen

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """The error of the predicted protein channel."""
        images = torch.from_numpy(self.reader.read(self.partners(rows, moment.rng)))
        targets = self.reader.prepare(images, self.fabric.device)
        if self.model.training and self.config.symmetry != "none":
            targets = random_symmetries(targets, rng=moment.rng, turns=self.config.symmetry == "all")
        protein, marker = self._places
        predicted = self.model(crops[:, [protein, marker]], targets[:, [marker]])
        return {"loss": mse_loss(predicted, targets[:, [protein]])}

    def partners(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """Another cell of the protein, field and side of each of `rows`, drawn at random."""
        order, start, size, place = self._members
        group = self._group_of_side[rows]
        step = 1 + np.floor(rng.random(len(rows)) * (size[group] - 1)).astype(np.int64)
        return np.asarray(order[start[group] + (place[rows] + step) % size[group]], dtype=np.int64)

    @cached_property
    def _places(self) -> tuple[int, int]:
        """Where protein and marker stand among the channels that are used."""
        if len(self.channels) < 2:
            raise InputError(
                f"{self.task.crops.path}: paired inpainting takes a protein and a marker channel, but only "
                f"'{self.channels[0]}' is there; deeploc, backbone, autoencoder, vae, cytoself and classic take one"
            )
        names = (self.config.protein or self.channels[0], self.config.marker or self.channels[1])
        for key, name in zip(("protein", "marker"), names, strict=True):
            if name not in self.channels:
                raise InputError(f"{key}: the encoder has no channel '{name}'; it has {', '.join(self.channels)}")
        if names[0] == names[1]:
            raise InputError(f"protein and marker are both '{names[0]}'; expected two channels: name another marker")
        return self.channels.index(names[0]), self.channels.index(names[1])

    @cached_property
    def _groups(self) -> Rows:
        """The protein and field of each cell as a number, -1 where either is not known."""
        table = self.task.crops.table
        known = (table["protein"].fillna("") != "") & (table["field_id"].fillna("") != "")
        number = table.groupby(["protein", "field_id"], dropna=False).ngroup()
        return np.asarray(number.where(known, -1), dtype=np.int64)

    @cached_property
    def _group_of_side(self) -> Rows:
        """The protein, field and side of each cell that was chosen as a number, -1 of the others."""
        found = np.full(len(self._groups), -1, dtype=np.int64)
        n_groups = int(self._groups.max()) + 1
        for number, rows in enumerate((self.train_rows, self.val_rows)):
            found[rows] = self._groups[rows] + number * n_groups
        return found

    @cached_property
    def _members(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Cells ordered by group, where each group begins, how many it has, and the place of each cell in its own."""
        groups = self._group_of_side
        order = np.argsort(groups, kind="stable")[int((groups < 0).sum()) :]
        size = np.bincount(groups[order], minlength=2 * (int(self._groups.max()) + 1))
        start = np.concatenate([[0], np.cumsum(size)[:-1]])
        place = np.full(len(groups), -1, dtype=np.int64)
        place[order] = np.arange(len(order)) - start[groups[order]]
        return order, start, size, place
