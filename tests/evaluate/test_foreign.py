"""Profiles of other tools: the same numbers from every format, and one line for what cannot be read."""

import gzip
import json
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from multiscope.errors import InputError
from multiscope.evaluate.foreign import read_table
from multiscope.evaluate.profiles import Profiles

NAMES = ["RPL3", "ACT1", "PGK1", "TUB1"]
X = np.array([[1.0, 2.0, 5.0], [2.0, 1.0, 5.0], [0.5, 0.0, 5.0], [4.0, 3.0, 5.0]])


def frame(gene: str = "gene") -> pd.DataFrame:
    return pd.DataFrame({gene: NAMES, "Metadata_Well": [1, 2, 3, 4], "f0": X[:, 0], "f1": X[:, 1], "f2": X[:, 2]})


def written(folder: Path, suffix: str) -> Path:
    path, table = folder / f"mine{suffix}", frame()
    if suffix == ".parquet":
        table.to_parquet(path)
    elif suffix in (".h5ad", ".zarr", "_v2.zarr"):
        found = ad.AnnData(
            X=X.copy(), obs=table[["gene"]].set_axis(list("abcd")), var=pd.DataFrame(index=["a", "b", "c"])
        )
        if suffix == ".h5ad":
            found.write_h5ad(path)
        else:
            with ad.settings.override(zarr_write_format=2 if "v2" in suffix else 3), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.write_zarr(path)
    else:
        text = table.to_csv(index=False, sep="," if ".csv" in suffix else "\t").encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".txt.gz", ".parquet", ".h5ad", ".zarr", "_v2.zarr"])
def test_every_format_gives_the_same(tmp_path: Path, suffix: str) -> None:
    found = read_table(written(tmp_path, suffix), gene_column="gene")
    assert isinstance(found, Profiles)
    assert (found.proteins, found.encoder, found.source) == (
        NAMES,
        f"mine{suffix[:3] * (suffix[0] == '_')}",
        "profiles",
    )
    assert np.array_equal(found.x, X)


def test_the_index_of_anndata_names_where_no_column_does(tmp_path: Path) -> None:
    ad.AnnData(X=X, obs=pd.DataFrame(index=NAMES)).write_h5ad(tmp_path / "a.h5ad")
    assert read_table(tmp_path / "a.h5ad").proteins == NAMES


def test_standardized_and_clipped(tmp_path: Path) -> None:
    found = read_table(written(tmp_path, ".csv"), standardize=True, clip=1.2).x
    scaled = (X[:, :2] - X[:, :2].mean(axis=0)) / X[:, :2].std(axis=0)  # the constant feature says nothing
    assert found == pytest.approx(np.clip(scaled, -1.2, 1.2))
    assert np.abs(scaled).max() > 1.2


