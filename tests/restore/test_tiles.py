"""Tiles: nothing is lost, seen twice or seen at their borders."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from multiscope.nn.care_unet import CareUNet
from multiscope.nn.padding import pad_to_multiple
from multiscope.restore.tiles import (
    Axis,
    Layout,
    Predict,
    blended_axis,
    exact_axis,
    restore_bands,
    seam_ratio,
)

CPU = torch.device("cpu")
Plane = npt.NDArray[np.float32]
sizes = st.integers(1, 200)


def noise(height: int, width: int) -> Plane:
    return np.random.default_rng(height * 1000 + width).normal(size=(height, width)).astype(np.float32)


def restored(predict: Predict, plane: Plane, layout: Layout) -> Plane:
    bands = restore_bands(predict, lambda first, end: plane[first:end], layout, device=CPU)
    return np.concatenate(list(bands))


def blended(plane: Plane, tile: int) -> Layout:
    return Layout(blended_axis(plane.shape[0], tile), blended_axis(plane.shape[1], tile))


def exact(plane: Plane, **options: int) -> Layout:
    return Layout(exact_axis(plane.shape[0], **options), exact_axis(plane.shape[1], **options))


def offsets(tiles: Tensor) -> Tensor:
    """Adds to each tile a constant of its own: the worst case of tiles that disagree."""
    return tiles + torch.linspace(-1, 1, len(tiles)).roll(len(tiles) // 3)[:, None, None, None]


@settings(max_examples=40)
@given(sizes, sizes, st.sampled_from([4, 7, 16, 32, 64]))
def test_the_identity_gives_the_image_back_exactly_at_any_size(height: int, width: int, tile: int) -> None:
    plane = noise(height, width)
    np.testing.assert_array_equal(restored(lambda tiles: tiles, plane, blended(plane, tile)), plane)


@settings(max_examples=40)
@given(sizes, sizes, st.integers(0, 20), st.sampled_from([1, 2, 4, 6]), st.integers(8, 90))
def test_so_does_the_identity_in_blocks(height: int, width: int, margin: int, multiple: int, block: int) -> None:
    plane = noise(height, width)
    layout = exact(plane, margin=margin, multiple=multiple, block=block)
    np.testing.assert_array_equal(restored(lambda tiles: tiles, plane, layout), plane)
    for axis in (layout.y, layout.x):
        assert axis.tile % multiple == 0 and all(start % multiple == 0 for start in axis.starts)


@given(st.integers(8, 500), st.sampled_from([8, 16, 64]))
def test_tiles_cover_everything_and_overlap(size: int, tile: int) -> None:
    size = max(size, tile)
    found = blended_axis(size, tile).starts
    assert found[0] == 0 and found[-1] == size - tile
    assert all(0 < b - a <= 3 * tile // 4 + 1 for a, b in pairwise(found))


def weights(axis: Axis) -> npt.NDArray[np.float64]:
    """What each tile counts in each pixel: (tiles, pixels)."""
    found = np.zeros((len(axis.starts), axis.padded))
    for number, (start, share) in enumerate(zip(axis.starts, axis.shares.double().numpy(), strict=True)):
        found[:, start : start + axis.tile] *= 1 - share
        found[number, start : start + axis.tile] += share
    return found


@given(st.integers(1, 300), st.sampled_from([8, 16, 64]))
def test_weights_are_a_partition_of_one_and_never_zero_in_a_tile(size: int, tile: int) -> None:
    axis = blended_axis(size, tile)
    found = weights(axis)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    # a weighted mean, whatever the order in which tiles are laid
    ramp = np.minimum(np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)), tile // 4)
    expected = np.zeros_like(found)
    for row, start in zip(expected, axis.starts, strict=True):
        row[start : start + tile] = ramp
    assert ramp.min() > 0
    np.testing.assert_allclose(found, expected / expected.sum(axis=0), atol=1e-6)


@settings(max_examples=10)
@given(st.integers(1, 170), st.integers(1, 170), st.integers(60, 130))
def test_blocks_give_what_the_whole_image_gives_to_its_last_pixel(height: int, width: int, block: int) -> None:
    torch.manual_seed(0)
    network = CareUNet(width=2, kernel=3)
    plane = noise(height, width)
    whole, crop = pad_to_multiple(torch.from_numpy(plane)[None, None], 4)
    with torch.no_grad():
        expected = network(whole)[crop][0, 0].numpy()
    layout = exact(plane, margin=network.receptive, multiple=4, block=block)
    np.testing.assert_allclose(restored(network, plane, layout), expected, atol=1e-5)


def test_a_margin_smaller_than_what_an_output_sees_would_be_noticed() -> None:
    blur = nn.Conv2d(1, 1, 21, padding=10, bias=False)
    nn.init.constant_(blur.weight, 1 / 21**2)
    plane = noise(150, 170)
    whole = blur(torch.from_numpy(plane)[None, None])[0, 0].detach().numpy()
    enough, short = (restored(blur, plane, exact(plane, margin=m, multiple=1, block=64)) for m in (10, 9))
    np.testing.assert_allclose(enough, whole, atol=1e-6)
    assert np.abs(short - whole).max() > 1e-4


def test_blended_tiles_of_a_local_filter_differ_from_the_whole_image_near_their_borders_only() -> None:
    blur = nn.Conv2d(1, 1, 5, padding=2, bias=False)
    nn.init.constant_(blur.weight, 1 / 25)
    plane = noise(150, 170)
    whole = blur(torch.from_numpy(plane)[None, None])[0, 0].detach().numpy()
    layout = blended(plane, 64)
    differs = np.abs(restored(blur, plane, layout) - whole) > 1e-6
    # zero padding reaches two pixels into a tile, where its weight is smallest
    near_y, near_x = (
        np.abs(np.arange(size)[:, None] - np.array(axis.borders) + 0.5).min(axis=1) < 2
        for size, axis in zip(plane.shape, (layout.y, layout.x), strict=True)
    )
    assert not differs[~near_y][:, ~near_x].any()
    assert differs.any()


@pytest.mark.parametrize("shape", [(256, 256), (300, 217), (64, 300)])
def test_no_seam_is_seen_even_if_tiles_disagree(shape: tuple[int, int]) -> None:
    plane = 0.2 * noise(*shape)
    layout = blended(plane, 64)
    assert seam_ratio(plane, layout) == pytest.approx(1, abs=0.05)
    assert seam_ratio(restored(offsets, plane, layout), layout) == pytest.approx(1, abs=0.1)


def test_the_seams_of_tiles_laid_side_by_side_are_noticed() -> None:
    plane = 0.2 * noise(256, 256)
    layout = exact(plane, margin=0, multiple=1, block=64)
    assert layout.y.borders == (64, 128, 192)
    assert seam_ratio(plane, layout) == pytest.approx(1, abs=0.05)
    assert seam_ratio(plane + 10 * (np.arange(256) // 64)[:, None], layout) > 2
    assert seam_ratio(np.zeros((256, 256)), layout) == 1
    steps = (np.arange(256) // 64)[:, None] + (np.arange(256) // 64)[None, :]
    assert seam_ratio(steps, layout) == float("inf")
    assert seam_ratio(plane[:8, :8], exact(plane[:8, :8], margin=0, multiple=1)) == 1


def test_each_tile_goes_through_the_network_once_and_few_rows_are_read_at_a_time() -> None:
    plane = noise(1000, 300)
    layout = blended(plane, 32)
    seen = 0
    reads: list[tuple[int, int]] = []

    def count(tiles: Tensor) -> Tensor:
        nonlocal seen
        seen += len(tiles)
        return tiles

    def read(first: int, end: int) -> Plane:
        reads.append((first, end))
        return plane[first:end]

    bands = restore_bands(count, read, layout, device=CPU)
    first = next(bands)
    # the first band needs the first row of tiles, and no more than fill one batch
    assert len(first) == layout.y.starts[1] and len(reads) < len(layout.y.starts)
    assert sum(map(len, bands)) + len(first) == 1000
    assert seen == layout.n_tiles
    assert all(end - begin == 32 for begin, end in reads)
    assert [begin for begin, _ in reads] == list(layout.y.starts)


def test_a_tile_has_four_pixels_or_more() -> None:
    with pytest.raises(ValueError, match="tile is 3"):
        blended_axis(10, 3)
