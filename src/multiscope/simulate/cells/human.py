"""Human-like cells: flat, spread on glass, with a wavy outline, one large nucleus and no vacuole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.geometry import Ellipsoid, Places, over
from multiscope.simulate.factors import Factors

RADIUS_UM, RADIUS_SPREAD = 10.0, 0.12
"""Of a cell on glass: median, and spread of its logarithm."""
HEIGHT_UM = 3.6
"""Half the height over the nucleus."""
NUCLEUS = (0.50, 0.40)
"""Half-axes of the nucleus beside the radius of the cell."""
_WAVES = (2, 3, 4, 5)
_WAVE_SIZES = (0.16, 0.10, 0.07, 0.04)
_FAR = -99.0


@dataclass(frozen=True)
class Human:
    """Bodies of B human-like cells (see `Body`)."""

    keys: Tensor
    phase: Tensor
    size: Tensor
    """Mean radius (B,)."""
    shift: tuple[Tensor, Tensor]
    """y, x of the middle."""
    waves: Tensor
    """Size and phase of the waves of the outline (B, 2, 4)."""
    kernel: Ellipsoid
    """The nucleus."""
    has_vacuole: bool = False

    @property
    def radius(self) -> Tensor:
        """The scale of distances within the cell: less than its radius, as cells are flat."""
        return 0.4 * self.size

    @property
    def nucleus_radius(self) -> Tensor:
        """Half the short axis of the nucleus."""
        return self.kernel.short

    def depth(self, at: Places) -> Tensor:
        """To the outline, or to the upper or lower membrane where that is nearer."""
        radius, outline, slope = self._polar(at)
        across = (outline - radius) * outline * (outline.square() + slope.square()).rsqrt()
        height = HEIGHT_UM * self._profile(radius / outline)
        return torch.minimum(across, height - at[0].abs())

    def nucleus(self, at: Places) -> Tensor:
        """Of the one nucleus."""
        return self.kernel.depth(at)

    def vacuole(self, at: Places, *, depth: Tensor, nucleus: Tensor) -> Tensor:
        """There is none."""
        return torch.full_like(depth, _FAR)

    def nucleus_centre(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the nucleus."""
        return self.kernel.z, self.kernel.y, self.kernel.x

    def inside(self, name: str, n: int) -> Places:
        """Points evenly in the body, seen from above."""
        turn, out, up = counter.uniform(self.keys, name, 3, n).unbind(1)
        angle, share = 2 * torch.pi * turn, out.sqrt()
        radius = share * self._outline(angle)[0]
        z = (2 * up - 1) * HEIGHT_UM * self._profile(share) * 0.9
        return z, radius * angle.sin() + self.shift[0][:, None], radius * angle.cos() + self.shift[1][:, None]

    def cortex(self, name: str, n: int, inward: Tensor) -> Places:
        """Points near the outline at the height of the rim."""
        turn, up = counter.uniform(self.keys, name, 2, n).unbind(1)
        angle = 2 * torch.pi * turn
        radius = (self._outline(angle)[0] - inward).clamp(min=0.1)
        z = 0.6 * (2 * up - 1)
        return z, radius * angle.sin() + self.shift[0][:, None], radius * angle.cos() + self.shift[1][:, None]

    def confined(self, at: Places, margin: Tensor) -> Places:
        """Points drawn towards the middle of the cell."""
        z, y, x = at
        radius, outline, _ = self._polar(at)
        shrink = ((outline - margin).clamp(min=0.1) / (radius + 1e-6)).clamp(max=1)
        dy, dx = y - over(self.shift[0], at), x - over(self.shift[1], at)
        height = HEIGHT_UM * self._profile(radius * shrink / outline) * 0.9
        z = torch.maximum(torch.minimum(z, height), -height)
        return z, over(self.shift[0], at) + dy * shrink, over(self.shift[1], at) + dx * shrink

    def extent(self, direction: Tensor) -> Tensor:
        """The largest reach of 48 points of the outline."""
        turns = torch.linspace(0, 2 * torch.pi, 49, device=direction.device)[None, :-1].expand(len(direction), -1)
        radius = self._outline(turns)[0]
        along = radius[:, None] * (turns[:, None] - direction[..., None]).cos()
        return along.amax(2) + self.shift[0][:, None] * direction.sin() + self.shift[1][:, None] * direction.cos()

    def _polar(self, at: Places) -> tuple[Tensor, Tensor, Tensor]:
        """Distance from the middle, the outline's in that direction, and the slope of the outline."""
        dy, dx = at[1] - over(self.shift[0], at), at[2] - over(self.shift[1], at)
        radius = (dy.square() + dx.square() + 1e-6).sqrt()
        return radius, *self._outline(torch.atan2(dy, dx))

    def _outline(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Radius of the outline in directions (B, ...), and its derivative."""
        shape = (-1, *([1] * (angle.ndim - 1)))
        outline, slope = torch.ones_like(angle), torch.zeros_like(angle)
        for number, wave in enumerate(_WAVES):
            size = self.waves[:, 0, number].view(shape)
            turned = wave * angle + self.waves[:, 1, number].view(shape)
            outline = outline + size * turned.cos()
            slope = slope - wave * size * turned.sin()
        return outline * self.size.view(shape), slope * self.size.view(shape)

    @staticmethod
    def _profile(share: Tensor) -> Tensor:
        """Height of the cell at shares of its radius, 1 in the middle: a dome with a thin rim."""
        return (1 - share.square()).clamp(min=0).pow(0.7)


def draw(keys: Tensor, *, nucleus_size: Tensor) -> Human:
    """Cells of random size, outline and phase for the keys (B, 2); the nucleus' size is a ratio to the usual."""
    phase, angle, aspect, up, off, away = counter.uniform(keys, "human", 6).unbind(1)
    size = (
        RADIUS_UM
        * (RADIUS_SPREAD * counter.normal(keys, "human.size", 1)[:, 0].clamp(-2.5, 2.5)).exp()
        * (0.85 + 0.3 * phase)
    )
    amplitude = counter.normal(keys, "human.waves", len(_WAVES)).abs() * torch.tensor(_WAVE_SIZES, device=keys.device)
    turns = 2 * torch.pi * counter.uniform(keys, "human.turns", len(_WAVES))
    shift_y, shift_x = (0.3 * (counter.uniform(keys, "human.shift", 2) - 0.5)).unbind(1)
    nucleus_scale = size * nucleus_size
    away = 2 * torch.pi * away
    kernel = Ellipsoid(
        0.4 * (up - 0.5),
        shift_y + 0.14 * size * off * away.sin(),
        shift_x + 0.14 * size * off * away.cos(),
        torch.full_like(size, 0.62 * HEIGHT_UM),
        NUCLEUS[0] * nucleus_scale,
        (NUCLEUS[1] + 0.08 * (aspect - 0.5)) * nucleus_scale,
        2 * torch.pi * angle,
    )
    return Human(keys, phase, size, (shift_y, shift_x), torch.stack([amplitude.clamp(max=0.18), turns], 1), kernel)


def of_factors(keys: Tensor, compartment: str, factors: Factors, *, budded: float) -> Human:
    """Cells in which the nucleus of nuclear proteins has the size that their factors say; there are no buds."""
    in_nucleus = compartment in ("nucleus", "nuclear_periphery", "nucleolus")
    return draw(keys, nucleus_size=factors.size if in_nucleus else torch.ones_like(factors.size))
