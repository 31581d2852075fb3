"""Crops as an encoder takes them: its channels, its intensities, and what else it goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.data.crops import Crops
from multiscope.data.labels import localizations
from multiscope.errors import InputError
from multiscope.nn.intensities import prepare

Rows = npt.NDArray[np.int64]


class CellReader:
    """Reads and prepares the input of one encoder, as its model card says.

    `intensities` of the card: `standardize`, `min_max` or `masked` (see `multiscope.nn.intensities`), crops (n, C, S,
    S); `measured`, raw crops with the mask of the cell as the last channel (n, C + 1, S, S); `label`, the label vector
    (n, K).
    """

    def __init__(self, crops: Crops, card: Mapping[str, Any]) -> None:
        """Of `crops`, for the encoder of `card`; what does not fit together is an `InputError`."""
        self.crops = crops
        self.how = str(card["intensities"])
        self.channels = _channels(crops, card)
        size = card.get("arguments", {}).get("crop_size")
        if size is not None and size != crops.size:
            raise InputError(
                f"{crops.path}: crops of {crops.size} pixels; the network was trained on {size}: cut them anew"
            )
        self._has_mask = "mask" in crops.store.attributes["arrays"]
        if self.how == "masked" and not self._has_mask:
            raise InputError(
                f"{crops.path}: has no masks; expected the mask of each cell for intensities 'masked': cut crops from "
                "fields with labels, or use 'standardize'"
            )
        self._cell_channel = crops.channel_indices([card.get("cell_channel") or crops.channels[-1]])[0]
        self._labels = None
        if self.how == "label":
            classes, places = list(card["classes"]), card.get("places", "several")
            self._labels = localizations(crops.table, places, classes, where=crops.path, named_by="the encoder")

    def read(self, rows: Rows) -> npt.NDArray[Any]:
        """What one thread reads of these rows: crops as stored, with the mask as a further channel where it is used."""
        if self._labels is not None:
            return self._labels.vectors(rows)
        images = self.crops.read(rows, self.channels)
        if not self._uses_mask:
            return images
        return np.concatenate([images, self._masks(rows)[:, None].astype(images.dtype)], axis=1)

    def prepare(
        self, images: Tensor, device: torch.device, *, bend: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """What the network takes, float32 on `device`, of images that were read; `bend` changes raw crops before."""
        images = images.to(device, non_blocking=True)
        if self.how in ("measured", "label"):
            return images.float()
        mask = images[:, -1] if self._uses_mask else None
        crops = images[:, : len(self.channels)].float()
        return prepare(crops if bend is None else bend(crops), mask, self.how)

    @property
    def _uses_mask(self) -> bool:
        return self.how in ("masked", "measured")

    def _masks(self, rows: Rows) -> npt.NDArray[np.bool_]:
        if self._has_mask:
            masks = self.crops.store.take("mask", rows).astype(bool)
            return masks.reshape(len(masks), *masks.shape[-2:])
        from multiscope.features.cell import central_cells

        found: npt.NDArray[np.bool_] = central_cells(self.crops.read(rows, [self._cell_channel])[:, 0])
        return found


def _channels(crops: Crops, card: Mapping[str, Any]) -> list[int]:
    missing = [name for name in card["channels"] if name not in crops.channels]
    if missing:
        raise InputError(
            f"{crops.path}: has no channel '{missing[0]}', which the model takes; it has {', '.join(crops.channels)}: "
            f"use a model of {' or '.join(crops.channels)}, trained with localize.encoders.<name>.channels"
        )
    return crops.channel_indices(card["channels"])
