"""The examples read real files of publishers, and overlap with the names of real profiles."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from multiscope import config
from multiscope.standards.genes import GeneNames
from multiscope.standards.registry import read_standard, read_standards
from multiscope.standards.standard import Standard

EXAMPLES = Path(__file__).parents[2] / "examples"
# name: terms, members, of these with a profile in the table of Lu et al. 2018 (3,851 proteins) under its present name
YEAST = {
    "huh_2003": (22, 3990, 3687),
    "go_slim_c": (508, 5253, 3756),
    "go_slim_p": (130, 4713, 3238),
    "sgd_pathways": (164, 542, 372),
    "cyc2008": (408, 1625, 1234),
    "mips": (214, 1189, 893),
}
HUMAN = {
    "protein_atlas": (35, 12086),
    "music_go_c": (1601, 18395),
    "reactome": (18565, 4509),
    "humap": (58538, 7368),
    "complex_portal": (640, 983),
}


def standards(real_data: Path, organism: str) -> dict[str, Standard]:
    if not (real_data / f"standards_{organism}").is_dir():
        pytest.skip(f"needs {real_data}/standards_{organism}")
    return {standard.name: standard for standard in read_standards(EXAMPLES / f"standards/{organism}.yaml", real_data)}


def test_standards_of_yeast(real_data: Path) -> None:
    read = standards(real_data, "yeast")
    features = GeneNames.read(real_data / "standards_yeast" / "sgd_features.tsv.gz")
    with gzip.open(real_data / "embeddings_yeast" / "ALP3_averaged_features.txt.gz", "rt") as file:
        profiled = [line.split("\t", 1)[0] for line in file][1:]
    present = set(features.renamed(profiled, "symbol").values())
    found = {name: (len(s.terms), len(s.proteins), len(s.proteins & present)) for name, s in read.items()}
    assert found == YEAST
    assert {(s.organism, s.id_type) for s in read.values()} == {("4932", "yeast symbol")}
    assert read["go_slim_c"].losses["rows of protein complexes"] == 3372
    assert read["sgd_pathways"].losses["reactions without a gene"] == 59


def test_standards_of_human(real_data: Path) -> None:
    read = standards(real_data, "human")
    assert {name: (len(s.terms), len(s.proteins)) for name, s in read.items()} == HUMAN
    assert {s.organism for s in read.values()} == {"9606"}
    assert [name for name, s in read.items() if s.pairs] == ["reactome", "humap"]
    assert read["humap"].losses == {"pairs that were said before": 58538}
    assert read["complex_portal"].id_type == "UniProt accession"


@pytest.mark.parametrize("organism", ["yeast", "human"])
def test_formats_of_real_files_are_recognised(real_data: Path, organism: str) -> None:
    said = standards(real_data, organism)
    blocks = config.parse(
        config.Standards, config.read_yaml(EXAMPLES / f"standards/{organism}.yaml"), organism
    ).standards
    for name, block in blocks.items():
        plain = block.model_copy(update={"format": "auto", "genes": None})
        standard = read_standard(real_data / block.path, name=name, section=plain)
        assert standard.terms.keys() >= said[name].terms.keys()
