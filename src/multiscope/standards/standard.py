"""What a standard is: terms, their members, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from multiscope.config import Scale

UNKNOWN = "unknown"
SCALES: tuple[str, ...] = get_args(Scale)


@dataclass(frozen=True)
class Standard:
    """Terms with their member proteins, and where they come from."""

    name: str
    scale: str
    """compartment, process, pathway or complex."""
    terms: Mapping[str, frozenset[str]]
    organism: str
    """NCBI taxon id, `none (generated)`, or `unknown`."""
    id_type: str
    """What members are called by, such as `yeast symbol`."""
    release: str
    licence: str
    sha256: str
    """Of the file."""
    evidence: str = UNKNOWN
    """What kind of data the terms rest on, such as images, curation, mass spectrometry."""
    losses: Mapping[str, int] = field(default_factory=dict)
    """How much was dropped on the way, by reason."""
    pairs: bool = False
    """Each term is a pair of proteins, `A|B`, that the publisher put together: limits of sizes of terms say nothing."""

    @property
    def proteins(self) -> frozenset[str]:
        """All members of all terms."""
        return frozenset().union(*self.terms.values())
