"""Generated fields and crops as the other readers offer theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch

from multiscope.config import Screen, VirtualCrops, VirtualScreen
from multiscope.data.ahead import ahead
from multiscope.data.readers.reader import Array, Count, FieldPixels, fields_table
from multiscope.errors import InputError
from multiscope.progress import Progress
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import Protein, in_part, proteins, standards, table, truth
from multiscope.stores.gmt import write_gmt
from multiscope.stores.pixel_size import PixelSize

_AT_ONCE = {"cpu": 128, "cuda": 4096}
"""Crops that are drawn together: enough to make good use of torch, few enough for the caches of a processor."""


class VirtualScreenReader:
    """Reader of a `VirtualScreen`: every field is generated when it is read."""

    def __init__(self, config: VirtualScreen, *, device: str = "cpu") -> None:
        """Draw the proteins; fields are drawn later."""
        self.where, self.channels = "virtual screen", config.channels
        depth = config.z_step_um if config.planes > 1 else None
        self.pixel_size = PixelSize(depth, config.pixel_um, config.pixel_um)
        self.remarks: list[str] = []
        self._config, self._proteins, self._device = config, in_part(config), _device(device)
        self.fields = _fields(config, self._proteins)
        self.proteins = _told(self._proteins)
        self.inputs: dict[str, Path] = {}
        self.counts = {"fields": Count(len(self.fields), {})}

    def read(self, number: int) -> FieldPixels:
        """Generate the field of row `number`."""
        row, of_protein = divmod(number, self._config.fields_per_protein)
        made = field(self._config, self._proteins[row], of_protein, device=self._device)
        return FieldPixels(made.image, made.labels, f"virtual screen: {self.fields['field_id'][number]}")

    def info(self, number: int) -> None:
        """Generated fields are from no file."""

    def write_standards(self, folder: Path) -> None:
        """The planted biology: one GMT file and sidecar a scale, and `truth.parquet`."""
        write_truth(folder, self._config)


class VirtualCropsReader:
    """Reader of `VirtualCrops`: crops are generated when they are asked for."""

    def __init__(self, config: VirtualCrops, *, device: str = "cpu") -> None:
        """Draw the proteins; crops are drawn later."""
        self.where, self.channels = "virtual crops", config.channels
        self.pixel_size_um: float | None = config.pixel_um
        self._config, self._proteins, self._device = config, in_part(config), _device(device)
        fields = _fields(config, self._proteins)
        rows = fields.loc[fields.index.repeat(config.cells_per_field)].reset_index(drop=True)
        cell = rows.groupby("field_id", sort=False).cumcount() + 1
        digits = max(3, len(str(config.cells_per_field)))
        self.cells = rows[["field_id", "protein", "plate", "well"]]
        self.cells.insert(0, "cell_id", rows["field_id"] + "_" + cell.astype(str).str.zfill(digits))
        self.proteins = _told(self._proteins)
        self.inputs: dict[str, Path] = {}
        self.counts = {"cells": Count(len(self.cells), {})}

    def pieces(self) -> Iterator[Mapping[str, Array]]:
        """All crops, some fields at a time: `image` and `clean` (n, 2, S, S), `mask` (n, 1, S, S)."""
        at_once = max(1, _AT_ONCE[self._device.type] // self._config.cells_per_field)
        numbers = range(self._config.fields_per_protein)
        jobs = [
            (protein, numbers[start : start + at_once])
            for protein in self._proteins
            for start in range(0, len(numbers), at_once)
        ]
        with Progress("data: crops", total=len(self.cells)) as progress:
            for made in ahead(lambda number: self._draw(*jobs[number]), len(jobs)):
                yield made
                for _ in made["image"]:
                    progress.advance()

    def _draw(self, protein: Protein, fields: range) -> dict[str, Array]:
        made = crops(self._config, protein, fields, device=self._device)
        mask = made.mask[:, None].cpu().numpy().astype("uint8")
        return {"image": made.image.cpu().numpy(), "clean": made.clean.cpu().numpy(), "mask": mask}

    def write_standards(self, folder: Path) -> None:
        """The planted biology: one GMT file and sidecar a scale, and `truth.parquet`."""
        write_truth(folder, self._config)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible; use --device cpu or ask the cluster for a GPU")
    return torch.device(name)


def write_truth(folder: Path, config: Screen) -> None:
    """Write the standards of a screen into the new folder `folder`, and the truth about each protein beside them."""
    folder.mkdir()
    for name, terms in standards(proteins(config)).items():
        sidecar = {
            "scale": name,
            "organism": "none (generated)",
            "id_type": "protein",
            "release": f"virtual screen, seed {config.seed}, effects {config.effects.seed}",
            "licence": "CC0-1.0",
        }
        write_gmt(folder / f"{name}.gmt", terms, sidecar=sidecar)
    truth(config).to_parquet(folder / "truth.parquet", compression="zstd")


def _fields(config: Screen, made: list[Protein]) -> pd.DataFrame:
    ids, names, plates, wells, sites = [], [], [], [], []
    for protein in made:
        for number in range(config.fields_per_protein):
            plate, well = protein.well(number % config.replicates, config.replicates)
            ids.append(f"{protein.name}_{number + 1:02d}")
            names.append(protein.name)
            plates.append(plate)
            wells.append(well)
            sites.append(str(number // config.replicates))
    return fields_table(ids, names, plate=plates, well=wells, site=sites)


def _told(made: list[Protein]) -> pd.DataFrame:
    """What users are told of the proteins."""
    return table(made).rename(columns={"label": "localization"})[["protein", "symbol", "localization"]]
