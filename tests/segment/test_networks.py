"""Cellpose and StarDist by packages of the same signatures; the networks themselves are not installed here."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from urllib.error import URLError

import numpy as np
import pytest

from multiscope.config import Segment
from multiscope.errors import InputError
from multiscope.segment.methods import open_method

Calls = list[tuple[str, dict[str, Any]]]


class CellposeModel:
    """As in cellpose 4.2.1: arguments and results of `models.CellposeModel`."""

    calls: ClassVar[Calls] = []

    def __init__(
        self, gpu: bool = False, pretrained_model: str = "cpsam_v2", model_type: str | None = None,
        diam_mean: float | None = None, device: object = None, nchan: int | None = None, use_bfloat16: bool = True,
    ) -> None:  # fmt: skip
        self.calls.append(("model", {"gpu": gpu, "pretrained_model": pretrained_model}))

    def eval(
        self, x: np.ndarray, batch_size: int = 8, resample: bool = True, channels: object = None,
        channel_axis: int | None = None, z_axis: int | None = None, normalize: bool = True,
        rescale: float | None = None, diameter: float | None = None, flow_threshold: float = 0.4,
        cellprob_threshold: float = 0.0, do_3D: bool = False, min_size: int = 15,  # noqa: N803
    ) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:  # fmt: skip
        self.calls.append(("eval", {"diameter": diameter, "min_size": min_size, "shape": x.shape}))
        masks = (x > 5).astype(np.uint16)
        return masks.squeeze(), [x, x, x], np.zeros(256)


class StarDist2D:
    """As in stardist 0.9.2: arguments and results of `models.StarDist2D`."""

    calls: ClassVar[Calls] = []

    def __init__(self, config: object, name: str | None = None, basedir: str = ".") -> None:
        self.calls.append(("model", {"config": config, "name": name, "basedir": basedir}))

    @classmethod
    def from_pretrained(cls, name_or_alias: str | None = None) -> StarDist2D | None:
        cls.calls.append(("pretrained", {"name": name_or_alias}))
        return cls(None, name=name_or_alias) if name_or_alias == "2D_versatile_fluo" else None

    def predict_instances(
        self, img: np.ndarray, axes: str | None = None, normalizer: object = None, sparse: bool = True,
        prob_thresh: float | None = None, nms_thresh: float | None = None, scale: float | None = None,
        n_tiles: tuple[int, ...] | None = None, show_tile_progress: bool = True,
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:  # fmt: skip
        self.calls.append(("predict", {"n_tiles": n_tiles, "top": float(img.max())}))
        return (img > 0.5).astype(np.int32), {"prob": np.ones(1)}


def module(name: str, **members: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(members)
    return made


@pytest.fixture
def cellpose(monkeypatch: pytest.MonkeyPatch) -> Calls:
    names = {"MODEL_NAMES": ["cpsam_v2", "cpdino"], "get_user_models": lambda: ["mine"]}
    monkeypatch.setitem(sys.modules, "cellpose", module("cellpose"))
    monkeypatch.setitem(sys.modules, "cellpose.models", module("m", CellposeModel=CellposeModel, **names))
    monkeypatch.setitem(sys.modules, "cellpose.core", module("c", use_gpu=lambda: False))
    monkeypatch.setattr(CellposeModel, "calls", [])
    return CellposeModel.calls


@pytest.fixture
def stardist(monkeypatch: pytest.MonkeyPatch) -> Calls:
    def normalize(x: np.ndarray, pmin: float = 3, pmax: float = 99.8, axis: object = None) -> np.ndarray:
        low, high = np.percentile(x, (pmin, pmax))
        return np.asarray((x - low) / (high - low + 1e-20), np.float32)

    for name, members in {
        "stardist": {}, "stardist.models": {"StarDist2D": StarDist2D}, "csbdeep": {},
        "csbdeep.utils": {"normalize": normalize},
    }.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module(name, **members))
    monkeypatch.setattr(StarDist2D, "calls", [])
    return StarDist2D.calls


PLANE = np.zeros((40, 1), np.uint16)
PLANE[10:30] = 100


def test_cellpose_gets_a_float_plane_and_its_masks_come_back_in_the_plane_s_shape(cellpose: Calls) -> None:
    found = open_method(Segment(data="x", method="cellpose", diameter=12))(PLANE)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, PLANE > 0)
    model, call = cellpose
    assert model == ("model", {"gpu": False, "pretrained_model": "cpsam_v2"})
    assert call == ("eval", {"diameter": 12, "min_size": -1, "shape": (40, 1)})


def test_cellpose_s_models_are_named_and_unknown_ones_refused(cellpose: Calls, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.touch()
    for name in ("cpdino", "mine", str(own)):
        open_method(Segment(data="x", method="cellpose", model=name))
        assert cellpose[-1][1]["pretrained_model"] == name
    with pytest.raises(InputError, match="has no model 'nuclei'; name a file, or one of cpsam_v2, cpdino, mine"):
        open_method(Segment(data="x", method="cellpose", model="nuclei"))


def test_another_cellpose_is_refused(cellpose: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["cellpose.models"], "Cellpose", object, raising=False)
    with pytest.raises(InputError, match="of another version; expected 4"):
        open_method(Segment(data="x", method="cellpose"))


def test_stardist_gets_a_normalized_plane_in_tiles(stardist: Calls) -> None:
    plane = np.zeros((2500, 30), np.uint16)
    plane[100:200, 5:15] = 1000
    found = open_method(Segment(data="x", method="stardist"))(plane)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, plane > 0)
    assert stardist[0] == ("pretrained", {"name": "2D_versatile_fluo"})
    assert stardist[-1] == ("predict", {"n_tiles": (3, 1), "top": pytest.approx(1)})


def test_stardist_s_own_model_is_a_folder_and_an_unknown_name_is_refused(stardist: Calls, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    open_method(Segment(data="x", method="stardist", model=str(tmp_path / "mine")))
    assert stardist[-1] == ("model", {"config": None, "name": "mine", "basedir": str(tmp_path)})
    with pytest.raises(InputError, match="StarDist has no model '2D_nothing'; name a folder"):
        open_method(Segment(data="x", method="stardist", model="2D_nothing"))


@pytest.mark.parametrize("method", ["cellpose", "stardist"])
def test_a_missing_package_ends_in_one_line_that_says_how(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, method, None)
    with pytest.raises(InputError, match=f"'{method}' cannot be used here .*--sdm conda.*envs/{method}.yaml") as caught:
        open_method(Segment(data="x", method=method))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["cellpose", "stardist"])
def test_a_model_that_cannot_be_downloaded_ends_in_one_line_that_says_what_to_do(
    method: str, cellpose: Calls, stardist: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        # what urllib raises in Cellpose, and Keras' own for StarDist
        raise URLError("no route to host") if method == "cellpose" else Exception("URL fetch failure")

    monkeypatch.setattr(CellposeModel, "__init__", offline)
    monkeypatch.setattr(StarDist2D, "from_pretrained", offline)
    with pytest.raises(
        InputError, match=r"'(cpsam_v2|2D_versatile_fluo)' could be neither read nor downloaded"
    ) as caught:
        open_method(Segment(data="x", method=method))
    assert "without a network, put it" in str(caught.value) or "without a network, put them" in str(caught.value)
    assert "\n" not in str(caught.value)
