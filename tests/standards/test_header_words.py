"""Headers of two columns are told from names of genes, some of which look much alike."""

from __future__ import annotations

import pytest

from multiscope.standards.header_words import is_header, is_header_of_pairs
from tests.standards.conftest import Read

PAIRS = ["entity1,entity2", "uniprot_a,uniprot_b", "Gene A,Gene B", "geneA,geneB", "protein_id_1,protein_id_2"]
OTHERS = ["id1,id2", "ORF,gene", "systematic name,standard_name", "UniProtKB ID,HGNC symbol", "source,target"]


@pytest.mark.parametrize("line", PAIRS + OTHERS)
def test_headers(line: str) -> None:
    assert is_header(line.split(","))
    assert is_header_of_pairs(line.split(",")) == (line in PAIRS or line == "id1,id2")


@pytest.mark.parametrize("line", ["ID1,ID2", "SGD1,SGD2", "TP53,MDM2", "gene,TP53", "A,B", "1,2", ",", "P04637,Q00987"])
def test_names(line: str) -> None:
    assert not is_header(line.split(","))
    assert not is_header_of_pairs(line.split(","))


@pytest.mark.parametrize("line", PAIRS)
@pytest.mark.parametrize("before", ["", "\n", " \n\n"])
def test_the_header_of_pairs_is_no_pair(read: Read, line: str, before: str) -> None:
    for kind, separator in (("pairs", ","), ("auto", ","), ("pairs", "\t")):
        content = f"{before}{line}\nA1,B1\n".replace(",", separator).encode()
        assert read(content, format=kind).terms == {"A1|B1": {"A1", "B1"}}


def test_a_first_pair_of_genes_that_are_called_like_headers_stays(read: Read) -> None:
    assert read(b"ID1,ID2\nA1,B1\n", format="pairs").terms.keys() == {"ID1|ID2", "A1|B1"}
