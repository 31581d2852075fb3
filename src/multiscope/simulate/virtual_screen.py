"""A virtual screen: fields of yeast-like cells with a tagged protein, whose biology is known because it is planted.

Every cell is a function of the seed, its protein, its field and its number alone, so a screen may grow without what
is already there changing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import VirtualScreen
from multiscope.errors import InputError
from multiscope.simulate.biology import Factors, Place, cell_factors, protein_shift, stream
from multiscope.simulate.camera import expose, image_of
from multiscope.simulate.cells import LONG_AXIS_UM, Cell, draw_cell
from multiscope.simulate.compartments import cytosol, draw_protein

CHANNELS = ("protein", "cytosol")
PROTEIN_COUNTS, CYTOSOL_COUNTS, MEDIUM_COUNTS = 1500.0, 900.0, 12.0
"""Counts above the camera's offset: a usual protein's structures, the cytosol marker, and the medium around cells."""
_CELL, _CAMERA = 1, 2
_TRIES = 40
_GAP = 1.5
_MIN_LONG_AXIS = 10
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class Field:
    """One field of a virtual screen."""

    image: npt.NDArray[np.uint16]
    """Counts (2, Y, X)."""
    labels: npt.NDArray[np.uint32]
    """Cells (Y, X), numbered from 1, those cut by the border included; a bud belongs to its mother; 0 is medium."""
    channels: tuple[str, str] = CHANNELS


def proteins(config: VirtualScreen) -> pd.DataFrame:
    """The proteins of a screen, one row each: protein, symbol, compartment, process, complex.

    Raises:
        InputError: a compartment is named twice.
    """
    if len(set(config.compartments)) != len(config.compartments):
        raise InputError("virtual screen: compartments: one is named twice; expected each once: remove the second")
    places = [_place(config, row) for row in range(_n_proteins(config))]
    digits = max(3, len(str(len(places))))
    return pd.DataFrame(
        {
            "protein": [f"VP{row + 1:0{digits}d}" for row in range(len(places))],
            "symbol": [place.symbol for place in places],
            "compartment": [place.compartment for place in places],
            "process": [place.process_name for place in places],
            "complex": [place.complex_name for place in places],
        },
        dtype=object,
    )


def standards(table: pd.DataFrame) -> dict[str, dict[str, list[str]]]:
    """The planted terms of `proteins`: "compartment", "process", "complex" -> term -> member proteins."""
    scales = ("compartment", "process", "complex")
    return {
        scale: {
            str(term): [str(protein) for protein in members]
            for term, members in table.groupby(scale, sort=False)["protein"]
        }
        for scale in scales
    }


def field(config: VirtualScreen, protein_row_index: int, field_index: int) -> Field:
    """One field (`field_size` square) of the protein in that row of `proteins`.

    Args:
        config: the screen.
        protein_row_index: row of `proteins(config)`, from 0.
        field_index: number of the field, from 0; may pass `fields_per_protein`.

    Raises:
        IndexError: no such protein.
        InputError: the pixel size makes cells smaller than can be drawn or larger than the field.
    """
    if not 0 <= protein_row_index < _n_proteins(config) or field_index < 0:
        raise IndexError(f"protein {protein_row_index}, field {field_index} of {_n_proteins(config)} proteins")
    _check_scale(config)
    place = _place(config, protein_row_index)
    shift = protein_shift(place, effects=config.effects, seed=config.seed)
    canvas = _Canvas(config.field_size, margin=_largest_half(config))
    for number in range(config.cells_per_field):
        rng = stream(config.seed, _CELL, *place.key, field_index, number)
        factors = cell_factors(shift, rng)
        cell = _draw(place, factors, rng, pixel_size_um=config.pixel_size_um)
        canvas.add(cell, _light(place, cell, factors, rng), rng)
    expected = MEDIUM_COUNTS + image_of(canvas.light, pixel_size_um=config.pixel_size_um)
    camera = stream(config.seed, _CAMERA, *place.key, field_index)
    return Field(expose(canvas.crop(expected), camera), np.ascontiguousarray(canvas.crop(canvas.labels)))


def _n_proteins(config: VirtualScreen) -> int:
    per_process = config.complexes_per_process * config.proteins_per_complex
    return len(config.compartments) * config.processes_per_compartment * per_process


def _place(config: VirtualScreen, row: int) -> Place:
    row, member = divmod(row, config.proteins_per_complex)
    row, complex_ = divmod(row, config.complexes_per_process)
    compartment, process = divmod(row, config.processes_per_compartment)
    return Place(config.compartments[compartment], process, complex_, member)


def _check_scale(config: VirtualScreen) -> None:
    shortest, longest = (um / config.pixel_size_um for um in LONG_AXIS_UM)
    if shortest < _MIN_LONG_AXIS or longest > config.field_size:
        raise InputError(
            f"virtual screen: pixel_size_um {config.pixel_size_um:g} makes cells {shortest:.0f} to {longest:.0f} pixels"
            f" long; expected {_MIN_LONG_AXIS} to {config.field_size} (field_size): choose another pixel_size_um"
        )


def _largest_half(config: VirtualScreen) -> int:
    return int(np.ceil(LONG_AXIS_UM[1] / 2 / config.pixel_size_um * 2.25)) + 4


def _draw(place: Place, factors: Factors, rng: np.random.Generator, *, pixel_size_um: float) -> Cell:
    """A cell; the organelle that a protein lives in has the size (and number) that the protein's factors say."""
    if place.compartment == "vacuole":
        lobes = int(np.clip(1.6 * factors.number + rng.random(), 1, 4))
        return draw_cell(rng, pixel_size_um=pixel_size_um, vacuole_size=factors.size, n_vacuoles=lobes)
    nucleus_size = factors.size if place.compartment == "nucleus" else 1.0
    return draw_cell(rng, pixel_size_um=pixel_size_um, nucleus_size=nucleus_size)


def _light(place: Place, cell: Cell, factors: Factors, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Light of both channels (2, H, H) in counts."""
    marker = CYTOSOL_COUNTS * float(np.exp(rng.normal(0, 0.15))) * cytosol(cell)
    return np.stack([PROTEIN_COUNTS * draw_protein(place.compartment, cell, factors, rng), marker])


class _Canvas:
    """Light and labels of a field with a margin, so that cells on the border need no clipping."""

    def __init__(self, size: int, *, margin: int) -> None:
        self._size, self._margin = size, margin
        self.light = np.zeros((len(CHANNELS), size + 2 * margin, size + 2 * margin))
        self.labels = np.zeros(self.light.shape[1:], dtype=np.uint32)
        self._taken = np.zeros(self.light.shape[1:], dtype=np.bool_)
        self._n = 0

    def add(self, cell: Cell, light: npt.NDArray[np.float64], rng: np.random.Generator) -> None:
        """Put a cell where there is room, its middle inside the field; leave it out after `_TRIES` places."""
        half = cell.depth.shape[0] // 2
        for y, x in rng.integers(self._margin, self._margin + self._size, (_TRIES, 2)):
            window = slice(y - half, y + half + 1), slice(x - half, x + half + 1)
            if not (self._taken[window] & cell.mask).any():
                self._n += 1
                self.labels[window][cell.mask] = self._n
                self._taken[window] |= cell.depth > -_GAP
                self.light[(slice(None), *window)] += light
                return

    def crop(self, image: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
        """The field without the margin."""
        inner = slice(self._margin, self._margin + self._size)
        return image[..., inner, inner]
