"""The virtual screen: generated fields or crops with planted biology."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from multiscope.config.acquisition import DataSet, Split, SplitUnit
from multiscope.config.defects import Axial, Blur, Defects, Noise
from multiscope.config.section import Section

Compartment = Literal[
    "nucleus",
    "cytoplasm",
    "er",
    "mitochondrion",
    "vacuole",
    "cell_periphery",
    "punctate",
    "nucleolus",
    "nuclear_periphery",
    "golgi",
    "peroxisome",
    "endosome",
    "vacuolar_membrane",
    "bud_neck",
    "actin",
    "microtubule",
    "spindle_pole",
    "lipid_particle",
]
Morphology = Literal["yeast", "human"]
YEAST_ONLY: tuple[Compartment, ...] = ("vacuole", "vacuolar_membrane", "bud_neck")
REACH_UM: dict[Morphology, float] = {"yeast": 5.9, "human": 20.0}
"""How far a cell may reach from its middle."""
_MOST_PIXELS = 2**26
_MOST_CELLS = 10**8
_MOST_SPREAD_UM = 12.0
PIXEL_SIZE_UM: dict[Morphology, float] = {"yeast": 0.16, "human": 0.36}


class Effects(Section):
    """How far members of one group differ from those of another, in units of the cell-to-cell spread.

    Factors have limits, so that compartments stay apart: beyond about four units more effect shows less and less.
    """

    seed: int = Field(0, ge=0)
    """Seed of the planted differences; with another `seed` of the data set the proteins stay, the cells are others."""
    compartment: float = Field(1.0, ge=0, le=1)
    """Share of a protein's light that is drawn by its compartment; the rest is in the cytoplasm. At 0 compartments look
    alike but for what their processes, pathways and complexes move."""
    process: float = Field(3.0, ge=0, le=10)
    """Between processes of one compartment."""
    pathway: float = Field(3.0, ge=0, le=10)
    """Between pathways of one process."""
    complex: float = Field(3.0, ge=0, le=10)
    """Between complexes of one pathway."""
    protein: float = Field(0.5, ge=0, le=10)
    """Between proteins of one complex."""


class Labels(Section):
    """What is wrong with the localizations that users are given; the standards hold the truth."""

    multi_localized: float = Field(0.0, ge=0, le=1)
    """Share of proteins in two compartments (the second is another one of the list), labelled `first|second`."""
    wrong: float = Field(0.0, ge=0, le=1)
    """Share of proteins whose label names another compartment; where a protein is in all of them, only one of them."""
    unlabelled: float = Field(0.0, ge=0, le=1)
    """Share of proteins without a label."""
    weak: float = Field(0.0, ge=0, le=1)
    """Share of each protein's cells that do not show its localization: their light is in the cytoplasm."""

    @model_validator(mode="after")
    def _faults_fit(self) -> Self:
        if self.wrong + self.unlabelled > 1:
            raise ValueError("wrong + unlabelled are more than all proteins (must be at most 1)")
        return self


class Optics(Section):
    """The microscope."""

    mode: Literal["widefield", "confocal"] = "confocal"
    """Confocal: light from other heights is kept out by a pinhole."""
    pinhole: float = Field(1.0, ge=0.1, le=10)
    """Diameter of the confocal pinhole in Airy discs; spinning discs let through as much as one of 2 or 3."""
    na: float = Field(1.15, gt=0.1, lt=1.5)
    """Numerical aperture of the objective; must be below the refractive index."""
    refractive_index: float = Field(1.33, ge=1, le=1.6)
    """Of the immersion: water 1.33, oil 1.52."""
    blur_um: float = Field(0.0, ge=0, le=5)
    """Blur that comes on top of diffraction (aberrations, resampling): standard deviation of a Gaussian."""
    emission_nm: float = Field(520.0, ge=350, le=900)
    """Wavelength of the light that is seen."""

    @model_validator(mode="after")
    def _aperture_is_possible(self) -> Self:
        if self.na >= self.refractive_index:
            raise ValueError(f"na: {self.na:g} must be below refractive_index {self.refractive_index:g}")
        return self


