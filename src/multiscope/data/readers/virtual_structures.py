"""Generated structures as the other readers offer their fields."""

from __future__ import annotations

from pathlib import Path

from multiscope.config import VirtualStructures
from multiscope.data.readers.reader import Count, FieldPixels, fields_table, proteins_table
from multiscope.simulate.structures.field import field
from multiscope.stores.pixel_size import PixelSize


class VirtualStructuresReader:
    """Reader of `VirtualStructures`: every image is a field of no protein, generated when it is read."""

    def __init__(self, config: VirtualStructures) -> None:
        """Name the images; they are drawn later."""
        self.where = f"virtual {config.structure}"
        self.channels = config.channels
        self.pixel_size = PixelSize(None, config.pixel_size_um, config.pixel_size_um)
        self.remarks: list[str] = []
        self.inputs: dict[str, Path] = {}
        self._config = config
        numbers = range(config.n_images)
        digits = max(4, len(str(config.n_images)))
        ids = [f"{config.structure}_{number + 1:0{digits}d}" for number in numbers]
        volumes = [f"volume_{number // config.sections_per_volume + 1:0{digits}d}" for number in numbers]
        stacks = {"stack": volumes} if config.structure == "nuclei" else {}
        self.fields = fields_table(ids, [""] * len(ids), **stacks)
        self.proteins = proteins_table([""], {}, where=self.where)
        self.counts = {"fields": Count(len(ids), {})}

    def read(self, number: int) -> FieldPixels:
        """Generate the image of row `number`."""
        return FieldPixels(field(self._config, number), None, f"{self.where}: {self.fields['field_id'][number]}")

    def info(self, number: int) -> None:
        """Generated images are from no file."""

    def write_standards(self, folder: Path) -> None:
        """Structures come without standards."""
