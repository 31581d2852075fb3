"""GMT files and their sidecars."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from multiscope.standards.gmt import read_gmt
from multiscope.stores.gmt import write_gmt

SIDECAR = {"scale": "complex", "organism": "559292", "id_type": "ORF", "release": "2026", "licence": "CC0-1.0"}
name = st.text("abcXYZ 019:-é", min_size=1, max_size=12).filter(lambda t: t == t.strip())


@given(terms=st.dictionaries(name, st.lists(name, min_size=1, max_size=5), min_size=1, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, terms: dict[str, list[str]]) -> None:
    path = tmp_path_factory.mktemp("gmt") / "a.gmt"
    write_gmt(path, terms, sidecar=SIDECAR)
    standard = read_gmt(path, name="a")
    assert standard.terms == {term: frozenset(members) for term, members in terms.items()}
    assert (standard.scale, standard.organism, standard.licence) == ("complex", "559292", "CC0-1.0")


def test_members_are_sorted_and_the_sidecar_knows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gmt"
    write_gmt(path, {"t": ["b", "a", "b"]}, sidecar=SIDECAR)
    assert path.read_bytes() == b"t\t\ta\tb\n"
    said = yaml.safe_load(path.with_suffix(".yaml").read_text())
    assert said == {**SIDECAR, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize("terms", [{"t": []}, {"": ["a"]}, {"t": ["a\tb"]}, {"t\n": ["a"]}, {"t": ["a", ""]}])
def test_what_a_gmt_cannot_hold_is_refused(tmp_path: Path, terms: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="term"):
        write_gmt(tmp_path / "a.gmt", terms, sidecar=SIDECAR)
    with pytest.raises(ValueError, match="sidecar has keys"):
        write_gmt(tmp_path / "a.gmt", {"t": ["a"]}, sidecar={"scale": "complex"})
    assert not list(tmp_path.iterdir())
