"""Budding yeast: a mother, her bud by the phase of the cycle, one or two nuclei, a vacuole of up to three lobes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.geometry import Ellipsoid, Places, Sphere, ball, either, over, sphere
from multiscope.simulate.factors import Factors

LONG_AXIS_UM, AXIS_SPREAD = 2.55, 0.12
"""Half the length of a grown mother (median) and the spread of its logarithm; volumes as of Tyson et al. 1979."""
ASPECT = (0.72, 0.97)
DAUGHTERS, DAUGHTER_SIZE = 0.4, (0.62, 0.92)
"""Share of unbudded cells that are daughters, and how long they are beside a mother."""
ANAPHASE = 0.77
"""Share of the time with a bud after which the nucleus divides."""
BUD_SIZE = (0.28, 0.80)
"""Of the mother's axes, from first to last."""
NUCLEUS_RADIUS = 0.41
"""Of the mother's short half-axis: 7 percent of the volume (Jorgensen et al. 2007)."""
VACUOLE_RADIUS = (0.15, 0.66)
"""Of the mother's short half-axis, if there is one lobe."""
_NONE, _FAR = -9.0, -99.0


@dataclass(frozen=True)
class Yeast:
    """Bodies of B yeast cells (see `Body`)."""

    keys: Tensor
    phase: Tensor
    mother: Ellipsoid
    bud: Ellipsoid
    budded: Tensor
    """Whether there is a bud (B,)."""
    nuclei: tuple[Sphere, Sphere]
    lobes: tuple[Sphere, ...]
    has_vacuole: bool = True

    @property
    def radius(self) -> Tensor:
        """Half the short axis of the mother."""
        return self.mother.short

    @property
    def divided(self) -> Tensor:
        """Whether the bud has a nucleus of its own (B,)."""
        first, second = self.nuclei
        return (second.x != first.x) | (second.y != first.y)

    @property
    def nucleus_radius(self) -> Tensor:
        """Radius of the nucleus."""
        return self.nuclei[0].radius

    def depth(self, at: Places) -> Tensor:
        """Of mother and bud, which are one outline."""
        absent = torch.where(self.budded, 0.0, _NONE)
        return torch.maximum(self.mother.depth(at), self.bud.depth(at) + over(absent, at))

    def nucleus(self, at: Places) -> Tensor:
        """Of the one nucleus, or of both after anaphase."""
        return torch.maximum(self.nuclei[0].depth(at), self.nuclei[1].depth(at))

    def vacuole(self, at: Places, *, depth: Tensor, nucleus: Tensor) -> Tensor:
        """Of all lobes, kept off the outline and the nucleus."""
        lumen = self.lobes[0].depth(at)
        for lobe in self.lobes[1:]:
            if bool((lobe.radius > 0).any()):
                lumen = torch.maximum(lumen, lobe.depth(at))
        return torch.minimum(torch.minimum(lumen, depth - 0.25), -0.08 - nucleus)

    def nucleus_centre(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the mother's nucleus."""
        return self.nuclei[0].z, self.nuclei[0].y, self.nuclei[0].x

    def inside(self, name: str, n: int) -> Places:
        """Points evenly in mother and bud."""
        parts = counter.uniform(self.keys, name, 3, n).unbind(1)
        return self._of_both(name, ball(*parts))

    def cortex(self, name: str, n: int, inward: Tensor) -> Places:
        """Points on mother and bud, moved inward along the axes."""
        w, u, v = self._of_both(name, sphere(*counter.uniform(self.keys, name, 2, n).unbind(1)))
        return self.confined((w, u, v), inward)

    def confined(self, at: Places, margin: Tensor) -> Places:
        """Points drawn towards the middle of the mother or the bud, whichever is nearer."""
        mother, bud = self._drawn_in(self.mother, at, margin), self._drawn_in(self.bud, at, margin)
        nearer = self.bud.depth(at) > self.mother.depth(at)
        return either(nearer & over(self.budded, at), bud, mother)

    def extent(self, direction: Tensor) -> Tensor:
        """Of mother and bud."""
        bud = torch.where(self.budded[:, None], self.bud.extent(direction), _NONE)
        return torch.maximum(self.mother.extent(direction), bud)

    def neck(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """y, x of the neck, the direction from mother to bud and its half-width, each (B,); where a bud will be."""
        dy, dx = self.bud.y - self.mother.y, self.bud.x - self.mother.x
        direction = torch.atan2(dy, dx)
        turned = direction - self.mother.angle
        reach = ((turned.cos() / self.mother.long).square() + (turned.sin() / self.mother.short).square()).rsqrt()
        y, x = self.mother.y + 0.96 * reach * direction.sin(), self.mother.x + 0.96 * reach * direction.cos()
        return y, x, direction, 0.55 * torch.where(self.budded, self.bud.short.clamp(max=0.85), 0.35)

    def _of_both(self, name: str, unit: Places) -> Places:
        """Points of the unit ball in the mother, or by its share of the volume in the bud."""
        share = torch.where(self.budded, self.bud.volume / (self.bud.volume + self.mother.volume), 0.0)
        in_bud = counter.uniform(self.keys, f"{name}.bud", unit[0].shape[1]) < share[:, None]
        return either(in_bud, self.bud.placed(unit), self.mother.placed(unit))

    @staticmethod
    def _drawn_in(body: Ellipsoid, at: Places, margin: Tensor) -> Places:
        w, u, v = body.scaled(at)
        most = (1 - margin / body.short[:, None]).clamp(min=0.05)
        shrink = (most / (w.square() + u.square() + v.square() + 1e-6).sqrt()).clamp(max=1)
        return body.placed((w * shrink, u * shrink, v * shrink))


def draw(
    keys: Tensor, *, budded_share: float, nucleus_size: Tensor, vacuole_size: Tensor, vacuole_number: Tensor
) -> Yeast:
    """Cells of random size, direction and phase for the keys (B, 2); sizes of organelles are ratios to the usual."""
    numbers = counter.uniform(keys, "yeast", 9).unbind(1)
    phase, angle, lean, aspect, flat, is_daughter, smaller, offset_y, offset_x = numbers
    bud_at = 1 - budded_share
    budded = phase > bud_at
    daughter = torch.where(~budded & (is_daughter < DAUGHTERS), _within(smaller, DAUGHTER_SIZE), 1.0)
    long = LONG_AXIS_UM * daughter * (AXIS_SPREAD * counter.normal(keys, "yeast.size", 1)[:, 0]).exp()
    short = long * _within(aspect, ASPECT)
    height = short * _within(flat, (0.85, 1.0))
    angle = 2 * torch.pi * angle
    growth = ((phase - bud_at) / max(budded_share, 1e-6)).clamp(0, 1)
    size = BUD_SIZE[0] + (BUD_SIZE[1] - BUD_SIZE[0]) * growth.pow(0.8)
    away = angle + 0.7 * (lean - 0.5)
    apart = long + 0.80 * size * long
    # the middle of mother and bud is the origin, give or take half a pixel
    middle = torch.where(budded, (apart + size * long - long) / 2, 0.0)
    y, x = 0.2 * (offset_y - 0.5) - middle * away.sin(), 0.2 * (offset_x - 0.5) - middle * away.cos()
    zero = torch.zeros_like(y)
    mother = Ellipsoid(zero, y, x, height, long, short, angle)
    bud = Ellipsoid(
        zero, y + apart * away.sin(), x + apart * away.cos(), size * height, size * long, size * 0.93 * short, away
    )
    nuclei, towards = _nuclei(keys, mother, bud, phase, growth, nucleus_size)
    return Yeast(keys, phase, mother, bud, budded, nuclei, _lobes(keys, mother, towards, vacuole_size, vacuole_number))


def _nuclei(
    keys: Tensor, mother: Ellipsoid, bud: Ellipsoid, phase: Tensor, growth: Tensor, size: Tensor
) -> tuple[tuple[Sphere, Sphere], Tensor]:
    """A nucleus on the bud's side of the mother, nearer to the neck late in the cycle; at last one in the bud too."""
    turn, inward, up, wide = counter.normal(keys, "nucleus", 4).unbind(1)
    radius = NUCLEUS_RADIUS * mother.short * size * (0.05 * wide).exp()
    towards = torch.atan2(bud.y - mother.y, bud.x - mother.x) + 0.8 * turn * (1 - phase)
    off = mother.short * (0.25 + 0.25 * phase + 0.08 * inward).clamp(0.1, 0.55)
    z = (0.15 * up * mother.height).clamp(-0.5, 0.5)
    first = Sphere(z, mother.y + off * towards.sin(), mother.x + off * towards.cos(), radius)
    divided = growth > ANAPHASE
    second = Sphere(
        torch.where(divided, z * 0.5, z),
        torch.where(divided, bud.y, first.y),
        torch.where(divided, bud.x, first.x),
        torch.where(divided, torch.minimum(radius * 0.85, bud.short * 0.75), radius),
    )
    return (first, second), towards


def _lobes(keys: Tensor, mother: Ellipsoid, towards: Tensor, size: Tensor, number: Tensor) -> tuple[Sphere, ...]:
    """Up to three lobes across from the nucleus; together they fill about the same area however many they are."""
    n = (1.5 * number + counter.uniform(keys, "lobes", 1)[:, 0]).floor().clamp(1, 3)
    turn, large, out, up = counter.uniform(keys, "lobes.each", 4, 3).unbind(1)
    base = _within(counter.uniform(keys, "lobes.size", 1)[:, 0], VACUOLE_RADIUS) * mother.short * size
    lobes = []
    for number_ in range(3):
        there = number_ < n
        radius = base * n.rsqrt() * (0.8 + 0.4 * large[:, number_]) * torch.where(n > 1, 1.1, 1.0)
        angle = towards + torch.pi + (number_ - (n - 1) / 2) * 1.1 + 0.8 * (turn[:, number_] - 0.5)
        off = (mother.short * (0.15 + 0.35 * out[:, number_])).minimum((0.92 * mother.short - radius).clamp(min=0.1))
        z = 0.5 * (up[:, number_] - 0.5) * mother.height
        lobes.append(
            Sphere(z, mother.y + off * angle.sin(), mother.x + off * angle.cos(), torch.where(there, radius, _FAR))
        )
    return tuple(lobes)


def _within(uniform: Tensor, ends: tuple[float, float]) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * uniform


def of_factors(keys: Tensor, compartment: str, factors: Factors, *, budded: float) -> Yeast:
    """Cells in which the organelle that a protein lives in has the size and number that its factors say."""
    one = torch.ones_like(factors.size)
    in_nucleus = compartment in ("nucleus", "nuclear_periphery", "nucleolus")
    in_vacuole = compartment in ("vacuole", "vacuolar_membrane")
    return draw(
        keys,
        budded_share=budded,
        nucleus_size=factors.size if in_nucleus else one,
        vacuole_size=factors.size * 1.1 if in_vacuole else one,
        vacuole_number=factors.number if in_vacuole else one,
    )