class Camera(Section):
    """From light to counts."""

    photons: float = Field(800.0, gt=0, le=100_000)
    """Photons that a pixel of a usual protein's structures receives, before the microscope spreads them."""
    marker_photons: float = Field(500.0, ge=0, le=100_000)
    """The same of the cytosol marker."""
    background: float = Field(8.0, ge=0, le=10_000)
    """Photons from the medium, in every pixel."""
    autofluorescence: float = Field(0.03, ge=0, le=10)
    """Light of cells without any tagged protein, as a share of `photons`."""
    gain: float = Field(1.5, gt=0, le=100)
    """Counts a photon."""
    offset: float = Field(100.0, ge=0, le=10_000)
    """Counts without light."""
    read_noise: float = Field(1.6, ge=0, le=1000)
    """Standard deviation of the read noise, in photo-electrons."""
    hot_pixels: float = Field(0.0, ge=0, le=0.1)
    """Share of pixels that are bright without light."""
    registration: float = Field(0.0, ge=0, le=0.5)
    """Shift of the marker by part of a pixel, taken back by linear interpolation, as channels of two cameras are
    registered: it smooths the marker and its noise."""
    bits: Literal[12, 16] = 16
    """Counts saturate at 2^bits - 1."""

    @model_validator(mode="after")
    def _offset_leaves_room(self) -> Self:
        if self.offset > 2**self.bits / 2:
            raise ValueError(
                f"offset: {self.offset:g} is more than half of the {2**self.bits} counts of {self.bits} bits"
            )
        return self


class Conditions(Section):
    """What differs between cells, fields and plates without being biology of the tagged protein."""

    expression: float = Field(0.2, ge=0, le=2)
    """Spread (standard deviation of the logarithm) of brightness between cells; half of its variance is shared by both
    channels."""
    dead: float = Field(0.0, ge=0, le=1)
    """Share of cells that are dead: bright in both channels and without structures."""
    illumination: float = Field(0.1, ge=0, le=0.95)
    """Share of the light that is lost in the corners of a field."""
    plate: float = Field(0.0, ge=0, le=1)
    """Spread (of the logarithm) of brightness and background between plates."""
    field: float = Field(0.05, ge=0, le=1)
    """The same between fields of a plate."""
    focus_um: float = Field(0.0, ge=0, le=3)
    """Spread of the focal height between fields, in micrometres."""
    heights_um: float = Field(0.0, ge=0, le=3)
    """Spread of the heights at which the cells of a field lie, so that some are out of focus."""
    bleaching: float = Field(0.0, ge=0, lt=1)
    """Share of the light that is lost from one plane of a stack to the next."""


class Screen(DataSet):
    """What generated fields and crops share: biology, microscope, camera."""

    seed: int = Field(0, ge=0)
    """Seed of cells and defects."""
    morphology: Morphology = "yeast"
    """Budding yeast, or flat human-like cells (without vacuole and bud)."""
    budded: float = Field(0.6, ge=0, le=0.95)
    """Share of yeast cells with a bud."""
    compartments: list[Compartment] = Field(
        default=["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery"], min_length=2
    )
    """Compartments that proteins live in."""
    processes_per_compartment: int = Field(2, ge=1, le=20)
    """Processes in each compartment."""
    pathways_per_process: int = Field(2, ge=1, le=20)
    """Pathways in each process."""
    complexes_per_pathway: int = Field(2, ge=1, le=20)
    """Complexes in each pathway."""
    proteins_per_complex: int = Field(2, ge=1, le=20)
    """Proteins in each complex."""
    effects: Effects = Effects()
    """Sizes of the planted differences."""
    labels: Labels = Labels()
    """Faults of the labels."""
    fields_per_protein: int = Field(4, ge=3, le=1000)
    """Fields imaged of each protein."""
    replicates: int = Field(1, ge=1, le=20)
    """Plates that each protein is on; its fields are dealt to them in turn."""
    part: str = Field("1/1", pattern=r"^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$")
    """Which of how many parts of the proteins is made: jobs with `1/8` to `8/8` together make the same as one."""
    optics: Optics = Optics()
    """The microscope."""
    camera: Camera = Camera()
    """Light and camera."""
    conditions: Conditions = Conditions()
    """Differences between cells, fields and plates."""
    pixel_size_um: float | None = Field(None, ge=0.05, le=1.0)
    """Size of a pixel in micrometres; left out: 0.16 for yeast, 0.36 for human cells."""

    @property
    def n_proteins(self) -> int:
        """How many proteins it has."""
        per_process = self.pathways_per_process * self.complexes_per_pathway * self.proteins_per_complex
        return len(self.compartments) * self.processes_per_compartment * per_process

    @property
    def pixel_um(self) -> float:
        """Size of a pixel in micrometres."""
        return self.pixel_size_um or PIXEL_SIZE_UM[self.morphology]

    @property
    def reach_um(self) -> float:
        """How far a cell may reach from its middle."""
        return REACH_UM[self.morphology]

    @property
    def channels(self) -> list[str]:
        """Names of the channels."""
        return ["protein", "cytosol"]

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return True

    @field_validator("compartments")
    @classmethod
    def _compartments_differ(cls, compartments: list[Compartment]) -> list[Compartment]:
        if len(set(compartments)) != len(compartments):
            raise ValueError("each compartment may stand once")
        return compartments

    @model_validator(mode="after")
    def _cells_have_them(self) -> Self:
        if self.morphology == "human" and (missing := [name for name in self.compartments if name in YEAST_ONLY]):
            raise ValueError(f"compartments: human-like cells have no {' or '.join(missing)}: leave them out")
        return self

    @model_validator(mode="after")
    def _cells_can_be_counted(self) -> Self:
        cells = self.n_proteins * self.fields_per_protein * int(getattr(self, "cells_per_field", 1))
        if cells > _MOST_CELLS:
            raise ValueError(
                f"there are {cells} cells; expected at most {_MOST_CELLS}: ask for fewer proteins or fields"
            )
        return self

    @model_validator(mode="after")
    def _part_has_proteins(self) -> Self:
        number, of = map(int, self.part.split("/"))
        if number > of or of > self.n_proteins:
            raise ValueError(f"part: '{self.part}' must be one of up to {self.n_proteins} parts (one protein each)")
        return self


