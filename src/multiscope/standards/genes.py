"""Names of genes: which gene a name means, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from multiscope.standards.gene_table import Gene, read_genes
from multiscope.standards.id_space import YEAST_ORF, looks_like

__all__ = ["Gene", "GeneNames", "Resolved", "looks_like"]


@dataclass(frozen=True)
class Resolved:
    """What names mean."""

    genes: Mapping[str, Gene]
    """Gene by the name as it was given."""
    unknown: frozenset[str]
    """Names that no gene has."""
    ambiguous: frozenset[str]
    """Names that several genes have, of which none was taken."""

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of names without a gene, by reason."""
        return {"names unknown": len(self.unknown), "names of several genes": len(self.ambiguous)}


@dataclass(frozen=True)
class GeneNames:
    """Genes with their names: systematic ones win over symbols, symbols over aliases."""

    genes: tuple[Gene, ...]
    ignore_case: bool = False
    """Yeast's names mean the same in either case; human and mouse genes differ by it."""

    @classmethod
    def read(cls, path: Path) -> GeneNames:
        """Read a table of gene names: SGD's features, HGNC's complete set, or two columns."""
        genes = read_genes(path)
        return cls(genes, ignore_case=looks_like(gene.systematic for gene in genes) == YEAST_ORF)

    @property
    def has_symbols(self) -> bool:
        """Whether any gene has a symbol."""
        return any(gene.symbol for gene in self.genes)

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The gene of each name; a name of several genes of its rank is none's."""
        genes: dict[str, Gene] = {}
        unknown: set[str] = set()
        ambiguous: set[str] = set()
        for name in names:
            found = self._genes_of(name)
            if len(found) == 1:
                genes[name] = found[0]
            else:
                (ambiguous if found else unknown).add(name)
        return Resolved(genes, frozenset(unknown), frozenset(ambiguous))

    def renamed(self, names: Iterable[str], to: Literal["systematic", "symbol"]) -> dict[str, str]:
        """The name of the kind `to` of each of `names` that means one gene, such as the names of profiles."""
        return {name: self.name_of(gene, to) for name, gene in self.resolve(names).genes.items()}

    def name_of(self, gene: Gene, to: Literal["systematic", "symbol"]) -> str:
        """A gene's name of the kind `to`; its systematic name where it has no symbol, or shares it with others."""
        alone = bool(gene.symbol) and len(self._ranks[1][self._key(gene.symbol)]) == 1
        return gene.symbol if to == "symbol" and alone else gene.systematic

    def _genes_of(self, name: str) -> tuple[Gene, ...]:
        key = self._key(name)
        return next((rank[key] for rank in self._ranks if key in rank), ())

    def _key(self, name: str) -> str:
        return name.upper() if self.ignore_case else name

    @cached_property
    def _ranks(self) -> tuple[dict[str, tuple[Gene, ...]], ...]:
        """Genes by systematic name, by symbol and by alias."""
        ranks: tuple[dict[str, dict[Gene, None]], ...] = ({}, {}, {})
        for gene in self.genes:
            for rank, names in zip(ranks, ([gene.systematic], [gene.symbol], gene.aliases), strict=True):
                for name in filter(None, names):
                    rank.setdefault(self._key(name), {})[gene] = None
        return tuple({name: tuple(genes) for name, genes in rank.items()} for rank in ranks)
