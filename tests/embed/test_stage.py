"""The stage against embedding done by hand, after kills, and what it says of input that does not fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import zarr

from multiscope.config import Embed
from multiscope.data.crops import Crops
from multiscope.embed import cells as cells_module
from multiscope.embed import job as job_module
from multiscope.embed.embedder import Embedder
from multiscope.embed.normalize import Normalized
from multiscope.embed.stage import run
from multiscope.errors import InputError
from multiscope.folders.journal import Journal
from multiscope.folders.parts import Part
from multiscope.nn.cards import load_checkpoint, load_network
from multiscope.nn.standardize import standardize
from multiscope.stores.tables import read_anndata
from tests.embed.screens import make_crops, make_model

N = 60


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_crops(tmp_path_factory.mktemp("crops") / "clean", N)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "net")


def in_small_blocks(patch: pytest.MonkeyPatch) -> None:
    """Batches of 8 cells, and as many in a block."""
    patch.setattr(cells_module, "BATCH", 8)
    patch.setattr(job_module, "BATCH", 8)
    patch.setattr(job_module, "_BLOCK_BATCHES", 1)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 8 cells, and as many in a block."""
    in_small_blocks(monkeypatch)


def by_hand(crops: Path, model: Path, layer: str, epoch: int = 3) -> np.ndarray[Any, Any]:
    network, _ = load_network(model)
    load_checkpoint(network, model / "epochs" / f"{epoch:03d}.safetensors")
    images = torch.from_numpy(Crops(crops).store.take("image").astype(np.float32))
    with torch.no_grad():
        found: np.ndarray[Any, Any] = network.features(standardize(images))[layer].numpy()
    return found


def embed(crops: Path | list[Path], model: Path, out: Path, layer: str | None = None, **keys: Any) -> Path:
    folders = crops if isinstance(crops, list) else [crops]
    run(crops=folders, model=model, out=out, config=Embed(**keys), layer=layer, device="cpu")
    return out


def features(table: pd.DataFrame) -> np.ndarray[Any, Any]:
    return table[[name for name in table if name.startswith("emb_")]].to_numpy()