class VirtualScreen(Screen):
    """Generated fields of cells with known biology: tagged protein and cytosol marker."""

    split_units: ClassVar[tuple[SplitUnit, ...]] = ("field", "well", "plate", "protein")
    reader: Literal["virtual_screen"]
    """Generated fields."""
    cells_per_field: int = Field(16, ge=1, le=500)
    """Cells tried in each field; where there is no room they are left out."""
    crowding: float = Field(0.0, ge=0, le=1)
    """Share of cells that are put beside another one."""
    field_size: int = Field(224, ge=96, le=2048)
    """Height and width of a field in pixels."""
    planes: int = Field(1, ge=1, le=64)
    """Planes of a z-stack; 1 gives plain images."""
    z_step_um: float = Field(0.5, ge=0.05, le=5)
    """Distance of the planes in micrometres."""
    defects: Defects = Field(default={"noise": Noise(), "axial": Axial(), "blur": Blur()})
    """Defects put on the clean fields; each field is acquired with one of them."""

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return sorted(self.defects)

    @property
    def spread_um(self) -> float:
        """How far light spreads beside a cell: three standard deviations of the blur, and the cone out of focus."""
        beyond = max(0.0, (self.planes - 1) / 2 * self.z_step_um - 1)
        return 3 * self.optics.blur_um + beyond * math.tan(math.asin(self.optics.na / self.optics.refractive_index))

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        size = 1.2 * self.reach_um / self.pixel_um
        if size > self.field_size:
            raise ValueError(
                f"pixel_size_um: {self.pixel_um:g} makes cells about {size:.0f} pixels long; expected at most "
                f"{self.field_size} (field_size): choose larger pixels or a larger field"
            )
        if self.spread_um > _MOST_SPREAD_UM:
            raise ValueError(
                f"planes, z_step_um and blur_um: light spreads {self.spread_um:.0f} um beside a cell; expected at most "
                f"{_MOST_SPREAD_UM:.0f}: choose a thinner stack or less blur"
            )
        return self

    @model_validator(mode="after")
    def _fields_fit_into_memory(self) -> Self:
        if self.planes * self.field_size**2 > _MOST_PIXELS:
            raise ValueError(f"field_size and planes: a field has more than {_MOST_PIXELS} pixels: make one smaller")
        return self

    @model_validator(mode="after")
    def _stacks_have_no_defects(self) -> Self:
        if self.planes > 1 and self.defects:
            raise ValueError("defects: are put on planes, not on stacks: set defects: {} or planes: 1")
        return self


class VirtualCrops(Screen):
    """Generated single-cell crops with known biology, and the image without noise behind each."""

    holds: ClassVar[Literal["fields", "crops"]] = "crops"
    split_units: ClassVar[tuple[SplitUnit, ...]] = ("cell", "field", "well", "plate", "protein")
    reader: Literal["virtual_crops"]
    """Generated crops."""
    cells_per_field: int = Field(16, ge=1, le=1000)
    """Crops of each field."""
    crop_size: int = Field(64, ge=32, le=256, multiple_of=8)
    """Height and width of a crop in pixels, a multiple of 8; cells that are larger are cut."""
    neighbours: float = Field(1.5, ge=0, le=5)
    """Other cells of the field that lie around a cell, on average."""
    split: Split = Split(by="field")
    """Training, validation and test side."""
