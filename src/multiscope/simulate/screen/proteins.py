"""The proteins of a virtual screen: where each stands, what is said of it, and which plate it is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiscope.config import Compartment, Screen
from multiscope.simulate.biology import LEVELS, Place, level_shifts, stream
from multiscope.simulate.factors import NAMES

SCALES = ("compartment", "process", "pathway", "complex")
_SECOND, _FAULTS = 1, 2
WELLS, _COLUMNS = 384, 24


@dataclass(frozen=True)
class Protein:
    """One protein."""

    name: str
    """Systematic, such as VP001."""
    place: Place
    compartments: tuple[Compartment, ...]
    """Where it truly is: that of its place, and of some a second."""
    label: str
    """What users are told: compartments joined by `|`, empty if nothing."""
    row: int

    def well(self, replicate: int, replicates: int) -> tuple[str, str]:
        """Plate and well of one of its replicates: 384 proteins a plate."""
        block, number = divmod(self.row, WELLS)
        row, column = divmod(number, _COLUMNS)
        plate = f"P{block + 1}" + (f"R{replicate + 1}" if replicates > 1 else "")
        return plate, f"{chr(ord('A') + row)}{column + 1:02d}"


def proteins(config: Screen) -> list[Protein]:
    """All proteins, in the order of the hierarchy."""
    places = _places(config)
    n, labels = len(places), config.labels
    digits = max(3, len(str(n)))
    multi = set(_some(config, places, labels.multi_localized, kind=0))
    faulty = _some(config, places, labels.wrong + labels.unlabelled, kind=1)
    wrong = set(faulty[: round(labels.wrong * n)])
    silent = set(faulty) - wrong
    made = []
    for row, place in enumerate(places):
        where = _compartments(config, place, two=row in multi)
        label = "" if row in silent else _other(config, place, where) if row in wrong else "|".join(where)
        made.append(Protein(f"VP{row + 1:0{digits}d}", place, where, label, row))
    return made


def in_part(config: Screen) -> list[Protein]:
    """The proteins of the part that is made."""
    made, (number, of) = proteins(config), map(int, config.part.split("/"))
    return made[(number - 1) * len(made) // of : number * len(made) // of]


def table(made: Sequence[Protein]) -> pd.DataFrame:
    """One row a protein: protein, symbol, compartment (two joined by `|`), process, pathway, complex, label."""
    columns = {
        "protein": [protein.name for protein in made],
        "symbol": [protein.place.symbol for protein in made],
        "compartment": ["|".join(protein.compartments) for protein in made],
        "process": [protein.place.process_name for protein in made],
        "pathway": [protein.place.pathway_name for protein in made],
        "complex": [protein.place.complex_name for protein in made],
        "label": [protein.label for protein in made],
    }
    return pd.DataFrame(columns, dtype=object)


def truth(config: Screen) -> pd.DataFrame:
    """`table`, and what was planted: the mean of the protein's cells in each factor, in units of their spread.

    A column `<level>:<factor>` for each of `LEVELS`; the sum over levels is the protein's mean.
    """
    made = proteins(config)
    shifts = np.stack([level_shifts(protein.place, config.effects) for protein in made])
    planted = {f"{level}:{factor}": shifts[:, i, k] for i, level in enumerate(LEVELS) for k, factor in enumerate(NAMES)}
    return pd.concat([table(made), pd.DataFrame(planted)], axis=1)


def standards(made: Sequence[Protein]) -> dict[str, dict[str, list[str]]]:
    """The planted terms: each of `SCALES` -> term -> its proteins. A protein in two compartments is in both."""
    terms: dict[str, dict[str, list[str]]] = {scale: {} for scale in SCALES}
    for protein in made:
        place = protein.place
        names = {"process": place.process_name, "pathway": place.pathway_name, "complex": place.complex_name}
        for compartment in protein.compartments:
            terms["compartment"].setdefault(compartment, []).append(protein.name)
        for scale, term in names.items():
            terms[scale].setdefault(term, []).append(protein.name)
    return terms


def _places(config: Screen) -> list[Place]:
    sizes = (
        len(config.compartments),
        config.processes_per_compartment,
        config.pathways_per_process,
        config.complexes_per_pathway,
        config.proteins_per_complex,
    )
    return [Place(config.compartments[c], *rest) for c, *rest in np.ndindex(*sizes)]


def _some(config: Screen, places: Sequence[Place], share: float, *, kind: int) -> list[int]:
    """A share of the rows, the luckiest; who is lucky does not depend on the share or on the other proteins."""
    luck = [stream(config.effects.seed, _FAULTS, kind, *place.key).random() for place in places]
    return [int(row) for row in np.argsort(luck)[: round(share * len(places))]]


def _compartments(config: Screen, place: Place, *, two: bool) -> tuple[Compartment, ...]:
    if not two:
        return (place.compartment,)
    others = [name for name in config.compartments if name != place.compartment]
    return place.compartment, others[int(stream(config.effects.seed, _SECOND, *place.key).integers(len(others)))]


def _other(config: Screen, place: Place, where: tuple[Compartment, ...]) -> str:
    """A compartment that it is not in; where there is none, the last that it is in."""
    others = [name for name in config.compartments if name not in where] or [where[-1]]
    return others[int(stream(config.effects.seed, _SECOND, 0, *place.key).integers(len(others)))]
