"""The scores without the workflow: from frames and from the command line, with what the user sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from multiscope.cli import app
from multiscope.errors import InputError
from multiscope.evaluate.alone import scores
from multiscope.evaluate.results import SCORE_COLUMNS
from multiscope.folders.manifest import verify
from multiscope.standards.registry import read_standards

NAMES = [f"p{i:02d}" for i in range(24)]
FAST = "{n_bootstrap: 20, null_size: 100, clusters: {cuts: 20, module_sets: 2}}"


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    for name, size in (("places", 8), ("complexes", 3)):
        lines = [f"{name}{k}\t\t" + "\t".join(NAMES[k : k + size]) for k in range(0, 24, size)]
        (tmp_path / f"{name}.gmt").write_text("\n".join(lines))
    blocks = "".join(
        f"  {name}: {{path: {name}.gmt, scale: {scale}, organism: 4932}}\n"
        for name, scale in (("places", "compartment"), ("complexes", "complex"))
    )
    (tmp_path / "standards.yaml").write_text(f"standards:\n{blocks}")
    return tmp_path / "standards.yaml"


def frame(seed: int = 0) -> pd.DataFrame:
    x = np.repeat(np.eye(8), 3, axis=0) + 0.3 * np.random.default_rng(seed).normal(size=(24, 8))
    return pd.DataFrame(x, index=pd.Index(NAMES, name="gene"), columns=[f"f{i}" for i in range(8)])


def test_frames_in_a_tidy_table_out(standards: Path) -> None:
    found = scores({"a": frame(), "b": frame(1)}, read_standards(standards), scores=["ap", "map"], n_bootstrap=20)
    assert list(found.columns) == list(SCORE_COLUMNS)
    assert set(found["encoder"]) == {"a", "b", "shuffled", "places"}
    assert set(found["metric"]) == {"ap", "map"}
    complexes = found.query("encoder == 'a' and standard == 'complexes' and metric == 'ap'").iloc[0]
    assert complexes["value"] > 0.6 and complexes["n_positive_pairs"] == 24
    with pytest.raises(InputError, match="'p00' has 2 rows"):
        scores({"a": pd.concat([frame(), frame()])}, read_standards(standards))
    with pytest.raises(InputError, match="no standard is named"):
        scores({"a": frame()}, [])


def test_one_command_prints_all_scores_and_leaves_the_tables(standards: Path, tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "mine.csv")
    command = ["evaluate", "profiles", str(tmp_path / "mine.csv"), "--standards", str(standards), "--config", FAST]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0
    assert "compartment: places" in done.stdout and "complex: complexes" in done.stdout
    assert done.stdout.index("compartment: places") < done.stdout.index("complex: complexes")
    assert "24 of 24 profiled proteins in 8 terms" in done.stdout
    for row in ("mine", "shuffled", "places", "chance"):
        assert f"\n  {row} " in done.stdout
    assert verify(tmp_path / "out", full=True)["notes"]["standards"]["places"]["organism"] == "4932"
    assert {path.stem for path in (tmp_path / "out").glob("*.parquet")} == {
        "scores",
        "differences",
        "terms",
        "proteins",
    }


def test_outdated_names_are_renamed(standards: Path, tmp_path: Path) -> None:
    (tmp_path / "genes.tsv").write_text("systematic\tsymbol\n" + "".join(f"Y{name}\t{name}\n" for name in NAMES))
    frame().rename(lambda name: f"Y{name}" if int(name[1:]) % 2 else name).to_csv(tmp_path / "mine.csv")
    command = ["evaluate", "profiles", str(tmp_path / "mine.csv"), "--standards", str(standards), "--config", FAST]
    plain = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    renamed = CliRunner().invoke(app, [*command, "--genes", str(tmp_path / "genes.tsv")], catch_exceptions=False).stdout
    assert "12 of 24 profiled proteins in 3 terms" in plain
    assert "24 of 24 profiled proteins in 3 terms" in renamed


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"f0": np.nan}, [], "is not a finite number"),
        ({}, ["--gene-column", "symbol"], "has no column 'symbol'"),
        ({"gene": "p00"}, [], "'p00' has 24 rows"),
        ({"gene": [f"YAL{i:03d}C" for i in range(24)]}, [], "look like yeast systematic ORF names"),
        ({}, ["--config", "{places: x}"], "evaluate.places is 'x', which is no standard"),
    ],
)
def test_bad_input_is_one_line(
    standards: Path, tmp_path: Path, columns: dict[str, object], options: list[str], said: str
) -> None:
    frame().reset_index().assign(**columns).to_csv(tmp_path / "mine.csv", index=False)
    command = [sys.executable, "-m", "multiscope", "evaluate", "profiles", str(tmp_path / "mine.csv")]
    done = subprocess.run(
        [*command, "--standards", str(standards), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_real_proteome_is_scored_at_every_scale(real_data: Path) -> None:
    command = ["evaluate", "profiles", str(real_data / "embeddings_yeast" / "ALP3_averaged_features.txt.gz")]
    command += ["--gene-column", "ImageName", "--standardize", "--clip", "5", "--root", str(real_data)]
    command += ["--genes", str(real_data / "standards_yeast" / "sgd_features.tsv.gz")]
    listed = Path(__file__).parents[2] / "examples" / "standards" / "yeast.yaml"
    few = "{scores: [ap, ap_within, recall], n_bootstrap: 20}"
    done = CliRunner().invoke(app, [*command, "--standards", str(listed), "--config", few], catch_exceptions=False)
    assert done.exit_code == 0
    for scale in ("compartment: huh_2003", "process: go_slim_p", "pathway: sgd_pathways", "complex: cyc2008"):
        assert scale in done.stdout
    block = done.stdout.split("complex: cyc2008")[1].split("\n\n")[0]
    value, shuffled = (
        float(block.split(f"\n  {name}")[1].split()[0]) for name in ("ALP3_averaged_features", "shuffled")
    )
    assert value > 2.5 * shuffled
