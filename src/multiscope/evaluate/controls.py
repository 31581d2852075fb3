"""Controls: profiles that know nothing, or nothing but places, scored as if they were an encoder's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from multiscope.config.localize import CONTROLS, PLACES, SHUFFLED
from multiscope.evaluate.profiles import Profiles

__all__ = ["CONTROLS", "PLACES", "SHUFFLED", "controls"]


def controls(tables: Sequence[Profiles], places: Mapping[str, str]) -> Iterator[Profiles]:
    """Of each source of `tables`: the profiles of its first one dealt to other proteins; and what is known of places.

    All tables have the same proteins. The profile of a place is a 1 for each place of the protein
    (`nucleus|cytoplasm` has two): what an encoder would score that had learned its labels and nothing else. Proteins
    without a known place have one that they share.
    """
    first: dict[str, Profiles] = {}
    for table in tables:
        if not table.swept:
            first.setdefault(table.source, table)
    for number, table in enumerate(first.values()):
        x = np.random.default_rng(0).permutation(table.x)
        yield replace(table, encoder=SHUFFLED, layer=table.encoder, epoch=None, seed=None, x=x)
        if number == 0 and any(places.get(protein) for protein in table.proteins):
            known = pd.Series([places.get(protein) or "unknown" for protein in table.proteins])
            x = known.str.get_dummies(sep="|").to_numpy(dtype=np.float32)
            yield replace(table, encoder=PLACES, layer="label", epoch=None, seed=None, x=x)
