"""A small file of each format, as its publisher writes it."""

from __future__ import annotations

GAF_ROW = (
    "SGD\tS1\t{symbol}\t{qualifier}\t{go}\tPMID:1\t{code}\t\t{aspect}\tname\talias\tprotein\ttaxon:{taxon}\t"
    "20260101\tSGD\t\t"
)


def gaf_row(
    symbol: str, go: str, *, qualifier: str = "", code: str = "IDA", aspect: str = "C", taxon: str = "559292"
) -> str:
    return GAF_ROW.format(symbol=symbol, qualifier=qualifier, go=go, code=code, aspect=aspect, taxon=taxon)


PORTAL = (
    "#Complex ac\tRecommended name\tAliases for complex\tTaxonomy identifier\t"
    "Identifiers (and stoichiometry) of molecules in complex\tSource\n"
    "CPX-1\tfirst\t-\t9606\tP12345(2)|Q9H0H5-2(0)|Q9H0H5(1)|CHEBI:1(1)\tx\n"
    "CPX-2\tsecond\t-\t9606\tA0A024RBG1-PRO_0000000001(1)|CPX-1(1)|[P1,P2](1)\tx\n"
)
ATLAS = (
    "Gene\tGene name\tReliability\tMain location\tAdditional location\n"
    "ENSG00000000001\tAAA\tApproved\tNucleus;Cytosol\tVesicles\n"
    "ENSG00000000002\tBBB\tUncertain\tNucleus\t\n"
    "ENSG00000000003\tCCC\tSupported\t\t\n"
)
SLIM = (
    "CPX-1\ta complex\tS000000009\tC\tnucleus\tGO:0005634\tprotein complex\n"
    "YAL001C\tTFC3\tS000000001\tC\tnucleus\tGO:0005634\tORF|Verified\n"
    "YAL002W\t\tS000000002\tC\tnucleus\tGO:0005634\tORF|Dubious\n"
    "YAL002W\t\tS000000002\tC\tcellular component\tGO:0005575\tORF|Dubious\n"
    "YAL001C\tTFC3\tS000000001\tP\ttranscription\tGO:0006351\tORF|Verified\n"
)
FILES: dict[str, bytes] = {
    "gmt": b"t one\td\tAAA1\tBBB1\nt two\td\tCCC1\tAAA1\tDDD1\n",
    "pairs": b"entity1,entity2\nA1,B1\nB1,A1\nA1,B1\nC1,C1\nB1,C1\n",
    "gaf": "\n".join(
        [
            "!gaf-version: 2.2",
            gaf_row("AAA1", "GO:0000001", qualifier="located_in"),
            gaf_row("BBB1", "GO:0000001", qualifier="NOT|located_in"),
            gaf_row("BBB1", "GO:0000002", code="IEA"),
            gaf_row("CCC1", "GO:0000003", aspect="P"),
            gaf_row("CCC1", "GO:0005575", code="ND"),
            "",
        ]
    ).encode(),
    "go_slim": SLIM.encode(),
    "sgd_pathways": (
        b"one\tan enzyme\t1.1.1.1\tADE5,7\tPMID:1\none\tother\t1.1.1.2\tAAA1\t\none\t\xe9nzyme\t\t\t\n"
        b"two\tone (Pathway)\t\t\t\n"
    ),
    "complex_portal": PORTAL.encode(),
    "member_lists": b"yal001c\tyal002w\nyal003w\tyal001c\tyal004w-a\n",
    "locations": ATLAS.encode(),
    "term_table": b"GO:0000001\t2\tAAA,BBB,\nGO:0000002\t1\tCCC\n",
}
EXPECTED: dict[str, dict[str, set[str]]] = {
    "gmt": {"t one": {"AAA1", "BBB1"}, "t two": {"CCC1", "AAA1", "DDD1"}},
    "pairs": {"A1|B1": {"A1", "B1"}, "B1|C1": {"B1", "C1"}},
    "gaf": {"GO:0000001": {"AAA1"}, "GO:0000002": {"BBB1"}},
    "go_slim": {"nucleus (GO:0005634)": {"TFC3", "YAL002W"}},
    "sgd_pathways": {"one": {"ADE5,7", "AAA1"}},
    "complex_portal": {"first (CPX-1)": {"P12345", "Q9H0H5"}, "second (CPX-2)": {"A0A024RBG1"}},
    "member_lists": {"line 1": {"yal001c", "yal002w"}, "line 2": {"yal003w", "yal001c", "yal004w-a"}},
    "locations": {"Nucleus": {"AAA", "BBB"}, "Cytosol": {"AAA"}, "Vesicles": {"AAA"}},
    "term_table": {"GO:0000001": {"AAA", "BBB"}, "GO:0000002": {"CCC"}},
}
LOSSES: dict[str, dict[str, int]] = {
    "gmt": {},
    "pairs": {"pairs that were said before": 2, "pairs of a protein with itself": 1},
    "gaf": {"rows that say NOT": 1, "rows of other aspects": 1, "root terms": 1},
    "go_slim": {"rows of protein complexes": 1, "rows of other aspects": 1, "root terms": 1},
    "sgd_pathways": {"reactions without a gene": 1, "pathways within pathways": 1, "terms without members": 1},
    "complex_portal": {
        "molecules that are no proteins": 1,
        "complexes within complexes": 1,
        "sets of alternative proteins": 1,
    },
    "member_lists": {},
    "locations": {"genes without a location": 1},
    "term_table": {},
}
