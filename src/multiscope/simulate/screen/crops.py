"""Single-cell crops of a virtual screen: a cell in the middle, neighbours of its field around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multiscope.config import VirtualCrops
from multiscope.simulate import camera, counter
from multiscope.simulate.cells.geometry import CPU
from multiscope.simulate.screen.conditions import Exposure, exposure
from multiscope.simulate.screen.light import cell_keys, draw, window
from multiscope.simulate.screen.proteins import Protein
from multiscope.simulate.threads import one_thread

_MARGIN = 4
_USUAL_REACH = 0.8
"""Of the farthest reach: a window for cells that may be neighbours, where only the largest are cut."""
_BLOCK, _MOST_AT_ONCE = 32, 2**20
"""Pixels that are drawn together."""
_DIRECTIONS, _TURNS = 5, 24
_GAP_UM = (0.1, 0.9)
_FIELD_PIXELS = 1080


@dataclass(frozen=True)
class Crops:
    """The crops of one field."""

    image: Tensor
    """Counts (n, 2, S, S) uint16."""
    clean: Tensor
    """The same without noise."""
    mask: Tensor
    """Pixels of the cell in the middle (n, S, S) bool."""


@one_thread()
def crops(config: VirtualCrops, protein: Protein, fields: Sequence[int], *, device: torch.device = CPU) -> Crops:
    """The crops of some fields of a protein, in order; those of any field are the same with others or alone."""
    n = config.cells_per_field
    keys = torch.cat([cell_keys(config, protein, field, n, device) for field in fields])
    under = [exposure(config, protein, field) for field in fields]
    focus = torch.tensor([each.focus_um for each in under], device=device).repeat_interleave(n)
    alone = _drawn_alone(config, protein, keys, focus)
    margin = (alone.images.shape[-1] - config.crop_size) // 2
    inner = slice(margin, margin + config.crop_size)
    together = _with_neighbours(config, alone, keys)[..., inner, inner]
    photons = torch.cat(
        [_lit(some, each, own) for some, each, own in zip(together.split(n), under, keys.split(n), strict=True)]
    )
    return Crops(
        image=camera.expose(photons, keys, config.camera),
        clean=camera.expected(photons, config.camera),
        mask=alone.masks[:, inner, inner],
    )


@dataclass(frozen=True)
class _Alone:
    """Each cell by itself, on a window that most cells fit in."""

    images: Tensor
    """Photons (n, 2, W, W)."""
    masks: Tensor
    """(n, W, W) bool."""
    reach: Tensor
    """How far it reaches in each of `_TURNS` directions (n, T)."""


def _drawn_alone(config: VirtualCrops, protein: Protein, keys: Tensor, focus_um: Tensor) -> _Alone:
    """Draw the cells some at a time, so that memory does not depend on their number."""
    usual = _USUAL_REACH * config.reach_um / config.pixel_um if config.neighbours else 0
    grid = window(config, max(config.crop_size + 2 * _MARGIN, 8 * math.ceil(usual / 4)), keys.device, stack=False)
    at_once = max(1, _MOST_AT_ONCE // (grid.height * grid.width * _BLOCK)) * _BLOCK
    turns = torch.arange(_TURNS, device=keys.device) * (2 * torch.pi / _TURNS)
    images, masks, reach = [], [], []
    for some, focus in zip(keys.split(at_once), focus_um.split(at_once), strict=True):
        drawn = draw(config, protein, some, grid)
        images.append(drawn.seen(config.optics, focus))
        masks.append(drawn.cells.mask[: len(some)])
        reach.append(drawn.cells.body.extent(turns[None].expand(len(drawn.cells.keys), -1))[: len(some)])
    return _Alone(torch.cat(images), torch.cat(masks), torch.cat(reach))


def _lit(photons: Tensor, under: Exposure, keys: Tensor) -> Tensor:
    """Photons under the illumination at a random place of a large field."""
    side = photons.shape[-1]
    half = _FIELD_PIXELS / 2**0.5
    place = (counter.uniform(keys, "place", 2) - 0.5) * (_FIELD_PIXELS - side) / half
    axis = (torch.arange(side, dtype=torch.float32, device=keys.device) - (side - 1) / 2) / half
    y = (axis + place[:, :1] - under.centre[0]).square()
    x = (axis + place[:, 1:] - under.centre[1]).square()
    profile = (1 - under.loss * (y[:, :, None] + x[:, None])).clamp(min=0)
    return (photons * under.brightness + under.background) * profile[:, None]


def _with_neighbours(config: VirtualCrops, alone: _Alone, keys: Tensor) -> Tensor:
    """Images (n, 2, W, W) with other cells of the same field beside each cell, in up to five directions."""
    n, images, reach = config.cells_per_field, alone.images, alone.reach
    if n < 2 or not config.neighbours:
        return images
    turns = torch.arange(_TURNS, device=keys.device) * (2 * torch.pi / _TURNS)
    numbers = counter.uniform(keys, "neighbours", 3, _DIRECTIONS)
    start = (counter.uniform(keys, "neighbours.turn", 1)[:, 0] * _TURNS).long()
    cell = torch.arange(len(keys), device=keys.device)
    together = images.clone()
    for k in range(_DIRECTIONS):
        there, gap, other = numbers[:, :, k].unbind(1)
        peer = cell - cell % n + (cell % n + 1 + (other * (n - 1)).long()) % n
        turn = (start + round(k * _TURNS / _DIRECTIONS)) % _TURNS
        # to the edge of the cell, and from there to the middle of the other one
        apart = reach.gather(1, turn[:, None]) + reach[peer].gather(1, (turn[:, None] + _TURNS // 2) % _TURNS)
        distance = (apart[:, 0] + _GAP_UM[0] + (_GAP_UM[1] - _GAP_UM[0]) * gap) / config.pixel_um
        dy, dx = ((distance * part).round().long() for part in (turns[turn].sin(), turns[turn].cos()))
        some = (there < config.neighbours / _DIRECTIONS).nonzero()[:, 0]
        together[some] += _shifted(images, peer[some], dy[some], dx[some])
    return together


def _shifted(images: Tensor, peer: Tensor, dy: Tensor, dx: Tensor) -> Tensor:
    """The images of `peer`, moved down and right by whole pixels."""
    side = images.shape[-1]
    axis = torch.arange(side, device=images.device)
    rows, columns = axis - dy[:, None], axis - dx[:, None]
    known = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None]
    places = rows.clamp(0, side - 1)[:, :, None] * side + columns.clamp(0, side - 1)[:, None]
    peers = images[peer]
    moved = peers.flatten(2).gather(2, places.flatten(1)[:, None].expand(-1, images.shape[1], -1))
    return moved.view_as(peers).mul_(known[:, None])
