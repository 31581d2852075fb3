"""Proteins under the names that their genes have today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from multiscope import config
from multiscope.evaluate.profiles import Profiles
from multiscope.standards.genes import GeneNames


@dataclass(frozen=True)
class Names:
    """What profiled proteins are called now; all as they were where no table of genes is given."""

    now: Mapping[str, str] = field(default_factory=dict)
    """By former name; those that did not settle are not in it."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many names did not settle, by reason, and how many fell together."""

    @classmethod
    def read(cls, section: config.Evaluate, tables: Sequence[Profiles]) -> Names:
        """Of the proteins of `tables`, by the table `section.genes`."""
        if section.genes is None:
            return cls()
        genes = GeneNames.read(section.genes)
        every = sorted({name for table in tables for name in table.proteins})
        now = genes.renamed(every, section.id_type)
        merged = len(every) - len({now.get(name, name) for name in every})
        return cls(now, {**genes.resolve(every).counts, "further names of a gene": merged})

    def of(self, name: str) -> str:
        """The present name; a name of no gene, or of several, stays as it is."""
        return self.now.get(name, name)

    def renamed(self, table: Profiles) -> Profiles:
        """`table` under present names; profiles that turn out to be of one gene become their mean."""
        if not self.now:
            return table
        proteins = [self.of(name) for name in table.proteins]
        places = {self.of(name): place for name, place in table.places.items()}
        if len(set(proteins)) == len(proteins):
            return replace(table, proteins=proteins, places=places)
        means = pd.DataFrame(table.x).groupby(pd.Index(proteins), sort=True).mean()
        return replace(table, x=means.to_numpy(), proteins=means.index.tolist(), places=places)
