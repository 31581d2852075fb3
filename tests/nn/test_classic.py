"""Classic features as a network: scaled over training cells, and their principal components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from multiscope.errors import InputError
from multiscope.features.classic import classic_features, feature_names
from multiscope.nn.cards import load_network, save_network
from multiscope.nn.classic import ClassicFeatures
from tests.features.cells import ellipses, noisy

CHANNELS = ["protein", "cytosol"]
MASKS = ellipses(24)
IMAGES = noisy(MASKS).astype(np.float32)
MEASURED = classic_features(IMAGES, MASKS, CHANNELS).to_numpy()
CELLS = torch.from_numpy(np.concatenate([IMAGES, MASKS[:, None]], axis=1).astype(np.float32))


def fitted(measured: Any = MEASURED, pca: float | None = None) -> ClassicFeatures:
    return ClassicFeatures.fitted(measured, channels=CHANNELS, crop_size=64, pca=pca)


def embedded(network: torch.nn.Module, cells: Tensor = CELLS) -> Tensor:
    found: dict[str, Tensor] = network.features(cells)  # type: ignore[operator]
    assert list(found) == ["features"]
    return found["features"]


def test_features_of_the_training_cells_have_mean_0_and_deviation_1() -> None:
    network = fitted()
    found = embedded(network)
    assert found.dtype == torch.float32 and found.shape == (24, len(network.names))
    torch.testing.assert_close(found.mean(0), torch.zeros(found.shape[1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.std(0, correction=0), torch.ones(found.shape[1]), atol=1e-3, rtol=0)


def test_new_cells_are_scaled_as_the_training_cells_were() -> None:
    network = fitted()
    at = network.names.index("Shape_area")
    area = MASKS.sum((1, 2))
    whole = CELLS[:1].clone()
    whole[:, -1] = 1
    assert embedded(network, whole)[0, at] == pytest.approx((64 * 64 - area.mean()) / area.std(), rel=1e-4)


def test_constant_and_endless_features_are_left_out() -> None:
    measured = MEASURED.copy()
    measured[:, 3] = 0.1
    measured[:, 4] = 1e4 + 1e-3 * (np.arange(24) % 2)
    measured[7, 5] = np.inf
    measured[:, 6] = np.nan
    names = feature_names(CHANNELS)
    assert set(fitted().names) - set(fitted(measured).names) == {names[k] for k in (3, 4, 5, 6)}
    assert torch.isfinite(embedded(fitted(measured))).all()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.999])
def test_components_keep_the_share_of_the_variance_that_was_asked_for(share: float) -> None:
    network, plain = fitted(pca=share), embedded(fitted()).double().numpy()
    found = embedded(network).double().numpy()
    explained = network.explained.double().numpy()
    # by its definition: what the components leave of the scaled features
    variance = found.var(axis=0) / plain.var(axis=0).sum()
    np.testing.assert_allclose(variance, explained, rtol=1e-3, atol=1e-6)
    assert explained.sum() >= share - 1e-6 and explained[:-1].sum() < share
    assert (np.diff(explained) <= 1e-6).all()
    directions = network.components.double().numpy()
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-5)
    left = plain - found @ directions
    assert left.var(axis=0).sum() / plain.var(axis=0).sum() == pytest.approx(1 - explained.sum(), abs=1e-4)


@pytest.mark.parametrize("pca", [None, 0.9])
def test_turns_by_90_degrees_and_flips_change_nothing(pca: float | None) -> None:
    network = fitted(pca=pca)
    expected = embedded(network)
    for change in (CELLS.rot90(1, (2, 3)), CELLS.rot90(3, (2, 3)), CELLS.flip(3), CELLS.flip(2)):
        # in standard deviations of a feature between cells
        torch.testing.assert_close(embedded(network, change), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("pca", [None, 0.9])
def test_what_is_saved_is_loaded(tmp_path: Path, pca: float | None) -> None:
    network = fitted(pca=pca)
    save_network(tmp_path, network, "classic", network.arguments, {"cell_channel": None})
    loaded, card = load_network(tmp_path)
    assert torch.equal(embedded(loaded), embedded(network))
    assert torch.equal(loaded.explained, network.explained)
    assert card["parameters"] == 0 and card["arguments"]["n_components"] == len(network.components)


def test_a_model_of_other_features_is_refused() -> None:
    network = ClassicFeatures(channels=CHANNELS, crop_size=64, n_features=7, n_kept=5)
    with pytest.raises(InputError, match="171 are measured, but the model was fitted to 7; expected as many: fit it"):
        network.features(CELLS[:2])


@pytest.mark.parametrize("n", [1, 5])
def test_cells_that_are_all_alike_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"none of 171 differs between the {n} training cells"):
        fitted(np.repeat(MEASURED[:1], n, axis=0))


def test_pixels_that_are_no_numbers_are_refused() -> None:
    cells = CELLS[:2].clone()
    cells[0, 0, 3, 3] = torch.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        fitted().features(cells)


def test_only_the_features_that_are_asked_for_are_kept() -> None:
    network = ClassicFeatures.fitted(MEASURED, channels=CHANNELS, crop_size=64, only=["Intensity_mean", "Shape_area"])
    assert network.names == [n for n in fitted().names if n.startswith(("Intensity_mean", "Shape_area"))]
    assert 0 < len(network.names) < len(fitted().names)
    with pytest.raises(InputError, match="no name begins with 'Nothing' of the key 'only'"):
        ClassicFeatures.fitted(MEASURED, channels=CHANNELS, crop_size=64, only=["Nothing"])