def manifest(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return found


def test_cells_and_profiles_of_the_test_side(crops: Path, model: Path, tmp_path: Path) -> None:
    out = embed(crops, model, tmp_path / "out")
    cells, table, x = read_anndata(out / "cells.zarr"), Crops(crops).table, by_hand(crops, model, "d2")
    assert np.allclose(cells.X, x, atol=1e-5)
    assert list(cells.obs["cell_id"]) == list(table["cell_id"])
    assert list(cells.obs["plate"]) == list(table["plate"])
    profiles = pd.read_parquet(out / "proteins.parquet")
    assert list(profiles["Metadata_Protein"]) == ["A", "B", "C"]
    assert list(profiles["Metadata_Localization"]) == ["nucleus", "er", ""]
    for row, protein in enumerate("ABC"):
        own = (table["protein"] == protein) & (table["split"] == "test")
        assert np.allclose(features(profiles)[row], x[own].mean(axis=0), atol=1e-5)
        assert profiles.loc[row, "Metadata_n_cells"] == own.sum()
    counts = manifest(out)["counts"]
    assert counts["cells in profiles"] == {"kept": 16, "dropped": {"not on the test side": 40, "no protein": 4}}
    proteins = read_anndata(out / "proteins.zarr")
    assert np.array_equal(proteins.X, features(profiles)) and list(proteins.obs["Symbol"]) == ["a", "b", "c"]


def test_blocks_are_the_whole_for_two_sources(crops: Path, model: Path, tmp_path: Path, small_blocks: None) -> None:
    degraded = make_crops(tmp_path / "degraded", 21, source="degraded")
    out = embed([crops, degraded], model, tmp_path / "out", profile_split="all")
    stored = zarr.open_group(out / "cells.zarr", mode="r")
    x = stored["X"]
    assert isinstance(x, zarr.Array) and x.shape == (N + 21, 8) and x.chunks == (8, 8)
    expected = np.concatenate([by_hand(folder, model, "d2") for folder in (crops, degraded)])
    assert np.allclose(np.asarray(x[...]), expected, atol=1e-5)
    profiles = pd.read_parquet(out / "proteins.parquet")
    assert list(profiles["Metadata_Source"]) == ["clean"] * 3 + ["degraded"] * 3
    own = (Crops(degraded).table["protein"] == "B").to_numpy()
    assert np.allclose(features(profiles)[4], expected[N:][own].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize(("normalize", "split"), [("none", "test"), ("standardize", "all")])
def test_further_layers_and_epochs_are_those_done_by_hand(
    crops: Path, model: Path, tmp_path: Path, normalize: str, split: str
) -> None:
    keys = {"aggregate": "median", "profile_split": split, "normalize": normalize}
    out = embed(crops, model, tmp_path / "out", layers=["c1", "nowhere", "d2"], epochs="all", **keys)
    found = {path.stem for path in (out / "sweep").iterdir()}
    assert found == {"c1_epoch001", "c1_epoch002", "c1_epoch003", "d2_epoch001", "d2_epoch002"}
    notes = manifest(out)["notes"]
    assert (notes["layers"], notes["layers_left_out"], notes["epochs"]) == (["d2", "c1"], ["nowhere"], [3, 1, 2])
    table = Crops(crops).table
    counted = (table["split"] == "test") | (split == "all")
    for name in found:
        layer, epoch = name.split("_epoch")
        x = by_hand(crops, model, layer, int(epoch))
        if normalize == "standardize":
            for plate in ("p0", "p1"):
                own = x[table["plate"] == plate]
                x[table["plate"] == plate] = (own - own.mean(axis=0)) / np.where(
                    own.std(axis=0) > 0, own.std(axis=0), 1
                )
        profiles = pd.read_parquet(out / "sweep" / f"{name}.parquet")
        expected = [np.median(x[counted & (table["protein"] == protein)], axis=0) for protein in "ABC"]
        assert np.allclose(features(profiles), expected, atol=1e-3), name
    alone = embed(crops, model, tmp_path / "alone", "c1", **keys)
    pd.testing.assert_frame_equal(
        pd.read_parquet(out / "sweep" / "c1_epoch003.parquet"), pd.read_parquet(alone / "proteins.parquet")
    )


def test_other_epochs_of_two_sources(crops: Path, model: Path, tmp_path: Path, small_blocks: None) -> None:
    degraded = make_crops(tmp_path / "degraded", 21, source="degraded")
    out = embed([crops, degraded], model, tmp_path / "out", epochs="all")
    profiles = pd.read_parquet(out / "sweep" / "d2_epoch001.parquet").set_index(["Metadata_Source", "Metadata_Protein"])
    for folder in (crops, degraded):
        table, x = Crops(folder).table, by_hand(folder, model, "d2", 1)
        for protein in "ABC":
            own = (table["protein"] == protein) & (table["split"] == "test")
            found = profiles.loc[[(folder.name, protein)]]
            assert np.allclose(features(found)[0], x[own].mean(axis=0), atol=1e-5), (folder.name, protein)


def test_cells_are_what_profiles_are_made_of_when_normalized(crops: Path, model: Path, tmp_path: Path) -> None:
    out = embed(crops, model, tmp_path / "out", normalize="robust", profile_split="all")
    cells = read_anndata(out / "cells.zarr")
    profiles = pd.read_parquet(out / "proteins.parquet")
    assert np.allclose(features(profiles)[0], cells.X[cells.obs["protein"] == "A"].mean(axis=0), atol=1e-5)
    for plate in ("p0", "p1"):
        assert np.allclose(np.median(cells.X[cells.obs["plate"] == plate], axis=0), 0, atol=1e-5)


def test_flipped_crops_have_the_same_embedding_with_flips_alone(crops: Path, model: Path, tmp_path: Path) -> None:
    images = Crops(crops).store.take("image")
    turned = make_crops(tmp_path / "turned", N, images=np.ascontiguousarray(images[..., ::-1]))
    found = {
        (flips, folder.name): read_anndata(
            embed(folder, model, tmp_path / f"{folder.name}{flips}", flips=flips) / "cells.zarr"
        ).X
        for folder in (crops, turned)
        for flips in (False, True)
    }
    assert np.allclose(found[True, "clean"], found[True, "turned"], atol=1e-4)
    assert not np.allclose(found[False, "clean"], found[False, "turned"], atol=1e-2)


class TestSides:
    def test_they_are_those_that_the_model_was_trained_with(self, crops: Path, tmp_path: Path) -> None:
        ids = [f"cell{i}" for i in range(N)]
        sides = pd.DataFrame({"cell_id": ids, "split": ["test" if i < 10 else "val" for i in range(N)]})
        model = make_model(tmp_path / "model", sides=sides.sample(frac=1, random_state=0))
        out = embed(crops, model, tmp_path / "out")
        assert list(read_anndata(out / "cells.zarr").obs["split"]) == list(sides["split"])
        assert manifest(out)["notes"]["cells_new_to_the_model"] == 0
        assert pd.read_parquet(out / "proteins.parquet")["Metadata_n_cells"].sum() == 8

    @pytest.mark.parametrize("n_known", [0, 40])
    def test_cells_of_another_screen_are_on_the_test_side(self, crops: Path, tmp_path: Path, n_known: int) -> None:
        ids = [f"cell{i}" for i in range(n_known)] + ["another"]
        model = make_model(tmp_path / "model", sides=pd.DataFrame({"cell_id": ids, "split": "train"}))
        out = embed(crops, model, tmp_path / "out")
        expected = ["train"] * n_known + ["test"] * (N - n_known)
        assert list(read_anndata(out / "cells.zarr").obs["split"]) == expected
        assert manifest(out)["notes"]["cells_new_to_the_model"] == N - n_known


def content(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def dying(whole: Callable[..., Any], call: int) -> tuple[Callable[..., Any], list[int]]:
    """`whole` that is interrupted at its `call`, once, and the number of its calls till now."""
    calls = [0]

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        return whole(*arguments)

    return counted, calls


SWEPT = {"layers": ["c1"], "epochs": "all", "normalize": "standardize", "aggregate": "robust"}


@pytest.fixture(scope="module")
def whole(crops: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a job makes that nothing interrupts, in blocks of 8 cells."""
    with pytest.MonkeyPatch.context() as patch:
        in_small_blocks(patch)
        return content(embed(crops, model, tmp_path_factory.mktemp("whole") / "out", **SWEPT))


CALLS = 2 * 2 * 8 + 4
"""The fourth block that is normalized after two epochs of two layers, of 8 blocks each."""


@pytest.mark.parametrize(
    ("owner", "method", "call", "kept"),
    [(Embedder, "layers", 5, 3), (Embedder, "layers", 20, 8 + 1), (Normalized, "block", CALLS, 8 + 2 + 3)],
    ids=["in the middle", "in the last epoch", "while it is normalized"],
)
def test_a_stopped_job_goes_on_and_ends_the_same(
    crops: Path,
    model: Path,
    tmp_path: Path,
    small_blocks: None,
    monkeypatch: pytest.MonkeyPatch,
    whole: dict[str, str],
    owner: type,
    method: str,
    call: int,
    kept: int,
) -> None:
    broken, calls = dying(getattr(owner, method), call)
    monkeypatch.setattr(owner, method, broken)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        embed(crops, model, out, **SWEPT)
    assert not out.exists()
    before = calls[0]
    embed(crops, model, out, **SWEPT)
    assert content(out) == whole
    assert manifest(out)["kept_parts"] == kept
    if owner is Embedder:
        # one call tells the widths, then 8 blocks make an epoch; only what is not finished is made again
        assert calls[0] - before == 1 + 3 * 8 - (3 if call == 5 else 8 + 8)


class TestParts:
    """Several jobs make one output."""

    def embed(self, crops: Path, model: Path, out: Path, part: Part) -> None:
        run(crops=[crops], model=model, out=out, config=Embed(**SWEPT), device="cpu", part=part)

    @pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2]])
    def test_the_last_of_them_completes_what_one_job_makes(
        self, crops: Path, model: Path, tmp_path: Path, small_blocks: None, whole: dict[str, str], order: list[int]
    ) -> None:
        out = tmp_path / "out"
        for number in order:
            assert not out.exists()
            self.embed(crops, model, out, Part(number, 3))
        assert content(out) == whole and manifest(out)["notes"]["parts"] == 3
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_a_part_that_was_stopped_is_run_again_alone(
        self,
        crops: Path,
        model: Path,
        tmp_path: Path,
        small_blocks: None,
        whole: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        out = tmp_path / "out"
        broken, calls = dying(Embedder.layers, 1 + 3)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Embedder, "layers", broken)
            self.embed(crops, model, out, Part(1, 2))
        self.embed(crops, model, out, Part(2, 2))
        assert not out.exists()
        counted, calls = dying(Embedder.layers, -1)
        monkeypatch.setattr(Embedder, "layers", counted)
        self.embed(crops, model, out, Part(1, 2))
        assert content(out) == whole
        assert calls[0] == 1 + 2 + 8  # the widths, the two blocks that were missing, an epoch

    def test_a_job_that_was_stopped_while_it_completed_is_run_again_alone(
        self,
        crops: Path,
        model: Path,
        tmp_path: Path,
        small_blocks: None,
        whole: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        out = tmp_path / "out"
        self.embed(crops, model, out, Part(1, 2))
        finish, calls = dying(Journal.finish, 4 + 1 + 1 + 1 + 3)  # its own part, and the third of what it gathers
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Journal, "finish", finish)
            self.embed(crops, model, out, Part(2, 2))
        counted, calls = dying(Embedder.layers, -1)
        monkeypatch.setattr(Embedder, "layers", counted)
        self.embed(crops, model, out, Part(2, 2))
        assert content(out) == whole
        assert calls[0] == 1 + 1  # the widths, and the block whose files were moved and not yet written down
        self.embed(crops, model, out, Part(1, 2))  # comes late, and finds nothing to do
        assert content(out) == whole and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_network_that_gives_no_numbers_is_one_line(
    crops: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Embedder.layers

    def broken(self: Embedder, x: torch.Tensor) -> dict[str, torch.Tensor]:
        found = whole(self, x)
        found["d2"][3:5] = torch.nan
        return found

    monkeypatch.setattr(Embedder, "layers", broken)
    with pytest.raises(InputError, match=r"clean: cell 'cell3': its layer d2 is not finite, as that of 2 of 60 cells"):
        embed(crops, model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("make", "keys", "fault"),
    [
        ({"size": 60}, {}, r"crops of 60 pixels; the network was trained on 52: cut them anew"),
        ({"channels": ["protein"]}, {}, r"has no channel 'cytosol'.*it has protein"),
        ({}, {"layer": "d9"}, r"--layer d9: the network has c1, c2, c3, d1, d2, d3; name one of them"),
        (
            {},
            {"normalize": "standardize", "normalize_by": "row"},
            r"has no column 'row' for embed.normalize_by; it has",
        ),
        (
            {"plate": [""] * 2 + ["p"] * 58},
            {"normalize": "robust"},
            r"cell 'cell0': has no plate, as 2 of 60 cells; expected one of each cell for embed.normalize_by",
        ),
        (
            {"plate": ["small"] * 8 + ["large"] * 52},
            {"normalize": "spherize"},
            r"spherize needs more cells than features, but plate 'small' has 8 cells and the layer d2 8 features; use",
        ),
        ({"split": "train"}, {}, r"no cell of a known protein is on the test side, of which profiles are made; set"),
        ({"protein": ""}, {"profile_split": "all"}, r"no cell of a known protein is"),
    ],
)
def test_what_does_not_fit_is_one_line(
    model: Path, tmp_path: Path, make: dict[str, Any], keys: dict[str, Any], fault: str
) -> None:
    crops = make_crops(tmp_path / "crops", **make)
    with pytest.raises(InputError, match=fault) as raised:
        embed(crops, model, tmp_path / "out", **keys)
    assert "\n" not in str(raised.value) and not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_network_is_one_line(crops: Path, model: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from multiscope.folders.manifest import stage_output

    broken = tmp_path / "model"
    with stage_output(broken, stage="localize", version=1, config={}, inputs={}, seed=0) as made:
        for name in ("model.json", "model.safetensors"):
            (made.path / name).write_bytes((model / name).read_bytes())
        (made.path / "epochs").mkdir()
        save_file({"d1.weight": torch.zeros(3)}, made.path / "epochs" / "001.safetensors")
    with pytest.raises(InputError, match=r"001.safetensors: is no checkpoint of this network .*; train it again"):
        embed(crops, broken, tmp_path / "out", epochs="all")
    embed(crops, broken, tmp_path / "out")
