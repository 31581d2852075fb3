"""Headers of two columns of names, told from names: they are made of the words that headers are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOUNS = (
    *("entity", "gene", "protein", "symbol", "orf", "systematic", "standard", "uniprot", "uniprotkb", "ensembl"),
    *("entrez", "hgnc", "ncbi", "sgdid", "accession", "locus", "alias", "synonym", "name", "node", "source", "target"),
    *("interactor", "partner", "identifier"),
)
_MARKS = ("1", "2", "a", "b")
_WORDS = frozenset((*_NOUNS, *(f"{noun}s" for noun in _NOUNS), "id", "ids", "official", "common", *_MARKS))


def is_header(cells: Sequence[str]) -> bool:
    """Whether each cell is a header, such as `entity1`, `uniprot_a` or `ORF`."""
    return bool(cells) and all(_is_one(cell) for cell in cells)


def is_header_of_pairs(cells: Sequence[str]) -> bool:
    """Whether two cells are one header, told apart by 1 and 2 or by A and B: `gene_a` and `gene_b`."""
    if len(cells) != 2 or not is_header(cells):
        return False
    first, second = (_words(cell) for cell in cells)
    return first[:-1] == second[:-1] and (first[-1], second[-1]) in (("1", "2"), ("a", "b"))


def _is_one(cell: str) -> bool:
    words = _words(cell)
    if words[:1] in (["id"], ["ids"]) and words[1:] != [] and cell != cell.lower():
        return False  # ID1 and ID2 are genes
    return bool(words) and words[0] not in _MARKS and all(word in _WORDS for word in words)


def _words(cell: str) -> list[str]:
    """`Gene_A`, `GeneA`, `gene a` and `gene-a` are `gene`, `a`."""
    apart = re.sub(r"(?<=[a-z])(?=[AB]$)|(?<=[A-Za-z])(?=[12]$)", " ", cell)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]
