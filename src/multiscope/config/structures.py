"""Virtual structures: generated clean images of what restoration was shown on, to be degraded by the defects."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from multiscope.config.acquisition import DataSet, Split, SplitUnit
from multiscope.config.defects import Blur, Defects

Structure = Literal["tubules", "granules", "nuclei"]

_USUAL: dict[str, dict[str, Any]] = {
    "granules": {"density": 150.0},
    "nuclei": {"pixel_size_um": 0.25, "density": 2.0, "sections_per_volume": 4, "defects": {"axial": {}}},
}
"""What else than a key's default is taken for these structures where the key is left out."""
_PIXEL_SIZES = {"tubules": (0.02, 0.1), "granules": (0.02, 0.1), "nuclei": (0.1, 0.5)}
"""Sizes of a pixel (micrometres) at which there is something to see of a structure, and enough of it."""
_MOST_DENSE = {"tubules": 200.0, "granules": 1000.0, "nuclei": 2.5}
_MOST_STRUCTURES = {"tubules": 20_000, "granules": 20_000, "nuclei": 5_000}
"""In one image or volume: what is drawn in a few seconds and a few hundred megabytes."""
_MOST_PIXELS = 2**31
"""In all images of a data set: 4 GiB."""


class VirtualStructures(DataSet):
    """Generated images of tubules, granules or nuclei, clean: the defects make pairs of them."""

    split_units: ClassVar[tuple[SplitUnit, ...]] = ("field", "stack")
    section_um: ClassVar[float] = 2.0
    """Distance of the sections through one volume in micrometres."""
    reader: Literal["virtual_structures"]
    """Generated structures."""
    structure: Structure
    """`tubules` (microtubules), `granules` (secretory vesicles), or `nuclei`: sections along the optical axis, their
    rows, through volumes."""
    seed: int = Field(0, ge=0)
    """Seed of structures and defects."""
    n_images: int = Field(60, ge=3, le=100_000)
    """Images; of nuclei these are sections."""
    image_size: int = Field(128, ge=32, le=1024)
    """Height and width of an image in pixels."""
    pixel_size_um: float = Field(0.05, ge=0.02, le=0.5)
    """Size of a pixel in micrometres: 0.02 to 0.1; of nuclei 0.1 to 0.5, and 0.25 if it is left out."""
    density: float = Field(20.0, gt=0, le=1000)
    """Tubules or granules in 100 square micrometres (at most 200 and 1000), nuclei in 1000 cubic ones (at most
    2.5); those that find no room are left out. If it is left out: 20, 150 and 2."""
    sections_per_volume: int = Field(1, ge=1, le=32)
    """Sections through one volume of nuclei, 2 micrometres apart; 4 if it is left out."""
    peak_photons: float = Field(4000.0, ge=100, le=10_000)
    """Photons, and counts above the camera's offset of 100, in a bright pixel of a usual structure."""
    defects: Defects = Field(default={"blur": Blur()})
    """Defects put on the clean images; each is acquired with one of them. For nuclei `axial` if it is left out."""
    split: Split = Split()
    """Training, validation and test side; sections of nuclei are dealt by `stack`, volume by volume."""

    @property
    def channels(self) -> list[str]:
        """Names of the channels of an image."""
        return [self.structure]

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return sorted(self.defects)

    @property
    def knows_localization(self) -> bool:
        """Whether it says where proteins are."""
        return False

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, values: Any) -> Any:
        """Fill in what is left out as is usual for the structure; sections of one volume are dealt as a whole."""
        if not isinstance(values, dict) or not isinstance(values.get("structure"), str):
            return values
        values = {**_USUAL.get(values["structure"], {}), **values}
        split = values.get("split", {})
        if values["structure"] == "nuclei" and isinstance(split, dict):
            values["split"] = {"by": "stack", **split}
        return values

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        low, high = _PIXEL_SIZES[self.structure]
        if not low <= self.pixel_size_um <= high:
            raise ValueError(
                f"pixel_size_um: {self.pixel_size_um:g} shows nothing of {self.structure}; expected {low:g} to {high:g}"
            )
        self._check_density()
        most_images = _MOST_PIXELS // self.image_size**2
        if self.n_images > most_images:
            raise ValueError(
                f"n_images: {self.n_images} images of {self.image_size} x {self.image_size} pixels are more than 4 "
                f"GiB; expected at most {most_images}: ask for fewer or smaller ones"
            )
        return self

    def _check_density(self) -> None:
        side = self.image_size * self.pixel_size_um
        depth = self.sections_per_volume * self.section_um / 10 if self.structure == "nuclei" else 1
        room = side**2 * depth / 100
        most = min(_MOST_DENSE[self.structure], _MOST_STRUCTURES[self.structure] / room)
        if self.density > most:
            raise ValueError(
                f"density: {self.density:g} is too much for {self.structure} in {side:g} x {side:g} micrometres; "
                f"expected at most {most:.3g}"
            )

    @model_validator(mode="after")
    def _can_be_dealt(self) -> Self:
        if self.structure != "nuclei" and self.sections_per_volume > 1:
            raise ValueError(f"sections_per_volume: {self.structure} are drawn in planes, not in volumes; leave it out")
        if self.split.by == "field" and self.sections_per_volume > 1 and self.split.near_duplicates == "refuse":
            raise ValueError("split.by: 'field' deals sections of one volume to two sides; expected stack")
        n_volumes = -(-self.n_images // self.sections_per_volume)
        needed = 3 if self.split.val else 2
        if n_volumes < needed:
            raise ValueError(
                f"n_images: {self.n_images} sections of {n_volumes} volumes; expected at least {needed} volumes, one "
                f"for each side of the split: set n_images to {(needed - 1) * self.sections_per_volume + 1} or more"
            )
        return self
