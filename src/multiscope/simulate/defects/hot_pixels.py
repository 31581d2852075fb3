"""Pixels of the camera that glow or are blind."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.config import HotPixels
from multiscope.simulate import counter
from multiscope.simulate.defects.light import Acquisition


def hot_pixels(batch: Tensor, config: HotPixels, taken: Acquisition) -> Tensor:
    """Hot pixels add dark current to the light, dead ones see none; both are the camera's, the same in all channels.

    The share of hot pixels is `hot * strength`. One adds min(`level` / u, `brightest`) of the peak, u uniform: most
    glow a little, few reach far beyond the specimen, as dark current has a heavy tail. (The NEUBIAS training images
    have a real pair: one pixel in 168 150, at 800 times the peak, in both channels.) `dead * strength` of the pixels
    are at the offset; hot columns and rows add `line_level` of the peak. What is hot stays so at a greater strength.
    """
    peak = taken.peak(batch)
    height, width = batch.shape[1:]
    place = counter.uniform(taken.camera, "hot_pixels", height, width)
    heat = counter.uniform(taken.camera, "hot_pixels.heat", height, width).to(batch.dtype)
    glow = (config.level / heat).clamp(max=config.brightest)
    added = torch.where(place < config.hot * taken.strength, glow, 0.0)
    column = counter.uniform(taken.camera, "hot_pixels.columns", 1, width) < config.columns * taken.strength
    row = counter.uniform(taken.camera, "hot_pixels.rows", height, 1) < config.rows * taken.strength
    added = added + config.line_level * (column.to(batch.dtype) + row.to(batch.dtype))
    # those at the other end of the numbers, so that none is hot and dead
    dead = place > 1 - config.dead * taken.strength
    return torch.where(peak > 0, torch.where(dead, taken.offset, batch + added * peak), batch)
