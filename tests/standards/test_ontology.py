"""Ontologies: members reach every wider term once, and what does not fit is counted or refused in one line."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.ontology import Ontology, propagate
from tests.standards.conftest import Read, Refused
from tests.standards.examples_of_formats import gaf_row

HEAD = "format-version: 1.2\nontology: t\n\n"
DIAMOND = HEAD + (
    "[Term]\nid: T:0\nname: r\u00f6\u00f6t\nnamespace: place\n\n"
    "[Term]\nid: T:1\nname: left\nnamespace: place\nis_a: T:0\n\n"
    "[Term]\nid: T:2\nname: right\nnamespace: place\nalt_id: T:7\nrelationship: part_of T:0\n\n"
    "[Term]\nid: T:3\nname: tip\nnamespace: place\nis_a: T:1\nis_a: T:2\nrelationship: part_of T:5\n\n"
    "[Term]\nid: T:4\nname: gone\nis_obsolete: true\nreplaced_by: T:8\n\n"
    "[Term]\nid: T:8\nname: gone too\nis_obsolete: true\nreplaced_by: T:3\n\n"
    "[Term]\nid: T:9\nname: lost\nis_obsolete: true\n\n"
    "[Term]\nid: T:5\nname: process\nnamespace: process\n\n"
    "[Typedef]\nid: part_of\nname: part of\n"
)
OWL = """<?xml version="1.0"?>
<rdf:RDF xmlns="http://x#" xmlns:owl="http://www.w3.org/2002/07/owl#" xmlns:obo="http://purl.obolibrary.org/obo/"
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
<owl:Ontology rdf:about="http://purl.obolibrary.org/obo/t.owl"/>
<owl:ObjectProperty rdf:about="http://purl.obolibrary.org/obo/BFO_0000050">
<rdfs:label>part of</rdfs:label></owl:ObjectProperty>
<owl:Class rdf:about="http://purl.obolibrary.org/obo/T_0"/>
<owl:Class rdf:about="http://purl.obolibrary.org/obo/T_1">
<rdfs:subClassOf rdf:resource="http://purl.obolibrary.org/obo/T_0"/></owl:Class>
<owl:Class rdf:about="http://purl.obolibrary.org/obo/T_2"><rdfs:label>tip</rdfs:label><rdfs:subClassOf><owl:Restriction>
<owl:onProperty rdf:resource="http://purl.obolibrary.org/obo/BFO_0000050"/>
<owl:someValuesFrom rdf:resource="http://purl.obolibrary.org/obo/T_1"/></owl:Restriction></rdfs:subClassOf></owl:Class>
</rdf:RDF>
"""


def given_terms(terms: dict[str, set[str]]) -> Annotations:
    return Annotations(terms={term: set(members) for term, members in terms.items()})


def ontology(tmp_path: Path, text: str, **keys: object) -> Ontology:
    path = tmp_path / "o.obo"
    path.write_text(text, encoding="utf-8")
    return Ontology.read(path, **keys)  # type: ignore[arg-type]


def test_a_diamond_holds_each_member_once(tmp_path: Path) -> None:
    read = ontology(tmp_path, DIAMOND)
    found = given_terms({"T:3": {"a"}, "T:2": {"b"}})
    propagate(found, read)
    assert found.terms == {"T:3": {"a"}, "T:2": {"a", "b"}, "T:1": {"a"}, "T:0": {"a", "b"}}
    assert found.named()["r\u00f6\u00f6t (T:0)"] == {"a", "b"}
    assert read.roots == {"T:0"}


def test_one_relation_alone(tmp_path: Path) -> None:
    found = given_terms({"T:3": {"a"}})
    propagate(found, ontology(tmp_path, DIAMOND, relations=["part_of"]))
    assert found.terms == {"T:3": {"a"}}
    found = given_terms({"T:2": {"a"}, "T:1": {"b"}})
    propagate(found, ontology(tmp_path, DIAMOND, relations=["is_a"]))
    assert found.terms == {"T:2": {"a"}, "T:1": {"b"}, "T:0": {"b"}}


def test_old_ids_are_followed_and_counted(tmp_path: Path) -> None:
    found = given_terms({"T:7": {"a"}, "T:4": {"b"}, "T:9": {"c"}, "T:99": {"d"}, "T:3": {"e"}})
    propagate(found, ontology(tmp_path, DIAMOND, relations=["is_a"]))
    assert found.terms["T:2"] == {"a", "b", "e"}
    assert found.terms["T:3"] == {"b", "e"}
    assert found.losses == Counter(
        {"terms followed to their present id": 2, "obsolete terms": 1, "terms not in the ontology": 1}
    )


def test_owl_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "o.owl.gz").write_bytes(gzip.compress(OWL.encode()))
    found = given_terms({"T:2": {"a"}})
    propagate(found, Ontology.read(tmp_path / "o.owl.gz"))
    assert found.terms == {"T:2": {"a"}, "T:1": {"a"}, "T:0": {"a"}}
    assert found.titles == {"T:2": "tip"}


def test_part_of_need_not_be_declared(tmp_path: Path) -> None:
    found = given_terms({"T:3": {"a"}})
    propagate(found, ontology(tmp_path, DIAMOND.split("[Typedef]")[0]))
    assert found.terms["T:0"] == {"a"}


def test_a_cycle_is_named(tmp_path: Path) -> None:
    text = HEAD + "[Term]\nid: T:1\nis_a: T:2\n\n[Term]\nid: T:2\nrelationship: part_of T:1\n"
    with pytest.raises(InputError, match=r"cycle.*T:1 > T:2|cycle.*T:2 > T:1"):
        ontology(tmp_path, text)
    assert ontology(tmp_path, text, relations=["is_a"]).parents["T:1"] == {"T:2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no ontology"),
        (b"id: T:1\n", "is no ontology"),
        (b'{"graphs": []}', "is no ontology"),
        (gzip.compress(gzip.compress(DIAMOND.encode())), "is no ontology"),
        (HEAD.encode(), "has no term in use"),
        (HEAD.encode() + b"[Term]\nid: T:1\nis_a: T:2\n", "names term"),
        (HEAD.encode() + b"[Term]\nname: x\n", "is no OBO or OWL"),
        (HEAD.encode() + b"[Term]\nid: T:1\nname: \xff\n", "line 6 is not UTF-8"),
        # two faults at once were a panic of the parser
        (DIAMOND.replace("alt_id", "t_id").replace("is_obsolete: true\n", "!te\n").encode(), "is no OBO or OWL"),
        (b"<?xml version='1.0'?><a><b></a>", "is no OBO or OWL"),
        (b"<?xml version='1.0'?><a/>", "is no OBO or OWL"),
        (OWL.replace("owl:Ontology", "owl:Else").encode(), "is no OBO or OWL"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "o.obo").write_bytes(content)
    with pytest.raises(InputError) as error:
        Ontology.read(tmp_path / "o.obo")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_entities_do_not_grow_without_bound(tmp_path: Path) -> None:
    lines = [f'<!ENTITY e{i} "{f"&e{i - 1};" * 100 if i else "x" * 100}">' for i in range(8)]
    (tmp_path / "o.owl").write_text(f"<?xml version='1.0'?><!DOCTYPE a [{''.join(lines)}]><a>&e7;</a>")
    with pytest.raises(InputError, match="is no OBO or OWL"):
        Ontology.read(tmp_path / "o.owl")


def test_imports_are_not_fetched(tmp_path: Path) -> None:
    other = tmp_path / "other.obo"
    other.write_text(HEAD + "[Term]\nid: T:99\n")
    read = ontology(tmp_path, f"format-version: 1.2\nimport: {other}\n\n[Term]\nid: T:1\n")
    assert read.parents.keys() == {"T:1"}


def test_the_configuration_names_ontology_and_relations(read: Read, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "o.obo").write_text(DIAMOND, encoding="utf-8")
    content = "\n".join([gaf_row("A1", "T:3"), gaf_row("B1", "T:2")]).encode()
    keys = {"format": "gaf", "ontology": tmp_path / "o.obo"}
    assert read(content, **keys).terms == {"tip (T:3)": {"A1"}, "left (T:1)": {"A1"}, "right (T:2)": {"A1", "B1"}}
    assert read(content, **keys).losses == {"root terms": 1}
    assert len(read(content, **keys, drop_roots=False).terms) == 4
    assert read(content, **keys, propagate=["part_of"]).terms == {"tip (T:3)": {"A1"}, "right (T:2)": {"B1"}}
    assert "right (T:2)" not in read(content, **keys, drop_terms=["right"]).terms
    assert "has none of the terms, such as 'GO:0000001'" in refused(gaf_row("A1", "GO:0000001").encode(), **keys)


terms = st.integers(0, 7)


@given(
    edges=st.sets(st.tuples(terms, terms, st.booleans()).filter(lambda edge: edge[0] > edge[1]), max_size=16),
    members=st.dictionaries(terms, st.sets(st.sampled_from("abcd"), min_size=1), min_size=1),
)
def test_members_are_those_of_the_transitive_closure(
    tmp_path_factory: pytest.TempPathFactory, edges: set[tuple[int, int, bool]], members: dict[int, set[str]]
) -> None:
    text = HEAD
    for term in range(8):
        lines = [f"is_a: T:{b}" if is_a else f"relationship: part_of T:{b}" for a, b, is_a in edges if a == term]
        text += "\n".join([f"[Term]\nid: T:{term}", *sorted(lines), "\n"])
    found = given_terms({f"T:{term}": its for term, its in members.items()})
    propagate(found, ontology(tmp_path_factory.mktemp("o"), text))
    reach = {(term, term) for term in range(8)} | {(a, b) for a, b, _ in edges}
    while more := {(a, d) for a, b in reach for c, d in reach if b == c} - reach:
        reach |= more
    expected = {
        f"T:{wide}": set().union(*(its for term, its in members.items() if (term, wide) in reach)) for wide in range(8)
    }
    assert found.terms == {term: its for term, its in expected.items() if its}
