"""What goes into a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from multiscope import config
from multiscope.report.blocks import Statements
from multiscope.report.inputs import Folder
from multiscope.standards.gmt import read_gmt
from multiscope.standards.registry import read_standard
from multiscope.standards.standard import SCALES, Standard


@dataclass(frozen=True)
class Results:
    """What went into a report: opened stage folders, tables, and the configuration."""

    run_config: config.Config
    data: Sequence[Folder]
    generators: Sequence[Folder] = ()
    pairs: Sequence[Folder] = ()
    restored: Sequence[Folder] = ()
    segmented: Sequence[Folder] = ()
    crops: Sequence[Folder] = ()
    localized: Sequence[Folder] = ()
    embeddings: Sequence[Folder] = ()
    evaluated: Folder | None = None
    trust: Sequence[Folder] = ()
    restore_scores: Path | None = None
    benchmarks: Path | None = None
    answers: list[Statements] = field(default_factory=list)

    @property
    def folders(self) -> list[Folder]:
        """All stage folders in the order of the chain."""
        last = [self.evaluated] if self.evaluated else []
        return [
            *self.data,
            *self.generators,
            *self.pairs,
            *self.restored,
            *self.trust,
            *self.segmented,
            *self.crops,
            *self.localized,
            *self.embeddings,
            *last,
        ]

    @cached_property
    def standards(self) -> list[Standard]:
        """Those of the configuration whose files are there, then those of the data sets, from coarse to fine scales."""
        named = (self.run_config.evaluate or config.Evaluate()).standards
        found = {
            name: read_standard(each.path, name=name, section=each)
            for name, each in named.items()
            if each.path.is_file()
        }
        for folder in self.data:
            for path in sorted((folder.path / "standards").glob("*.gmt")):
                found.setdefault(path.stem, read_gmt(path, name=path.stem))
        return sorted(found.values(), key=lambda standard: (SCALES.index(standard.scale), standard.name))

    @property
    def most_members(self) -> int:
        """Of a term that is scored and drawn."""
        return (self.run_config.evaluate or config.Evaluate()).max_term_size

    @property
    def first_embeddings(self) -> list[Folder]:
        """Of each encoder the embeddings of its first seed."""
        firsts: dict[str, Folder] = {}
        for folder in self.embeddings:
            firsts.setdefault(folder.name, folder)
        return list(firsts.values())

    def is_generated(self, folder: Folder) -> bool:
        """Whether a data set is a virtual one: its reader says so by its name."""
        return self.reader(folder).startswith("virtual_")

    def reader(self, folder: Folder) -> str:
        """The reader by which a data set was made."""
        reader = folder.manifest.get("config", {}).get("reader")
        section = self.run_config.data.get(folder.name)
        return str(reader or (section.reader if section else ""))

    def methods_of(self, data: Folder) -> list[Folder]:
        """Of each method that restored this data set the folder of its first seed."""
        firsts: dict[str, Folder] = {}
        for folder in self.restored_from(data):
            firsts.setdefault(folder.name, folder)
        return list(firsts.values())

    def restored_from(self, data: Folder) -> list[Folder]:
        """Folders of restored images of this data set, all methods and seeds."""
        return [r for r in self.restored if r.manifest.get("inputs", {}).get("data") == data.manifest["digest"]]

    def crops_of(self, model: Folder) -> Folder | None:
        """The crops that an encoder was trained on, where they were given."""
        digest = model.manifest.get("inputs", {}).get("crops")
        return next((crops for crops in self.crops if crops.manifest["digest"] == digest), None)

    def pixel_size(self, data: Folder) -> float | None:
        """Size of a pixel of a data set in micrometres, where it is known."""
        noted = data.notes.get("pixel_size_um")
        section = self.run_config.data.get(data.name)
        value = noted if noted is not None else (section.pixel_size_um if section else None)
        return float(value) if value else None
