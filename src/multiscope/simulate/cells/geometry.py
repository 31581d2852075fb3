"""Solids of many cells at once, and the depth of places in them. Everything in micrometres."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Places = tuple[Tensor, Tensor, Tensor]
"""Coordinates z, y, x: points, each (B, N), or a grid of (1, L, 1, 1), (1, 1, H, 1) and (1, 1, 1, W)."""


CPU = torch.device("cpu")
_GRID_AXES = 4
SLAB_UM = 1.2
"""Thickness of the slab that the light in a plane is meant for; thinner slabs have their share of it."""


@dataclass(frozen=True)
class Grid:
    """Pixels on which light is drawn: L planes of H x W, the origin in the middle."""

    height: int
    width: int
    pixel_um: float
    z_um: tuple[float, ...]
    """Heights of the planes."""
    mirrored: bool = False
    """Whether each plane but the first, at 0, stands for another one below as well: half the work, for cells look much
    the same from below."""
    device: torch.device = CPU

    @property
    def slab_um(self) -> float:
        """Distance of the planes."""
        return self.z_um[1] - self.z_um[0] if len(self.z_um) > 1 else SLAB_UM

    @property
    def middle(self) -> int:
        """Number of the plane at height 0."""
        return self.z_um.index(0.0)

    @property
    def places(self) -> Places:
        """Coordinates of all pixels."""
        z = torch.tensor(self.z_um, device=self.device)
        return z[None, :, None, None], self.rows[None, None, :, None], self.columns[None, None, None, :]

    @property
    def rows(self) -> Tensor:
        """Y of the rows (H,)."""
        return self._axis(self.height)

    @property
    def columns(self) -> Tensor:
        """X of the columns (W,)."""
        return self._axis(self.width)

    def _axis(self, n: int) -> Tensor:
        return (torch.arange(n, dtype=torch.float32, device=self.device) - (n - 1) / 2) * self.pixel_um


@dataclass(frozen=True)
class Ellipsoid:
    """Ellipsoids with one axis upright: centres z, y, x, half-axes and the angle of the long one to x; each (B,)."""

    z: Tensor
    y: Tensor
    x: Tensor
    height: Tensor
    long: Tensor
    short: Tensor
    angle: Tensor

    def depth(self, at: Places) -> Tensor:
        """Distance to the surface, positive inside; first order, hence exact near the surface."""
        squared, slope = self._form(at, power=2), self._form(at, power=4)
        # (1 - q) q / sqrt(slope), where q is the root of `squared`
        return squared.sqrt().sub_(squared).mul_(slope.rsqrt_())

    def scaled(self, at: Places) -> Places:
        """Coordinates along height, long and short axis, in half-axes."""
        z, y, x = at
        dz, dy, dx = z - over(self.z, at), y - over(self.y, at), x - over(self.x, at)
        cos, sin = over(self.angle.cos(), at), over(self.angle.sin(), at)
        return (
            dz / over(self.height, at),
            (cos * dx + sin * dy) / over(self.long, at),
            (cos * dy - sin * dx) / over(self.short, at),
        )

    def _form(self, at: Places, *, power: int) -> Tensor:
        """Squared coordinates along the axes, each over a power of its half-axis, summed; never 0."""
        z, y, x = at
        upright = (z - over(self.z, at)).square() / over(self.height.pow(power), at) + 1e-6
        long, short = self.long.pow(-power), self.short.pow(-power)
        cos2, sin2 = self.angle.cos().square(), self.angle.sin().square()
        yy, xx = long * sin2 + short * cos2, long * cos2 + short * sin2
        xy = (self.angle.cos() * self.angle.sin()) * (long - short) * 2
        dy, dx = y - over(self.y, at), x - over(self.x, at)
        # on a grid every term is a row times a column: one product of thin matrices
        if at[0].ndim == _GRID_AXES:
            rows = torch.cat([over(yy, at) * dy.square(), over(xy, at) * dy, torch.ones_like(dy)], 3)
            columns = torch.cat([torch.ones_like(dx), dx, over(xx, at) * dx.square()], 2)
            return torch.matmul(rows, columns) + upright
        return over(yy, at) * dy.square() + over(xy, at) * dy * dx + over(xx, at) * dx.square() + upright

    def placed(self, scaled: Places) -> Places:
        """The opposite of `scaled`."""
        w, u, v = scaled
        long, short = u * over(self.long, scaled), v * over(self.short, scaled)
        cos, sin = over(self.angle.cos(), scaled), over(self.angle.sin(), scaled)
        return (
            w * over(self.height, scaled) + over(self.z, scaled),
            sin * long + cos * short + over(self.y, scaled),
            cos * long - sin * short + over(self.x, scaled),
        )

    def extent(self, direction: Tensor) -> Tensor:
        """How far (B, N) it reaches from the origin in the directions (B, N), radians in the plane."""
        turned = direction - self.angle[:, None]
        reach = ((self.long[:, None] * turned.cos()).square() + (self.short[:, None] * turned.sin()).square()).sqrt()
        return self.x[:, None] * direction.cos() + self.y[:, None] * direction.sin() + reach

    @property
    def volume(self) -> Tensor:
        """Volume (B,) without the factor 4/3 pi."""
        return self.height * self.long * self.short


@dataclass(frozen=True)
class Sphere:
    """Spheres by centre and radius, each (B,)."""

    z: Tensor
    y: Tensor
    x: Tensor
    radius: Tensor

    def depth(self, at: Places) -> Tensor:
        """Distance to the surface, positive inside."""
        return over(self.radius, at) - distance(at, (self.z, self.y, self.x))


def over(value: Tensor, at: Places) -> Tensor:
    """Values (B,) that broadcast over the places."""
    return value.view(-1, *([1] * (at[0].ndim - 1)))


def distance(at: Places, centre: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Distances of places to one centre (B,) a cell."""
    dz, dy, dx = (here - over(there, at) for here, there in zip(at, centre, strict=True))
    return ((dy.square() + dx.square()) + dz.square()).sqrt_()


def ball(first: Tensor, second: Tensor, third: Tensor) -> Places:
    """Points evenly inside the unit ball, of three uniform numbers each."""
    w, u, v = sphere(first, second)
    radius = third.pow(1 / 3)
    return w * radius, u * radius, v * radius


def sphere(first: Tensor, second: Tensor) -> Places:
    """Points evenly on the unit sphere, of two uniform numbers each."""
    w = 2 * first - 1
    flat = (1 - w.square()).clamp(min=0).sqrt()
    return w, flat * (2 * torch.pi * second).cos(), flat * (2 * torch.pi * second).sin()


def either(chosen: Tensor, first: Places, second: Places) -> Places:
    """`first` where `chosen`, else `second`."""
    z, y, x = (torch.where(chosen, a, b) for a, b in zip(first, second, strict=True))
    return z, y, x
