"""Profiles under the names that genes have today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from multiscope import config
from multiscope.evaluate.profiles import Profiles
from multiscope.standards.genes import GeneNames


def renamed(tables: Sequence[Profiles], section: config.Evaluate) -> tuple[list[Profiles], dict[str, int]]:
    """`tables` with the names of `section.genes`, and how many names that did not settle, by reason.

    A name of no gene, or of several, stays as it is. Profiles that turn out to be of one gene become their mean.
    """
    if section.genes is None:
        return list(tables), {}
    genes = GeneNames.read(section.genes)
    every = sorted({name for table in tables for name in table.proteins})
    names = genes.renamed(every, section.id_type)
    merged = len(names) - len(set(names.values()))
    return [_renamed(table, names) for table in tables], {
        **genes.resolve(every).counts,
        "further names of a gene": merged,
    }


def _renamed(table: Profiles, names: Mapping[str, str]) -> Profiles:
    now = [names.get(name, name) for name in table.proteins]
    places = {names.get(name, name): place for name, place in table.places.items()}
    if len(set(now)) == len(now):
        return replace(table, proteins=now, places=places)
    means = pd.DataFrame(table.x).groupby(pd.Index(now), sort=True).mean()
    return replace(table, x=means.to_numpy(), proteins=means.index.tolist(), places=places)
