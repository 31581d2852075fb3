"""The virtual screen: generated fields with planted biology."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from multiscope.config.acquisition import DataSet, Defect, Defects, SplitUnit
from multiscope.config.section import Section

Compartment = Literal["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery", "punctate"]


class Effects(Section):
    """How far members of one group differ from those of another, in units of the cell-to-cell spread."""

    process: float = Field(3.0, ge=0, le=10)
    """Between processes of one compartment."""
    complex: float = Field(3.0, ge=0, le=10)
    """Between complexes of one process."""
    protein: float = Field(0.5, ge=0, le=10)
    """Between proteins of one complex."""


class VirtualScreen(DataSet):
    """Generated yeast-like fields with known biology: tagged protein and cytosol marker."""

    split_units: ClassVar[tuple[SplitUnit, ...]] = ("field", "protein")
    reader: Literal["virtual_screen"]
    """Generated data."""
    seed: int = Field(0, ge=0)
    """Seed of cells, proteins and defects."""
    compartments: list[Compartment] = Field(
        default=["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery"], min_length=2
    )
    """Compartments that proteins live in, one each."""
    processes_per_compartment: int = Field(2, ge=1, le=20)
    """Processes in each compartment."""
    complexes_per_process: int = Field(2, ge=1, le=20)
    """Complexes in each process."""
    proteins_per_complex: int = Field(2, ge=1, le=20)
    """Proteins in each complex."""
    effects: Effects = Effects()
    """Sizes of the planted differences."""
    fields_per_protein: int = Field(4, ge=3, le=1000)
    """Fields imaged of each protein."""
    cells_per_field: int = Field(16, ge=1, le=500)
    """Cells tried in each field; crowded ones are left out."""
    field_size: int = Field(224, ge=96, le=2048)
    """Height and width of a field in pixels."""
    pixel_size_um: float = Field(0.16, ge=0.05, le=0.45)
    """Size of a pixel in micrometres."""
    defects: Defects = Field(default={"noise": Defect(), "axial": Defect(), "blur": Defect()})
    """Defects put on the clean fields; each field is acquired with one of them."""

    @property
    def channels(self) -> list[str]:
        """Names of the channels of a generated field."""
        return ["protein", "cytosol"]

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return True

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return sorted(self.defects)

    @field_validator("compartments")
    @classmethod
    def _compartments_differ(cls, compartments: list[Compartment]) -> list[Compartment]:
        if len(set(compartments)) != len(compartments):
            raise ValueError("each compartment may stand once")
        return compartments
