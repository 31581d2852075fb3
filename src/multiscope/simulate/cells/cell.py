"""Cells on a grid of pixels: maps of where outline, nucleus and vacuole are, each computed when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from multiscope.simulate.cells.body import Body
from multiscope.simulate.cells.geometry import Grid
from multiscope.simulate.smooth import smooth_field

_CROWDING, _CROWDING_UM = 0.08, 0.42
"""Unevenness of the cytosol where unseen organelles are: contrast and coarseness."""
_KEPT_OUT = 0.7
"""Share of the light that the vacuole displaces."""


@dataclass(frozen=True)
class Cells:
    """B cells on a grid; every map is (B, L, H, W)."""

    body: Body
    grid: Grid

    @property
    def keys(self) -> Tensor:
        """(B, 2)."""
        return self.body.keys

    @cached_property
    def depth(self) -> Tensor:
        """Distance to the outline (micrometres), positive inside."""
        return self.body.depth(self.grid.places)

    @cached_property
    def nucleus(self) -> Tensor:
        """Distance to the nuclear envelope, positive inside."""
        return self.body.nucleus(self.grid.places)

    @cached_property
    def vacuole(self) -> Tensor:
        """Distance to the vacuole's membrane, positive inside; far outside where there is none."""
        return self.body.vacuole(self.grid.places, depth=self.depth, nucleus=self.nucleus)

    @cached_property
    def whole(self) -> Tensor:
        """Where the cell is, 0 to 1."""
        return self.share(self.depth)

    @cached_property
    def mask(self) -> Tensor:
        """Pixels of the cell as seen from above (B, H, W), bool."""
        return self.depth[:, self.grid.middle] > 0

    @cached_property
    def cytosol(self) -> Tensor:
        """A freely diffusing protein, 0 to about 1: kept out of the vacuole, a little uneven."""
        crowding = smooth_field(self.keys, self.grid, "crowding", _CROWDING_UM, finest=_CROWDING_UM)
        body = self.whole * crowding.mul_(_CROWDING).exp_()
        if not self.body.has_vacuole:
            return body
        kept = (self.vacuole * (-_KEPT_OUT / self.grid.pixel_um)).add_(1 - 0.5 * _KEPT_OUT)
        return body.mul_(kept.clamp_(1 - _KEPT_OUT, 1))

    @cached_property
    def from_edge(self) -> Tensor:
        """From 0 at the middle of the cell to 1 at its outline."""
        return (1 - self.depth / self.body.radius.view(-1, 1, 1, 1)).clamp_(0, 1)

    @cached_property
    def angle(self) -> Tensor:
        """Direction of a pixel as seen from the nucleus (B, 1, H, W), radians."""
        _, y, x = self.grid.places
        _, centre_y, centre_x = self.body.nucleus_centre()
        return torch.atan2(y - centre_y.view(-1, 1, 1, 1), x - centre_x.view(-1, 1, 1, 1))

    def share(self, depth: Tensor) -> Tensor:
        """Share of each pixel that is inside a surface at depth 0."""
        return (depth * (1 / self.grid.pixel_um)).add_(0.5).clamp_(0, 1)
