"""A restorer is its network, its card's facts, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from multiscope.errors import InputError
from multiscope.nn.cards import build_network, save_network
from multiscope.restore.model_card import MODEL_CARD, as_text, write_model_card
from multiscope.restore.restorer import Restorer
from multiscope.restore.tiles import seam_ratio

CPU = torch.device("cpu")
CARD: dict[str, Any] = {
    "channels": ["gfp", "rfp"],
    "scale": {"gfp": {"low": 100.0, "high": 1100.0}, "rfp": {"low": 0.0, "high": 10.0}},
    "defects": ["blur", "noise"],
    "conditional": False,
    "tile": 32,
    "multiple": 4,
    "receptive": 0,
    "self_ensemble": False,
    "floor": False,
}
PLANE = np.random.default_rng(0).uniform(0, 2000, (70, 45)).astype(np.float32)


class Told(nn.Module):
    """Adds the number of the condition."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        assert condition.shape == x.shape[:1] and condition.dtype == torch.int64
        return x + condition[:, None, None, None]


class Sideways(nn.Module):
    """Grows to the right and, twice as much, downwards."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return x + torch.arange(width) + 2 * torch.arange(height)[:, None]


class Brightness(nn.Module):
    """Adds to each tile its mean: statistics of what is seen, as of instance norm."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean(dim=(-2, -1), keepdim=True)


def test_a_plane_comes_back_in_camera_units_of_its_channel() -> None:
    restorer = Restorer(nn.Identity(), CARD, CPU)
    np.testing.assert_allclose(restorer.plane(PLANE, "gfp", None), PLANE, atol=1e-3)
    raw = PLANE.astype(np.uint16)
    restored = restorer.plane(raw, "rfp", "noise")
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, raw, atol=1e-3)
    assert np.array_equal(np.concatenate(list(restorer.bands(raw, "rfp", None))), restored)


def test_what_is_one_step_in_camera_units_depends_on_the_channel() -> None:
    restorer = Restorer(Told(), CARD | {"conditional": True}, CPU)
    np.testing.assert_allclose(restorer.plane(PLANE, "gfp", "noise") - PLANE, 500, atol=1e-2)
    np.testing.assert_allclose(restorer.plane(PLANE, "rfp", "noise") - PLANE, 5, atol=1e-2)
    np.testing.assert_allclose(restorer.plane(PLANE, "gfp", "blur") - PLANE, 0, atol=1e-2)


def test_the_floor_is_the_low_end_of_the_range() -> None:
    restored = Restorer(nn.Identity(), CARD | {"floor": True}, CPU).plane(PLANE, "gfp", None)
    np.testing.assert_allclose(restored, np.maximum(PLANE, 100), atol=1e-3)
    assert Restorer(nn.Identity(), CARD | {"floor": True}, CPU).unit_plane(PLANE - 2, None).min() == -1


def test_an_ensemble_is_the_mean_over_flips() -> None:
    unit = np.zeros((32, 32), np.float32)
    alone, together = (
        Restorer(Sideways(), CARD | {"self_ensemble": on}, CPU).unit_plane(unit, None) for on in (False, True)
    )
    assert np.ptp(alone) > 90
    np.testing.assert_allclose(together, 31 / 2 + 31, atol=1e-4)


def test_a_network_with_an_end_to_its_view_is_used_in_blocks_and_gives_the_whole_image() -> None:
    torch.manual_seed(0)
    local = nn.Conv2d(1, 1, 5, padding=2)
    plane = np.random.default_rng(0).normal(size=(130, 97)).astype(np.float32)
    whole = local(torch.from_numpy(plane)[None, None])[0, 0].detach().numpy()
    known, unknown = (Restorer(local, CARD | {"receptive": r}, CPU, tile=32) for r in (2, 0))
    assert known.layout(plane.shape).n_tiles > 1
    np.testing.assert_allclose(known.unit_plane(plane, None), _padded(local, plane), atol=1e-6)
    assert np.abs(unknown.unit_plane(plane, None) - whole).max() > 1e-3


def _padded(local: nn.Module, plane: np.ndarray) -> np.ndarray:
    """The whole image, reflected to sizes that the network takes."""
    height, width = plane.shape
    padded = np.pad(plane, [(0, -height % 4), (0, -width % 4)], mode="reflect")
    return local(torch.from_numpy(padded)[None, None])[0, 0, :height, :width].detach().numpy()


