"""The standards that profiles are scored against, for figures of terms."""

from __future__ import annotations

from collections.abc import Sequence

from multiscope import config
from multiscope.report.results import Results
from multiscope.standards.gmt import read_gmt
from multiscope.standards.standard import SCALES, Standard


def standards(results: Results) -> list[Standard]:
    """Those of the configuration whose files are there, then those of the data sets, from coarse to fine scales."""
    named = (results.run_config.evaluate or config.Evaluate()).standards
    found = {
        name: read_gmt(each.path, name=name, scale=each.scale) for name, each in named.items() if each.path.is_file()
    }
    for folder in results.data:
        for path in sorted((folder.path / "standards").glob("*.gmt")):
            found.setdefault(path.stem, read_gmt(path, name=path.stem))
    return sorted(found.values(), key=lambda standard: (SCALES.index(standard.scale), standard.name))


class Shared:
    """Which scales two proteins share: those at which they have a term in common."""

    def __init__(self, standards: Sequence[Standard], most_members: int) -> None:
        """By terms with up to `most_members` members."""
        self._terms: dict[str, set[tuple[str, str, str]]] = {}
        for standard in standards:
            for name, members in standard.terms.items():
                for protein in members if len(members) <= most_members else ():
                    self._terms.setdefault(protein, set()).add((standard.scale, standard.name, name))

    def scales(self, one: str, other: str) -> list[str]:
        """From coarse to fine."""
        common = self._terms.get(one, set()) & self._terms.get(other, set())
        return sorted({scale for scale, _, _ in common}, key=SCALES.index)
