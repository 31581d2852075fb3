from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import restoration

from multiscope.nn.filters import (
    FILTERS,
    Filter,
    GaussianFilter,
    MedianFilter,
    NonLocalMeans,
    RichardsonLucy,
    noise_level,
)

SETTINGS = {
    "gaussian_filter": {"sigma": [0.0, 1.2]},
    "median_filter": {"size": [1, 5]},
    "non_local_means": {"sigma": [0.1, 0.1], "strength": [0.0, 0.8]},
    "richardson_lucy": {"sigma_y": [1.0, 1.5], "sigma_x": [1.0, 0.5], "iterations": [0, 3], "dark": [-1.0, -1.0]},
}


def blobs(n: int = 2, size: int = 64, seed: int = 0) -> np.ndarray:
    """Round blobs (n, size, size) in [-1, 1]."""
    rng = np.random.default_rng(seed)
    spots = np.zeros((n, size, size), dtype=np.float32)
    for image in spots:
        image[tuple(rng.integers(8, size - 8, size=(2, 12)))] = rng.uniform(0.3, 1, size=12)
    spots = ndimage.gaussian_filter(spots, (0, 2.5, 2.5))
    return (2 * spots / spots.max() - 1).astype(np.float32)


def batch(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.astype(np.float32))[:, None]


@pytest.mark.parametrize("name", FILTERS)
def test_each_image_has_the_setting_of_its_condition(name: str) -> None:
    network = FILTERS[name](**SETTINGS[name])
    x = batch(blobs(4) + np.random.default_rng(0).normal(0, 0.1, (4, 64, 64)))
    mixed = network(x, torch.tensor([1, 0, 1, 0]))
    assert mixed.shape == x.shape
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed[1::2], x[1::2]), "condition 0 is set to do nothing"
    assert torch.equal(mixed[::2], network(x[::2], torch.tensor([1, 1])))
    assert not torch.allclose(mixed[::2], x[::2], atol=1e-3)


@pytest.mark.parametrize("name", FILTERS)
def test_no_image_sees_another_and_no_pixel_beyond_its_reach(name: str) -> None:
    network = FILTERS[name](**SETTINGS[name])
    rng = np.random.default_rng(0)
    images = blobs(2) + rng.normal(0, 0.1, (2, 64, 64))
    changed = images.copy()
    changed[1] = rng.random((64, 64))
    changed[0, :, 40:] += 0.5
    condition = torch.tensor([1, 1])
    before, after = network(batch(images), condition)[0, 0], network(batch(changed), condition)[0, 0]
    # non-local means sums along the image: what is far away leaves rounding only
    torch.testing.assert_close(
        after[:, : 40 - network.receptive], before[:, : 40 - network.receptive], rtol=0, atol=1e-4
    )
    assert (after - before)[:, 39].abs().max() > 1e-3


def test_gaussian_is_scipys() -> None:
    image = blobs(1)
    expected = ndimage.gaussian_filter(image[0], 1.7)
    made = GaussianFilter(sigma=[1.7])(batch(image), torch.tensor([0]))
    np.testing.assert_allclose(made[0, 0].numpy(), expected, atol=1e-6)


def test_median_takes_out_single_pixels() -> None:
    image = blobs(1)
    hot = image.copy()
    hot[0, ::7, ::7] = 5
    made = MedianFilter(size=[3])(batch(hot), torch.tensor([0]))[:, 0].numpy()
    assert np.abs(made - image).mean() < 0.05 * np.abs(hot - image).mean()


@pytest.mark.parametrize(
    "network",
    [
        GaussianFilter(sigma=[1.0]),
        MedianFilter(size=[3]),
        NonLocalMeans(sigma=[0.2], strength=[0.8]),
    ],
    ids=lambda network: type(network).__name__,
)
def test_denoisers_denoise(network: Filter) -> None:
    clean = blobs(2)
    noisy = clean + np.random.default_rng(0).normal(0, 0.2, clean.shape)
    made = network(batch(noisy), torch.tensor([0, 0]))[:, 0].numpy()
    assert ((made - clean) ** 2).mean() < 0.3 * ((noisy - clean) ** 2).mean()


@pytest.mark.parametrize("sigma", [(1.5, 1.5), (2.0, 0.0)])
def test_richardson_lucy_sharpens(sigma: tuple[float, float]) -> None:
    clean = blobs(2)
    blurred = ndimage.gaussian_filter(clean, (0, *sigma))
    network = RichardsonLucy(sigma_y=[sigma[0]], sigma_x=[sigma[1]], iterations=[20], dark=[-1.0])
    made = network(batch(blurred), torch.tensor([0, 0]))[:, 0].numpy()
    assert ((made - clean) ** 2).mean() < 0.2 * ((blurred - clean) ** 2).mean()
    assert made.sum() + made.size == pytest.approx(blurred.sum() + blurred.size, rel=1e-3), "light is kept"


def test_richardson_lucy_is_scikit_images() -> None:
    light = ndimage.gaussian_filter((blobs(1)[0] + 1) / 2, 1.5).astype(np.float64)
    axis = np.arange(-6, 7)
    psf = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 1.5**2))
    # scikit-image starts from a flat image, this one from the blurred one: after many iterations it is no matter
    theirs = restoration.richardson_lucy(light, psf / psf.sum(), num_iter=60, clip=False)
    network = RichardsonLucy(sigma_y=[1.5], sigma_x=[1.5], iterations=[60], dark=[0.0])
    ours = network(batch(light[None]), torch.tensor([0]))[0, 0].numpy()
    inside = (slice(20, -20), slice(20, -20))
    assert np.abs(ours - theirs)[inside].max() < 0.02 * light.max()


def test_noise_level_is_that_of_the_noise() -> None:
    clean = blobs(8)
    noise = np.random.default_rng(0).normal(0, 0.15, clean.shape)
    assert noise_level((clean + noise).astype(np.float32)) == pytest.approx(0.15, rel=0.05)
    assert noise_level(clean) < 0.01


@pytest.mark.parametrize("wrong", [{"sigma": [-1.0]}, {"sigma": [1e6]}, {"sigma": [float("nan")]}])
def test_settings_from_elsewhere_are_bounded(wrong: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match=r"sigma is .*; expected numbers from 0 to 100"):
        GaussianFilter(**wrong)


def test_one_condition_a_sample() -> None:
    with pytest.raises(ValueError, match="expected one number a sample"):
        GaussianFilter(sigma=[1.0])(torch.zeros(2, 1, 8, 8), torch.tensor([0]))
