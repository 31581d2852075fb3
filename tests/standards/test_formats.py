"""Formats: each is recognised, read as meant, counted, and refused in one line where it is broken."""

from __future__ import annotations

import gzip
from typing import Any, get_args

import pytest

from multiscope import config
from multiscope.standards import text_file
from multiscope.standards.registry import FORMATS
from tests.standards.conftest import Read, Refused
from tests.standards.examples_of_formats import ATLAS, EXPECTED, FILES, LOSSES, PORTAL, gaf_row


def test_every_format_of_the_configuration_is_read_and_has_an_example() -> None:
    assert {*FORMATS, "auto"} == set(get_args(config.StandardFormat))
    assert FILES.keys() == FORMATS.keys() == EXPECTED.keys() == LOSSES.keys()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read_as_meant(read: Read, kind: str, said: bool, packed: bool) -> None:
    content = gzip.compress(FILES[kind]) if packed else FILES[kind]
    standard = read(content, format=kind if said else "auto", file="s.gz" if packed else "s.txt")
    assert standard.terms == EXPECTED[kind]
    assert standard.losses == LOSSES[kind]
    assert standard.pairs == (kind == "pairs")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_line_ends_of_other_systems(read: Read, kind: str, end: bytes) -> None:
    assert read(b"\xef\xbb\xbf" + FILES[kind].replace(b"\n", end).replace(b"\xe9", b"e")).terms == EXPECTED[kind]


@pytest.mark.parametrize(
    ("kind", "organism", "id_type", "evidence"),
    [
        ("gaf", "4932", "yeast symbol", "curation, images among it"),
        ("go_slim", "4932", "yeast symbol", "curation, images among it"),
        ("sgd_pathways", "4932", "yeast symbol", "curation"),
        ("complex_portal", "9606", "UniProt accession", "curation"),
        ("locations", "9606", "human symbol", "images"),
        ("member_lists", "unknown", "yeast systematic ORF", "unknown"),
    ],
)
def test_what_a_format_knows_is_filled_in(read: Read, kind: str, organism: str, id_type: str, evidence: str) -> None:
    standard = read(FILES[kind], format=kind)
    assert (standard.organism, standard.id_type, standard.evidence) == (organism, id_type, evidence)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("pairs", b"A,B\nA\n", "line 2 has 1 columns"),
        ("pairs", b"A,B,C\n", "line 1 has 3 columns"),
        ("pairs", b"A,B\nA,\n", "line 2 is no pair"),
        ("pairs", b"A,B|C\n", "line 1 is no pair"),
        ("pairs", b'A,"B\n', "line 1 is no CSV"),
        ("pairs", b"entity1,entity2\n", "has no pair"),
        ("pairs", b"A,B\nA,\xff\n", "line 2 is not UTF-8"),
        ("gaf", b"SGD\tS1\tA\n", "line 1 has 3 columns"),
        ("gaf", gaf_row("A", "GO:1", aspect="X").encode(), "line 1 is no annotation"),
        ("gaf", gaf_row("", "GO:1").encode(), "line 1 is no annotation"),
        ("gaf", gaf_row("A", "GO:1", qualifier="NOT").encode(), "no term with members (left out: 1 rows that say NOT)"),
        ("gaf", b"!gaf-version: 2.2\n", "no term with members"),
        ("go_slim", b"YAL001C\tA\tS\tX\tt\tGO:1\tORF\n", "line 1 is no row of a GO slim"),
        ("go_slim", b"YAL001C\tA\n", "line 1 has 2 columns"),
        ("sgd_pathways", b"\te\t1\tA\t\n", "line 1 has no pathway"),
        ("sgd_pathways", b"p\te\t1\t\t\n", "no term with members"),
        ("complex_portal", b"a\tb\n", "has no column '#Complex ac'"),
        ("complex_portal", PORTAL.encode() + b"CPX-3\n", "line 4 has 1 columns"),
        ("complex_portal", PORTAL.replace("CPX-2\t", "CPX-1\t").encode(), "line 3 has complex 'CPX-1' a second time"),
        ("complex_portal", PORTAL.replace("CPX-2\t", "\t").encode(), "line 3 is no complex"),
        ("member_lists", b"a\tb\nc\0\n", "line 2 is no list"),
        ("member_lists", b"\n \n", "has no set"),
        ("locations", b"a\tb\tc\nx\ty\tz\n", "name 'location_columns'"),
        ("locations", b"a\tb\nx\n", "line 2 has 1 columns"),
        ("locations", b"a\tb\n\tnucleus\n", "line 2 has no gene"),
        ("locations", b"", "name 'location_columns'"),
        ("term_table", b"t\t2\tA\n", "line 1 says '2' genes and has 1"),
        ("term_table", b"t\t0\t\n", "line 1 has no term or an empty gene"),
        ("term_table", b"t\t1\tA\n\nt\t1\tA\n", "line 3 has term 't' a second time"),
        ("term_table", b"t\t\xb2\tA\n", "line 1 is not UTF-8"),
        ("term_table", "t\t²\tA\n".encode(), "line 1 says"),
        ("auto", b"", "is empty"),
        ("auto", b"a b c\n", "its format is not clear; say 'format', one of gmt, pairs, gaf"),
        ("auto", b"A1,B1\nC1,D1\n", "its format is not clear"),
        ("auto", b"\x1f\x8bbroken", "no whole gzip file"),
        ("auto", gzip.compress(b"x" * 1000, mtime=0)[:-9], "no whole gzip file"),
    ],
)
def test_broken_files_are_refused_with_the_line(refused: Refused, kind: str, content: bytes, said: str) -> None:
    assert said in refused(content, format=kind)


