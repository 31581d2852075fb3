"""Organisms of rows: NCBI taxon ids, of which a standard has one."""

from __future__ import annotations

from collections import Counter

from multiscope.errors import InputError
from multiscope.standards.standard import UNKNOWN
from multiscope.standards.text_file import TextFile

YEAST = "4932"
HUMAN = "9606"
# strains that publishers name in place of the species
_SPECIES = {"559292": YEAST, "284812": "4896", "83333": "562", "511145": "562"}


def species(taxon: str) -> str:
    """The taxon id of the species: 4932 for the yeast strain S288C (559292)."""
    return _SPECIES.get(taxon, taxon)


class Taxa:
    """Which rows of a file are of the organism that is wanted."""

    def __init__(self, file: TextFile, wanted: str | None) -> None:
        """`wanted` is a taxon id; None where the file has but one."""
        self._file = file
        self._wanted = None if wanted is None else species(wanted)
        self._rows: Counter[str] = Counter()

    def takes(self, taxon: str) -> bool:
        """Whether a row of `taxon` is read; it is counted either way."""
        self._rows[species(taxon)] += 1
        return self._wanted in (None, species(taxon))

    def one(self, losses: Counter[str]) -> str:
        """The one organism; rows of others are counted. None or several are an `InputError`."""
        seen = ", ".join(taxon for taxon, _ in self._rows.most_common(5))
        if self._wanted is not None:
            if self._rows and not self._rows[self._wanted]:
                raise InputError(f"{self._file.path}: has no row of organism {self._wanted} but of {seen}; name one")
            losses.update({f"rows of organism {t}": n for t, n in self._rows.items() if t != self._wanted})
            return self._wanted
        if len(self._rows) > 1:
            raise InputError(f"{self._file.path}: has rows of organisms {seen}; name one as 'organism'")
        return seen or UNKNOWN
