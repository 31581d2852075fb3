"""Generated fields as the other readers offer theirs."""

from __future__ import annotations

from pathlib import Path

from multiscope.config import VirtualScreen
from multiscope.data.readers.reader import Count, FieldPixels, fields_table
from multiscope.simulate import virtual_screen
from multiscope.stores.gmt import write_gmt
from multiscope.stores.pixel_size import PixelSize


class VirtualScreenReader:
    """Reader of a `VirtualScreen`: every field is generated when it is read."""

    def __init__(self, config: VirtualScreen) -> None:
        """Draw the proteins; fields are drawn later."""
        self.where = "virtual screen"
        self.pixel_size = PixelSize(None, config.pixel_size_um, config.pixel_size_um)
        self.remarks: list[str] = []
        self._config = config
        self._table = virtual_screen.proteins(config)
        self.channels = list(virtual_screen.field(config, 0, 0).channels)
        names = [str(name) for name in self._table["protein"]]
        self._places = [(p, f) for p in range(len(names)) for f in range(config.fields_per_protein)]
        ids = [f"{names[p]}_{f + 1:02d}" for p, f in self._places]
        self.fields = fields_table(ids, [names[p] for p, _ in self._places])
        columns = ["protein", "symbol", "localization"]
        self.proteins = self._table.rename(columns={"compartment": "localization"})[columns]
        self.inputs: dict[str, Path] = {}
        self.counts = {"fields": Count(len(ids), {})}

    def read(self, number: int) -> FieldPixels:
        """Generate the field of row `number`."""
        protein, field = self._places[number]
        made = virtual_screen.field(self._config, protein, field)
        return FieldPixels(made.image, made.labels, f"virtual screen: {self.fields['field_id'][number]}")

    def info(self, number: int) -> None:
        """Generated fields are from no file."""

    def write_standards(self, folder: Path) -> None:
        """The planted biology as standards: one GMT file and sidecar a scale."""
        folder.mkdir()
        for name, terms in virtual_screen.standards(self._table).items():
            sidecar = {
                "scale": name,
                "organism": "none (generated)",
                "id_type": "protein",
                "release": f"virtual screen, seed {self._config.seed}",
                "licence": "CC0-1.0",
            }
            write_gmt(folder / f"{name}.gmt", terms, sidecar=sidecar)