def test_files_are_never_unpacked_beyond_the_limit(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file.TextFile.read.__func__, "__kwdefaults__", {"limit": 2**20, "text_limit": 2**20})
    assert "unpacks to more than 1048576 bytes" in refused(gzip.compress(bytes(2**28)))


def test_a_gmt_stays_one_when_it_is_broken(refused: Refused) -> None:
    assert "line 1 is no GMT line" in refused(b"name\n", file="s.gmt")
    assert "line 1 is no GMT line" in refused(gzip.compress(b"name\n", mtime=0), file="s.gmt.gz")


def test_evidence_is_dropped_by_code_and_counted(read: Read, refused: Refused) -> None:
    standard = read(FILES["gaf"], drop_evidence=["IEA", "ND"])
    assert standard.terms == {"GO:0000001": {"AAA1"}}
    assert standard.losses["rows of evidence IEA"] == standard.losses["rows of evidence ND"] == 1
    assert "'IAE' is no evidence code of GO" in refused(FILES["gaf"], drop_evidence=["IAE"])
    standard = read(ATLAS.encode(), drop_evidence=["Uncertain"])
    assert standard.terms["Nucleus"] == {"AAA"}
    assert standard.losses["rows of reliability Uncertain"] == 1
    assert "no row has Reliability 'Unsure'" in refused(ATLAS.encode(), drop_evidence=["Unsure"])
    assert "has no column 'Reliability'" in refused(b"a\tb\nx\ty\n", format="locations", drop_evidence=["x"])
    assert "'drop_evidence' is for gaf and locations, and this is pairs" in refused(
        FILES["pairs"], drop_evidence=["IEA"]
    )


def test_one_aspect_is_read(read: Read) -> None:
    assert read(FILES["gaf"], scale="process").terms == {"GO:0000003": {"CCC1"}}
    assert read(FILES["gaf"], aspect="P").terms == {"GO:0000003": {"CCC1"}}
    assert read(FILES["gaf"], drop_roots=False).terms["GO:0005575"] == {"CCC1"}


def test_one_organism_is_read(read: Read, refused: Refused) -> None:
    content = "\n".join([gaf_row("A1", "GO:1"), gaf_row("B1", "GO:1", taxon="9606|4932")]).encode()
    assert "organisms 4932, 9606; name one" in refused(content, format="gaf")
    standard = read(content, format="gaf", organism=9606)
    assert (standard.terms, standard.organism) == ({"GO:1": {"B1"}}, "9606")
    assert standard.losses == {"rows of organism 4932": 1}
    assert read(content, format="gaf", organism="559292").organism == "4932"
    assert "has no row of organism 10090" in refused(content, format="gaf", organism="10090")
    assert "make them agree" in refused(FILES["go_slim"], organism="9606")


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"yORF localization summary\nYAL001C nucleus,bud neck\n", {}),
        (b"orf,where\nYAL001C,nucleus|bud neck\n", {"format": "locations"}),
        (b'where,orf\n"nucleus,bud neck",YAL001C\n', {"gene_column": "orf", "location_columns": ["where"]}),
        (b"x\torf\tp\tq\n1\tYAL001C\tnucleus\tbud neck\n", {"gene_column": "orf", "location_columns": ["p", "q"]}),
        (b"orf\tp\nYAL001C\tnucleus/bud neck\n", {"separator": "/"}),
    ],
)
def test_tables_of_locations_of_several_makes(read: Read, content: bytes, keys: dict[str, Any]) -> None:
    standard = read(content, format="locations" if keys else "auto", **{k: v for k, v in keys.items() if k != "format"})
    assert standard.terms == {"nucleus": {"YAL001C"}, "bud neck": {"YAL001C"}}
    assert standard.id_type == "yeast systematic ORF"


def test_columns_that_a_table_has_not_are_named(refused: Refused) -> None:
    said = refused(b"orf\tplace\nA\tb\n", format="locations", location_columns=["places"])
    assert "has no column 'places'; did you mean 'place'?" in said
    assert "has more than one column 'a'" in refused(b"a\ta\nx\ty\n", format="locations")


def test_newer_tables_of_the_complex_portal_have_members_of_members(read: Read) -> None:
    lines = PORTAL.splitlines()
    more = [lines[0] + "\tExpanded participant list", lines[1] + "\tP12345(1)", lines[2] + "\tP12345(1)|Q9H0H5(0)"]
    assert read("\n".join(more).encode()).terms["second (CPX-2)"] == {"P12345", "Q9H0H5"}


def test_names_of_genes_with_a_comma_stay_whole(read: Read) -> None:
    assert "ADE5,7" in read(FILES["sgd_pathways"]).proteins
