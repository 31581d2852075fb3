"""Names of genes: systematic ones win over symbols and these over aliases, and nothing is guessed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.standards.genes import Gene, GeneNames, looks_like
from multiscope.standards.standard import Standard
from multiscope.standards.translation import translate

SGD = (
    "SGDID\tType\tQualifier\tName\tGene\tAlias\tParent\tSecondary\tChr\tStart\tStop\tStrand\tPos\tV\tS\tDescription\n"
    'S000000001\tORF\tVerified\tYAL001C\tTFC3\t"big|FUN24"\t\t\t1\t1\t2\tW\t\t\t\ttext\n'
    "S000000002\tORF\tDubious\tYAL002W\t\tTFC3|FUN24\t\t\t1\t1\t2\tW\t\t\t\ttext\n"
    "S000000003\tCDS\t\t\t\t\tYAL001C\t\t1\t1\t2\tW\t\t\t\t\n"
    "S000000004\tORF\tVerified\tYAL003W\tEFB1\tYAL002W\t\t\t1\t1\t2\tW\t\t\t\t\xe9\n"
)
HGNC = (
    "hgnc_id\tsymbol\tname\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\tuniprot_ids\n"
    'HGNC:1\tTP53\tx\t"p53|LFS1"\t\t7157\tENSG00000141510\tP04637\n'
    "HGNC:2\tC1orf112\tx\tFLJ1\tOLD1|FLJ1\t55732\t\tQ9NSG2\n"
)


def made(terms: dict[str, set[str]], *, pairs: bool = False) -> Standard:
    frozen = {term: frozenset(members) for term, members in terms.items()}
    return Standard("s", "complex", frozen, "4932", "x", "1", "CC0", "", losses={"rows that say NOT": 1}, pairs=pairs)


@pytest.fixture
def sgd(tmp_path: Path) -> GeneNames:
    path = tmp_path / "f.tsv.gz"
    path.write_bytes(gzip.compress(SGD.replace("\n", "\r").encode("latin-1")))
    return GeneNames.read(path)


def test_features_of_sgd_in_any_case(sgd: GeneNames) -> None:
    names = ["yal001c", "TFC3", "tfc3", "EFB1", "YAL002W", "FUN24", "big", "S000000004", "nothing"]
    found = sgd.resolve(names)
    assert {name: gene.systematic for name, gene in found.genes.items()} == {
        "yal001c": "YAL001C",
        "TFC3": "YAL001C",  # a symbol, and an alias of another
        "tfc3": "YAL001C",
        "EFB1": "YAL003W",
        "YAL002W": "YAL002W",  # a systematic name, and an alias of another
        "big": "YAL001C",
        "S000000004": "YAL003W",
    }
    assert (found.unknown, found.ambiguous) == ({"nothing"}, {"FUN24"})
    assert found.counts == {"names unknown": 1, "names of several genes": 1}
    assert sgd.renamed(["yal002w", "yal001c"], "symbol") == {"yal002w": "YAL002W", "yal001c": "TFC3"}


def test_tables_of_hgnc_know_the_case(tmp_path: Path) -> None:
    (tmp_path / "h.txt").write_text(HGNC)
    genes = GeneNames.read(tmp_path / "h.txt")
    names = ["TP53", "tp53", "LFS1", "7157", "P04637", "ENSG00000141510", "OLD1", "FLJ1", "HGNC:2"]
    assert genes.renamed(names, "symbol") == dict.fromkeys(["TP53", *names[2:6]], "TP53") | dict.fromkeys(
        names[6:], "C1orf112"
    )
    assert genes.renamed(["TP53", "OLD1"], "systematic") == {"TP53": "ENSG00000141510", "OLD1": "HGNC:2"}


@pytest.mark.parametrize(
    ("content", "symbols"),
    [
        ("P1\tA\nP2\tB\nP3\t\n", True),
        ("P1,A\nP2,B\n", True),
        ("P1\tA\nP1\tB\n", False),
        ("orf\tsymbol\nP1\tA\n", True),
        ("ORF\tgene\nP1\tA\n", True),
        ("gene,ORF,length\nA,P1,12\n", True),
        ("\nuniprot_id\tprotein name\nP1\tA\n", True),
    ],
)
def test_tables_of_two_columns(tmp_path: Path, content: str, symbols: bool) -> None:
    (tmp_path / "t.tsv").write_text(content)
    genes = GeneNames.read(tmp_path / "t.tsv")
    assert genes.has_symbols == symbols
    assert genes.resolve(["A"]).genes["A"].systematic == "P1"
    headers = {"ORF", "gene", "symbol", "orf", "uniprot_id", "protein name"}
    assert genes.resolve(headers).unknown == headers


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no table of genes"),
        ("a\tb\tc\n", "is no table of genes"),
        ("P1\tA\nP2\n", "line 2 has 1 columns"),
        ("P1\tA\n\tB\n", "line 2 has no first name"),
        ("symbol\torf\n", "has no gene"),
        (SGD + "x\ty\n", "line 6 has 2 columns"),
        (SGD.splitlines()[0], "has no gene"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t.tsv").write_text(content, encoding="latin-1")
    with pytest.raises(InputError) as error:
        GeneNames.read(tmp_path / "t.tsv")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_every_loss_of_a_translation_is_counted(sgd: GeneNames) -> None:
    standard = made({"t": {"tfc3", "YAL001C", "nothing"}, "u": {"FUN24"}, "v": {"YAL002W", "EFB1"}})
    renamed = translate(standard, sgd, to="symbol")
    assert renamed.terms == {"t": {"TFC3"}, "v": {"YAL002W", "EFB1"}}
    assert renamed.losses == {
        "rows that say NOT": 1,
        "names unknown": 1,
        "names of several genes": 1,
        "further names of a gene": 1,
        "terms without members": 1,
    }
    assert translate(standard, sgd, to="systematic").terms["v"] == {"YAL002W", "YAL003W"}


def test_pairs_stay_pairs(sgd: GeneNames) -> None:
    pairs = {"1": {"TFC3", "EFB1"}, "2": {"EFB1", "yal001c"}, "3": {"TFC3", "yal001c"}, "4": {"TFC3", "nothing"}}
    renamed = translate(made(pairs, pairs=True), sgd, to="symbol")
    assert renamed.terms == {"EFB1|TFC3": {"EFB1", "TFC3"}}
    assert renamed.losses["pairs that were said before"] == 1
    assert renamed.losses["pairs of a protein with itself"] == 1
    assert renamed.losses["pairs with one name left"] == 1


def test_wrong_ids_are_told_by_their_looks(sgd: GeneNames, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"look like: UniProt accession.*look like: yeast systematic ORF"):
        translate(made({"t": {"P04637", "Q9NSG2"}}), sgd, to="symbol")
    without = GeneNames((Gene("YAL001C"),))
    with pytest.raises(InputError, match="have no symbols"):
        translate(made({"t": {"YAL001C"}}), without, to="symbol")


@pytest.mark.parametrize(
    ("ids", "space"),
    [
        (["YAL001C", "yhr039c-a", "Q0105"], "yeast systematic ORF"),
        (["TFC3", "RPL19A", "ACT1", "YEL025C"], "yeast symbol"),
        (["TP53", "ACTB", "HLA-A", "C1orf112", "MT-CO1"], "human symbol"),
        (["P04637", "Q9NSG2", "A0A024RBG1", "P04637-2"], "UniProt accession"),
        (["ENSG00000141510", "ENSMUSG00000059552.3"], "Ensembl gene"),
        (["7157", "55732"], "Entrez"),
        (["S000000001", "SGD:S000000002"], "SGDID"),
        (["protein one", "protein two"], "unknown"),
        ([], "unknown"),
    ],
)
def test_what_ids_look_like(ids: list[str], space: str) -> None:
    assert looks_like(ids) == space


letter = st.sampled_from("ABC")
gene = st.builds(
    Gene, systematic=st.text("abAB", min_size=1, max_size=2), symbol=letter | st.just(""), aliases=st.tuples(letter)
)


@given(genes=st.lists(gene, max_size=6), ignore_case=st.booleans(), names=st.lists(st.text("abcABC", max_size=2)))
def test_a_name_means_the_only_gene_of_its_highest_rank(genes: list[Gene], ignore_case: bool, names: list[str]) -> None:
    found = GeneNames(tuple(genes), ignore_case=ignore_case).resolve(names)
    for name in names:

        def same(other: str, name: str = name) -> bool:
            return bool(other) and (other.upper() == name.upper() if ignore_case else other == name)

        ranks = (
            {gene for gene in genes if same(gene.systematic)},
            {gene for gene in genes if same(gene.symbol)},
            {gene for gene in genes if any(map(same, gene.aliases))},
        )
        highest = next(filter(None, ranks), set())
        assert found.genes.get(name) == (next(iter(highest)) if len(highest) == 1 else None)
        assert (name in found.unknown) == (not highest)
        assert (name in found.ambiguous) == (len(highest) > 1)
