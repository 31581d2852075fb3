"""Damaged and hostile files end in an `InputError` of one line, whatever is wrong with them."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.genes import GeneNames
from multiscope.standards.ontology import Ontology
from multiscope.standards.registry import FORMATS, read_standard
from tests.standards.examples_of_formats import FILES
from tests.standards.test_genes import HGNC, SGD
from tests.standards.test_ontology import DIAMOND, OWL

PIECES = st.sampled_from(
    [b"\t", b"\n", b"\r", b",", b"|", b"\0", b"\xff", b'"', b" ", b"(", b"GO:", b"NOT", b"!", b":"]
)
CUTS = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40), st.binary(max_size=3) | PIECES), max_size=4)


def damaged(content: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, instead in cuts:
        start = start % (len(content) + 1)
        content = content[:start] + instead + content[start + length :]
    return content


@contextlib.contextmanager
def one_line_at_most() -> Any:
    try:
        yield
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).isprintable()
        assert len(str(error)) < 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.mark.parametrize("kind", FORMATS)
@given(cuts=CUTS, packed=st.booleans(), auto=st.booleans(), systematic=st.booleans())
@settings(max_examples=150)
def test_damaged_standards(
    folder: Path, kind: str, cuts: list[tuple[int, int, bytes]], packed: bool, auto: bool, systematic: bool
) -> None:
    path = folder / f"{kind}.txt"
    content = FILES[kind]
    path.write_bytes(damaged(gzip.compress(content), cuts) if packed else damaged(content, cuts))
    section = config.Standard(
        path=path,
        scale="compartment",
        format="auto" if auto else kind,  # type: ignore[arg-type]
        id_type="systematic" if systematic else None,
    )
    with one_line_at_most():
        standard = read_standard(path, name="s", section=section)
        assert all(standard.terms.values())


@pytest.mark.parametrize("kind", ["auto", *FORMATS])
@given(content=st.binary(max_size=200))
@settings(max_examples=100)
def test_noise(folder: Path, kind: str, content: bytes) -> None:
    path = folder / "noise"
    path.write_bytes(content)
    section = config.Standard(path=path, scale="process", format=kind)  # type: ignore[arg-type]
    with one_line_at_most():
        read_standard(path, name="s", section=section)


@pytest.mark.parametrize(
    "content", [SGD.encode("latin-1"), HGNC.encode(), b"P1\tA\nP2\tB\n"], ids=["sgd", "hgnc", "two"]
)
@given(cuts=CUTS)
@settings(max_examples=150)
def test_damaged_tables_of_genes(folder: Path, content: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    (folder / "genes").write_bytes(damaged(content, cuts))
    with one_line_at_most():
        GeneNames.read(folder / "genes").renamed(["TFC3", "TP53", ""], "symbol")


@pytest.mark.parametrize("content", [DIAMOND.encode(), OWL.encode()], ids=["obo", "owl"])
@given(cuts=CUTS)
@settings(max_examples=200)
def test_damaged_ontologies(folder: Path, content: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    (folder / "ontology").write_bytes(damaged(content, cuts))
    with one_line_at_most():
        Ontology.read(folder / "ontology")