def test_rows_without_a_name_are_left_out_and_those_of_one_name_averaged(tmp_path: Path) -> None:
    table = frame()
    table.loc[4] = ["RPL3", 5, 3.0, 4.0, 5.0]
    table.loc[5] = [None, 6, 3.0, 4.0, 5.0]
    table.to_csv(tmp_path / "t.csv", index=False)
    found = read_table(tmp_path / "t.csv", aggregate=True)
    assert sorted(found.proteins) == sorted(NAMES)
    assert found.of(["RPL3"])[0] == pytest.approx([2, 3, 5])
    with pytest.raises(InputError, match=r"'RPL3' has 2 rows, and 1 names have more than one; .*--aggregate"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (
            {"f1": [1, np.nan, 2, np.inf]},
            {},
            r"feature 'f1' of 'ACT1' is not a finite number, as are 2 values in 2 rows",
        ),
        ({}, {"gene_column": "symbol"}, r"has no column 'symbol'; expected the column of gene names, one of 'gene', "),
        ({"f0": 1.0, "f1": 2.0}, {"standardize": True}, "all 3 features are constant"),
        ({"gene": ""}, {}, "has no row with the name of a protein"),
        ({"f0": "a", "f1": "b", "f2": "c"}, {}, "has no column of numbers beside 'gene'"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, change: dict[str, object], options: dict[str, str], said: str
) -> None:
    frame().assign(**change).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=said) as error:
        read_table(tmp_path / "t.csv", **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_an_unnamed_gene_column_is_asked_for(tmp_path: Path) -> None:
    frame("locus<br>").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(
        InputError, match=r"which column has the gene names\? name one with --gene-column: 'locus<br>',"
    ):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.h5ad", "t.zarr", "t.png", "none.csv"])
def test_damaged_files_end_in_one_line(tmp_path: Path, name: str) -> None:
    if name != "none.csv":
        (tmp_path / name).write_bytes(b"\x1f\x8b\x00PAR1\xff\xfe\x00")
    with pytest.raises(InputError) as error:
        read_table(tmp_path / name)
    assert "\n" not in str(error.value) and name in str(error.value)


@pytest.mark.parametrize("suffix", [".zarr", "_v2.zarr"])
def test_a_store_that_would_run_code_or_claims_too_much_is_refused(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, suffix)
    arrays = [file for file in path.rglob("*") if file.name in ("zarr.json", ".zarray") and "X" in file.parts]
    assert arrays
    metadata = json.loads(arrays[0].read_text())
    for key, value, said in (
        ("filters", [{"id": "pickle"}], "is packed with 'pickle', which is not read"),
        ("shape", [2**40, 9], "has more than 1 GiB of values"),
    ):
        arrays[0].write_text(json.dumps({**metadata, key: value}))
        with pytest.raises(InputError, match=said):
            read_table(path, gene_column="gene")
    arrays[0].write_text(json.dumps(metadata))
    (path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is a link"):
        read_table(path, gene_column="gene")


def test_the_gene_column_may_stand_anywhere_and_genes_may_be_called_na(tmp_path: Path) -> None:
    table = frame().assign(gene=["NA", "null", "PGK1", "TUB1"])[["f0", "f1", "f2", "gene"]]
    table.to_csv(tmp_path / "t.csv", index=False)
    found = read_table(tmp_path / "t.csv")
    assert found.proteins == ["NA", "null", "PGK1", "TUB1"]
    assert np.array_equal(found.x, X)


def test_text_among_numbers_is_an_error_and_columns_of_text_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().assign(f1=["1.5", "n.d.", "2", "3"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=r"'f1'.*'n\.d\.'"):
        read_table(tmp_path / "t.csv")
    frame().assign(plate=list("abcd")).to_csv(tmp_path / "t.csv", index=False)
    assert read_table(tmp_path / "t.csv").x.shape == (4, 3)
    assert "plate" in capsys.readouterr().err


def test_missing_values_are_not_averaged_away(tmp_path: Path) -> None:
    table = pd.concat([frame(), frame().iloc[:1].assign(f0=np.nan)])
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="'f0' of 'RPL3' is not a finite number"):
        read_table(tmp_path / "t.csv", aggregate=True)


def test_an_index_of_parquet_names_the_genes(tmp_path: Path) -> None:
    frame().set_index("gene").to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").proteins == NAMES
    assert read_table(tmp_path / "t.parquet", gene_column="gene").proteins == NAMES


@pytest.mark.parametrize("name", ["shuffled", "places"])
def test_a_table_is_not_called_like_a_control(tmp_path: Path, name: str) -> None:
    frame().to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(InputError, match="as a control is; give it another name"):
        read_table(tmp_path / f"{name}.csv")


def test_a_row_of_zeros_has_no_direction(tmp_path: Path) -> None:
    frame().assign(f0=[0, 1, 2, 3], f1=[0, 1, 2, 3], f2=[0, 5, 5, 5]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="'RPL3' is 0 in all 3 features"):
        read_table(tmp_path / "t.csv")


def test_a_damaged_gzip_is_one_line(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(frame().to_csv(index=False).encode() * 40, mtime=0))
    content[len(content) // 2] ^= 0xFF
    content[len(content) // 2 + 1] ^= 0xFF
    (tmp_path / "t.csv.gz").write_bytes(content)
    with pytest.raises(InputError):
        read_table(tmp_path / "t.csv.gz")


def test_what_is_not_needed_is_not_read_however_large_it_claims_to_be(tmp_path: Path) -> None:
    """Features behind the profiles: 24 x 20,000,000 zeros that no chunk holds."""
    import h5py
    import zarr

    path = written(tmp_path, ".h5ad")
    with h5py.File(path, "a") as file:
        file["obsm"].create_dataset("big", shape=(4, 10**9), dtype="f8", chunks=(4, 1024))
    assert np.array_equal(read_table(path, gene_column="gene").x, X)
    path = written(tmp_path, ".zarr")
    zarr.open_group(path / "obsm", mode="a").create_array("big", shape=(4, 10**9), chunks=(4, 1024), dtype="f8")
    assert np.array_equal(read_table(path, gene_column="gene").x, X)


@pytest.mark.parametrize("codec", [{"id": "zstd", "name": "evil_codec"}, {"name": "evil_codec"}])
def test_a_codec_is_known_by_all_its_names(tmp_path: Path, codec: dict[str, str]) -> None:
    path = written(tmp_path, ".zarr")
    array = path / "X" / "zarr.json"
    metadata = json.loads(array.read_text())
    array.write_text(json.dumps({**metadata, "codecs": [*metadata["codecs"], codec]}))
    with pytest.raises(InputError, match="evil_codec"):
        read_table(path, gene_column="gene")
