"""The stage: columns, the same proteins everywhere, what is noted, what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope.config import Evaluate
from multiscope.errors import InputError
from multiscope.evaluate import stage
from multiscope.evaluate.scores.ranking import chance_precision
from multiscope.folders.manifest import stage_output, verify
from multiscope.stores.gmt import write_gmt
from multiscope.stores.tables import write_anndata, write_profiles_parquet

PROTEINS = [f"p{i}" for i in range(12)]
TERMS = {f"t{k}": set(PROTEINS[k * 3 : k * 3 + 3]) for k in range(4)}
ORIGIN = {"organism": "none (generated)", "id_type": "protein", "release": "1", "licence": "CC0"}
COLUMNS = [
    "source",
    "encoder",
    "layer",
    "epoch",
    "seed",
    "standard",
    "scale",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "chance",
    "over_chance",
    "n_proteins",
    "n_terms",
    "n_positive_pairs",
    "chosen",
]


def write_embed(
    folder: Path,
    *,
    encoder: str = "cnn",
    seed: int = 0,
    sources: tuple[str, ...] = ("clean",),
    proteins: list[str] = PROTEINS,
    splits: tuple[str, ...] = ("train", "test"),
    noise: float = 0.3,
    stage_name: str = "embed",
    n_dead: int = 0,
    fields: str | None = None,
) -> Path:
    """An embed folder in which proteins of a term lie near each other, two fields a protein and side."""
    rng = np.random.default_rng(seed)
    centres = {protein: np.eye(4)[int(protein[1:]) // 3 % 4] for protein in PROTEINS}
    with stage_output(folder, stage=stage_name, version=1, config={}, inputs={}, seed=seed) as made:
        cells = pd.DataFrame(
            [
                {"cell_id": f"{p}{f}{c}", "protein": p, "field_id": f"{split}{p}{f}", "split": split, "source": source}
                for source in sources
                for split in splits
                for p in proteins
                for f in range(2)
                for c in range(3)
            ]
        )
        cells = cells if fields is None else cells.assign(field_id=fields)
        x = np.array([centres[p] for p in cells["protein"]]) + noise * rng.normal(size=(len(cells), 4))
        x[:n_dead] = 0
        obs = cells.assign(symbol="", localization="").set_axis([str(i) for i in range(len(cells))])
        write_anndata(made.path / "cells.zarr", x.astype(np.float32), obs, {})
        rows = pd.DataFrame({"Protein": proteins * len(sources), "Symbol": "", "Localization": ""})
        rows["Source"] = np.repeat(sources, len(proteins))
        profiles = np.array([centres[p] for p in rows["Protein"]]) + noise * rng.normal(size=(len(rows), 4))
        write_profiles_parquet(made.path / "proteins.parquet", profiles.astype(np.float32), rows)
        for key, value in {"encoder": encoder, "layer": "fc2", "epoch": 3}.items():
            made.note(key, value)
    return folder


def write_data(folder: Path) -> Path:
    with stage_output(folder, stage="data", version=1, config={}, inputs={}) as made:
        (made.path / "standards").mkdir()
        for scale in ("complex", "process"):
            write_gmt(made.path / "standards" / f"planted_{scale}.gmt", TERMS, sidecar={"scale": scale, **ORIGIN})
    return folder


def test_a_row_for_every_encoder_source_and_standard(tmp_path: Path) -> None:
    gmt = tmp_path / "own.gmt"
    gmt.write_text("t0\td\tp0\tp1\tp2\nbig\td\t" + "\t".join(PROTEINS) + "\nsmall\td\tp0\tx\n")
    own = {"path": gmt, "scale": "pathway"}
    config = Evaluate(standards={"own": own}, n_bootstrap=20, max_term_size=8, scores=["ap"], controls=False)
    one = write_embed(tmp_path / "one", sources=("clean", "restored:cgan"))
    two = write_embed(tmp_path / "two", encoder="autoencoder", seed=4, proteins=PROTEINS[:9])
    gmt.write_text(gmt.read_text().replace("t0\td\tp0\tp1\tp2", "t0\td\tp0\tp1\nt1\td\tp2\tp3"))
    stage.run(embeddings=[one, two], out=tmp_path / "out", config=config, data=write_data(tmp_path / "data"))
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 3 * 3
    assert set(scores["standard"]) == {"own", "planted_complex", "planted_process"}
    assert set(zip(scores["encoder"], scores["source"], scores["seed"], scores["epoch"], strict=True)) == {
        ("cnn", "clean", 0, 3),
        ("cnn", "restored:cgan", 0, 3),
        ("autoencoder", "clean", 4, 3),
    }
    planted = scores[scores["standard"] == "planted_complex"]
    assert (planted["n_proteins"] == 9).all()
    assert (planted["scale"] == "complex").all()
    assert (planted["value"] > planted["chance"] + 0.2).all()
    again = pd.read_csv(tmp_path / "out" / "scores.csv", dtype={"chosen": "string"})
    pd.testing.assert_frame_equal(again, scores, check_dtype=False)


def test_the_manifest_says_what_was_lost(tmp_path: Path) -> None:
    one = write_embed(tmp_path / "one", n_dead=2)
    two = write_embed(tmp_path / "two", encoder="b", proteins=PROTEINS[:9], splits=("test",))
    config = Evaluate(n_bootstrap=20)
    stage.run(embeddings=[one, two], out=tmp_path / "out", config=config, data=write_data(tmp_path / "data"))
    manifest = verify(tmp_path / "out", full=True)
    assert manifest["counts"]["proteins"] == {"kept": 9, "dropped": {"not in every encoder and source": 3}}
    notes = manifest["notes"]
    assert notes["proteins_lost"] == {"cnn/fc2/epoch3/seed0/clean": 3, "b/fc2/epoch3/seed0/clean": 0}
    assert notes["standards"]["planted_complex"]["licence"] == "CC0"
    assert notes["standards"]["planted_complex"]["terms_dropped"] == {"too_small": 1, "too_large": 0}
    assert notes["retrieval_skipped"] == {"b/fc2/epoch3/seed0/clean": "no train cells"}
    assert notes["retrieval_cells_of_only_zeros"] == {"cnn/fc2/epoch3/seed0/clean": 2}
    assert {"embeddings/0", "embeddings/1", "data"} == set(manifest["inputs"])


def test_retrieval_has_its_table(tmp_path: Path) -> None:
    embeddings = [write_embed(tmp_path / "one", sources=("clean", "degraded"))]
    stage.run(embeddings=embeddings, out=tmp_path / "out", config=Evaluate(n_bootstrap=20), data=None)
    table = pd.read_parquet(tmp_path / "out" / "retrieval.parquet")
    assert list(table.columns) == [
        *("source", "encoder", "layer", "epoch", "seed", "metric", "value", "ci_low", "ci_high", "chance"),
        *("n_proteins", "n_query_cells", "n_reference_cells"),
    ]
    assert list(table["source"]) == ["clean", "degraded"]
    assert (table["n_query_cells"] == 72).all()
    assert table["chance"].tolist() == pytest.approx([float(chance_precision(6, 72))] * 2)
    assert (table["value"] > 2 * table["chance"]).all()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "retrieval.csv"), table, check_dtype=False)
    # without standards the table of scores is there, with its columns and no row
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 0


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one, data = write_embed(tmp_path / "one"), write_data(tmp_path / "data")
    digests = []
    for name in ("a", "b"):
        stage.run(embeddings=[one], out=tmp_path / name, config=Evaluate(n_bootstrap=20), data=data)
        digests.append(verify(tmp_path / name)["digest"])
    assert digests[0] == digests[1]


def test_cells_of_one_protein_and_no_cells_are_noted(tmp_path: Path) -> None:
    one = write_embed(tmp_path / "one", proteins=["p0"])
    stage.run(embeddings=[one], out=tmp_path / "out", config=Evaluate(n_bootstrap=20), data=None)
    skipped = verify(tmp_path / "out")["notes"]["retrieval_skipped"]
    assert skipped == {"cnn/fc2/epoch3/seed0/clean": "train cells of one protein only"}


@pytest.mark.parametrize(
    ("field", "reason"), [("", "the fields of the cells are not known"), ("f1", "fields are on both sides")]
)
def test_cells_whose_fields_do_not_tell_the_sides_apart_are_not_retrieved(
    tmp_path: Path, field: str, reason: str
) -> None:
    one = write_embed(tmp_path / "one", fields=field)
    stage.run(embeddings=[one], out=tmp_path / "out", config=Evaluate(n_bootstrap=20), data=None)
    assert verify(tmp_path / "out")["notes"]["retrieval_skipped"] == {"cnn/fc2/epoch3/seed0/clean": reason}
    assert pd.read_parquet(tmp_path / "out" / "retrieval.parquet").empty


def test_what_cannot_be_scored_ends_the_stage_and_leaves_the_former_result(tmp_path: Path) -> None:
    one, out, config = write_embed(tmp_path / "one"), tmp_path / "out", Evaluate(n_bootstrap=20)
    data = write_data(tmp_path / "data")
    stage.run(embeddings=[one], out=out, config=config, data=data)
    digest = verify(out)["digest"]
    strange = tmp_path / "strange.gmt"
    strange.write_text("t\td\tYAL001C\tYAL002W\n")
    other = write_embed(tmp_path / "other", proteins=["p0"])
    apart = write_embed(tmp_path / "apart", encoder="b", proteins=["p1"])
    wrong = write_embed(tmp_path / "wrong", stage_name="restore")
    unknown_ids = Evaluate(standards={"x": {"path": strange, "scale": "complex"}})
    twice = Evaluate(standards={"planted_complex": {"path": strange, "scale": "complex"}})
    cases = [
        ([one], unknown_ids, data, "look like yeast systematic ORF names.*use the same ids"),
        ([one], twice, data, "give yours another name"),
        ([other, apart], config, None, "no protein is in all of the 2 profile tables"),
        ([one, one], config, None, "name each once"),
        ([wrong], config, None, "was made by 'restore'; expected a folder made by embed"),
        ([], config, None, "no embed folder"),
        ([tmp_path / "none"], config, None, "does not exist"),
        ([one], config, tmp_path / "none", "does not exist"),
    ]
    for embeddings, section, folder, said in cases:
        with pytest.raises(InputError, match=said) as error:
            stage.run(embeddings=embeddings, out=out, config=section, data=folder)
        assert "\n" not in str(error.value)
    assert verify(out)["digest"] == digest
    assert not list(tmp_path.glob(".out*"))


def test_cells_are_found_under_the_present_names_of_their_proteins(tmp_path: Path) -> None:
    genes = tmp_path / "genes.tsv"
    genes.write_text("systematic\tsymbol\n" + "".join(f"{name}\tG{name}\n" for name in PROTEINS))
    gmt = tmp_path / "now.gmt"
    gmt.write_text(
        "".join(f"{term}\t\t" + "\t".join(f"G{name}" for name in sorted(TERMS[term])) + "\n" for term in TERMS)
    )
    standard = {"path": gmt, "scale": "complex"}
    config = Evaluate(standards={"now": standard}, genes=genes, n_bootstrap=20, scores=["ap"], cells=[1, 3])
    stage.run(embeddings=[write_embed(tmp_path / "one")], out=tmp_path / "out", config=config, data=None)
    notes = verify(tmp_path / "out")["notes"]
    assert notes["retrieval_skipped"] == {} and notes["names"]["further names of a gene"] == 0
    assert pd.read_parquet(tmp_path / "out" / "retrieval.parquet")["n_proteins"].tolist() == [12]
    assert pd.read_parquet(tmp_path / "out" / "scores.parquet")["n_proteins"].tolist() == [12] * 2
    assert sorted(set(pd.read_parquet(tmp_path / "out" / "by_cells.parquet")["n_cells"])) == [1, 3]