def test_no_seam_where_tiles_see_other_statistics() -> None:
    steps = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    plane = np.cumsum(steps, axis=1) / 10
    restorer = Restorer(Brightness(), CARD, CPU)
    assert seam_ratio(restorer.unit_plane(plane, None), restorer.layout(plane.shape)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r: r.plane(PLANE, "gfp", None), "--defect: is missing, .* it knows blur, noise"),
        (lambda r: r.plane(PLANE, "gfp", "dust"), "--defect 'dust': .* it knows blur, noise"),
        (lambda r: r.plane(PLANE, "bfp", "blur"), "channel 'bfp': the model was trained on gfp, rfp"),
    ],
)
def test_what_the_model_does_not_know_is_one_line(call: Any, said: str) -> None:
    restorer = Restorer(Told(), CARD | {"conditional": True}, CPU)
    with pytest.raises(InputError, match=said) as caught:
        call(restorer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tile", [3, 30, 2**14])
def test_a_tile_that_the_network_does_not_take_is_one_line(tile: int) -> None:
    with pytest.raises(InputError, match=rf"--tile {tile}: the model takes multiples of 4"):
        Restorer(nn.Identity(), CARD, CPU, tile=tile)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tile": None},
        {"tile": 10**9},
        {"tile": 30},
        {"multiple": 0},
        {"receptive": -1},
        {"conditional": "yes"},
        {"conditional": True, "defects": []},
        {"channels": []},
        {"channels": ["gfp", "bfp"]},
        {"scale": {"gfp": {"low": 1.0, "high": 1.0}, "rfp": {"low": 0.0, "high": 1.0}}},
        {"scale": {"gfp": {"low": 1.0, "high": float("nan")}, "rfp": {"low": 0.0, "high": 1.0}}},
        {"scale": "much"},
    ],
)
def test_a_card_that_makes_no_sense_is_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="holds no restorer") as caught:
        Restorer(nn.Identity(), CARD | wrong, CPU)
    assert "\n" not in str(caught.value)


def save(folder: Path, facts: dict[str, Any], architecture: str = "care_unet", **arguments: Any) -> None:
    torch.manual_seed(0)
    save_network(folder, build_network(architecture, arguments), architecture, arguments, facts)


def test_what_is_loaded_restores_as_what_was_saved(tmp_path: Path) -> None:
    facts = CARD | {"receptive": 23}
    save(tmp_path, facts, width=4, kernel=3)
    torch.manual_seed(0)
    before = Restorer(build_network("care_unet", {"width": 4, "kernel": 3}), facts, CPU)
    after = Restorer.load(tmp_path, CPU)
    np.testing.assert_array_equal(before.plane(PLANE, "gfp", None), after.plane(PLANE, "gfp", None))
    assert after.channels == ["gfp", "rfp"] and after.defects == ["blur", "noise"]


def test_networks_of_other_kinds_are_refused_before_they_are_loaded(tmp_path: Path) -> None:
    arguments = {"in_channels": 1, "n_classes": 3, "width": 0.0625, "dense": 8, "crop_size": 64}
    save(tmp_path, {"classes": ["a"]}, "deeploc", **arguments)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no restorer but another 'deeploc' .* made by `restore`"):
        Restorer.load(tmp_path, CPU)


def test_the_card_for_people_says_what_is_known_and_nothing_in_it_is_markup(tmp_path: Path) -> None:
    defect = "no|ise <b>[x](y) `rm`\n# head"
    facts = CARD | {"defects": [defect], "method": "mine*", "pixel_size_um": 0.1}
    save(tmp_path, facts, width=4, kernel=3)
    rows = [
        {"defect": defect, "metric": "psnr", "rule": "fixed", "method": m, "image_id": i, "value": v}
        for m, i, v in [("input", "a", 10.0), ("input", "b", 20.0), ("mine*", "a", 30.0), ("mine*", "b", 31.0)]
    ]
    training = {"dataset": "cells", "split_digest": "abc123", "pairs": {defect: (3, 5)}, "steps": 7, "seed": 2}
    write_model_card(tmp_path, scores=pd.DataFrame(rows), training=training)
    text = (tmp_path / MODEL_CARD).read_text(encoding="utf-8")
    assert "| psnr | fixed | 2 | 15 | 30.5 |" in text
    assert "| images | input | mine\\* |" in text
    for known in ("cells", "abc123", "3 real, 5 synthetic", "gfp from 100 to 1100", "0.1 micrometres", "BSD-3-Clause"):
        assert known in text
    assert "<b>" not in text and "`rm`" not in text and "[x](y)" not in text and "\n# head" not in text
    assert Restorer.load(tmp_path, CPU).card["sha256"] in text


@pytest.mark.parametrize(
    ("value", "text"), [("a\nb", "a b"), ("a|b", r"a\|b"), (0.25, "0.25"), ("x" * 500, "x" * 200 + "...")]
)
def test_text_is_one_line_without_markup(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("wrong", [{"conditional": False}, {"defects": ["blur", "dust", "noise"]}])
def test_a_card_that_does_not_fit_its_network_is_one_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    arguments = {"width": 2, "blocks": 1, "n_conditions": 2}
    facts = {
        "channels": ["gfp"],
        "scale": {"gfp": {"low": 0.0, "high": 100.0}},
        "defects": ["blur", "noise"],
        "conditional": True,
        "tile": 32,
        "multiple": 4,
        "self_ensemble": False,
        "floor": True,
    }
    save_network(tmp_path, build_network("resnet_generator", arguments), "resnet_generator", arguments, facts | wrong)
    with pytest.raises(InputError, match="its card does not fit its network"):
        Restorer.load(tmp_path, torch.device("cpu"))
