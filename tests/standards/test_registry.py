"""Standards as the configuration says: origin, names, terms that are left out, whole files of standards."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.registry import read_standard, read_standards
from multiscope.stores.gmt import write_gmt
from tests.standards.conftest import Read, Refused
from tests.standards.examples_of_formats import FILES
from tests.standards.test_genes import SGD

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_gmt_of_ours_needs_no_section(tmp_path: Path) -> None:
    origin = {"organism": "none (generated)", "id_type": "name", "release": "1", "licence": "CC0"}
    write_gmt(tmp_path / "a.gmt", {"t": ["a", "b"]}, sidecar={"scale": "complex", **origin})
    standard = read_standard(tmp_path / "a.gmt", name="a")
    assert (standard.scale, standard.organism, standard.id_type) == ("complex", "none (generated)", "name")
    assert (standard.losses, standard.evidence, standard.pairs) == ({}, "unknown", False)
    with pytest.raises(InputError, match="make them agree"):
        read_standard(tmp_path / "a.gmt", name="a", section=config.Standard(path=tmp_path, scale="process"))


def test_origin_is_of_section_and_sidecar(read: Read, refused: Refused, tmp_path: Path) -> None:
    said = {"release": "2026", "sha256": hashlib.sha256(FILES["gaf"]).hexdigest(), "evidence": "curation"}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(said))
    standard = read(FILES["gaf"], licence="CC BY 4.0", release=2026)
    assert (standard.release, standard.licence, standard.evidence) == ("2026", "CC BY 4.0", "curation")
    assert "evidence is 'images' here but 'curation' in s.yaml" in refused(FILES["gaf"], evidence="images")
    assert "its sha256 is not that of" in refused(FILES["pairs"])


def test_the_file_may_be_fixed_by_its_sha256(read: Read, refused: Refused) -> None:
    assert read(FILES["gmt"], sha256=hashlib.sha256(FILES["gmt"]).hexdigest()).sha256
    assert "not the one of the configuration" in refused(FILES["gmt"], sha256="0" * 64)


def test_members_are_renamed(read: Read, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "genes.tsv").write_text(SGD, encoding="latin-1")
    genes = tmp_path / "genes.tsv"
    assert read(FILES["member_lists"], genes=genes).terms["line 1"] == {"TFC3", "YAL002W"}
    assert read(FILES["member_lists"], genes=genes, id_type="systematic").terms["line 2"] == {"YAL001C", "YAL003W"}
    assert read(FILES["go_slim"], genes=genes).terms == {"nucleus (GO:0005634)": {"TFC3", "YAL002W"}}
    assert read(FILES["go_slim"], id_type="systematic").proteins == {"YAL001C", "YAL002W"}
    assert "look like: yeast systematic ORF, and id_type is symbol" in refused(FILES["member_lists"], id_type="symbol")
    assert "none of its 3 members" in refused(FILES["complex_portal"], genes=genes)


def test_terms_are_left_out_by_id_or_title(read: Read, refused: Refused) -> None:
    standard = read(FILES["gmt"], drop_terms=["t one"])
    assert standard.terms.keys() == {"t two"}
    assert standard.losses == {"terms that drop_terms names": 1}
    assert read(FILES["complex_portal"], drop_terms=["first", "CPX-2"][:1]).terms.keys() == {"second (CPX-2)"}
    assert "no term 't on'; did you mean 't one'?" in refused(FILES["gmt"], drop_terms=["t on"])
    assert "has no term with members (left out: 2 terms" in refused(FILES["gmt"], drop_terms=["t one", "t two"])


def test_keys_of_other_formats_are_refused(refused: Refused) -> None:
    assert "'aspect' is for gaf and go_slim, and this is gmt" in refused(FILES["gmt"], aspect="C")
    assert "'gene_column' is for locations" in refused(FILES["pairs"], gene_column="a")


def test_a_file_of_standards_names_paths_from_its_folder_or_a_root(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "s.txt").write_bytes(FILES["member_lists"])
    (tmp_path / "data" / "genes.tsv").write_text(SGD, encoding="latin-1")
    block = {"path": "data/s.txt", "scale": "complex", "genes": "data/genes.tsv", "organism": 4932}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"standards": {"mips": block}}))
    (standard,) = read_standards(tmp_path / "a.yaml")
    assert (standard.name, standard.scale, standard.organism) == ("mips", "complex", "4932")
    (tmp_path / "else").mkdir()
    (tmp_path / "a.yaml").rename(tmp_path / "else" / "a.yaml")
    assert read_standards(tmp_path / "else" / "a.yaml", tmp_path)[0].terms == standard.terms
    with pytest.raises(InputError, match="cannot be read"):
        read_standards(tmp_path / "else" / "a.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("standards: {}", "standards: "),
        ("a: {path: x, scale: complex}", "unknown key 'a'"),
        ("standards: {a: {path: x}}", "standards.a.scale: is missing"),
        ("standards: {a: {path: x, scale: complex, organsm: 1}}", "did you mean 'organism'"),
        ("standards: [", "is not YAML"),
    ],
)
def test_broken_files_of_standards_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_standards(tmp_path / "a.yaml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["standards/yeast.yaml", "standards/human.yaml"])
def test_the_examples_are_standards(name: str) -> None:
    config.parse(config.Standards, config.read_yaml(EXAMPLES / name), name)
